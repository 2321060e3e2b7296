/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recurrence: when a window opens: once, or again and again by an RFC 5545 rule, in a time zone.
 *
 * The rule has passed rrule_check. A start that the rule does not hit is no opening; the first hit
 * after it is. What the rule leaves open (the weekday of a weekly one) is as in the start. Local
 * times that a change of the clocks skips move on by what is skipped, of those that come twice the
 * first counts; such an opening counts for COUNT, and its length is what it always is.
 *
 * libical finds the days and nothing else: it gets floating dates, and a start moved near the time
 * that is asked for, by whole intervals: its own way of doing that has hung (libical issue 291),
 * and walking from the start of an old rule would cost every plan more. Where version 3.0 gets
 * rules wrong (weeks of an interval, days from the end of a month in daily rules, days of the month
 * in yearly ones), the rule that it gets is a simpler one, and the rest is done here;
 * tests/interop/recurrence_oracle.py compares with dateutil.
 *
 * All of it is made when an inventory is loaded; then it is only read. Asking opens no file and
 * does bounded work. */
#pragma once
#include "srvplan/local_time.h"
#include "srvplan/tzfile.h"

enum {
    RECURRENCE_LOOK_YEARS = 8, /* how far ahead to look: the longest pause between two leap days */
};

struct recurrence;

/* In the arena. An empty rule is once. NULL, ERROR_INVALID: it has no opening at all. */
NODISCARD const struct recurrence *recurrence_make(struct arena *arena, struct local_time start,
                                                   const struct tzfile *zone, struct text rrule,
                                                   struct error *err);

/* Fills at_ms with the openings in from_ms <= at < to_ms, ascending, at most `most`; how many. */
uint32_t recurrence_expand(const struct recurrence *recurrence, int64_t from_ms, int64_t to_ms,
                           int64_t *at_ms, uint32_t most);

/* The first opening at or after from_ms. False: there is none within RECURRENCE_LOOK_YEARS. */
NODISCARD bool recurrence_next(const struct recurrence *recurrence, int64_t from_ms,
                               int64_t *at_ms);

/* When the window's clock has moved on by wall_s from an instant: an hour more or less than that
 * where the clocks change between. */
int64_t recurrence_later_ms(const struct recurrence *recurrence, int64_t at_ms, uint32_t wall_s);
