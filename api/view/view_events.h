/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_events: what has happened between two views of the world, as events.
 *
 * The world makes a view whenever something changed, so its consecutive views are all that there is
 * to tell. States that move with the clock are compared as of the instants at which the views were
 * made. A row of the table in view/view_events.c per kind of thing. */
#pragma once
#include "api/view/events.h"
#include "api/world/world.h"

/* Publishes what differs, and tells that there is a new state. `before` NULL: the first view. The
 * context is struct events; as world_options.on_view. */
void view_events_publish(void *context, const struct world_view *before,
                         const struct world_view *now);
