/* SPDX-License-Identifier: GPL-3.0-or-later */
/* civil: days of the Gregorian calendar as numbers. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    CIVIL_DAY_S = 86400
};

struct civil {
    int32_t year;
    int month, day; /* 1..12, 1..31 */
};

int64_t civil_days(struct civil date); /* since 1970-01-01; also before */
struct civil civil_of_days(int64_t days);
int civil_weekday(int64_t days); /* 0: Sunday */
bool civil_is_leap_year(int32_t year);
