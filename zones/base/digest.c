/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct digest digest_of_parts(const struct bytes *parts, size_t count)
{
    struct digest digest;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    for (size_t i = 0; done && i < count; i++)
        done = EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) == 1;
    if (!done || EVP_DigestFinal_ex(ctx, digest.byte, NULL) != 1)
        abort(); /* SHA-256 fails only without memory */
    EVP_MD_CTX_free(ctx);
    return digest;
}

struct digest digest_of(struct bytes bytes)
{
    return digest_of_parts(&bytes, 1);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->byte, b->byte, DIGEST_SIZE) == 0;
}

bool digest_equal_constant_time(const struct digest *a, const struct digest *b)
{
    return CRYPTO_memcmp(a->byte, b->byte, DIGEST_SIZE) == 0;
}

const char *digest_print(const struct digest *digest, char text[static DIGEST_TEXT_SIZE])
{
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", digest->byte[i]);
    return text;
}
