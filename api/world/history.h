/* SPDX-License-Identifier: GPL-3.0-or-later */
/* history: every version of every SRV set, which nodes it named, and when it was last served.
 *
 * This is what "no cache can name the node any more" rests on: a version that is not in force any
 * more is held by caches until it was last served + its TTL + 1 s (caches count whole seconds).
 * dnsd keeps those seconds in memory that it shares per generation; they are taken over when the
 * generation is retired. Until then, and when dnsd took them with it, a later instant stands in:
 * the acknowledgement of the next generation, plus the grace that streams get. The bound only ever
 * comes down.
 *
 * Pure bookkeeping on rows of the store: no I/O; times are arguments. */
#pragma once
#include "api/world/base.h"
#include "zones/handover.h"

struct history_version {
    struct store_set_version row; /* texts point into block */
    char *block;
    uint32_t served_s; /* latest second read from retired generations; 0: none */
    bool is_dirty;     /* to be written with the next change */
};

/* The memory of one generation that is not retired yet. */
struct history_generation {
    uint64_t generation;
    struct served_memory memory; /* zeroed: none came */
    struct base *base;           /* whose set indices it counts by */
};

struct history {
    struct history_version *versions;
    size_t version_count, version_capacity;
    struct history_generation generations[8]; /* more than dnsd ever keeps at a time */
    size_t generation_count;
};

void history_fini(struct history *history);

/* Takes over what the store has. Whatever was in force may have been served until `now_ms`. */
void history_restore(struct history *history, const struct store_state *state, int64_t now_ms);

/* Revision `number` replaces `before` (NULL: the first) by `after`: versions that end get their
 * last_revision, new ones are added. All of them are dirty. */
void history_advance(struct history *history, const struct plan *before, const struct plan *after,
                     uint64_t number);

/* Undoes history_advance of `number` after a commit that did not happen. */
void history_retreat(struct history *history, uint64_t number);

/* Generation `generation` is served since at_ms by memory `fd` (taken; -1: none). Versions that
 * ended before it get their upper bound. */
void history_served(struct history *history, struct base *base, uint64_t generation, int fd,
                    int64_t at_ms);

/* Generation `generation` is retired: its memory is final. */
void history_retired(struct history *history, uint64_t generation, int64_t at_ms);

/* dnsd is gone with what it knew. */
void history_lost(struct history *history, int64_t at_ms);

/* The clock was set ahead by ahead_ms and it is now_ms: moves what was noted (timekeeper_move_ms).
 * What is not retired may have been served until now. */
void history_set_ahead(struct history *history, int64_t ahead_ms, int64_t now_ms);

/* Drops versions that were retired before that instant: no cache holds them (RFC 8767 section 4
 * caps TTLs at a week), and the store has them. */
void history_forget(struct history *history, int64_t retired_before_ms);

/* Of which versions caches shall be clear. */
enum history_versions {
    HISTORY_NAMING,   /* all that name the node */
    HISTORY_OUTDATED, /* those of them that are not in force: the node stays, with less weight */
};

struct history_question {
    struct text node;
    struct text services; /* one space between; empty: all */
    enum history_versions versions;
    uint32_t extra_ttl_s; /* replaces shorter TTLs: resolvers that clamp */
};

/* When caches are clear of those versions, and whether that is final. 0: one of them is in force.
 */
int64_t history_clear_at(const struct history *history, const struct history_question *question,
                         bool *is_final);
