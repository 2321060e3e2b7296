/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask: a job of the world, for a thread that may wait for its result (http/workshop.h). */
#pragma once
#include "api/world/world.h"

/* Submits the job and waits until it is done. The result is the caller's; when the job could not
 * be submitted it is WORLD_FAILED with the reason. Never NULL. */
struct world_result *world_ask(struct world *world, const struct world_request *request);
