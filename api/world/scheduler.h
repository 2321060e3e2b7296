/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scheduler: the world's alarm clock: it sleeps until an instant has come, somebody knocks, or the
 * computer's clock was set.
 *
 * The instant is on the realtime clock, because windows are: a timerfd with cancel-on-set
 * (timerfd_create(2)) says at once when that clock is moved, by how much the reading says. One
 * thread waits, any thread knocks. Tests of what time does bring a scheduler of their own. */
#pragma once
#include "zones/base/clock.h"
#include "zones/base/error.h"

struct scheduler;

NODISCARD struct scheduler *scheduler_open(struct error *err);
void scheduler_close(struct scheduler *scheduler); /* NULL is fine */

void scheduler_read(const struct scheduler *scheduler, struct clock_reading *reading);

/* Sleeps until real_ms, or longest_ms have passed, or a knock, or the clock was set; a knock since
 * the last call counts. Who wakes up looks for himself what there is to do. */
void scheduler_wait(struct scheduler *scheduler, int64_t real_ms, int longest_ms);
void scheduler_knock(struct scheduler *scheduler);
