/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of statistics: what one writes the other reads, and nothing else is taken for it. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "zones/handover.h"
#include "zones/statistics.h"

static struct error err;

static void set_up(void)
{
    err = (struct error){0};
}

START_TEST(what_workers_count_is_added_up_while_they_go_on)
{
    const struct statistics_header header = {
        .workers = 3, .started_at_ms = 1234567, .pid = 42, .rate_limit = 99};
    struct statistics_memory mine = {0}, theirs = {0};
    struct statistics_header seen;
    struct statistics sums;
    int fd = -1;
    ck_assert(statistics_memory_make(&mine, &fd, &header, &err));
    ck_assert(statistics_memory_look(fd, &seen));
    ck_assert_uint_eq(seen.rate_limit, 99);
    ck_assert_uint_eq(seen.pid, 42);
    ck_assert_msg(statistics_memory_open(&theirs, fd, &err), "%s", err.message);
    close(fd);
    for (uint32_t worker = 0; worker < 3; worker++) {
        ck_assert_uint_eq((uintptr_t)&mine.rows[worker] % STATISTICS_LINE, 0);
        statistics_add(&mine.rows[worker], STATISTIC_SLIPPED, worker + 1);
    }
    statistics_read(&theirs, &sums);
    ck_assert_int_eq(sums.started_at_ms, 1234567);
    ck_assert_uint_eq(sums.counter[STATISTIC_SLIPPED], 6);
    ck_assert_uint_eq(sums.counter[STATISTIC_TRUNCATED], 0);
    statistics_add(&mine.rows[2], STATISTIC_SLIPPED, 10);
    statistics_memory_close(&mine); /* its process ended */
    statistics_read(&theirs, &sums);
    ck_assert_uint_eq(sums.counter[STATISTIC_SLIPPED], 16);
    statistics_memory_close(&theirs);
    statistics_memory_close(&theirs);
    statistics_read(&theirs, &sums);
    ck_assert_uint_eq(sums.counter[STATISTIC_SLIPPED], 0);
}
END_TEST

static const struct {
    const char *label;
    bool is_sealed;
    size_t size, offset; /* where the header is changed */
    uint32_t value;
    const char *refused_with;
} memories[] = {
    {"not sealed", false, 64 + 384, 0, 0, "not sealed"},
    {"nothing", true, 0, 0, 0, "something else"},
    {"half a header", true, 32, 0, 0, "something else"},
    {"another magic", true, 64 + 384, 0, 7, "something else"},
    {"another version", true, 64 + 384, 4, 7, "of another release"},
    {"other counters", true, 64 + 384, 12, 7, "of another release"},
    {"too small", true, 64, 0, 0, "do not fit 1 workers"},
    {"too large", true, 64 + 2 * 384, 0, 0, "do not fit 1 workers"},
    {"more workers than bytes", true, 64 + 384, 8, 2, "do not fit 2 workers"},
    {"absurdly many workers", true, 64 + 384, 8, UINT32_MAX, "do not fit"},
};

START_TEST(what_is_no_such_memory_is_refused)
{
    const struct statistics_header header = {.workers = 1};
    struct statistics_memory good = {0}, memory = {0};
    struct statistics_header copy;
    int good_fd = -1;
    ck_assert(statistics_memory_make(&good, &good_fd, &header, &err));
    copy = *good.header;
    statistics_memory_close(&good);
    close(good_fd);
    if (memories[_i].value)
        memcpy((uint8_t *)&copy + memories[_i].offset, &memories[_i].value, 4);
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t part = memories[_i].size < sizeof copy ? memories[_i].size : sizeof copy;
    ck_assert_int_eq(write(fd, &copy, part), (ssize_t)part);
    ck_assert_int_eq(ftruncate(fd, (off_t)memories[_i].size), 0);
    if (memories[_i].is_sealed)
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    ck_assert_msg(!statistics_memory_open(&memory, fd, &err), "%s: taken", memories[_i].label);
    ck_assert_msg(strstr(err.message, memories[_i].refused_with) != NULL, "%s: %s",
                  memories[_i].label, err.message);
    ck_assert_ptr_null(memory.header);
    close(fd);
}
END_TEST

START_TEST(last_served_memory_and_statistics_are_told_apart)
{
    struct served_memory served = {0};
    struct statistics_memory memory = {0};
    const struct statistics_header header = {.workers = 1};
    struct statistics_header seen;
    int served_fd = -1, fd = -1;
    ck_assert(served_memory_make(&served, &served_fd, 1, 1, 1, &err));
    ck_assert(statistics_memory_make(&memory, &fd, &header, &err));
    ck_assert(!statistics_memory_look(served_fd, &seen));
    ck_assert(statistics_memory_look(fd, &seen));
    struct served_memory wrong = {0};
    ck_assert(!served_memory_open(&wrong, fd, &err));
    served_memory_close(&served);
    statistics_memory_close(&memory);
    close(served_fd);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zones/statistics");
    TCase *tests = tcase_create("statistics");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, what_workers_count_is_added_up_while_they_go_on);
    tcase_add_loop_test(tests, what_is_no_such_memory_is_refused, 0, COUNT_OF(memories));
    tcase_add_test(tests, last_served_memory_and_statistics_are_told_apart);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
