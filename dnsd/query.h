/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query: the one way from the bytes of a query to the bytes of its answer, for every transport.
 *
 * Transports carry bytes and know nothing of DNS; nothing goes around this function. It does no
 * I/O, reads no clock, allocates nothing, takes no lock, and writes only to the buffer and the
 * worker's state. */
#pragma once
#include "dnsd/decide.h"
#include "dnsd/settings.h"
#include "zones/statistics.h"
#include <stddef.h>

/* What arrived: `length` bytes in a buffer whose room is enough for any answer over that transport
 * (SETTINGS_EDNS_MAX_BYTES or IMAGE_STREAM_MAX_BYTES), from whom, and when (UTC). */
struct query {
    uint8_t *bytes;
    size_t length;
    const uint8_t *source;  /* the address, 4 or 16 bytes */
    uint32_t source_length; /* 0: unknown */
    enum transport transport;
    int64_t now_ms;
};

/* A query between the steps of its answer. */
struct query_work {
    struct question question;
    struct verdict verdict;
    uint64_t limit_hash;
    bool may_be_limited; /* then limit_hash is that of its answer */
};

/* A worker's state: one worker, one state, zeroed at first. decide.image and decide.turns are those
 * of the generation that the worker announced; decide.settings may be NULL: the usual ones;
 * statistics too: then nobody reads what is counted. */
struct query_state {
    struct decide_state decide;
    struct query_work work; /* of query_answer */
    uint32_t set;     /* out: whose records the answer shows, for last-served; or IMAGE_NONE */
    uint32_t limited; /* answers beyond the limit since one slipped through */
    struct statistics_row *statistics;
    struct statistics_row unread;
};

/* Answers in place: returns the length of the answer, or 0: say nothing.
 *
 * What is decided is judged by the rate limit (ratelimit.h) before it is written; what is over it
 * counts as served by nobody and gives its turn back. */
size_t query_answer(const struct query *query, struct query_state *state);

/* The same in five steps, for a batch: each is made for all its queries before the next, so that
 * they wait for memory together instead of one after the other. What a step needs has been fetched
 * by the one before: where the search for the name begins; what stands behind the name; the answer;
 * the word of the rate limit. Each query has a work of its own; the image stays the same
 * throughout. */
enum {
    QUERY_BATCH = 32 /* measured: half of it is slower, twice is not faster */
};
void query_begin(const struct query *query, struct query_state *state, struct query_work *work);
void query_find(const struct query_state *state, struct query_work *work);
void query_fetch(const struct query_state *state, const struct query_work *work);
void query_decide(const struct query *query, struct query_state *state, struct query_work *work);
size_t query_finish(const struct query *query, struct query_state *state, struct query_work *work);
