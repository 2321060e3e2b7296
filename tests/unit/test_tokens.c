/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth/tokens.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct store_token token_of(const char *id, const char *name, const char *secret)
{
    return (struct store_token){
        .id = text_from(id),
        .name = text_from(name),
        .secret = digest_of((struct bytes){(const uint8_t *)secret, strlen(secret)})};
}

static struct digest digest_of_text(const char *text)
{
    return digest_of((struct bytes){(const uint8_t *)text, strlen(text)});
}

START_TEST(each_token_is_found_by_its_secret_and_no_other)
{
    static struct store_token rows[300];
    static char texts[COUNT_OF(rows)][3][16];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(texts[i][0], 16, "tk_%04zu", COUNT_OF(rows) - i);
        snprintf(texts[i][1], 16, "name %zu", i);
        snprintf(texts[i][2], 16, "secret %zu", i);
        rows[i] = token_of(texts[i][0], texts[i][1], texts[i][2]);
    }
    struct tokens *tokens = tokens_new(rows, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct store_token *found = tokens_find_secret(tokens, &rows[i].secret);
        ck_assert_ptr_nonnull(found);
        ck_assert_int_eq(strncmp(found->id.ptr, texts[i][0], found->id.len), 0);
        struct digest near = rows[i].secret;
        near.byte[DIGEST_SIZE - 1] ^= 1;
        ck_assert_ptr_null(tokens_find_secret(tokens, &near));
    }
    for (uint32_t i = 1; i < tokens->count; i++)
        ck_assert_int_lt(text_compare(tokens->rows[i - 1].id, tokens->rows[i].id), 0);
    tokens_unref(tokens);
}
END_TEST

START_TEST(a_change_leaves_the_list_before_it_alone)
{
    struct store_token first = token_of("tk_1", "one", "a"), second = token_of("tk_2", "two", "b");
    struct tokens *none = tokens_new(NULL, 0);
    struct tokens *one = tokens_changed(none, &first, (struct text){0});
    struct tokens *two = tokens_changed(one, &second, (struct text){0});
    struct tokens *without = tokens_changed(two, NULL, text_from("tk_1"));
    struct digest secret = digest_of_text("a");

    ck_assert_uint_eq(none->count, 0);
    ck_assert_ptr_nonnull(tokens_find_secret(one, &secret));
    ck_assert_ptr_nonnull(tokens_find_name(two, text_from("two")));
    ck_assert_ptr_null(tokens_find_name(one, text_from("two")));
    ck_assert_ptr_null(tokens_find_secret(without, &secret));
    ck_assert_ptr_null(tokens_find(without, text_from("tk_1")));
    ck_assert_ptr_nonnull(tokens_find(without, text_from("tk_2")));
    tokens_unref(two);
    ck_assert_ptr_nonnull(tokens_find_name(one, text_from("one")));
    tokens_unref(one);
    tokens_unref(none);
    tokens_unref(without);
}
END_TEST

START_TEST(nothing_is_found_in_no_list)
{
    struct digest secret = digest_of_text("a");
    ck_assert_ptr_null(tokens_find_secret(NULL, &secret));
    ck_assert_ptr_null(tokens_find(NULL, text_from("tk_1")));
    ck_assert_ptr_null(tokens_ref(NULL));
    tokens_unref(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tokens");
    TCase *tcase = tcase_create("tokens");
    tcase_add_test(tcase, each_token_is_found_by_its_secret_and_no_other);
    tcase_add_test(tcase, a_change_leaves_the_list_before_it_alone);
    tcase_add_test(tcase, nothing_is_found_in_no_list);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
