/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compare: what differs between two sides that publish (published.h), record by record.
 *
 * The sides are compared owner by owner. Owners of one service that go from the same records to the
 * same records are one change, so that 100,000 domains on one pool read as one. A record is
 * changed, not removed and added, when its target and port stay. Shares are those of first choices
 * under RFC 2782's intent, exact; they are for showing what a difference means, and decide nothing.
 *
 * Pure: order is by name and number, never by hash. Everything lives in the arena. */
#pragma once
#include "srvplan/published.h"

enum compare_scope {
    COMPARE_OURS, /* what the plan among the sides is about, see compare_asks_for */
    COMPARE_ALL,  /* every record that both sides can speak for */
};

enum change_kind {
    CHANGE_NONE, /* of a record: it stays as it is */
    CHANGE_ADD,
    CHANGE_UPDATE,
    CHANGE_REMOVE,
};

/* A part of first choices. den 0: it has none to speak of (no SRV record, or not there). */
struct share {
    uint64_t num, den;
    bool is_standby; /* not of the lowest priority: chosen when those fail */
};

struct record_change {
    enum change_kind kind;
    const char *before, *after; /* NULL: not there */
    struct share share_before, share_after;
    const struct plan_because *because; /* of the side that says so, or NULL */
};

struct change {
    enum change_kind kind; /* never CHANGE_NONE */
    struct name owner;     /* the first of them */
    const char *const *names;
    uint32_t name_count;
    const char *type;
    const struct published_set *before, *after; /* NULL: not there */
    const struct record_change *records;        /* as they stand after, removed ones in place */
    uint32_t record_count;
};

/* How much of each kind. */
struct change_totals {
    uint32_t added, changed, removed;
};

struct comparison {
    const struct published *before, *after;
    const struct change *changes; /* by owner in canonical order, then type */
    uint32_t change_count;
    struct change_totals sets;    /* by owner */
    struct change_totals records; /* by owner, too */
    uint32_t same_sets;
};

const struct comparison *compare(const struct published *before, const struct published *after,
                                 enum compare_scope scope, struct arena *arena);

/* What COMPARE_OURS is about, derived from a plan alone: at every domain of the plan (an owner of
 * an SRV set, without its service labels) every service of the plan and the four of XMPP, so that
 * forgotten sets are seen; and the addresses of its targets that the plan publishes. Calls `take`
 * for every name and type, in the order of the plan. */
typedef void compare_take(void *context, struct name owner, const char *type);
void compare_asks_for(const struct published *plan, compare_take *take, void *context);

/* The records of a set with their shares, all CHANGE_NONE, for showing one side alone. */
const struct record_change *compare_records_alone(const struct published_set *set,
                                                  struct arena *arena);
