/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/base/log.h"

#include "zones/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longer lines are cut: the journal takes 48 KiB, but a person reads the first screen. */
enum {
    LINE_MAX_BYTES = 2048
};

static void put(struct writer *w, const char *string)
{
    write_bytes(w, string, strlen(string));
}

static bool is_plain(struct text value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return false;
    }
    return value.len > 0;
}

static void put_quoted(struct writer *w, struct text value)
{
    write_u8(w, '"');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        char escaped[8];
        if (c < ' ' || c == 0x7f)
            snprintf(escaped, sizeof escaped, "\\x%02x", c);
        else
            snprintf(escaped, sizeof escaped, c == '"' || c == '\\' ? "\\%c" : "%c", c);
        put(w, escaped);
    }
    write_u8(w, '"');
}

static void put_field(struct writer *w, const struct log_field *field)
{
    char number[24];
    put(w, " ");
    put(w, field->key);
    put(w, "=");
    if (field->kind == LOG_FIELD_NUMBER) {
        snprintf(number, sizeof number, "%" PRId64, field->number);
        put(w, number);
    } else if (is_plain(field->text)) {
        write_bytes(w, field->text.ptr, field->text.len);
    } else {
        put_quoted(w, field->text);
    }
}

void log_write(enum log_level level, const char *sentence, const struct log_field *fields)
{
    static const char *const names[] = {
        [LOG_LEVEL_ERROR] = "error: ", [LOG_LEVEL_WARNING] = "warning: ", [LOG_LEVEL_INFO] = ""};
    uint8_t line[LINE_MAX_BYTES];
    struct writer w = writer_over(line, sizeof line - 1);
    char text[CLOCK_TEXT_SIZE];
    if (getenv("JOURNAL_STREAM")) {
        put(&w, (const char[]){'<', (char)('0' + level), '>', '\0'});
    } else {
        put(&w, clock_print(clock_realtime_ms(), text));
        put(&w, " ");
    }
    put(&w, names[level]);
    put(&w, sentence);
    for (; fields->kind != LOG_FIELD_END; fields++)
        put_field(&w, fields);
    line[w.len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, w.len);
    (void)written; /* a log that cannot be written has nobody left to tell */
}
