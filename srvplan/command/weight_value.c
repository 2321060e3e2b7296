/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/weight_value.h"

#include "zones/base/bytes.h"

enum {
    WEIGHT_MAX = 65535,
    PERCENT_MAX = 1000
};

json_t *weight_value_parse(const char *text, struct error *err)
{
    struct text number = text_from(text);
    bool is_signed = number.len > 0 && (text[0] == '+' || text[0] == '-');
    bool is_percent = number.len > 0 && text[number.len - 1] == '%';
    uint64_t value;
    if (is_signed)
        number = (struct text){number.ptr + 1, number.len - 1};
    if (is_percent && number.len > 0)
        number.len--;
    bool ok = !(is_signed && is_percent) &&
              text_to_u64(number, 0, is_percent ? PERCENT_MAX : WEIGHT_MAX, &value);
    if (!ok) {
        error_set(err, ERROR_USAGE,
                  "weight '%.60s': expected N (0 to 65535), +N, -N, or N%% (0 to 1000) of the "
                  "planned weight",
                  text);
        return NULL;
    }
    return is_signed || is_percent ? json_string(text) : json_integer((json_int_t)value);
}
