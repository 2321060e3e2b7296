/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workshop: a thread for the requests that think for long: an inventory of 100,000 domains to be
 * read, a plan of it to be computed and told.
 *
 * Neither the HTTP thread, on which every answer waits, nor the world's, on which every change
 * waits, does such work. One task at a time, so that memory holds one large inventory in the
 * making, in the order in which they came; a bounded number waits. A task may block on the world
 * (world/ask.h), which never waits for a workshop. */
#pragma once
#include "zones/base/error.h"

#include <stddef.h>

struct workshop;

typedef void workshop_task(void *context);

/* At most `room` tasks wait. Aborts when there is no thread to be had, as a start may. */
struct workshop *workshop_start(size_t room);

/* False: too many wait already, or it is closing; the task will not run. */
NODISCARD bool workshop_add(struct workshop *workshop, workshop_task *task, void *context);

/* No further tasks; those that are there run to their end. NULL is fine. */
void workshop_stop(struct workshop *workshop);
