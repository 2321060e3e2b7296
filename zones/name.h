/* SPDX-License-Identifier: GPL-3.0-or-later */
/* name: domain names in wire form (RFC 1035 section 3.1): labels with a length byte each, ended by
 * the root label, uncompressed, at most 255 bytes. A struct name is always valid: whoever makes
 * one (text.h, from text) has checked it. Comparison ignores
 * the case of ASCII letters (RFC 4343). */
#pragma once
#include "zones/base/arena.h"

enum {
    NAME_MAX_BYTES = 255,
    NAME_MAX_LABELS = 127, /* without the root */
    LABEL_MAX_BYTES = 63,
};

struct name {
    const uint8_t *wire;
    size_t len; /* 1..255, with the root label */
};

extern const struct name name_root;

bool name_equal(struct name a, struct name b);

/* True when `name` is `ancestor` or below it. */
bool name_is_within(struct name name, struct name ancestor);

/* Canonical order (RFC 4034 section 6.1): by label from the right, lower-cased. */
int name_compare(struct name a, struct name b);

/* Labels without the root, 0..127. */
size_t name_labels(struct name name);

/* The name without its first label; the root's parent is the root. Borrows. */
struct name name_parent(struct name name);

/* The first `count` bytes of labels of `name` (without a root label) before `suffix`: the wire of
 * child.suffix. Lives in the arena, lower-cased. False when it would be longer than 255 bytes. */
NODISCARD bool name_join(struct arena *arena, struct bytes labels, struct name suffix,
                         struct name *joined);

/* The labels of `name` that stand before `ancestor`, which it must be within; may be empty. */
struct bytes name_labels_before(struct name name, struct name ancestor);

/* A lower-cased copy in the arena. */
struct name name_lower(struct arena *arena, struct name name);

/* Absolute text with the final dot, NUL-terminated, in the arena. What is no letter, digit, hyphen
 * or underscore is escaped (RFC 1035 section 5.1), so any valid name is safe to print. */
const char *name_print(struct arena *arena, struct name name);

static inline uint8_t name_lower_byte(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}
