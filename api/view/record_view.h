/* SPDX-License-Identifier: GPL-3.0-or-later */
/* record_view: the published record sets, a page at a time, as JSON.
 *
 * Sets come in the order zone, owner (both canonical, RFC 4034 section 6.1), type. A cursor names
 * the last set of a page, "TYPE ZONE OWNER", so that a page goes on at the right place although
 * sets came and went. Names lie sorted in the layout: a page costs what it shows (and what its
 * filter skips within the domain), not what 100,000 domains have. Pure. */
#pragma once
#include "api/view/json_view.h"

struct record_filter {
    struct name domain;   /* len 0: any; else the sets at and below it */
    struct bytes service; /* labels of its owner, "_xmpp-client._tcp"; len 0: any */
    uint16_t type;        /* 0: any */
    uint32_t limit;
};

/* Where a page begins: behind this set. */
struct record_cursor {
    bool is_set;
    uint16_t type;
    struct name zone, owner;
};

/* False: the text is no cursor of ours. Names live in the arena. */
NODISCARD bool record_cursor_parse(struct text text, struct arena *arena,
                                   struct record_cursor *cursor);

/* A list of sets, a new reference; *next (in the arena) is the cursor of the next page, or NULL. */
json_t *record_view_page(const struct world_view *view, const struct record_filter *filter,
                         const struct record_cursor *after, struct arena *arena, char **next);

/* All sets of one zone. */
json_t *record_view_zone(const struct world_view *view, uint32_t zone);
