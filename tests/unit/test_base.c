/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor under every room: bytes, arena, error, clock, digest, file. */
#include "zones/base/arena.h"
#include "zones/base/clock.h"
#include "zones/base/digest.h"
#include "zones/base/error.h"
#include "zones/base/file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(a_read_past_the_end_gives_zeros_and_sticks)
{
    const uint8_t wire[] = {1, 2, 3};
    struct reader r = reader_over((struct bytes){wire, sizeof wire});
    ck_assert_uint_eq(read_u16(&r), 0x0102);
    ck_assert_uint_eq(read_u16(&r), 0);
    ck_assert(!reader_ok(&r));
    ck_assert_uint_eq(read_bytes(&r, 1).len, 0); /* though one byte was left */
    ck_assert_uint_eq(reader_left(&r), 0);
}
END_TEST

START_TEST(a_write_past_the_end_writes_nothing_and_sticks)
{
    uint8_t room[5] = {9, 9, 9, 9, 9};
    struct writer w = writer_over(room, 3);
    write_u16(&w, 0x0102);
    write_u32(&w, 0x03040506);
    write_u8(&w, 7);
    ck_assert(!writer_ok(&w));
    ck_assert_mem_eq(room, ((uint8_t[]){1, 2, 9, 9, 9}), 5);
}
END_TEST

