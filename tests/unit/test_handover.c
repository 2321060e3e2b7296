/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What two programs say to each other: what arrives is what was sent, and nothing else passes. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "zones/handover.h"

static int ends[2];
static struct error err;

static void set_up(void)
{
    err = (struct error){0};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
                     0);
}

static void tear_down(void)
{
    close(ends[0]);
    close(ends[1]);
}

static int file_with(char byte)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, &byte, 1), 1);
    return fd;
}

static char byte_in(int fd)
{
    char byte = 0;
    ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
    return byte;
}

START_TEST(a_message_arrives_with_its_descriptors_in_order)
{
    struct handover_message sent = {.kind = HANDOVER_LOAD,
                                    .generation = 1ull << 40,
                                    .pid = 7,
                                    .workers = 3,
                                    .text = "127.0.0.1:5300 [::1]:5300"};
    int fds[2] = {file_with('a'), file_with('n')};
    struct handover_packet got;
    ck_assert(handover_send(ends[0], &sent, fds, 2, &err));
    close(fds[0]);
    close(fds[1]);
    ck_assert_int_eq(handover_receive(ends[1], &got, &err), HANDOVER_GOT);
    ck_assert_uint_eq(got.message.kind, HANDOVER_LOAD);
    ck_assert_uint_eq(got.message.generation, 1ull << 40);
    ck_assert_uint_eq(got.message.pid, 7);
    ck_assert_uint_eq(got.message.workers, 3);
    ck_assert_str_eq(got.message.text, sent.text);
    ck_assert_int_eq(got.fd_count, 2);
    ck_assert_int_eq(byte_in(got.fds[0]), 'a');
    ck_assert_int_eq(byte_in(got.fds[1]), 'n');
    ck_assert(fcntl(got.fds[0], F_GETFD) & FD_CLOEXEC);
    handover_packet_close(&got);
    ck_assert_int_eq(got.fd_count, 0);
    handover_packet_close(NULL);
}
END_TEST

START_TEST(nothing_there_is_later_and_a_closed_end_is_gone)
{
    struct handover_packet got;
    ck_assert_int_eq(handover_receive(ends[1], &got, &err), HANDOVER_LATER);
    close(ends[0]);
    ck_assert_int_eq(handover_receive(ends[1], &got, &err), HANDOVER_GONE);
    ck_assert(strstr(err.message, "closed"));
    err = (struct error){0};
    struct handover_message hello = {.kind = HANDOVER_HELLO};
    ck_assert(!handover_send(ends[1], &hello, NULL, 0, &err)); /* and no SIGPIPE */
    ck_assert_int_eq(err.kind, ERROR_UNREACHABLE);
    ends[0] = -1;
}
END_TEST

START_TEST(more_descriptors_than_a_message_has_are_not_sent)
{
    struct handover_message load = {.kind = HANDOVER_LOAD};
    const int fds[3] = {0, 1, 2};
    ck_assert(!handover_send(ends[0], &load, fds, 3, &err));
    ck_assert(strstr(err.message, "at most 2"));
}
END_TEST

static const struct {
    const char *label;
    size_t length; /* 0: right */
    uint32_t magic;
    uint16_t version, kind;
    int fds;
    bool is_unended;
    const char *refused_with;
} foreign[] = {
    {.label = "short", .length = 100, .refused_with = "100 bytes"},
    {.label = "empty but for a descriptor", .length = 1, .fds = 1, .refused_with = "1 bytes"},
    {.label = "one byte less",
     .length = sizeof(struct handover_message) - 1,
     .refused_with = "expected"},
    {.label = "one byte more",
     .length = sizeof(struct handover_message) + 1,
     .refused_with = "bytes"},
    {.label = "magic", .magic = 0xDEADBEEF, .refused_with = "magic deadbeef"},
    {.label = "version", .version = 9, .refused_with = "version 9"},
    {.label = "kind 7", .kind = 7, .refused_with = "kind 7"},
    {.label = "text without end", .is_unended = true, .refused_with = "without end"},
    {.label = "three descriptors", .fds = 3, .refused_with = "more than 2"},
};

/* Sends raw bytes, as a stranger could. */
static void send_raw(const struct handover_message *message, size_t length, int count)
{
    static uint8_t bytes[sizeof *message + 1];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 3)];
    } room = {0};
    memcpy(bytes, message, sizeof *message);
    struct iovec part = {.iov_base = bytes, .iov_len = length};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};
    int fds[3] = {-1, -1, -1};
    if (count) {
        packet.msg_control = room.bytes;
        packet.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        room.align.cmsg_level = SOL_SOCKET;
        room.align.cmsg_type = SCM_RIGHTS;
        room.align.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        for (int i = 0; i < count; i++)
            fds[i] = file_with('x');
        memcpy(CMSG_DATA(&room.align), fds, sizeof(int) * (size_t)count);
    }
    ck_assert_int_eq(sendmsg(ends[0], &packet, 0), (ssize_t)length);
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

