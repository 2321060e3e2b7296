/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digest: SHA-256 (FIPS 180-4) of bytes, for file names, checksums and token look-up. */
#pragma once
#include "zones/base/bytes.h"

enum {
    DIGEST_SIZE = 32,
    DIGEST_TEXT_SIZE = 2 * DIGEST_SIZE + 1
};

struct digest {
    uint8_t byte[DIGEST_SIZE];
};

struct digest digest_of(struct bytes bytes);

/* The digest of several slices as if they stood in one row. */
struct digest digest_of_parts(const struct bytes *parts, size_t count);

bool digest_equal(const struct digest *a, const struct digest *b);

/* The same, in a time that does not tell where they differ: for digests of secrets. */
bool digest_equal_constant_time(const struct digest *a, const struct digest *b);
const char *digest_print(const struct digest *digest, char text[static DIGEST_TEXT_SIZE]);
