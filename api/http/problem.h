/* SPDX-License-Identifier: GPL-3.0-or-later */
/* problem: what can go wrong for a client of the API, as RFC 9457 problem types.
 *
 * One table: the stable name, the HTTP status, the title, and the page that the type's URL
 * (/docs/problems/NAME) serves. Names are part of the API: they are added, never changed. */
#pragma once
#include "zones/base/bytes.h"
#include "zones/base/error.h"
#include <jansson.h>

#define PROBLEM_TYPE_PREFIX "/docs/problems/"

struct problem_kind {
    const char *name;
    unsigned status;
    unsigned retry_after_s; /* 0: no Retry-After */
    const char *title;
    const char *page; /* what it means, and what to do: one paragraph, plain text */
};

extern const struct problem_kind problem_kinds[];
extern const size_t problem_kind_count;

/* NULL when there is none of that name. */
const struct problem_kind *problem_find(struct text name);

/* What an error is to a client; the other half of the table is the exit code of `srvplan`. */
const struct problem_kind *problem_of_error(enum error_kind kind);

/* {"type", "title", "status", "detail"}; a new reference. `detail` need not be UTF-8. */
json_t *problem_json(const struct problem_kind *kind, const char *detail);

/* A string of text that may hold bytes that are not UTF-8 (they become '?'); a new reference. */
json_t *problem_string(struct text text);
