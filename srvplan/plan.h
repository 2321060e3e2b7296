/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan: plan = f(inventory, overlays, health, clock). The one place where weights, priorities,
 * TTLs and shares are computed; command line, API, dashboard and dry run all call it.
 *
 * Pure: no I/O, no clock, no float, no hash order. Same input, same bytes. A plan holds the record
 * sets with the reason for every value, expected shares, findings, guard verdicts, and when it
 * next changes by itself (an overlay ends). The layout is the memo of what the inventory alone
 * decides. Everything lives in the plan's arena; inventory, layout and overlays are borrowed for
 * the plan's life.
 *
 * What takes a node out is a hold: an operator's drain, a turn of a maintenance window, or the
 * node's own state. Each has a timeline (timeline.h); the plan at an instant is what the holds'
 * timelines say then. Windows obey the guards: an occurrence that a guard forbids is blocked as a
 * whole, and its nodes stay. Whether it is, is decided once, for the instant when its span begins
 * (the first change before it opens): against the drains that were asked for until then, and the
 * occurrences admitted before whose spans overlap, each counted as wholly out from the first step
 * of its ramp to the last. So every instant asked gives the same verdict while overlays are the
 * same. An operator who ends an occurrence early makes room for those alone whose spans begin after
 * that. An operator's drain that a guard forbids is never left out; it is a refusal of the plan.
 *
 * next_change_at_ms is exact: nothing published changes before it. What changes then may be the
 * state or the step of a hold alone (a blocked occurrence begins, a ramp's step rounds to the same
 * weight). */
#pragma once
#include "srvplan/finding.h"
#include "srvplan/layout.h"
#include "srvplan/overlay.h"
#include "srvplan/timeline.h"

/* Why a record has its weight. */
enum plan_weight_reason {
    PLAN_WEIGHT_SCALE,   /* capacity by the scale of the policy */
    PLAN_WEIGHT_NODE,    /* `weight` on the node in the inventory */
    PLAN_WEIGHT_OVERLAY, /* an operator's weight */
};

/* Why a node is not in a set that it belongs to. */
enum plan_absence {
    PLAN_PRESENT,
    PLAN_DRAINED, /* an operator's drain */
    PLAN_WINDOW,  /* a maintenance window */
    PLAN_STATE,   /* `state` of the node in the inventory: drain or maint */
};

enum plan_hold_kind {
    PLAN_HOLD_DRAIN,
    PLAN_HOLD_WINDOW,
    PLAN_HOLD_STATE,
};

/* What keeps new connections from a node, wholly or in part. */
struct plan_hold {
    enum plan_hold_kind kind;
    struct text id; /* of the drain or the window; of a state "drain" or "maint" */
    uint32_t node;
    const bool *services;              /* by service; NULL: all */
    const struct overlay_drain *drain; /* NULL: no PLAN_HOLD_DRAIN */
    uint32_t occurrence;               /* of a window, in plan->occurrences; else INVENTORY_NONE */
    enum drain_mode mode;
    uint32_t to_ppb;    /* of DRAIN_WEIGHT */
    uint32_t set_count; /* that name the node */
    struct timeline_ttls ttls;
    struct timeline timeline;
    enum timeline_state state; /* at the plan's instant */
};

/* A window that counts, with the nodes that it means now: one of the inventory, or of an operator.
 * An operator's whose nodes are gone, or whose id the inventory has too, waits. */
struct plan_window {
    struct inventory_window declared;
    const struct overlay_window *overlay; /* NULL: the inventory's */
};

/* One opening of a window: under way, or the next to come. */
struct plan_occurrence {
    uint32_t window; /* in plan->windows */
    int64_t opens_at_ms;
    int64_t begin_at_ms, end_at_ms; /* its span: from the first change to the last */
    bool is_blocked;
    const char *blocked_because;         /* guard and numbers, for a person; NULL: it is not */
    const struct overlay_opening *ended; /* an operator ended it early; NULL: nobody did */
    uint32_t first_hold, hold_count;     /* its turns, in plan->holds */
};

enum plan_event_kind {
    PLAN_EVENT_TTL_LOWERED,
    PLAN_EVENT_RAMP_STEP,
    PLAN_EVENT_WITHDRAWN,
    PLAN_EVENT_CLEAR, /* expected: no correct cache names the node any more */
    PLAN_EVENT_OPEN,  /* the window opens */
    PLAN_EVENT_RESTORING,
    PLAN_EVENT_CLOSED, /* whole again, and the TTL is back */
    PLAN_EVENT_BLOCKED,
};

