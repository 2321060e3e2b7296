/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan_diff: what one plan publishes and another does not, for dry runs and the log of a reload.
 *
 * Sets that many owners share are one change, with the first owner and how many there are. Two
 * plans over one layout are compared by their declared sets; over different layouts owner by
 * owner. SOA records are left out: their serials are decided when a plan is published. */
#pragma once
#include "srvplan/plan_text.h"

enum plan_change_kind {
    PLAN_CHANGE_ADD,
    PLAN_CHANGE_UPDATE,
    PLAN_CHANGE_REMOVE,
};

struct plan_change_side {
    uint32_t ttl_s;
    const char *const *records;
    uint32_t record_count;
    const struct plan_set *srv; /* NULL: not an SRV set, or nothing there */
};

struct plan_change {
    enum plan_change_kind kind;
    const char *name; /* the first owner, with its final dot */
    const char *type; /* "SRV" */
    uint32_t owner_count;
    struct plan_change_side before, after; /* zeroed when it is not there */
    /* Only what changed: the new reason of every node whose record did. */
    struct plan_because_list because;
};

struct plan_diff {
    const struct plan *before, *after; /* borrowed; before may be NULL: everything is new */
    const struct plan_change *changes;
    uint32_t change_count;
};

/* Lives in the arena; the plans must outlive it. */
const struct plan_diff *plan_diff_make(const struct plan *before, const struct plan *after,
                                       struct arena *arena);

/* "TTL 300 -> 60; - 10 5 5222 xmpp1.example.org.; + …" in one line. */
const char *plan_change_print(const struct plan_change *change, struct arena *arena);
