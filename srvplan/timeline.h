/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timeline: the instants at which one drain, or one turn of a maintenance window, changes what is
 * published, from the lowered TTL to the restored one.
 *
 *      lower        ramp          withdrawn      clear  open        end            restored
 *   ----|------------|-----.-----.----|-----------|------|------ … --|----.----.------|-----
 *       TTL t0 → t1    weights fall   gone from DNS       work         weights rise    TTL t0
 *
 * With t0 the longest TTL among the sets that name the node, t1 the longest drain TTL among them
 * (t0 itself when TTLs are not lowered), R the ramp and g the grace:
 *
 *   a turn opening at T       lower T-R-t1-t0-2g, ramp T-R-t1-g, withdrawn T-t1-g
 *   a drain from S on, asked
 *     for when it starts      R = 0: withdrawn S, TTLs stay. Else lower S, ramp S+t0+g,
 *                             withdrawn S+t0+g+R; TTLs not lowered: ramp S, withdrawn S+R
 *     before it starts        lower the later of the request and S-t0-g, ramp S, withdrawn S+R
 *
 * A drain that a guard holds up stays before its ramp, with the TTL that it has, until it is
 * released; then the ramp is as much later as that took.
 *
 * So every cache holds the short TTL when the ramp begins, and none the node when a turn opens; g
 * covers the delay of publication and the second that caches round up. A ramp has n steps, the
 * configured number but each at least t1 long: at step i of 0..n-1 the weight is (n-i)/(n+1) of the
 * planned one. From the end it rises alike, (i+1)/(n+1), and is whole R later; then the TTL goes
 * back. A drain that ends while it still ramps down rises from where it was.
 *
 * srvplan-inventory(5), "Windows", says it for operators. Pure; milliseconds UTC. */
#pragma once
#include "srvplan/overlay.h"

enum timeline_state {
    TIMELINE_SCHEDULED,
    TIMELINE_LOWERING_TTL,
    TIMELINE_RAMPING,
    TIMELINE_WITHDRAWN, /* or demoted, or at the weight it is to keep */
    TIMELINE_RESTORING,
    TIMELINE_CLOSED,
    TIMELINE_BLOCKED, /* a guard forbids it: nothing happens */
};

enum {
    TIMELINE_STEPS_MAX = 1000, /* of a ramp: finer ones no cache would see */
};

#define TIMELINE_NEVER INT64_MAX

struct timeline {
    int64_t lower_at_ms; /* TIMELINE_NEVER: TTLs are not lowered */
    int64_t ramp_at_ms;  /* when R is 0: withdrawn_at_ms */
    int64_t withdrawn_at_ms;
    int64_t clear_at_ms; /* expected: no correct cache names the node any more */
    int64_t open_at_ms;  /* a window's; TIMELINE_NEVER: of a drain */
    int64_t end_at_ms;   /* TIMELINE_NEVER: until somebody ends it */
    int64_t restored_at_ms;
    uint32_t steps; /* at least 1 */
};

/* t0 and t1 */
struct timeline_ttls {
    uint32_t ttl_s, drain_ttl_s;
};

struct timeline timeline_of_drain(const struct overlay_drain *drain, struct timeline_ttls ttls,
                                  uint32_t grace_s);

/* A turn that opens at open_at_ms for duration_s, with the policy's ramp, lead and grace. */
struct timeline timeline_of_turn(const struct inventory_policy *policy, struct timeline_ttls ttls,
                                 int64_t open_at_ms, uint32_t duration_s);

/* Begins it late: what should have come before since_ms comes then, and caches still hold what they
 * fetched until then. A turn that should have ended by then does not come at all. */
void timeline_begin_late(struct timeline *timeline, struct timeline_ttls ttls, int64_t since_ms);

/* Ends it at end_ms when it would end later; what has not begun by then never begins. */
void timeline_end_early(struct timeline *timeline, uint32_t ramp_s, int64_t end_ms);

/* From the opening of one turn of a serial window to that of the next: the node before is whole
 * again and in every cache, then the next one goes. */
int64_t timeline_turn_distance_ms(const struct inventory_policy *policy, struct timeline_ttls ttls,
                                  uint32_t duration_s);

/* The first instant at which it changes anything. */
int64_t timeline_begin_ms(const struct timeline *timeline);

enum timeline_state timeline_state_at(const struct timeline *timeline, int64_t at_ms);
bool timeline_is_ttl_low(const struct timeline *timeline, int64_t at_ms);

/* What is left of the node at an instant: num/den, 0 when it is withdrawn. */
struct timeline_level {
    uint32_t num, den;
};
struct timeline_level timeline_level_at(const struct timeline *timeline, int64_t at_ms);

/* The next instant after at_ms at which state, level or TTL change; TIMELINE_NEVER: none. */
int64_t timeline_next_ms(const struct timeline *timeline, int64_t at_ms);

const char *timeline_state_print(enum timeline_state state); /* "lowering_ttl" */
