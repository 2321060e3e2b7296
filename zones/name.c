/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/name.h"

#include <stdio.h>
#include <string.h>

const struct name name_root = {(const uint8_t[]){0}, 1};

static bool equal_lowered(const uint8_t *a, const uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (name_lower_byte(a[i]) != name_lower_byte(b[i]))
            return false;
    return true;
}

bool name_equal(struct name a, struct name b)
{
    return a.len == b.len && equal_lowered(a.wire, b.wire, a.len);
}

/* Offsets of the labels of `name`, the first one first; returns how many. */
static size_t label_offsets(struct name name, uint8_t offsets[static NAME_MAX_LABELS])
{
    size_t count = 0;
    for (size_t at = 0; name.wire[at] != 0; at += name.wire[at] + 1u)
        offsets[count++] = (uint8_t)at;
    return count;
}

size_t name_labels(struct name name)
{
    uint8_t offsets[NAME_MAX_LABELS];
    return label_offsets(name, offsets);
}

struct name name_parent(struct name name)
{
    size_t first = name.wire[0];
    if (first == 0)
        return name;
    return (struct name){name.wire + first + 1, name.len - first - 1};
}

bool name_is_within(struct name name, struct name ancestor)
{
    while (name.len > ancestor.len)
        name = name_parent(name);
    return name_equal(name, ancestor);
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
    size_t shared = *a < *b ? *a : *b;
    for (size_t i = 1; i <= shared; i++) {
        int difference = name_lower_byte(a[i]) - name_lower_byte(b[i]);
        if (difference)
            return difference;
    }
    return *a - *b;
}

int name_compare(struct name a, struct name b)
{
    uint8_t a_at[NAME_MAX_LABELS], b_at[NAME_MAX_LABELS];
    size_t a_left = label_offsets(a, a_at), b_left = label_offsets(b, b_at);
    while (a_left && b_left) {
        int order = label_compare(a.wire + a_at[--a_left], b.wire + b_at[--b_left]);
        if (order)
            return order;
    }
    return (a_left > 0) - (b_left > 0);
}

bool name_join(struct arena *arena, struct bytes labels, struct name suffix, struct name *joined)
{
    size_t len = labels.len + suffix.len;
    if (len > NAME_MAX_BYTES)
        return false;
    uint8_t *wire = arena_alloc(arena, len);
    for (size_t i = 0; i < labels.len; i++)
        wire[i] = name_lower_byte(labels.ptr[i]);
    for (size_t i = 0; i < suffix.len; i++)
        wire[labels.len + i] = name_lower_byte(suffix.wire[i]);
    *joined = (struct name){wire, len};
    return true;
}

struct bytes name_labels_before(struct name name, struct name ancestor)
{
    return (struct bytes){name.wire, name.len - ancestor.len};
}

struct name name_lower(struct arena *arena, struct name name)
{
    uint8_t *wire = arena_alloc(arena, name.len);
    for (size_t i = 0; i < name.len; i++)
        wire[i] = name_lower_byte(name.wire[i]); /* length bytes are below 'A' */
    return (struct name){wire, name.len};
}

/* One byte of a label, at most four characters. */
static char *byte_print(char *out, uint8_t byte)
{
    uint8_t lower = name_lower_byte(byte);
    bool is_plain = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
                    byte == '_' || byte == '*';
    if (!is_plain && (byte <= ' ' || byte >= 0x7F))
        return out + sprintf(out, "\\%03u", byte);
    if (!is_plain)
        *out++ = '\\';
    *out++ = (char)byte;
    return out;
}

const char *name_print(struct arena *arena, struct name name)
{
    char *text = arena_alloc(arena, 4 * name.len + 1), *out = text;
    for (size_t at = 0; name.wire[at] != 0; at += name.wire[at] + 1u) {
        for (size_t i = 1; i <= name.wire[at]; i++)
            out = byte_print(out, name.wire[at + i]);
        *out++ = '.';
    }
    if (out == text)
        *out = '.';
    return text;
}
