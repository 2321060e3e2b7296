/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan_text: the records of a set and the reasons for them as text, for every report of a plan. */
#pragma once
#include "srvplan/plan.h"

/* The records of a set as they stand in a zone file, `count` of them. The names of templates end at
 * `apex` (content.h). NS and what has no template only: a SOA's serial is not in its set. */
const char *const *plan_records(const struct content_set *set, struct name apex,
                                struct arena *arena);

/* Why one node is in a set with what it has there, or is not. */
struct plan_because {
    const char *node;   /* NULL: about the whole set */
    const char *target; /* its host, with the final dot; NULL: not known, or no node */
    const char *record; /* NULL: it has none now */
    /* "scale", "node", "overlay", "drain", "window", "state"; of a set "ttl", "absent" */
    const char *kind;
    const char *id; /* of a drain or window, or NULL */
    const char *text;
};
struct plan_because_list {
    const struct plan_because *items; /* in the order of the members */
    uint32_t count;
};
struct plan_because_list plan_set_because(const struct plan *plan, const struct plan_set *set,
                                          struct arena *arena);

/* The owner of a declared set at its first domain, with its final dot. */
const char *plan_set_owner(const struct layout *layout, uint32_t declared, struct arena *arena);