static int next_descriptor(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

START_TEST(what_is_not_our_language_ends_the_connection_and_leaks_nothing)
{
    struct handover_message message = {
        .magic = foreign[_i].magic ? foreign[_i].magic : HANDOVER_MAGIC,
        .version = foreign[_i].version ? foreign[_i].version : HANDOVER_VERSION,
        .kind = foreign[_i].kind ? foreign[_i].kind : HANDOVER_LOAD};
    struct handover_packet got = {.fd_count = 99};
    if (foreign[_i].is_unended)
        memset(message.text, 'x', sizeof message.text);
    send_raw(&message, foreign[_i].length ? foreign[_i].length : sizeof message, foreign[_i].fds);
    int before = next_descriptor();
    ck_assert_msg(handover_receive(ends[1], &got, &err) == HANDOVER_GONE, "%s: taken",
                  foreign[_i].label);
    ck_assert_msg(strstr(err.message, foreign[_i].refused_with), "%s: %s", foreign[_i].label,
                  err.message);
    ck_assert_int_eq(got.fd_count, 99); /* untouched */
    ck_assert_int_eq(next_descriptor(), before);
}
END_TEST

START_TEST(last_served_is_the_maximum_over_the_workers)
{
    struct served_memory mine = {0}, theirs = {0};
    int fd = -1;
    ck_assert(served_memory_make(&mine, &fd, 42, 3, 17, &err));
    ck_assert(served_memory_open(&theirs, fd, &err));
    ck_assert_uint_eq(theirs.header->generation, 42);
    ck_assert_uint_eq(theirs.header->workers, 3);
    ck_assert_uint_eq(theirs.header->stride, 32);
    ck_assert_uint_eq(served_memory_latest(&theirs, 16), 0);
    served_memory_row(&mine, 0)[16] = 100;
    served_memory_row(&mine, 2)[16] = 300;
    served_memory_row(&mine, 1)[16] = 200;
    served_memory_row(&mine, 1)[15] = 999;
    ck_assert_uint_eq(served_memory_latest(&theirs, 16), 300);
    ck_assert_uint_eq(served_memory_latest(&theirs, 17), 0);
    ck_assert_uint_eq(served_memory_latest(&theirs, UINT32_MAX), 0);
    ck_assert_int_ne(ftruncate(fd, 64), 0); /* a reader must not be made to fault */
    mine.header->workers = UINT32_MAX;      /* … nor to read beyond */
    ck_assert_uint_eq(served_memory_latest(&theirs, 16), 0);
    served_memory_close(&mine);
    served_memory_close(&theirs);
    served_memory_close(&theirs);
    close(fd);
}
END_TEST

static const struct {
    const char *label;
    off_t size;
    uint32_t magic, workers, sets, stride;
    bool is_unsealed;
    const char *refused_with;
} memories[] = {
    {"too short", 63, 0, 1, 1, 16, false, "only 63"},
    {"not sealed", 128, 0x44565253, 1, 1, 16, true, "sealed"},
    {"magic", 128, 1, 1, 1, 16, false, "magic"},
    {"fewer bytes than rows", 128, 0x44565253, 2, 1, 16, false, "do not fit"},
    {"another stride", 128, 0x44565253, 2, 1, 8, false, "do not fit"},
    {"a product that wraps", 128, 0x44565253, 0x80000000, 0x80000000, 0x80000000, false,
     "do not fit"},
};

START_TEST(a_last_served_memory_that_is_none_is_refused)
{
    struct served_memory memory = {0};
    struct served_header header = {.magic = memories[_i].magic,
                                   .workers = memories[_i].workers,
                                   .sets = memories[_i].sets,
                                   .stride = memories[_i].stride};
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ck_assert_int_eq(pwrite(fd, &header, sizeof header, 0), sizeof header);
    ck_assert_int_eq(ftruncate(fd, memories[_i].size), 0);
    if (!memories[_i].is_unsealed)
        ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    ck_assert_msg(!served_memory_open(&memory, fd, &err), "%s: taken", memories[_i].label);
    ck_assert_msg(strstr(err.message, memories[_i].refused_with), "%s: %s", memories[_i].label,
                  err.message);
    ck_assert_ptr_null(memory.header);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zones/handover");
    TCase *tests = tcase_create("handover");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_message_arrives_with_its_descriptors_in_order);
    tcase_add_test(tests, nothing_there_is_later_and_a_closed_end_is_gone);
    tcase_add_test(tests, more_descriptors_than_a_message_has_are_not_sent);
    tcase_add_loop_test(tests, what_is_not_our_language_ends_the_connection_and_leaks_nothing, 0,
                        COUNT_OF(foreign));
    tcase_add_test(tests, last_served_is_the_maximum_over_the_workers);
    tcase_add_loop_test(tests, a_last_served_memory_that_is_none_is_refused, 0, COUNT_OF(memories));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
