/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan.h"

enum {
    MS_PER_SECOND = 1000,
    SECONDS_PER_DAY = 86400,
    VERSIONS_PER_DAY = 100
};

/* YYYYMMDD of a day since 1970, in the proleptic Gregorian calendar: years begin in March, so that
 * the leap day comes last (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t date_of_day(int64_t day)
{
    int64_t shifted = day + 719468; /* since 0000-03-01 */
    int64_t era = shifted / 146097, day_of_era = shifted % 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    return year * 10000 + month * 100 + day_of_month;
}

/* How far `serial` is ahead of `base`; 0 when it is not (RFC 1982 section 3.2). */
static uint32_t ahead(uint32_t serial, uint32_t base)
{
    uint32_t distance = serial - base;
    return distance < UINT32_C(1) << 31 ? distance : 0;
}

uint32_t plan_serial_next(enum soa_serial scheme, uint32_t previous, uint32_t at_least,
                          int64_t at_ms)
{
    int64_t seconds = at_ms > 0 ? at_ms / MS_PER_SECOND : 0;
    uint32_t asked = 0;
    switch (scheme) {
    case SOA_SERIAL_UNIXTIME:
        asked = (uint32_t)seconds;
        break;
    case SOA_SERIAL_DATE:
        asked = (uint32_t)(date_of_day(seconds / SECONDS_PER_DAY) * VERSIONS_PER_DAY);
        break;
    case SOA_SERIAL_COUNTER:
        asked = previous + 1;
        break;
    }
    /* All are measured from one base: comparing them with each other could go round in a ring. */
    uint32_t base = previous ? previous : asked;
    uint32_t step = previous ? 1 : 0;
    if (ahead(asked, base) > step)
        step = ahead(asked, base);
    if (at_least && ahead(at_least, base) > step)
        step = ahead(at_least, base);
    uint32_t next = base + step;
    if (next == 0) /* never published: it means "none yet" */
        next = 1;
    return next;
}
