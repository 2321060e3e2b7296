/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/base/bytes.h"

#include <string.h>

bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

struct text text_from(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
}

bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool text_is(struct text a, const char *string)
{
    return text_equal(a, text_from(string));
}

int text_compare(struct text a, struct text b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool text_starts_with(struct text a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && memcmp(a.ptr, prefix, len) == 0;
}

void text_end_whole(char *string)
{
    size_t len = strlen(string), tail = 0;
    while (tail < len && tail < 3 && ((uint8_t)string[len - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (tail == len)
        return;
    uint8_t lead = (uint8_t)string[len - 1 - tail];
    size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (tail < wanted)
        string[len - 1 - tail] = '\0';
}

bool text_to_u64(struct text text, uint64_t min, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(sum, 10u, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(text.ptr[i] - '0'), &sum))
            return false;
    }
    if (sum < min || sum > max)
        return false;
    *value = sum;
    return true;
}

struct reader reader_over(struct bytes bytes)
{
    return (struct reader){.next = bytes.ptr, .end = bytes.ptr + bytes.len};
}

size_t reader_left(const struct reader *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->next);
}

struct bytes read_bytes(struct reader *r, size_t len)
{
    if (len > reader_left(r)) {
        r->failed = true;
        return (struct bytes){0};
    }
    struct bytes taken = {r->next, len};
    r->next += len;
    return taken;
}

uint16_t read_u16(struct reader *r)
{
    struct bytes b = read_bytes(r, 2);
    return b.len ? (uint16_t)((unsigned)b.ptr[0] << 8 | b.ptr[1]) : 0;
}

uint32_t read_u32(struct reader *r)
{
    uint32_t high = read_u16(r);
    return high << 16 | read_u16(r);
}

struct writer writer_over(uint8_t *start, size_t capacity)
{
    return (struct writer){.start = start, .capacity = capacity};
}

void write_bytes(struct writer *w, const void *ptr, size_t len)
{
    if (w->failed || len > w->capacity - w->len) {
        w->failed = true;
        return;
    }
    if (len)
        memcpy(w->start + w->len, ptr, len);
    w->len += len;
}

void write_u8(struct writer *w, uint8_t value)
{
    write_bytes(w, &value, 1);
}

void write_u16(struct writer *w, uint16_t value)
{
    write_bytes(w, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

void write_u32(struct writer *w, uint32_t value)
{
    write_u16(w, (uint16_t)(value >> 16));
    write_u16(w, (uint16_t)value);
}
