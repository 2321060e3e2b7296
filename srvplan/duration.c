/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/duration.h"

#include <string.h>

static const struct {
    char unit;
    uint32_t seconds;
} units[] = {
    {'w', 7 * 24 * 3600}, {'d', 24 * 3600}, {'h', 3600}, {'m', 60}, {'s', 1},
};

static uint32_t unit_seconds(char unit)
{
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (units[i].unit == unit)
            return units[i].seconds;
    return 0;
}

bool duration_parse(struct text text, uint32_t max_s, uint32_t *seconds, struct error *err)
{
    uint64_t sum = 0;
    if (text.len == 0)
        return error_set(err, ERROR_INVALID,
                         "expected a duration such as \"1h30m\", found nothing");
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && text.ptr[end] >= '0' && text.ptr[end] <= '9')
            end++;
        uint32_t unit = end < text.len ? unit_seconds(text.ptr[end]) : 0;
        if (end == at || unit == 0)
            return error_set(err, ERROR_INVALID,
                             "expected a duration of whole numbers with a unit each (w, d, h, m or "
                             "s), such as \"1h30m\"");
        uint64_t number, part;
        if (!text_to_u64((struct text){text.ptr + at, end - at}, 0, UINT64_MAX, &number) ||
            __builtin_mul_overflow(number, unit, &part) ||
            __builtin_add_overflow(sum, part, &sum) || sum > max_s)
            return error_set(err, ERROR_INVALID, "expected a duration of at most %u seconds",
                             max_s);
        at = end + 1;
    }
    *seconds = (uint32_t)sum;
    return true;
}
