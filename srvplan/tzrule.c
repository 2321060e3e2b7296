/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/tzrule.h"

#include "srvplan/civil.h"

#include <string.h>

enum {
    CHANGE_DEFAULT_S = 2 * 3600, /* POSIX: 02:00:00 when no time is given */
    HOURS_MAX = 167,
};

/* -- reading ------------------------------------------------------------------------------------
 */

struct cursor {
    const char *at, *end;
    bool failed;
};

static bool take(struct cursor *cursor, char c)
{
    bool is = cursor->at < cursor->end && *cursor->at == c;
    cursor->at += is;
    return is;
}

static int take_number(struct cursor *cursor, int min, int max)
{
    int value = 0;
    const char *start = cursor->at;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' && value <= max)
        value = value * 10 + (*cursor->at++ - '0');
    if (cursor->at == start || value < min || value > max)
        cursor->failed = true;
    return cursor->failed ? min : value;
}

/* "CET" or "<+0330>", which nobody needs here. */
static void skip_name(struct cursor *cursor)
{
    const char *start = cursor->at;
    if (take(cursor, '<')) {
        while (cursor->at < cursor->end && *cursor->at != '>')
            cursor->at++;
        cursor->failed |= !take(cursor, '>');
        return;
    }
    while (cursor->at < cursor->end && ((*cursor->at >= 'A' && *cursor->at <= 'Z') ||
                                        (*cursor->at >= 'a' && *cursor->at <= 'z')))
        cursor->at++;
    cursor->failed |= cursor->at - start < 3;
}

/* [+-]hh[:mm[:ss]] */
static int32_t take_time(struct cursor *cursor)
{
    bool is_negative = take(cursor, '-');
    if (!is_negative)
        take(cursor, '+');
    int32_t time_s = take_number(cursor, 0, HOURS_MAX) * 3600;
    if (take(cursor, ':'))
        time_s += take_number(cursor, 0, 59) * 60;
    if (take(cursor, ':'))
        time_s += take_number(cursor, 0, 59);
    return is_negative ? -time_s : time_s;
}

static struct tzrule_date take_date(struct cursor *cursor)
{
    struct tzrule_date date = {.time_s = CHANGE_DEFAULT_S};
    cursor->failed |= !take(cursor, ',');
    if (take(cursor, 'M')) {
        date.form = TZRULE_WEEKDAY;
        date.month = take_number(cursor, 1, 12);
        cursor->failed |= !take(cursor, '.');
        date.week = take_number(cursor, 1, 5);
        cursor->failed |= !take(cursor, '.');
        date.day = take_number(cursor, 0, 6);
    } else if (take(cursor, 'J')) {
        date.form = TZRULE_JULIAN;
        date.day = take_number(cursor, 1, 365);
    } else {
        date.form = TZRULE_ORDINAL;
        date.day = take_number(cursor, 0, 365);
    }
    if (take(cursor, '/'))
        date.time_s = take_time(cursor);
    return date;
}

bool tzrule_parse(struct text text, struct tzrule *rule)
{
    struct cursor cursor = {text.ptr, text.ptr + text.len, false};
    struct tzrule made = {0};
    skip_name(&cursor);
    made.standard_s = -take_time(&cursor); /* POSIX counts to the west */
    if (!cursor.failed && cursor.at < cursor.end) {
        made.has_daylight = true;
        skip_name(&cursor);
        made.daylight_s = made.standard_s + 3600;
        if (cursor.at < cursor.end && *cursor.at != ',')
            made.daylight_s = -take_time(&cursor);
        made.begin = take_date(&cursor);
        made.end = take_date(&cursor);
    }
    if (cursor.failed || cursor.at != cursor.end)
        return false;
    *rule = made;
    return true;
}

/* -- asking -------------------------------------------------------------------------------------
 */

/* When the clocks of that year show the date, in seconds on that clock. */
static int64_t date_in(const struct tzrule_date *date, int32_t year)
{
    int64_t days = civil_days((struct civil){year, 1, 1});
    switch (date->form) {
    case TZRULE_JULIAN: /* March 1 is day 60 in every year */
        days += date->day - 1 + (civil_is_leap_year(year) && date->day >= 60);
        break;
    case TZRULE_ORDINAL:
        days += date->day;
        break;
    case TZRULE_WEEKDAY: {
        days = civil_days((struct civil){year, date->month, 1});
        days += (date->day - civil_weekday(days) + 7) % 7 + 7 * (date->week - 1);
        if (civil_of_days(days).month != date->month)
            days -= 7; /* week 5 is the last one */
        break;
    }
    }
    return days * CIVIL_DAY_S + date->time_s;
}

static int64_t floor_days(int64_t seconds)
{
    return (seconds >= 0 ? seconds : seconds - CIVIL_DAY_S + 1) / CIVIL_DAY_S;
}

int32_t tzrule_offset_s(const struct tzrule *rule, int64_t utc_s)
{
    if (!rule->has_daylight)
        return rule->standard_s;
    int32_t year = civil_of_days(floor_days(utc_s + rule->standard_s)).year;
    int64_t begin_s = date_in(&rule->begin, year) - rule->standard_s;
    int64_t end_s = date_in(&rule->end, year) - rule->daylight_s;
    bool is_daylight =
        begin_s < end_s ? utc_s >= begin_s && utc_s < end_s : utc_s >= begin_s || utc_s < end_s;
    return is_daylight ? rule->daylight_s : rule->standard_s;
}
