/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of a whole: 0.35 or "35%", in parts per billion. A JSON number has passed through a double,
 * so it is rounded to the ninth decimal, which gives back what was written; percentages are read
 * digit by digit. */
#include "srvplan/inventory_read.h"

#include <stdio.h>

enum {
    PERCENT_PPB = RATIO_ONE / 100,
    PERCENT_DECIMALS = 7, /* of a percentage: 10^-9 of the whole */
};

/* "35%", "12.5%": false when it is no such text, or above 100 %. */
static bool percent_parse(struct text text, int64_t *ppb)
{
    uint64_t whole = 0, decimals = 0, unit = PERCENT_PPB;
    size_t at = 0, end = text.len - 1;
    if (text.len < 2 || text.ptr[end] != '%')
        return false;
    while (at < end && text.ptr[at] != '.')
        at++;
    bool has_leading_zero = at > 1 && text.ptr[0] == '0';
    if (has_leading_zero || !text_to_u64((struct text){text.ptr, at}, 0, 100, &whole))
        return false;
    if (at < end) {
        struct text digits = {text.ptr + at + 1, end - at - 1};
        if (digits.len > PERCENT_DECIMALS || !text_to_u64(digits, 0, UINT64_MAX, &decimals))
            return false;
        for (size_t i = 0; i < digits.len; i++)
            unit /= 10;
    }
    uint64_t sum = whole * PERCENT_PPB + (at < end ? decimals * unit : 0);
    if (sum > RATIO_ONE)
        return false;
    *ppb = (int64_t)sum;
    return true;
}

/* 0..1; what is not 0 stays so. */
static bool number_parse(const json_t *value, int64_t *ppb)
{
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= 0 && number <= 1))
        return false;
    *ppb = (int64_t)(number * RATIO_ONE + 0.5);
    if (*ppb == 0 && number > 0)
        *ppb = 1;
    return true;
}

void read_ratio(struct load *load, const struct place *place, json_t *value,
                const struct key_row *row, void *field)
{
    struct optional *ratio = field;
    int64_t ppb = 0;
    char mend[64] = "write for example \"35%\" or 0.35";
    bool is_number = json_is_number(value);
    double number = json_number_value(value);
    if (is_number ? number_parse(value, &ppb)
                  : json_is_string(value) && percent_parse(json_text(value), &ppb)) {
        if (ppb >= row->min)
            *ratio = (struct optional){true, ppb};
        else
            mistake_add(&load->mistakes, place, "out-of-range", "write more, or remove it",
                        "expected a part of more than 0, found 0");
        return;
    }
    if (is_number && number > 1 && number <= 100)
        snprintf(mend, sizeof mend, "did you mean \"%.10g%%\"?", number);
    mistake_add(&load->mistakes, place, "bad-ratio", mend,
                "expected a part of the whole, from 0 to 1 or from \"0%%\" to \"100%%\", found %s",
                describe(load, value));
}

const char *ratio_print(struct load *load, uint64_t ppb)
{
    char decimals[PERCENT_DECIMALS + 1];
    int len = snprintf(decimals, sizeof decimals, "%07u", (unsigned)(ppb % PERCENT_PPB));
    while (len > 0 && decimals[len - 1] == '0')
        len--;
    decimals[len] = '\0';
    return arena_printf(&load->mistakes.arena, "%llu%s%s %%",
                        (unsigned long long)(ppb / PERCENT_PPB), len ? "." : "", decimals);
}
