/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/clean.h"

#include <string.h>

/* The bytes of the character that begins at `at`, and the character; 0: no UTF-8 (RFC 3629). */
static size_t character_at(const unsigned char *at, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = at[0] < 0x80             ? 1
                 : (at[0] & 0xE0) == 0xC0 ? 2
                 : (at[0] & 0xF0) == 0xE0 ? 3
                 : (at[0] & 0xF8) == 0xF0 ? 4
                                          : 0;
    uint32_t value = len == 1 ? at[0] : len ? at[0] & (0x7Fu >> len) : 0;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0; /* also the NUL at the end */
        value = value << 6 | (at[i] & 0x3Fu);
    }
    if (len == 0 || value < least[len] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *character = value;
    return len;
}

static bool is_shown(uint32_t c)
{
    bool is_control = c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
    bool is_direction =
        (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F;
    return !is_control && !is_direction;
}

const char *clean_text(const char *text, enum clean_charset charset, struct arena *arena)
{
    char *clean = arena_alloc(arena, strlen(text) + 1), *end = clean;
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t character = 0;
        size_t len = character_at(at, &character);
        if (len > 0 && is_shown(character) && (charset == CLEAN_UTF8 || len == 1)) {
            memcpy(end, at, len);
            end += len;
        } else {
            *end++ = '?';
        }
        at += len ? len : 1;
    }
    return clean;
}