struct plan_event {
    int64_t at_ms;
    enum plan_event_kind kind;
    uint32_t hold;               /* in plan->holds */
    struct timeline_level level; /* from then on */
};

struct plan_member {
    uint32_t node;
    uint16_t priority;
    uint16_t planned_priority; /* of its tier, when it is not demoted */
    uint16_t weight;           /* published, or what it would be when absent */
    uint16_t planned_weight;   /* by the scale or the node, before overlays */
    uint16_t port;
    bool port_is_own; /* from the node's `ports`, not the service's default */
    enum plan_absence absence;
    enum plan_weight_reason weight_reason;
    const struct plan_hold *hold;  /* what takes it out, or a part of its weight; NULL: nothing */
    bool is_demoted;               /* present behind all tiers: its capacity does not count */
    uint64_t level_num, level_den; /* what the hold leaves of its weight; 1/1: all of it */
    const struct overlay_weight *weight_overlay; /* when weight_reason is PLAN_WEIGHT_OVERLAY */
    /* Share of first choices under RFC 2782's intent (Plackett–Luce) among the members present
     * with the lowest priority: share_num / share_den; 0/1 for all others. */
    uint32_t share_num, share_den;
    uint64_t capacity_group; /* sum of declared capacities at its priority, for the reason */
};

struct plan_set {      /* one declared SRV set, published */
    uint32_t declared; /* index in layout->declared */
    uint32_t ttl_s;
    const struct plan_member *members; /* by priority, then node id; absent ones too */
    uint32_t member_count;
    uint32_t present_count;
    bool is_null;                     /* an absent service: exactly "0 0 0 ." */
    const struct plan_hold *ttl_hold; /* why the TTL is the drain TTL; NULL: it is not */
};

/* What must stay, whatever is drained. A node stays in a set as far as it is meant to take new
 * connections there: one that is drained by demotion or weight 0, or whose ramp has begun, counts
 * as gone, one that is drained to a part of its weight counts with that part of its capacity. What
 * a guard asks for is never more than a set has when all of its nodes are there, so that nobody is
 * refused for the size of a set alone; guard-out-of-reach (a finding) says so. */
enum plan_guard {
    PLAN_GUARD_NEVER_EMPTY,  /* a record is left; not overridable */
    PLAN_GUARD_MIN_NODES,    /* of a set, over all tiers */
    PLAN_GUARD_MIN_CAPACITY, /* of the tier that clients use then, over what the first declares */
    PLAN_GUARD_SURVIVE,      /* the same, and a node, after any one further node is gone */
    PLAN_GUARD_MIN_SITES,    /* that the nodes of a set stand in */
    PLAN_GUARD_MIN_TTL,      /* of a set: the floor of the provider */
    PLAN_GUARD_MAX_DRAINS,   /* nodes drained at once, by operators and windows */
    PLAN_GUARD_ASSERTION,    /* so many of these nodes serve all of their sets */
};
enum {
    PLAN_GUARD_COUNT = PLAN_GUARD_ASSERTION + 1
};

enum plan_unit {
    PLAN_UNIT_NODES,
    PLAN_UNIT_PPB, /* of the declared capacity of the first tier */
    PLAN_UNIT_SITES,
    PLAN_UNIT_SECONDS,
};

/* "nodes", "ratio", "sites", "seconds" */
const char *plan_unit_print(enum plan_unit unit);

struct plan_guard_row {
    const char *name;    /* in JSON and problem types: "min_nodes" */
    const char *code;    /* as a finding: "guard-min-nodes" */
    const char *pointer; /* to its key in an inventory */
    bool is_overridable;
    bool is_ceiling; /* would_be must not be above limit; else not below it */
};
extern const struct plan_guard_row plan_guard_rows[PLAN_GUARD_COUNT];

#define PLAN_NO_SET UINT32_MAX

/* What one guard says of one set, or (PLAN_NO_SET) of the inventory. */
struct plan_verdict {
    enum plan_guard guard;
    enum plan_unit unit;
    bool is_ok;
    uint32_t set;
    const struct inventory_assertion *assertion; /* of PLAN_GUARD_ASSERTION */
    uint64_t would_be, limit;
    uint64_t declared;   /* with everybody there; of PLAN_GUARD_MAX_DRAINS: all nodes */
    const char *tier;    /* PLAN_UNIT_PPB: the first one; else NULL */
    const char *message; /* for a person, with the numbers and what would make it pass */
};

/* Whether `old` says no to the same thing at least as badly as `verdict` does; whether they are
 * about the same set, the caller knows. */
