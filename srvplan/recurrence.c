/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/recurrence.h"

#include "srvplan/civil.h"

#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIBICAL_LAST_YEAR = 2500, /* it ends in 2582 */
    YEAR_DAYS = 365,
};

enum frequency {
    ONCE,
    DAILY,
    WEEKLY,
    MONTHLY,
    YEARLY,
};

struct recurrence {
    const struct tzfile *zone;
    int64_t start_s; /* on the window's clock */
    enum frequency frequency;
    uint32_t interval;
    int week_start;   /* WKST; 0 is Sunday */
    const char *rule; /* for libical */
    /* BYMONTHDAY of a daily rule, where libical 3.0 overlooks days from the end: bit d is day d.
     * Both 0: every day. */
    uint32_t month_days, month_days_from_end;
    int64_t last_local_s; /* openings later than these are none */
    int64_t last_utc_s;
};

/* -- days from libical --------------------------------------------------------------------------
 */

static int64_t day_of(int64_t local_s)
{
    return (local_s >= 0 ? local_s : local_s - CIVIL_DAY_S + 1) / CIVIL_DAY_S;
}

static int64_t at_least(int64_t value, int64_t least)
{
    return value > least ? value : least;
}

/* A start for libical that is a whole number of intervals behind the real one, and so gives the
 * same days from there on; near `day`, at least one interval before it. Rules by month and year
 * name their days (see `implied`), so that these may begin with the first day of one. */
static struct civil start_near(const struct recurrence *recurrence, int64_t day)
{
    int64_t first = day_of(recurrence->start_s), step = recurrence->interval;
    struct civil start = civil_of_days(first), near = civil_of_days(day);
    int64_t months = 12 * (int64_t)(near.year - start.year) + near.month - start.month;
    int64_t years = near.year - start.year;
    switch (recurrence->frequency) {
    case ONCE:
        break;
    case WEEKLY: /* libical gets every week, see is_week */
        step = 7;
        __attribute__((fallthrough));
    case DAILY:
        return civil_of_days(first + at_least((day - first) / step - 1, 0) * step);
    case MONTHLY:
        months = at_least(months / step - 1, 0) * step;
        if (months == 0)
            break;
        months += start.month - 1;
        return (struct civil){start.year + (int32_t)(months / 12), (int)(months % 12) + 1, 1};
    case YEARLY:
        years = at_least(years / step - 1, 0) * step;
        if (years == 0)
            break;
        return (struct civil){start.year + (int32_t)years, 1, 1};
    }
    return start;
}

/* Walks the days of a recurrence from near `day` on. */
struct walk {
    icalrecur_iterator *iterator; /* NULL: at most one day, `only` */
    const struct recurrence *recurrence;
    bool is_over;
    int64_t last; /* of the days to look at */
};

static bool walk_start(const struct recurrence *recurrence, int64_t day, int64_t last,
                       struct walk *walk)
{
    *walk = (struct walk){.recurrence = recurrence, .last = last};
    if (recurrence->frequency == ONCE)
        return true;
    if (civil_of_days(day).year >= LIBICAL_LAST_YEAR)
        return false;
    struct icalrecurrencetype rule = icalrecurrencetype_from_string(recurrence->rule);
    struct civil start = start_near(recurrence, day);
    struct icaltimetype from = icaltime_null_time();
    from.year = start.year;
    from.month = start.month;
    from.day = start.day;
    walk->iterator = icalrecur_iterator_new(rule, from);
    return walk->iterator != NULL;
}

static bool is_month_day(const struct recurrence *recurrence, int64_t day)
{
    struct civil date = civil_of_days(day);
    if (!recurrence->month_days && !recurrence->month_days_from_end)
        return true;
    struct civil next = {date.year + (date.month == 12), date.month % 12 + 1, 1};
    int64_t from_end = civil_days(next) - day;
    return (recurrence->month_days >> date.day & 1) ||
           (recurrence->month_days_from_end >> from_end & 1);
}

/* libical miscounts the weeks of an interval when the start stands before a Sunday or behind WKST;
 * so it names every week, and those between are left out here. */
static bool is_week(const struct recurrence *recurrence, int64_t day)
{
    int64_t first = day_of(recurrence->start_s);
    first -= (civil_weekday(first) - recurrence->week_start + 7) % 7;
    return recurrence->frequency != WEEKLY || (day - first) / 7 % recurrence->interval == 0;
}

/* The next day, or false at the end. */
static bool walk_next(struct walk *walk, int64_t *day)
{
    int64_t first = day_of(walk->recurrence->start_s);
    while (!walk->is_over) {
        struct icaltimetype time = icaltime_null_time();
        *day = first;
        if (walk->iterator) {
            time = icalrecur_iterator_next(walk->iterator);
            *day = civil_days((struct civil){time.year, time.month, time.day});
        }
        walk->is_over = !walk->iterator || icaltime_is_null_time(time) || *day > walk->last;
        if (walk->iterator && walk->is_over)
            return false;
        if (*day >= first && *day <= walk->last && is_month_day(walk->recurrence, *day) &&
            is_week(walk->recurrence, *day))
            return true;
    }
    return false;
}

