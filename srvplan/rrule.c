/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/rrule.h"

#include "srvplan/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum frequency {
    DAILY = 1,
    WEEKLY = 2,
    MONTHLY = 4,
    YEARLY = 8,
};

enum part {
    FREQ,
    UNTIL,
    COUNT,
    INTERVAL,
    BYSECOND,
    BYMINUTE,
    BYHOUR,
    BYDAY,
    BYMONTHDAY,
    BYYEARDAY,
    BYWEEKNO,
    BYMONTH,
    BYSETPOS,
    WKST,
    PART_COUNT,
};

enum {
    VALUES_MAX = 100, /* of one list */
};

struct part_value {
    bool is_given;
    struct text text;
    int32_t numbers[VALUES_MAX];
    uint32_t count;
};

struct checker {
    struct rrule_mistake *mistake;
    const struct local_time *start; /* NULL: not known */
    enum frequency frequency;
    struct part_value parts[PART_COUNT];
};

static bool refuse(struct checker *c, const char *mend, const char *format, ...) PRINTF_LIKE(3, 4);

static bool refuse(struct checker *c, const char *mend, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->mistake->message, sizeof c->mistake->message, format, args);
    va_end(args);
    snprintf(c->mistake->mend, sizeof c->mistake->mend, "%s", mend);
    return false;
}

/* A piece of the rule for a message: short, without control characters. */
struct shown {
    char text[44];
};
static struct shown show(struct text text)
{
    struct shown shown;
    size_t len = text.len < 40 ? text.len : 40;
    for (size_t i = 0; i < len; i++)
        shown.text[i] = text.ptr[i] > ' ' && text.ptr[i] < 0x7f ? text.ptr[i] : '?';
    strcpy(shown.text + len, text.len > len ? "..." : "");
    return shown;
}

/* Cuts *rest at the first `separator`; returns what was before it. */
static struct text cut(struct text *rest, char separator)
{
    const char *at = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    size_t len = at ? (size_t)(at - rest->ptr) : rest->len;
    struct text before = {rest->ptr, len};
    size_t skip = at ? len + 1 : len;
    *rest = (struct text){rest->ptr + skip, rest->len - skip};
    return before;
}

/* ---- values ---- */

typedef bool part_reader(struct checker *c, enum part part);

static part_reader read_frequency, read_until, read_numbers, read_days, read_weekday;

#define ANY (DAILY | WEEKLY | MONTHLY | YEARLY)
/* Where a part may stand is RFC 5545 section 3.3.10, the table "BYxxx and FREQ"; and BYSETPOS only
 * where it chooses from more than a week, since BYDAY says the rest. */
static const struct {
    const char *name;
    part_reader *read;
    int16_t min, max; /* below 0: counted from the end, 0 is none */
    uint8_t digits;   /* of a number, at most */
    uint8_t frequencies;
    bool is_single;
} rows[PART_COUNT] = {
    /* clang-format off */
    [FREQ]       = {"FREQ",       read_frequency, 0, 0,      0, ANY, false},
    [UNTIL]      = {"UNTIL",      read_until,     0, 0,      0, ANY, false},
    [COUNT]      = {"COUNT",      read_numbers,   1, 10000,  5, ANY, true},
    [INTERVAL]   = {"INTERVAL",   read_numbers,   1, 1000,   5, ANY, true},
    [BYSECOND]   = {"BYSECOND",   read_numbers,   0, 59,     2, ANY, true},
    [BYMINUTE]   = {"BYMINUTE",   read_numbers,   0, 59,     2, ANY, true},
    [BYHOUR]     = {"BYHOUR",     read_numbers,   0, 23,     2, ANY, true},
    [BYDAY]      = {"BYDAY",      read_days,      -53, 53,   2, ANY, false},
    [BYMONTHDAY] = {"BYMONTHDAY", read_numbers,   -31, 31,   3, DAILY | MONTHLY | YEARLY, false},
    [BYYEARDAY]  = {"BYYEARDAY",  read_numbers,   -366, 366, 3, YEARLY, false},
    [BYWEEKNO]   = {"BYWEEKNO",   read_numbers,   -53, 53,   3, YEARLY, false},
    [BYMONTH]    = {"BYMONTH",    read_numbers,   1, 12,     2, ANY, false},
    [BYSETPOS]   = {"BYSETPOS",   read_numbers,   -366, 366, 3, MONTHLY | YEARLY, false},
    [WKST]       = {"WKST",       read_weekday,   0, 0,      0, ANY, false},
    /* clang-format on */
};

