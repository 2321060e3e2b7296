/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rrule: judges a recurrence rule (RFC 5545 section 3.3.10) before a calendar library reads it.
 *
 * Libraries differ in what they make of a rule that the RFC leaves undefined, and some need for
 * ever to find the next time of one that has none ("every hour of 30 February"). So what passes is
 * a part of the RFC's rules for which that cannot happen: at most one start a day, each part once
 * and in range, only where the RFC allows it, and a month that has the day. Written as the RFC
 * writes them: upper case, FREQ first, no spaces.
 *
 * Pure. Which instants a rule means is for recurrence.h. */
#pragma once
#include "srvplan/local_time.h"

struct rrule_mistake {
    char message[320];
    char mend[160];
};

enum {
    RRULE_MAX_BYTES = 500, /* a year of days as numbers is longer, and nobody's maintenance */
};

/* `start` is the first start of the window, or NULL when it is not known. */
NODISCARD bool rrule_check(struct text rule, const struct local_time *start,
                           struct rrule_mistake *mistake);
