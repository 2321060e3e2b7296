/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tzrule: a POSIX TZ string, "CET-1CEST,M3.5.0,M10.5.0/3", with the extensions of RFC 9636
 * section 3.3.2: hours of a change from -167 to 167. It is how a zoneinfo file says what happens
 * after its last listed change. Pure. */
#pragma once
#include "zones/base/bytes.h"

enum tzrule_form {
    TZRULE_JULIAN,  /* Jn: day 1..365, February 29 is never counted */
    TZRULE_ORDINAL, /* n: day 0..365 */
    TZRULE_WEEKDAY, /* Mm.w.d: weekday d of week w (5: the last) of month m */
};

struct tzrule_date {
    enum tzrule_form form;
    int day, week, month; /* day of the year, or weekday (0: Sunday) */
    int32_t time_s;       /* on the clock that shows before the change */
};

struct tzrule {
    int32_t standard_s, daylight_s; /* ahead of UTC */
    bool has_daylight;
    struct tzrule_date begin, end; /* of daylight time */
};

NODISCARD bool tzrule_parse(struct text text, struct tzrule *rule);
int32_t tzrule_offset_s(const struct tzrule *rule, int64_t utc_s);