static const char *const weekdays[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

static bool is_weekday(struct text text)
{
    for (size_t i = 0; i < COUNT_OF(weekdays); i++)
        if (text_is(text, weekdays[i]))
            return true;
    return false;
}

/* [+|-]digits; no sign where the range has no negative ones. */
static bool number_parse(struct text text, enum part part, int32_t *number)
{
    int32_t min = rows[part].min, max = rows[part].max;
    uint64_t size;
    bool is_signed = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    bool is_negative = is_signed && text.ptr[0] == '-';
    struct text digits = {text.ptr + is_signed, text.len - is_signed};
    if ((is_signed && min >= 0) || digits.len > rows[part].digits ||
        !text_to_u64(digits, 0, UINT16_MAX, &size))
        return false;
    *number = is_negative ? -(int32_t)size : (int32_t)size;
    return *number >= min && *number <= max && (min >= 0 || *number != 0);
}

static bool read_numbers(struct checker *c, enum part part)
{
    struct part_value *value = &c->parts[part];
    const char *name = rows[part].name;
    struct text rest = value->text;
    const char *signs = rows[part].min < 0 ? ", or as many from the end with \"-\"" : "";
    int lowest = rows[part].min < 0 ? 1 : rows[part].min;
    do {
        struct text item = cut(&rest, ',');
        int32_t number;
        if (!number_parse(item, part, &number))
            return refuse(c, "write a number of that range",
                          "expected %s of %d to %d%s; found \"%s\"", name, lowest, rows[part].max,
                          signs, show(item).text);
        if (value->count == (rows[part].is_single ? 1 : VALUES_MAX))
            return refuse(
                c, "write one number, or a window for each", "expected %s with %s, found \"%s\"%s",
                name, rows[part].is_single ? "one number" : "fewer numbers", show(value->text).text,
                part >= BYSECOND && part <= BYHOUR ? ": more than one start a day is not possible"
                                                   : "");
        value->numbers[value->count++] = number;
    } while (rest.len || rest.ptr[-1] == ',');
    return true;
}

static bool read_frequency(struct checker *c, enum part part)
{
    static const struct {
        const char *name;
        enum frequency frequency;
    } frequencies[] = {
        {"DAILY", DAILY}, {"WEEKLY", WEEKLY}, {"MONTHLY", MONTHLY}, {"YEARLY", YEARLY}};
    struct text word = c->parts[part].text;
    struct nearest nearest = nearest_to(word);
    char mend[64] = "write DAILY, WEEKLY, MONTHLY or YEARLY";
    for (size_t i = 0; i < COUNT_OF(frequencies); i++) {
        if (text_is(word, frequencies[i].name)) {
            c->frequency = frequencies[i].frequency;
            return true;
        }
        nearest_consider(&nearest, text_from(frequencies[i].name));
    }
    if (text_is(word, "HOURLY") || text_is(word, "MINUTELY") || text_is(word, "SECONDLY"))
        return refuse(
            c, "write DAILY, WEEKLY, MONTHLY or YEARLY",
            "expected at most one start a day, found FREQ=%s: maintenance several times a "
            "day is not possible, and some such rules never end their search",
            show(word).text);
    if (nearest.best.len)
        snprintf(mend, sizeof mend, "did you mean FREQ=%.*s?", (int)nearest.best.len,
                 nearest.best.ptr);
    return refuse(c, mend, "expected FREQ=DAILY, WEEKLY, MONTHLY or YEARLY, found \"%s\"",
                  show(word).text);
}

/* "20271231T235959Z" as local time, good enough to compare days. */
static bool until_parse(struct text text, struct local_time *until)
{
    static const char form[] = "ddddddddTddddddZ";
    char iso[] = "YYYY-MM-DDTHH:MM:SS";
    static const uint8_t places[] = {0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 14, 15, 17, 18};
    if (text.len != sizeof form - 1 || text.ptr[text.len - 1] != 'Z')
        return false;
    for (size_t i = 0; i < COUNT_OF(places); i++)
        iso[places[i]] = text.ptr[i];
    return local_time_parse(text_from(iso), until, NULL);
}

static bool read_until(struct checker *c, enum part part)
{
    enum {
        A_DAY_S = 24 * 3600 /* more than any zone is away from UTC */
    };
    struct text text = c->parts[part].text;
    struct local_time until;
    if (!until_parse(text, &until))
        return refuse(c, "write for example UNTIL=20271231T235959Z",
                      "expected UNTIL as an instant in UTC, YYYYMMDDTHHMMSSZ; found \"%s\"",
                      show(text).text);
    if (c->start && local_time_seconds(&until) + A_DAY_S < local_time_seconds(c->start))
        return refuse(c, "write a later UNTIL, or remove the window",
                      "expected UNTIL after the start %04u-%02u-%02u, found \"%s\"", c->start->year,
                      c->start->month, c->start->day, show(text).text);
    return true;
}

static bool read_weekday(struct checker *c, enum part part)
{
    struct text text = c->parts[part].text;
    return is_weekday(text) ||
           refuse(c, "write MO, TU, WE, TH, FR, SA or SU",
                  "expected a weekday after %s=, found \"%s\"", rows[part].name, show(text).text);
}

/* Weekdays, in rules by month or year also as "2SU" (the second) or "-1FR" (the last). */
static bool read_days(struct checker *c, enum part part)
{
    struct part_value *value = &c->parts[part];
    struct text rest = value->text;
    bool has_number = c->frequency == YEARLY || c->frequency == MONTHLY;
    int32_t most = c->frequency == YEARLY ? 53 : 5;
    do {
        struct text item = cut(&rest, ',');
        size_t digits = item.len > 2 ? item.len - 2 : 0;
        struct text day = {item.ptr + digits, item.len - digits}, count = {item.ptr, digits};
        int32_t number = 0;
        if (!is_weekday(day) || (digits && !number_parse(count, part, &number)))
            return refuse(c, "write for example BYDAY=SU, BYDAY=MO,TH or, by month, BYDAY=2SU",
                          "expected weekdays MO, TU, WE, TH, FR, SA, SU after BYDAY=, found \"%s\"",
                          show(item).text);
        if (number && !has_number)
            return refuse(c, "remove the number, or write FREQ=MONTHLY",
                          "expected weekdays without a number unless FREQ is MONTHLY or YEARLY, "
                          "found \"%s\"",
                          show(item).text);
        if (number > most || number < -most)
            return refuse(c, "write a number from 1 to 5, or from -1 to -5",
                          "expected a weekday that a month has, found \"%s\"", show(item).text);
        if (value->count == VALUES_MAX)
            return refuse(c, "write fewer", "expected at most %d weekdays", VALUES_MAX);
        value->numbers[value->count++] = number;
    } while (rest.len || rest.ptr[-1] == ',');
    return true;
}

/* ---- parts that depend on each other ---- */

/* A start says the time of day; a rule may repeat it, not contradict it. */
static bool time_check(struct checker *c)
{
    const struct local_time *start = c->start;
    if (!start)
        return true;
    const int32_t of_start[] = {start->second, start->minute, start->hour};
    for (uint32_t i = 0; i < COUNT_OF(of_start); i++) {
        const struct part_value *value = &c->parts[BYSECOND + i];
        if (value->is_given && value->numbers[0] != of_start[i])
            return refuse(c, "remove it: the start says the time of day",
                          "expected %s=%d, as the start has it, found \"%s\"",
                          rows[BYSECOND + i].name, of_start[i], show(value->text).text);
    }
    return true;
}

/* False: none of the months has any of the days, so the rule has no time at all. */
static bool days_exist(const struct checker *c)
{
    const struct part_value *days = &c->parts[BYMONTHDAY], *months = &c->parts[BYMONTH];
    enum {
        LEAP_YEAR = 2000
    };
    if (!days->is_given || !months->is_given)
        return true;
    for (uint32_t i = 0; i < days->count; i++) {
        uint32_t day = (uint32_t)(days->numbers[i] < 0 ? -days->numbers[i] : days->numbers[i]);
        for (uint32_t k = 0; k < months->count; k++)
            if (day <= local_time_month_days(LEAP_YEAR, (uint32_t)months->numbers[k]))
                return true;
    }
    return false;
}

static bool numbered_days_check(struct checker *c)
{
    const struct part_value *days = &c->parts[BYDAY];
    for (uint32_t i = 0; c->parts[BYWEEKNO].is_given && i < days->count; i++)
        if (days->numbers[i] != 0)
            return refuse(c, "remove the number, or BYWEEKNO",
                          "expected BYDAY without numbers beside BYWEEKNO, found \"%s\"",
                          show(days->text).text);
    return true;
}

static bool whole_check(struct checker *c)
{
    bool selects = false;
    for (enum part part = BYSECOND; part <= BYMONTH; part++)
        selects |= c->parts[part].is_given;
    if (c->parts[UNTIL].is_given && c->parts[COUNT].is_given)
        return refuse(c, "remove one of them", "expected UNTIL or COUNT, found both");
    if (c->parts[BYSETPOS].is_given && !selects)
        return refuse(c, "add for example BYDAY, or remove BYSETPOS",
                      "expected another BY... part beside BYSETPOS, found none");
    if (!days_exist(c))
        return refuse(c, "write another BYMONTHDAY or BYMONTH",
                      "expected a day that some of the months have; BYMONTHDAY=%s is in none of "
                      "BYMONTH=%s, so the window would never open",
                      show(c->parts[BYMONTHDAY].text).text, show(c->parts[BYMONTH].text).text);
    return time_check(c) && numbered_days_check(c);
}

/* ---- the rule ---- */

static bool unknown_part(struct checker *c, struct text name)
{
    char mend[160] = "see RFC 5545 section 3.3.10 for the parts of a rule";
    struct nearest nearest = nearest_to(name);
    for (size_t i = 0; i < PART_COUNT; i++)
        nearest_consider(&nearest, text_from(rows[i].name));
    if (nearest.best.len)
        snprintf(mend, sizeof mend, "did you mean %.*s?", (int)nearest.best.len, nearest.best.ptr);
    return refuse(c, mend, "expected parts such as FREQ, INTERVAL, BYDAY or UNTIL, found \"%s\"",
                  show(name).text);
}

static bool part_take(struct checker *c, struct text item, bool is_first)
{
    struct text value = item, name = cut(&value, '=');
    enum part part = FREQ;
    while (part < PART_COUNT && !text_is(name, rows[part].name))
        part++;
    if (is_first && part != FREQ)
        return refuse(c, "write for example \"FREQ=WEEKLY;BYDAY=SU\"",
                      "expected a rule that begins with FREQ=, found \"%s\"", show(item).text);
    if (part == PART_COUNT)
        return unknown_part(c, name);
    if (c->parts[part].is_given)
        return refuse(c, "remove one of them", "expected %s once, found it again", rows[part].name);
    if (value.len == 0)
        return refuse(c, "write a value after \"=\"", "expected a value for %s, found none",
                      rows[part].name);
    c->parts[part].is_given = true;
    c->parts[part].text = value;
    if (!is_first && !(rows[part].frequencies & c->frequency))
        return refuse(c, "use another FREQ, or another part",
                      "expected no %s with this FREQ (RFC 5545 section 3.3.10), found \"%s\"",
                      rows[part].name, show(item).text);
    return rows[part].read(c, part);
}

bool rrule_check(struct text rule, const struct local_time *start, struct rrule_mistake *mistake)
{
    struct checker c = {.mistake = mistake, .start = start};
    bool is_first = true;
    if (rule.len > RRULE_MAX_BYTES)
        return refuse(&c, "use a simpler rule, or several windows",
                      "expected a rule of at most %d characters, found %zu", RRULE_MAX_BYTES,
                      rule.len);
    do {
        if (!part_take(&c, cut(&rule, ';'), is_first))
            return false;
        is_first = false;
    } while (rule.len || rule.ptr[-1] == ';');
    return whole_check(&c);
}
