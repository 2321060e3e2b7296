/* SPDX-License-Identifier: GPL-3.0-or-later */
/* body: the JSON body of a request, from bytes to checked members.
 *
 * Before a tree is made, a scan without one counts: jansson takes 46 MiB for 1 MiB of "[],", and
 * goes 2,048 levels deep. Then the whole body is checked, and every mistake is told at once with
 * its JSON pointer (RFC 6901): members that are not known, of the wrong type, or missing. A member
 * that is null counts as absent. */
#pragma once
#include "api/http/request.h"

enum {
    BODY_MAX_BYTES = 1024 * 1024,
    BODY_MAX_DEPTH = 32,
    BODY_MAX_VALUES = 50000,
    /* Of an inventory: 100,000 domains have about a million; a tree takes about 100 bytes a value.
     */
    BODY_DOCUMENT_MAX_VALUES = 2000000,
    BODY_TEXT_MAX_BYTES = 1000, /* a reason is a sentence, an id a word */
    BODY_LIST_MAX = 1000,
    BODY_DURATION_MAX_S = 366 * 24 * 3600,
};

/* 9998-01-01T00:00:00Z: what follows from an instant (a ramp, a TTL) has a year of four digits,
 * too, as RFC 3339 wants it. */
#define BODY_TIME_END_MS INT64_C(253339228800000)

/* Parses a body into request->body, an object. False: the response has its problem. */
NODISCARD bool body_parse(struct request *request, struct bytes bytes, struct response *response);

/* Reports every member of `object` that is not in `known` (one space between). `at` is the pointer
 * of the object, "" at the top. */
void body_check_members(json_t *object, const char *at, const char *known,
                        struct response *response);

/* The readers below report what is wrong and then give the value for "absent". Texts live as long
 * as the request. */

/* A text member; ptr NULL when absent. */
struct text body_text(struct request *request, const char *key, struct response *response);

/* The same, which must be there and hold more than white space. */
struct text body_text_required(struct request *request, const char *key, struct response *response);

/* A list of texts, not empty when it is there; count 0 when absent. */
const struct text *body_texts(struct request *request, const char *key, uint32_t *count,
                              struct response *response);

/* Seconds: a whole number, or "5m", "1h30m"; at least min_s. False: absent or refused, and then
 * *duration_s is left alone. */
bool body_duration_s(struct request *request, const char *key, uint32_t min_s, uint32_t *duration_s,
                     struct response *response);

/* A part of a whole: a number 0 to 1, or "35%". False: absent or refused; *part_ppb is left alone.
 */
bool body_ratio_ppb(struct request *request, const char *key, uint32_t *part_ppb,
                    struct response *response);

/* An instant, RFC 3339; 0 when absent. */
int64_t body_time_ms(struct request *request, const char *key, struct response *response);

/* "override": {"guard": true, "reason": "…"} into the job. */
void body_override(struct request *request, struct response *response);