static const struct {
    const char *text;
    uint64_t min, max;
    bool is_number;
    uint64_t value;
} numbers[] = {
    {"0", 0, 10, true, 0},
    {"65535", 0, 65535, true, 65535},
    {"65536", 0, 65535, false, 0},
    {"4", 5, 10, false, 0},
    {"18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX},
    {"18446744073709551616", 0, UINT64_MAX, false, 0},
    {"", 0, 10, false, 0},
    {"+1", 0, 10, false, 0},
    {" 1", 0, 10, false, 0},
    {"1x", 0, 10, false, 0},
    {"-1", 0, 10, false, 0},
};

START_TEST(numbers_are_parsed_strictly)
{
    uint64_t value = 42;
    bool got = text_to_u64(text_from(numbers[_i].text), numbers[_i].min, numbers[_i].max, &value);
    ck_assert_msg(got == numbers[_i].is_number, "\"%s\"", numbers[_i].text);
    ck_assert_msg(value == (got ? numbers[_i].value : 42), "\"%s\"", numbers[_i].text);
}
END_TEST

static const struct {
    const char *text;
    bool is_time;
    int64_t at_ms;
} times[] = {
    {"1970-01-01T00:00:00Z", true, 0},
    {"2026-12-06T01:17:30Z", true, 1796519850000},
    {"2026-12-06T02:17:30+01:00", true, 1796519850000},
    {"2026-12-05T20:17:30-05:00", true, 1796519850000},
    {"2026-12-06T01:17:30.250Z", true, 1796519850250},
    {"2038-01-19T03:14:08Z", true, 2147483648000},
    {"@1796519850", true, 1796519850000},
    {"2026-12-06", false, 0},
    {"2026-12-06T01:17:30", false, 0},
    {"2026-02-31T00:00:00Z", false, 0},
    {"2026-13-01T00:00:00Z", false, 0},
    {"2026-12-06T24:00:00Z", false, 0},
    {"2026-12-06T01:17:30.Z", false, 0},
    {"2026-12-06T01:17:30+1:00", false, 0},
    {"now", false, 0},
};

START_TEST(times_are_read_as_rfc_3339)
{
    int64_t at_ms = -1;
    bool got = clock_parse(text_from(times[_i].text), &at_ms);
    ck_assert_msg(got == times[_i].is_time, "%s", times[_i].text);
    ck_assert_msg(at_ms == (got ? times[_i].at_ms : -1), "%s: %lld", times[_i].text,
                  (long long)at_ms);
}
END_TEST

START_TEST(a_printed_time_reads_back_the_same)
{
    char text[CLOCK_TEXT_SIZE];
    const int64_t instants[] = {0, 1, 999, 1000, 1796519850250, 4102444800000, 253402300799999};
    for (size_t i = 0; i < COUNT_OF(instants); i++) {
        int64_t back = -1;
        ck_assert(clock_parse(text_from(clock_print(instants[i], text)), &back));
        ck_assert_msg(back == instants[i], "%s", text);
    }
}
END_TEST

START_TEST(the_first_error_wins_and_gets_places)
{
    struct error err = {0};
    ck_assert(!error_set(&err, ERROR_INVALID, "port %d", 0));
    ck_assert(!error_set(&err, ERROR_SYSTEM, "consequence"));
    ck_assert(!error_within(&err, "node %s", "xmpp1"));
    ck_assert_str_eq(err.message, "node xmpp1: port 0");
    ck_assert_int_eq(err.kind, ERROR_INVALID);
}
END_TEST

START_TEST(a_system_error_names_thing_reason_and_mend)
{
    struct error err = {0};
    errno = EACCES;
    error_system(&err, "answers.img", "let user dnsd read it", "cannot open the image");
    ck_assert_str_eq(err.message, "answers.img: cannot open the image: Permission denied; "
                                  "let user dnsd read it");
    struct error full = {0};
    errno = ENOSPC;
    error_system(&full, "x", NULL, "cannot write");
    ck_assert_int_eq(full.kind, ERROR_NO_SPACE);
}
END_TEST

START_TEST(an_arena_gives_zeroed_aligned_memory_and_grows_arrays)
{
    struct arena arena = {0};
    size_t capacity = 0;
    uint32_t *array = NULL;
    for (uint32_t i = 0; i < 10000; i++) {
        array = arena_grow(&arena, array, &capacity, i + 1, sizeof *array);
        ck_assert_uint_eq(array[i], 0);
        array[i] = i;
    }
    for (uint32_t i = 0; i < 10000; i++)
        ck_assert_uint_eq(array[i], i);
    ck_assert_uint_eq((uintptr_t)arena_alloc(&arena, 1) % 16, 0);
    ck_assert_str_eq(arena_printf(&arena, "%s-%d", "a", 7), "a-7");
    arena_fini(&arena);
    arena_fini(&arena);
}
END_TEST

START_TEST(sha_256_is_that_of_fips_180_4)
{
    char text[DIGEST_TEXT_SIZE];
    struct digest digest = digest_of((struct bytes){(const uint8_t *)"abc", 3});
    struct bytes parts[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"bc", 2}};
    struct digest in_parts = digest_of_parts(parts, 2);
    ck_assert_str_eq(digest_print(&digest, text),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert(digest_equal(&digest, &in_parts));
}
END_TEST

START_TEST(a_durable_file_is_old_or_new_and_never_half)
{
    char path[] = "/tmp/srvplan-file-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(path));
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    struct bytes old = {(const uint8_t *)"old", 3},
                 parts[2] = {{(const uint8_t *)"ne", 2}, {(const uint8_t *)"w", 1}};
    struct error err = {0};
    char name[64];
    struct bytes read = {0};
    snprintf(name, sizeof name, "%s/f", path);
    ck_assert(file_stage(directory, "f.new", &old, 1, 0644, &err));
    ck_assert(file_publish(directory, "f.new", "f", &err));
    ck_assert(file_stage(directory, "f.new", parts, 2, 0600, &err));
    ck_assert(file_read(name, 10, &read, &err) && read.len == 3 && !memcmp(read.ptr, "old", 3));
    free((void *)(uintptr_t)read.ptr);
    ck_assert(file_publish(directory, "f.new", "f", &err));
    ck_assert(file_read(name, 10, &read, &err) && !memcmp(read.ptr, "new", 3));
    free((void *)(uintptr_t)read.ptr);
    struct stat info;
    ck_assert(stat(name, &info) == 0 && (info.st_mode & 07777) == 0600);
    ck_assert(!file_read(name, 2, &read, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "larger than 2 bytes"));
    unlinkat(directory, "f", 0);
    close(directory);
    rmdir(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = tcase_create("base");
    tcase_add_test(tcase, a_read_past_the_end_gives_zeros_and_sticks);
    tcase_add_test(tcase, a_write_past_the_end_writes_nothing_and_sticks);
    tcase_add_loop_test(tcase, numbers_are_parsed_strictly, 0, COUNT_OF(numbers));
    tcase_add_loop_test(tcase, times_are_read_as_rfc_3339, 0, COUNT_OF(times));
    tcase_add_test(tcase, a_printed_time_reads_back_the_same);
    tcase_add_test(tcase, the_first_error_wins_and_gets_places);
    tcase_add_test(tcase, a_system_error_names_thing_reason_and_mend);
    tcase_add_test(tcase, an_arena_gives_zeroed_aligned_memory_and_grows_arrays);
    tcase_add_test(tcase, sha_256_is_that_of_fips_180_4);
    tcase_add_test(tcase, a_durable_file_is_old_or_new_and_never_half);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
