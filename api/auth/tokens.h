/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tokens: the tokens that administrators have given out, as the world holds them.
 *
 * A list is immutable and shared by reference: the world makes a new one with each change, and a
 * view carries the one in force. It has the SHA-256 of each token, never the token. A token is
 * found by that digest; how long the search takes tells where digests lie, which is nothing that
 * leads to a token, and the last comparison takes the same time whatever differs. */
#pragma once
#include "api/store/store.h"

enum {
    TOKENS_MAX = 1000, /* expired ones count until they are revoked */
    TOKEN_NAME_MAX = 48,
    TOKEN_FINGERPRINT_SIZE = 5, /* of its digest: tells tokens apart, in the audit as in the list */
};

struct tokens {
    unsigned refs; /* atomic */
    struct arena arena;
    const struct store_token *rows; /* by id, which is by time */
    const uint32_t *by_secret;      /* indices of rows, by digest */
    uint32_t count;
};

/* A copy of rows in any order. */
struct tokens *tokens_new(const struct store_token *rows, size_t count);
struct tokens *tokens_ref(struct tokens *tokens); /* NULL is fine */
void tokens_unref(struct tokens *tokens);         /* NULL is fine */

/* Those of `tokens`, with `added` (NULL: none) and without the one of the id `removed`. */
struct tokens *tokens_changed(const struct tokens *tokens, const struct store_token *added,
                              struct text removed);

/* NULL: none. */
const struct store_token *tokens_find(const struct tokens *tokens, struct text id);
const struct store_token *tokens_find_name(const struct tokens *tokens, struct text name);
const struct store_token *tokens_find_secret(const struct tokens *tokens,
                                             const struct digest *secret);

/* Four hexadecimal digits of a token's digest. */
const char *token_fingerprint(const struct digest *secret,
                              char text[static TOKEN_FINGERPRINT_SIZE]);
