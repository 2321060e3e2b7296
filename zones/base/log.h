/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log: a fixed sentence, then fields, one line an event, on stderr in logfmt.
 *
 * Outside text is quoted and escaped, so that nobody can write a second line into our log. Under
 * journald (JOURNAL_STREAM is set) the syslog level goes in front as "<6>", else a time does.
 * Libraries and the query path never log; they return errors and count. */
#pragma once
#include "zones/base/bytes.h"

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
};

struct log_field {
    const char *key;
    enum {
        LOG_FIELD_END,
        LOG_FIELD_TEXT,
        LOG_FIELD_NUMBER,
    } kind;
    struct text text;
    int64_t number;
};

static inline struct log_field log_text(const char *key, struct text value)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_TEXT, .text = value};
}

static inline struct log_field log_string(const char *key, const char *value)
{
    return log_text(key, text_from(value));
}

static inline struct log_field log_number(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_NUMBER, .number = value};
}

/* Writes one line with one write(2), so that lines of several threads do not mix. */
void log_write(enum log_level level, const char *sentence, const struct log_field *fields);

#define log_event(level, sentence, ...)                                                            \
    log_write((level), (sentence), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define log_error(...) log_event(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_event(LOG_LEVEL_INFO, __VA_ARGS__)
