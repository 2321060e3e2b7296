/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_realtime_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Whoever is interrupted between two clocks sees a jump that never was. */
enum {
    READ_WITHIN_MS = 2,
    READ_AGAIN_MAX = 20,
};

void clock_read(struct clock_reading *reading)
{
    for (int i = 0; i < READ_AGAIN_MAX; i++) {
        reading->boot_ms = read_ms(CLOCK_BOOTTIME);
        reading->real_ms = read_ms(CLOCK_REALTIME);
        reading->monotonic_ms = read_ms(CLOCK_MONOTONIC);
        if (read_ms(CLOCK_BOOTTIME) - reading->boot_ms <= READ_WITHIN_MS)
            return;
    }
}

const char *clock_print(int64_t at_ms, char text[static CLOCK_TEXT_SIZE])
{
    int64_t seconds = at_ms / 1000, ms = at_ms % 1000;
    if (ms < 0) {
        ms += 1000;
        seconds--;
    }
    time_t when = (time_t)seconds;
    struct tm tm;
    gmtime_r(&when, &tm);
    size_t len = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        snprintf(text + len, CLOCK_TEXT_SIZE - len, ".%03dZ", (int)ms);
    else
        snprintf(text + len, CLOCK_TEXT_SIZE - len, "Z");
    return text;
}

/* Two digits at `at`, 0..max, else -1. */
static int two_digits(struct text t, size_t at, int max)
{
    if (at + 2 > t.len || t.ptr[at] < '0' || t.ptr[at] > '9' || t.ptr[at + 1] < '0' ||
        t.ptr[at + 1] > '9')
        return -1;
    int value = (t.ptr[at] - '0') * 10 + (t.ptr[at + 1] - '0');
    return value <= max ? value : -1;
}

/* The zone part from `at`: Z or +HH:MM; the offset in minutes, or false. */
static bool parse_offset(struct text t, size_t at, int *minutes)
{
    if (at + 1 == t.len && (t.ptr[at] == 'Z' || t.ptr[at] == 'z')) {
        *minutes = 0;
        return true;
    }
    if (at + 6 != t.len || (t.ptr[at] != '+' && t.ptr[at] != '-') || t.ptr[at + 3] != ':')
        return false;
    int hours = two_digits(t, at + 1, 23), mins = two_digits(t, at + 4, 59);
    if (hours < 0 || mins < 0)
        return false;
    *minutes = (hours * 60 + mins) * (t.ptr[at] == '-' ? -1 : 1);
    return true;
}

bool clock_parse(struct text t, int64_t *at_ms)
{
    uint64_t seconds;
    if (t.len > 1 && t.ptr[0] == '@') {
        if (!text_to_u64((struct text){t.ptr + 1, t.len - 1}, 0, 253402300799, &seconds))
            return false;
        *at_ms = (int64_t)seconds * 1000;
        return true;
    }
    if (t.len < 20 || t.ptr[4] != '-' || t.ptr[7] != '-' || t.ptr[13] != ':' || t.ptr[16] != ':' ||
        (t.ptr[10] != 'T' && t.ptr[10] != 't' && t.ptr[10] != ' '))
        return false;
    int century = two_digits(t, 0, 99), year = two_digits(t, 2, 99), month = two_digits(t, 5, 12);
    int day = two_digits(t, 8, 31), hour = two_digits(t, 11, 23), minute = two_digits(t, 14, 59);
    int second = two_digits(t, 17, 60); /* 60: a leap second, RFC 3339 section 5.7 */
    if (century < 0 || year < 0 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0)
        return false;
    size_t at = 19;
    int ms = 0;
    if (at < t.len && t.ptr[at] == '.') {
        int scale = 100;
        size_t digits = ++at;
        for (; at < t.len && t.ptr[at] >= '0' && t.ptr[at] <= '9'; at++, scale /= 10)
            ms += (t.ptr[at] - '0') * scale;
        if (at == digits)
            return false;
    }
    int offset = 0;
    if (!parse_offset(t, at, &offset))
        return false;
    struct tm tm = {.tm_year = century * 100 + year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};
    time_t when = timegm(&tm);
    if (tm.tm_mday != day && second != 60) /* timegm turned 31 February into March */
        return false;
    *at_ms = ((int64_t)when - (int64_t)offset * 60) * 1000 + ms;
    return true;
}
