/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When queries are steered to the worker of the processor that received them, and that they are. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dnsd/listen.h"
#include "dnsd/steer.h"
#include "zones/base/attributes.h"

enum {
    MOST = 64,
    SENDERS = 40
};

static const struct {
    const char *label;
    enum steer choice;
    const char *processors; /* one letter each, x: ours */
    uint32_t workers, queues;
    struct steering expected;
} plans[] = {
    {"one a processor and a queue", STEER_AUTO, "xxxx", 4, 4, {0, 4}},
    {"more queues than processors", STEER_AUTO, "xxxx", 4, 16, {0, 4}},
    {"one queue would feed one worker", STEER_AUTO, "xxxx", 4, 1, {0, 0}},
    {"unknown queues", STEER_AUTO, "xxxx", 4, 0, {0, 0}},
    {"told to", STEER_BY_PROCESSOR, "xxxx", 4, 1, {0, 4}},
    {"told not to", STEER_BY_HASH, "xxxx", 4, 4, {0, 0}},
    {"fewer workers", STEER_BY_PROCESSOR, "xxxx", 3, 4, {0, 0}},
    {"more workers", STEER_BY_PROCESSOR, "xxxx", 5, 5, {0, 0}},
    {"a part of the machine", STEER_AUTO, "..xx", 2, 4, {2, 2}},
    {"a part with a hole", STEER_BY_PROCESSOR, "x.xx", 3, 4, {0, 0}},
    {"nothing to choose from", STEER_BY_PROCESSOR, "x...", 1, 1, {0, 0}},
};

START_TEST(queries_are_steered_where_that_spreads_them)
{
    cpu_set_t processors;
    CPU_ZERO(&processors);
    for (uint32_t i = 0; plans[_i].processors[i]; i++)
        if (plans[_i].processors[i] == 'x')
            CPU_SET(i, &processors);
    struct steering got =
        steer_plan(plans[_i].choice, &processors, plans[_i].workers, plans[_i].queues);
    ck_assert_msg(got.first == plans[_i].expected.first && got.count == plans[_i].expected.count,
                  "%s: from %u, %u", plans[_i].label, got.first, got.count);
}
END_TEST

static struct listen_address open_sockets(int *fds, uint32_t count)
{
    struct error err = {0};
    struct listen_address address;
    for (int port = 20000 + getpid() % 30000, tries = 0; tries < 50; port++, tries++) {
        char text[32];
        snprintf(text, sizeof text, "127.0.0.1:%d", port);
        ck_assert(listen_parse(text, &address, &err));
        err = (struct error){0};
        if (!listen_open_datagrams(&address, fds, count, &err))
            continue;
        for (uint32_t i = 0; i < count; i++)
            ck_assert_int_eq(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
        return address;
    }
    ck_abort_msg("no free port: %s", err.message);
    return address;
}

/* From as many ports, on the processor where we are. */
static void send_some(const struct listen_address *address)
{
    for (int i = 0; i < SENDERS; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(sendto(fd, "x", 1, 0, &address->socket.any, address->len), 1);
        close(fd);
    }
}

static int count_received(int fd)
{
    char byte;
    int count = 0;
    while (recv(fd, &byte, 1, 0) == 1)
        count++;
    return count;
}

static void be_on(uint32_t processor)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
}

START_TEST(who_receives_on_a_processor_is_its_worker)
{
    cpu_set_t processors;
    int fds[MOST];
    ck_assert_int_eq(sched_getaffinity(0, sizeof processors, &processors), 0);
    uint32_t count = (uint32_t)CPU_COUNT(&processors);
    struct steering steering = steer_plan(STEER_BY_PROCESSOR, &processors, count, 0);
    if (steering.count == 0 || count > MOST) {
        fprintf(stderr, "skipped: needs 2 to %d processors in a row\n", MOST);
        return;
    }
    struct listen_address address = open_sockets(fds, count);
    ck_assert(steer_sockets(&steering, fds, count));
    for (uint32_t on = 0; on < count; on++) {
        be_on(steering.first + on);
        send_some(&address);
        for (uint32_t i = 0; i < count; i++)
            ck_assert_int_eq(count_received(fds[i]), i == on ? SENDERS : 0);
    }
    const struct steering none = {0};
    ck_assert(!steer_sockets(&none, fds, count)); /* by the hash again, which knows no processor */
    send_some(&address);
    int last = count_received(fds[count - 1]), others = 0;
    for (uint32_t i = 0; i + 1 < count; i++)
        others += count_received(fds[i]);
    ck_assert_int_eq(last + others, SENDERS);
    ck_assert_int_gt(others, 0);
    for (uint32_t i = 0; i < count; i++)
        close(fds[i]);
}
END_TEST

START_TEST(copies_of_one_socket_are_not_steered)
{
    const struct steering steering = {.first = 0, .count = 2};
    int fds[2];
    (void)open_sockets(fds, 1);
    fds[1] = dup(fds[0]);
    ck_assert(!steer_sockets(&steering, fds, 2));
    ck_assert(!steer_sockets(&steering, fds, 0));
    close(fds[0]);
    close(fds[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("steer");
    TCase *tests = tcase_create("steer");
    tcase_add_loop_test(tests, queries_are_steered_where_that_spreads_them, 0, COUNT_OF(plans));
    tcase_add_test(tests, who_receives_on_a_processor_is_its_worker);
    tcase_add_test(tests, copies_of_one_socket_are_not_steered);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
