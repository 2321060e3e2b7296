/* SPDX-License-Identifier: GPL-3.0-or-later */
/* local_time: an instant as a clock on the wall shows it, "2026-12-06T02:00".
 *
 * Which instant that is depends on a time zone, and twice a year there is none or there are two;
 * that is for recurrence.h. Here is only what needs no zone: the form, and whether the calendar has
 * that day (Gregorian, 1970 to 2199). */
#pragma once
#include "zones/base/bytes.h"
#include "zones/base/error.h"

struct local_time {
    uint16_t year;
    uint8_t month, day; /* from 1 */
    uint8_t hour, minute, second;
};

/* "YYYY-MM-DDTHH:MM" or "YYYY-MM-DDTHH:MM:SS". ERROR_INVALID says what was expected. */
NODISCARD bool local_time_parse(struct text text, struct local_time *time, struct error *err);

/* Days of a month; February of a leap year has 29. */
uint32_t local_time_month_days(uint32_t year, uint32_t month);

/* Seconds since 1970 as if the clock never changed: differences are those on the wall. */
int64_t local_time_seconds(const struct local_time *time);
