/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/chaos.h"

#include "dnsd/question.h"
#include "zones/rrtype.h"

enum {
    LONGEST = 16
};

/* What BIND made the custom, and RFC 4892 section 3 wrote down. */
static const struct row {
    uint8_t length;
    bool is_version;
    uint8_t name[LONGEST];
} rows[] = {
    {11, false, "\2id\6server"},
    {15, false, "\10hostname\4bind"},
    {14, true, "\7version\4bind"},
    {16, true, "\7version\6server"},
};

static bool is_name(const struct question *question, const struct row *row)
{
    if (question->length != row->length)
        return false;
    uint32_t differ = 0;
    for (uint32_t i = 0; i < LONGEST && i < row->length; i++)
        differ |= (uint32_t)(question->lower[i] ^ row->name[i]);
    return differ == 0;
}

const struct settings_text *chaos_find(const struct question *question,
                                       const struct settings *settings)
{
    const struct settings_text *none = (const struct settings_text *)0;
    if (question->type != RRTYPE_TXT && question->type != RRTYPE_ANY)
        return none;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct settings_text *text =
            rows[i].is_version ? &settings->chaos_version : &settings->chaos_id;
        if (is_name(question, &rows[i]))
            return text->length ? text : none;
    }
    return none;
}
