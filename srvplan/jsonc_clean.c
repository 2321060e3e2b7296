/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of jsonc that makes plain JSON of a text with comments, and refuses what is no text. */
#include "srvplan/jsonc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool jsonc_fault_set(struct jsonc_fault *fault, const char *code, size_t offset, const char *format,
                     ...)
{
    va_list args;
    fault->code = code;
    fault->offset = offset;
    fault->opened = JSONC_NOWHERE;
    va_start(args, format);
    vsnprintf(fault->message, sizeof fault->message, format, args);
    va_end(args);
    return false;
}

/* The length of the UTF-8 sequence at p (RFC 3629 section 4), 0 when it is not one. */
static size_t utf8_length(const uint8_t *p, size_t left)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, len;
    } rows[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (p[0] < 0x80)
        return 1;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (p[0] < rows[i].first_min || p[0] > rows[i].first_max)
            continue;
        if (left < rows[i].len || p[1] < rows[i].second_min || p[1] > rows[i].second_max)
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if (p[k] < 0x80 || p[k] > 0xbf)
                return 0;
        return rows[i].len;
    }
    return 0;
}

bool jsonc_encoding_check(struct bytes text, struct jsonc_fault *fault)
{
    for (size_t at = 0, step; at < text.len; at += step) {
        if (text.ptr[at] == 0) {
            fault->mend = "save the file as UTF-8 text";
            return jsonc_fault_set(fault, "nul-byte", at, "expected text, found a NUL byte");
        }
        step = utf8_length(text.ptr + at, text.len - at);
        if (step == 0) {
            fault->mend = "save the file as UTF-8 text";
            return jsonc_fault_set(fault, "bad-utf8", at, "expected UTF-8, found the byte 0x%02X",
                                   text.ptr[at]);
        }
    }
    return true;
}

/* Blanks the comment at `at`; returns its end, or 0 when it has none. */
static size_t comment_blank(char *clean, size_t at, size_t len)
{
    size_t end = at + 2;
    if (clean[at + 1] == '/') {
        while (end < len && !jsonc_is_line_end(clean[end]))
            end++;
    } else {
        while (end + 1 < len && !(clean[end] == '*' && clean[end + 1] == '/'))
            end++;
        if (end + 1 >= len)
            return 0;
        end += 2;
    }
    for (size_t i = at; i < end; i++)
        if (!jsonc_is_line_end(clean[i]))
            clean[i] = ' ';
    return end;
}

/* The end of the string that starts at `at`; a line end closes it too: the walk reports that. */
static size_t string_end(struct text text, size_t at)
{
    for (at++; at < text.len; at++) {
        if (text.ptr[at] == '\\')
            at++;
        else if (text.ptr[at] == '"')
            return at + 1;
        else if (jsonc_is_line_end(text.ptr[at]))
            return at;
    }
    return text.len;
}

bool jsonc_clean(struct bytes text, char *clean, struct jsonc_fault *fault)
{
    *fault = (struct jsonc_fault){.opened = JSONC_NOWHERE};
    if (!jsonc_encoding_check(text, fault))
        return false;
    if (text.len)
        memcpy(clean, text.ptr, text.len);
    clean[text.len] = '\0';
    if (text.len >= 3 && memcmp(clean, "\xef\xbb\xbf", 3) == 0)
        memset(clean, ' ', 3); /* RFC 8259 section 8.1: a byte order mark may be ignored */

    char before = '['; /* the last significant character, and the one before it */
    char last = '[';
    size_t last_at = 0;
    for (size_t at = 0; at < text.len;) {
        char c = clean[at];
        if (jsonc_is_space(c)) {
            at++;
            continue;
        }
        if (c == '/' && at + 1 < text.len && (clean[at + 1] == '/' || clean[at + 1] == '*')) {
            size_t end = comment_blank(clean, at, text.len);
            if (end == 0) {
                fault->mend = "end the comment with */";
                return jsonc_fault_set(fault, "open-comment", at,
                                       "expected \"*/\" after this \"/*\", "
                                       "found the end of the text");
            }
            at = end;
            continue;
        }
        /* A comma is a trailing one only behind a value: [,] stays the mistake that it is. */
        if ((c == ']' || c == '}') && last == ',' && !strchr("[{,:", before))
            clean[last_at] = ' ';
        before = last;
        last = c;
        last_at = at;
        at = c == '"' ? string_end((struct text){clean, text.len}, at) : at + 1;
    }
    return true;
}
