/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/local_time.h"

#include "srvplan/civil.h"

enum {
    YEAR_FIRST = 1970,
    YEAR_LAST = 2199,
};

uint32_t local_time_month_days(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && civil_is_leap_year((int32_t)year) ? 29 : days[month - 1];
}

/* Where each number stands, how long it is, and its range. */
static const struct {
    uint8_t at, len;
    uint16_t min, max;
} parts[] = {
    {0, 4, YEAR_FIRST, YEAR_LAST},
    {5, 2, 1, 12},
    {8, 2, 1, 31},
    {11, 2, 0, 23},
    {14, 2, 0, 59},
    {17, 2, 0, 59},
};

bool local_time_parse(struct text text, struct local_time *time, struct error *err)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    enum {
        SHORT_LEN = sizeof "dddd-dd-ddTdd:dd" - 1,
        LONG_LEN = sizeof form - 1,
    };
    uint64_t numbers[COUNT_OF(parts)] = {0};
    bool is_good = text.len == SHORT_LEN || text.len == LONG_LEN;
    for (size_t i = 0; is_good && i < text.len; i++)
        is_good =
            form[i] == 'd' ? text.ptr[i] >= '0' && text.ptr[i] <= '9' : text.ptr[i] == form[i];
    for (size_t i = 0; is_good && i < COUNT_OF(parts) && parts[i].at < text.len; i++)
        is_good = text_to_u64((struct text){text.ptr + parts[i].at, parts[i].len}, parts[i].min,
                              parts[i].max, &numbers[i]);
    if (!is_good)
        return error_set(err, ERROR_INVALID,
                         "expected a local time as YYYY-MM-DDTHH:MM or YYYY-MM-DDTHH:MM:SS, from "
                         "1970 to 2199");
    if (numbers[2] > local_time_month_days((uint32_t)numbers[0], (uint32_t)numbers[1]))
        return error_set(err, ERROR_INVALID, "expected a day that the calendar has");
    *time = (struct local_time){
        .year = (uint16_t)numbers[0],
        .month = (uint8_t)numbers[1],
        .day = (uint8_t)numbers[2],
        .hour = (uint8_t)numbers[3],
        .minute = (uint8_t)numbers[4],
        .second = (uint8_t)numbers[5],
    };
    return true;
}

int64_t local_time_seconds(const struct local_time *time)
{
    int64_t days = civil_days((struct civil){time->year, time->month, time->day});
    return ((days * 24 + time->hour) * 60 + time->minute) * 60 + time->second;
}
