/* SPDX-License-Identifier: GPL-3.0-or-later */
/* overlay: what operators did on top of the inventory: drains, node weights, and windows.
 *
 * Each has an id, an actor, a reason and an optional end; it survives restarts and a change of the
 * inventory, so it names nodes and services by id: an overlay whose node is gone waits, and counts
 * again when the node is back. */
#pragma once
#include "srvplan/inventory.h"

enum {
    OVERLAY_NO_END = 0
};

enum weight_form {
    WEIGHT_ABSOLUTE, /* the published SRV weight, whatever the scale: 0..65535 */
    WEIGHT_PERCENT,  /* of the planned weight: 0..1000 */
    WEIGHT_ADD,      /* to the planned weight: -65535..65535 */
};

struct overlay_drain {
    struct text id; /* "dr_…" */
    struct text node;
    struct text actor, reason;
    int64_t requested_at_ms; /* 0: when it starts; a start after it is one in the future */
    int64_t since_at_ms;
    int64_t until_at_ms; /* OVERLAY_NO_END: until undrained */
    enum drain_mode mode;
    uint32_t to_ppb;             /* DRAIN_WEIGHT: what it keeps of its weight */
    uint32_t ramp_s, ramp_steps; /* down before it is out, and up again after until_at_ms */
    bool is_lead_auto;           /* lower TTLs before the ramp, or before a start in the future */
    bool is_blocked;             /* a guard holds its ramp up: it does not begin by itself */
    int64_t delay_ms;            /* so long guards held its ramp up before */
    const struct text *services; /* ids; count 0: all */
    uint32_t service_count;
};

struct overlay_weight {
    struct text node;
    struct text service; /* "*": all that have no row of their own */
    enum weight_form form;
    int32_t value;
    struct text actor, reason;
    int64_t since_at_ms;
    int64_t until_at_ms;
};

/* A window that operators made: as one of the inventory, but that its nodes are selectors, which
 * mean what the inventory in force has. Nothing of it happens before since_at_ms: an opening whose
 * lead time had begun by then begins late. */
struct overlay_window {
    struct inventory_window window; /* without nodes */
    const struct text *selectors;   /* "xmpp1", "site:ams", "tier:standby", "tag:x", "*" */
    uint32_t selector_count;
    struct text actor, reason;
    int64_t created_at_ms;
    int64_t since_at_ms; /* it opens as it does since then */
    int64_t ended_at_ms; /* taken away: what is under way ends then; OVERLAY_NO_END */
    uint64_t version;    /* of what is stored, for its ETag */
};

enum opening_change {
    OPENING_SKIPPED, /* it does not come */
    OPENING_ENDED,   /* its end came early, at at_ms */
};

/* What became of one opening of a window, the inventory's or an operator's. */
struct overlay_opening {
    struct text window;
    int64_t opens_at_ms;
    enum opening_change change;
    int64_t at_ms; /* asked for then */
    struct text actor, reason;
};

struct overlays {
    const struct overlay_drain *drains; /* ascending by id */
    uint32_t drain_count;
    const struct overlay_weight *weights; /* ascending by node, then service */
    uint32_t weight_count;
    const struct overlay_window *windows; /* ascending by id */
    uint32_t window_count;
    const struct overlay_opening *openings; /* ascending by window, then opens_at_ms; one each */
    uint32_t opening_count;
};