static void walk_end(struct walk *walk)
{
    if (walk->iterator)
        icalrecur_iterator_free(walk->iterator);
}

/* -- asking -------------------------------------------------------------------------------------
 */

static int64_t seconds_down(int64_t ms)
{
    return (ms >= 0 ? ms : ms - 999) / 1000;
}

uint32_t recurrence_expand(const struct recurrence *recurrence, int64_t from_ms, int64_t to_ms,
                           int64_t *at_ms, uint32_t most)
{
    /* A day on each side: clocks are less than that away from UTC. */
    int64_t first_day = day_of(seconds_down(from_ms)) - 1,
            last_day = day_of(seconds_down(to_ms)) + 1;
    int64_t time_s = recurrence->start_s - day_of(recurrence->start_s) * CIVIL_DAY_S, day = 0;
    uint32_t count = 0;
    struct walk walk;
    if (first_day > last_day || !walk_start(recurrence, first_day, last_day, &walk))
        return 0;
    while (count < most && walk_next(&walk, &day)) {
        int64_t local_s = day * CIVIL_DAY_S + time_s;
        int64_t utc_s = tzfile_utc_s(recurrence->zone, local_s);
        if (local_s > recurrence->last_local_s || utc_s > recurrence->last_utc_s)
            break;
        /* A day that a zone skips as a whole falls on the next one. */
        bool is_twice = count && at_ms[count - 1] == utc_s * 1000;
        if (utc_s * 1000 >= from_ms && utc_s * 1000 < to_ms && !is_twice)
            at_ms[count++] = utc_s * 1000;
    }
    walk_end(&walk);
    return count;
}

bool recurrence_next(const struct recurrence *recurrence, int64_t from_ms, int64_t *at_ms)
{
    const int64_t day_ms = INT64_C(1000) * CIVIL_DAY_S;
    int64_t start_ms = (recurrence->start_s - 2 * CIVIL_DAY_S) * 1000;
    from_ms = at_least(from_ms, start_ms); /* the start may lie far ahead */
    return recurrence_expand(recurrence, from_ms,
                             from_ms + RECURRENCE_LOOK_YEARS * (YEAR_DAYS + 1) * day_ms, at_ms,
                             1) > 0;
}

int64_t recurrence_later_ms(const struct recurrence *recurrence, int64_t at_ms, uint32_t wall_s)
{
    int64_t at_s = seconds_down(at_ms);
    int64_t local_s = at_s + tzfile_offset_s(recurrence->zone, at_s) + wall_s;
    return tzfile_utc_s(recurrence->zone, local_s) * 1000;
}

/* -- making -------------------------------------------------------------------------------------
 */