bool plan_verdict_covers(const struct plan_verdict *old, const struct plan_verdict *verdict);

struct plan_input {
    const struct layout *layout;
    const struct overlays *overlays;
    int64_t at_ms;
};

struct plan {
    struct arena arena;
    struct plan_input input;
    const struct plan_set *sets; /* by declared set */
    uint32_t set_count;
    struct content_sets content;         /* all sets, ready to compile and print */
    const struct plan_verdict *refusals; /* by set, then the inventory's */
    uint32_t refusal_count;
    const struct plan_verdict
        *passes; /* of each other guard that is asked for the nearest to a no */
    uint32_t pass_count;
    /* What guards will say no to when drains begin that were asked for and are not out yet. */
    const struct plan_verdict *pending;
    uint32_t pending_count;
    struct findings findings;
    int64_t next_change_at_ms; /* 0: never by itself */
    /* The timeline: all drains that are not over, then the turns of each occurrence. */
    const struct plan_hold *holds;
    uint32_t hold_count;
    const struct plan_window *windows; /* the inventory's by id, then operators' by id */
    uint32_t window_count;
    const struct plan_occurrence *occurrences; /* under way, and the next of each window */
    uint32_t occurrence_count;
    const struct plan_event *events; /* of all holds, by time; past ones of those under way too */
    uint32_t event_count;
    uint32_t events_left_out; /* beyond PLAN_EVENTS_MAX, the latest */
};

enum {
    PLAN_EVENTS_MAX = 1000 /* in a report; a serial window of many nodes has more */
};

/* Never fails: what is wrong is in findings and refusals. Heap; plan_free. A plan with a refusal
 * that is not overridable must not be published. */
struct plan *plan_compute(const struct plan_input *input);
void plan_free(struct plan *plan);

/* Asks guards what they would say: nodes out for maintenance beside those that drains keep out at
 * the input's instant. */
struct plan_tryout;
struct plan_tryout *plan_tryout_new(const struct plan_input *input);
/* The first refusal that the nodes add, or NULL; in the arena. */
const struct plan_verdict *plan_tryout_ask(struct plan_tryout *tryout, const uint32_t *nodes,
                                           uint32_t count, struct arena *arena);
void plan_tryout_free(struct plan_tryout *tryout);

/* "because": one sentence for a person on a member's weight, priority, port or absence; lives in
 * the arena. */
const char *plan_member_because(const struct plan *plan, const struct plan_set *set,
                                const struct plan_member *member, struct arena *arena);

/* "TTL 60 instead of 300: …", or NULL when the TTL is the declared one; in the arena. */
const char *plan_ttl_because(const struct plan *plan, const struct plan_set *set,
                             struct arena *arena);

const char *plan_event_print(enum plan_event_kind kind); /* "ttl_lowered" */

/* The serial that `scheme` asks for at at_ms, for a zone whose last serial was `previous` (0:
 * none yet): max(previous + 1, what the scheme gives, at_least) in RFC 1982 arithmetic. */
uint32_t plan_serial_next(enum soa_serial scheme, uint32_t previous, uint32_t at_least,
                          int64_t at_ms);

/* How long before it opens a window changes something, and the TTLs that decide it. */
struct plan_lead {
    struct timeline_ttls ttls;
    int64_t lead_ms;
};
struct plan_lead plan_window_lead(const struct layout *layout,
                                  const struct inventory_window *window);

/* One opening to come or gone by, as the plan's overlays have it. */
struct plan_opening {
    struct plan_occurrence occurrence;     /* window, times, verdict; without holds in a plan */
    const struct overlay_opening *skipped; /* NULL: it is not, and the guards were asked */
    const struct plan_hold *turns;         /* by node of the window; states are those at at_ms */
    uint32_t turn_count;
};

enum plan_openings_how {
    PLAN_OPENINGS_JUDGED, /* the guards are asked for each, as overlays stand now */
    PLAN_OPENINGS_TIMES,  /* they are not: nothing is blocked */
};

/* Those of a window of the plan in from_ms <= opens < to_ms, at most `most`. */
struct plan_openings_query {
    uint32_t window;
    enum plan_openings_how how;
    uint32_t most;
    int64_t from_ms, to_ms;
};

/* The openings, ascending; how many. */
uint32_t plan_window_openings(const struct plan *plan, const struct plan_openings_query *query,
                              struct arena *arena, const struct plan_opening **openings);

/* "example.org/xmpp-client": the first domain that has the set, and the service; in the arena. */
const char *plan_set_label(const struct plan *plan, uint32_t set, struct arena *arena);
