/* SPDX-License-Identifier: GPL-3.0-or-later */
/* calendar: maintenance windows as an iCalendar text (RFC 5545), for the calendars of people.
 *
 * Each turn of each opening is an event of its own, in UTC: so a serial window shows who is out
 * when, what was skipped is gone, what was ended early ends then, and no client has to agree with
 * us on a time zone or a rule. A month of the past and a year ahead, so that the text stays small;
 * clients fetch it again by themselves. Pure. */
#pragma once
#include "srvplan/plan.h"

enum {
    CALENDAR_EVENTS_MAX = 5000, /* some 2 MB; the latest are left out */
};

/* NUL-terminated, in the arena; lines end with CRLF and are folded at 75 bytes. */
const char *calendar_print(const struct plan *plan, int64_t now_ms, struct arena *arena);