static const char *const weekdays[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

/* The value of a part of a rule, or empty. */
static struct text part_of(struct text rule, const char *name)
{
    size_t len = strlen(name);
    while (rule.len) {
        const char *end = memchr(rule.ptr, ';', rule.len);
        size_t item = end ? (size_t)(end - rule.ptr) : rule.len;
        if (item > len && memcmp(rule.ptr, name, len) == 0 && rule.ptr[len] == '=')
            return (struct text){rule.ptr + len + 1, item - len - 1};
        size_t gone = item + (end != NULL);
        rule = (struct text){rule.ptr + gone, rule.len - gone};
    }
    return (struct text){0};
}

static uint32_t number_of(struct text rule, const char *name, uint32_t otherwise)
{
    uint64_t number = otherwise;
    if (!text_to_u64(part_of(rule, name), 1, UINT32_MAX, &number))
        return otherwise;
    return (uint32_t)number;
}

static enum frequency frequency_of(struct text rule)
{
    static const char *const names[] = {
        [DAILY] = "DAILY", [WEEKLY] = "WEEKLY", [MONTHLY] = "MONTHLY", [YEARLY] = "YEARLY"};
    for (int i = DAILY; i <= YEARLY; i++)
        if (text_is(part_of(rule, "FREQ"), names[i]))
            return (enum frequency)i;
    return ONCE;
}

static int week_start_of(struct text rule)
{
    for (int i = 0; i < 7; i++)
        if (text_is(part_of(rule, "WKST"), weekdays[i]))
            return i;
    return 1; /* RFC 5545 section 3.3.10: Monday when it is not given */
}

/* "20271231T235959Z", checked. */
static int64_t until_of(struct text rule)
{
    struct text until = part_of(rule, "UNTIL");
    char iso[] = "YYYY-MM-DDTHH:MM:SS";
    static const uint8_t places[] = {0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 14, 15, 17, 18};
    struct local_time time;
    for (size_t i = 0; i < COUNT_OF(places) && i < until.len; i++)
        iso[places[i]] = until.ptr[i];
    if (!until.len || !local_time_parse(text_from(iso), &time, NULL))
        return INT64_MAX;
    return local_time_seconds(&time);
}

static void set_month_days(struct recurrence *recurrence, struct text days)
{
    for (size_t at = 0; at < days.len;) {
        char *end = NULL;
        char number[8] = {0};
        memcpy(number, days.ptr + at, days.len - at < 7 ? days.len - at : 7);
        long day = strtol(number, &end, 10);
        if (day < 0)
            recurrence->month_days_from_end |= 1u << -day;
        else
            recurrence->month_days |= 1u << day;
        at += (size_t)(end - number) + 1;
    }
}

/* What RFC 5545 takes from the start where the rule does not say it. */
static const char *implied(struct arena *arena, struct text rule, enum frequency frequency,
                           int64_t start_day)
{
    struct civil start = civil_of_days(start_day);
    bool has_month = part_of(rule, "BYMONTH").len, has_month_day = part_of(rule, "BYMONTHDAY").len;
    /* A day of the month means every month; libical takes the start's. */
    if (frequency == YEARLY && has_month_day && !has_month)
        return ";BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12";
    if (frequency == DAILY || has_month_day || part_of(rule, "BYDAY").len ||
        part_of(rule, "BYYEARDAY").len)
        return "";
    if (frequency == WEEKLY || part_of(rule, "BYWEEKNO").len)
        return arena_printf(arena, ";BYDAY=%s", weekdays[civil_weekday(start_day)]);
    if (frequency == YEARLY && !has_month)
        return arena_printf(arena, ";BYMONTH=%d;BYMONTHDAY=%d", start.month, start.day);
    return arena_printf(arena, ";BYMONTHDAY=%d", start.day);
}

/* The rule for libical: what a walk sees to itself is left out, and what the start says added. */
static const char *rule_for_libical(struct arena *arena, struct text rule, enum frequency frequency,
                                    int64_t start_day)
{
    static const struct {
        const char *name;
        unsigned frequencies; /* as bits */
    } theirs[] = {
        {"FREQ", ~0u},
        {"INTERVAL", ~(1u << WEEKLY)},
        {"BYMONTH", ~0u},
        {"BYWEEKNO", ~0u},
        {"BYYEARDAY", ~0u},
        {"BYMONTHDAY", ~(1u << DAILY)},
        {"BYDAY", ~0u},
        {"BYSETPOS", ~0u},
        {"WKST", ~(1u << WEEKLY)},
    };
    const char *text = "";
    for (size_t i = 0; i < COUNT_OF(theirs); i++) {
        struct text value = part_of(rule, theirs[i].name);
        if (value.len && (theirs[i].frequencies >> frequency & 1))
            text = arena_printf(arena, "%s%s%s=%.*s", text, text[0] ? ";" : "", theirs[i].name,
                                (int)value.len, value.ptr);
    }
    return arena_printf(arena, "%s%s", text, implied(arena, rule, frequency, start_day));
}

/* COUNT openings make the last one, so that nobody counts again. */
static void end_by_count(struct recurrence *recurrence, uint32_t count)
{
    int64_t first = day_of(recurrence->start_s), day = first;
    int64_t time_s = recurrence->start_s - first * CIVIL_DAY_S;
    struct walk walk;
    int64_t last = civil_days((struct civil){LIBICAL_LAST_YEAR, 1, 1});
    if (!walk_start(recurrence, first, last, &walk))
        return;
    for (uint32_t i = 0; i < count && walk_next(&walk, &day); i++)
        recurrence->last_local_s = day * CIVIL_DAY_S + time_s;
    walk_end(&walk);
}

const struct recurrence *recurrence_make(struct arena *arena, struct local_time start,
                                         const struct tzfile *zone, struct text rrule,
                                         struct error *err)
{
    struct recurrence *made = arena_new(arena, struct recurrence);
    uint32_t count = number_of(rrule, "COUNT", 0);
    int64_t first_ms = 0;
    made->zone = zone;
    made->start_s = local_time_seconds(&start);
    made->frequency = frequency_of(rrule);
    made->interval = number_of(rrule, "INTERVAL", 1);
    made->week_start = week_start_of(rrule);
    made->rule = rule_for_libical(arena, rrule, made->frequency, day_of(made->start_s));
    if (made->frequency == DAILY)
        set_month_days(made, part_of(rrule, "BYMONTHDAY"));
    made->last_local_s = INT64_MAX;
    made->last_utc_s = until_of(rrule);
    if (count)
        end_by_count(made, count);
    if (recurrence_next(made, INT64_MIN / 2, &first_ms))
        return made;
    error_set(err, ERROR_INVALID,
              "expected a rule that has a day within %d years of the start; the window would never "
              "open",
              RECURRENCE_LOOK_YEARS);
    return NULL;
}
