/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_ids(const void *a, const void *b)
{
    return text_compare(((const struct store_token *)a)->id, ((const struct store_token *)b)->id);
}

static int compare_secrets(const void *a, const void *b, void *rows)
{
    const struct store_token *left = (const struct store_token *)rows + *(const uint32_t *)a;
    const struct store_token *right = (const struct store_token *)rows + *(const uint32_t *)b;
    return memcmp(&left->secret, &right->secret, sizeof left->secret);
}

static void copy_row(struct arena *arena, struct store_token *row)
{
    struct text *const texts[] = {&row->id, &row->name, &row->actor, &row->nodes, &row->domains};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = arena_text(arena, *texts[i]);
}

struct tokens *tokens_new(const struct store_token *rows, size_t count)
{
    struct tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens)
        abort();
    struct store_token *copies = arena_array(&tokens->arena, struct store_token, count);
    uint32_t *by_secret = arena_array(&tokens->arena, uint32_t, count);
    for (size_t i = 0; i < count; i++) {
        copies[i] = rows[i];
        copy_row(&tokens->arena, &copies[i]);
        by_secret[i] = (uint32_t)i;
    }
    qsort(copies, count, sizeof *copies, compare_ids);
    qsort_r(by_secret, count, sizeof *by_secret, compare_secrets, copies);
    tokens->refs = 1;
    tokens->rows = copies;
    tokens->by_secret = by_secret;
    tokens->count = (uint32_t)count;
    return tokens;
}

struct tokens *tokens_ref(struct tokens *tokens)
{
    if (tokens)
        __atomic_add_fetch(&tokens->refs, 1, __ATOMIC_RELAXED);
    return tokens;
}

void tokens_unref(struct tokens *tokens)
{
    if (!tokens || __atomic_sub_fetch(&tokens->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    arena_fini(&tokens->arena);
    free(tokens);
}

struct tokens *tokens_changed(const struct tokens *tokens, const struct store_token *added,
                              struct text removed)
{
    struct arena scratch = {0};
    uint32_t count = 0, old = tokens ? tokens->count : 0;
    struct store_token *rows = arena_array(&scratch, struct store_token, old + 1);
    for (uint32_t i = 0; i < old; i++)
        if (!text_equal(tokens->rows[i].id, removed))
            rows[count++] = tokens->rows[i];
    if (added)
        rows[count++] = *added;
    struct tokens *changed = tokens_new(rows, count);
    arena_fini(&scratch);
    return changed;
}

const struct store_token *tokens_find(const struct tokens *tokens, struct text id)
{
    uint32_t low = 0, high = tokens ? tokens->count : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (text_compare(tokens->rows[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return tokens && low < tokens->count && text_equal(tokens->rows[low].id, id)
               ? &tokens->rows[low]
               : NULL;
}

const struct store_token *tokens_find_name(const struct tokens *tokens, struct text name)
{
    for (uint32_t i = 0; tokens && i < tokens->count; i++)
        if (text_equal(tokens->rows[i].name, name))
            return &tokens->rows[i];
    return NULL;
}

const struct store_token *tokens_find_secret(const struct tokens *tokens,
                                             const struct digest *secret)
{
    uint32_t low = 0, high = tokens ? tokens->count : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct store_token *row = &tokens->rows[tokens->by_secret[middle]];
        if (memcmp(&row->secret, secret, sizeof *secret) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (!tokens || low == tokens->count)
        return NULL;
    const struct store_token *row = &tokens->rows[tokens->by_secret[low]];
    return digest_equal_constant_time(&row->secret, secret) ? row : NULL;
}

const char *token_fingerprint(const struct digest *secret, char text[static TOKEN_FINGERPRINT_SIZE])
{
    snprintf(text, TOKEN_FINGERPRINT_SIZE, "%02x%02x", secret->byte[0], secret->byte[1]);
    return text;
}
