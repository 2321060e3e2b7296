/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tcp_crowd PORT IDLE SLOW STUCK: a crowd of TCP clients on 127.0.0.1, for tests of the responder.
 *
 *   idle   ask every 4 s and read the answer
 *   slow   send one byte of a query every second
 *   stuck  ask for 40 of the longest answers and never read
 *
 * They come from 127.0.1.1 and up, 400 from each. Who loses its connection connects again. Prints
 * "up MS" when all are there, and when its input ends or says "end", one line of counts. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "zones/base/attributes.h"
#include "zones/base/clock.h"

enum kind {
    IDLE,
    SLOW,
    STUCK,
    KINDS,
};

enum {
    A_SOURCE = 400, /* connections from one address */
    CONNECTS = 64,  /* under way at a time */
    IDLE_MS = 4000,
    BYTE_MS = 1000,
    TICK_MS = 20,
    STUCK_QUERIES = 40,
    ROOM = 4096,
};

struct member {
    int fd; /* -1: not connected */
    enum kind kind;
    bool is_up;
    uint32_t at; /* bytes of the query that are sent */
    int64_t due_ms;
};

struct crowd {
    struct member *members;
    uint32_t count, up, connecting;
    uint16_t port;
    int epoll;
    uint64_t answers, mistakes, lost[KINDS];
};

static const char query_idle[] =
    "\0\57\276\357\0\0\0\1\0\0\0\0\0\0\14_xmpp-client\4_tcp\7example\3org\0\0\41\0\1";
static const char query_huge[] =
    "\0\50\276\357\0\0\0\1\0\0\0\0\0\0\5_huge\4_tcp\7example\3org\0\0\41\0\1";

static void leave(struct crowd *crowd, struct member *member)
{
    close(member->fd);
    member->fd = -1;
    if (member->is_up) {
        crowd->up--;
        crowd->lost[member->kind]++;
    } else {
        crowd->connecting--;
    }
    member->is_up = false;
}

static void join(struct crowd *crowd, struct member *member)
{
    uint32_t index = (uint32_t)(member - crowd->members);
    const struct sockaddr_in server = {.sin_family = AF_INET,
                                       .sin_port = htons(crowd->port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in source = {.sin_family = AF_INET,
                                       .sin_addr.s_addr = htonl(0x7F000101 + index / A_SOURCE)};
    const int small = 4096;
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = index};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&source, sizeof source) != 0) {
        perror("tcp_crowd");
        exit(EXIT_FAILURE);
    }
    if (member->kind == STUCK)
        (void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    member->fd = fd;
    member->at = 0;
    crowd->connecting++;
    if ((connect(fd, (const struct sockaddr *)&server, sizeof server) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        leave(crowd, member);
}

static void come_up(struct crowd *crowd, struct member *member, int64_t now_ms)
{
    uint32_t index = (uint32_t)(member - crowd->members);
    struct epoll_event event = {.events = member->kind == STUCK ? 0 : EPOLLIN, .data.u32 = index};
    epoll_ctl(crowd->epoll, EPOLL_CTL_MOD, member->fd, &event);
    crowd->connecting--;
    crowd->up++;
    member->is_up = true;
    member->due_ms = now_ms + (member->kind == IDLE ? index % IDLE_MS : index % BYTE_MS);
    for (int i = 0; member->kind == STUCK && i < STUCK_QUERIES; i++)
        (void)!send(member->fd, query_huge, sizeof query_huge - 1, MSG_NOSIGNAL);
}

static void take_answer(struct crowd *crowd, struct member *member)
{
    uint8_t answer[ROOM];
    ssize_t got = recv(member->fd, answer, sizeof answer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        leave(crowd, member);
        return;
    }
    crowd->answers++;
    crowd->mistakes += member->kind != IDLE || got < 14 ||
                       got != 2 + (answer[0] << 8 | answer[1]) || (answer[5] & 15) != 0 ||
                       answer[9] != 3;
}

static void act(struct crowd *crowd, struct member *member, int64_t now_ms)
{
    if (!member->is_up || now_ms < member->due_ms)
        return;
    bool is_sent = true;
    switch (member->kind) {
    case IDLE:
        is_sent = send(member->fd, query_idle, sizeof query_idle - 1, MSG_NOSIGNAL) > 0;
        member->due_ms = now_ms + IDLE_MS;
        break;
    case SLOW:
        is_sent = send(member->fd, query_idle + member->at, 1, MSG_NOSIGNAL) > 0;
        member->at = (member->at + 1) % (uint32_t)(sizeof query_idle - 1);
        member->due_ms = now_ms + BYTE_MS;
        break;
    case STUCK:
    case KINDS:
        return;
    }
    if (!is_sent)
        leave(crowd, member);
}

static void serve_events(struct crowd *crowd)
{
    struct epoll_event events[256];
    int count = epoll_wait(crowd->epoll, events, COUNT_OF(events), TICK_MS);
    int64_t now_ms = clock_monotonic_ms();
    for (int i = 0; i < count; i++) {
        struct member *member = &crowd->members[events[i].data.u32];
        if (events[i].events & (EPOLLERR | EPOLLHUP))
            leave(crowd, member);
        else if (!member->is_up)
            come_up(crowd, member, now_ms);
        else
            take_answer(crowd, member);
    }
}

static void keep_up(struct crowd *crowd, uint32_t *next)
{
    int64_t now_ms = clock_monotonic_ms();
    for (uint32_t i = 0; i < crowd->count; i++)
        act(crowd, &crowd->members[i], now_ms);
    for (uint32_t i = 0; i < crowd->count && crowd->connecting < CONNECTS; i++) {
        *next = (*next + 1) % crowd->count;
        if (crowd->members[*next].fd < 0)
            join(crowd, &crowd->members[*next]);
    }
}

static bool is_told_to_end(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

static void run(struct crowd *crowd)
{
    int64_t start_ms = clock_monotonic_ms(), kept_ms = 0;
    bool was_up = false;
    uint32_t next = 0;
    while (!is_told_to_end()) {
        serve_events(crowd);
        if (clock_monotonic_ms() - kept_ms >= TICK_MS || !was_up) {
            keep_up(crowd, &next);
            kept_ms = clock_monotonic_ms();
        }
        if (!was_up && crowd->up == crowd->count) {
            was_up = true;
            printf("up %lld\n", (long long)(clock_monotonic_ms() - start_ms));
            fflush(stdout);
        }
    }
    printf("answers %llu mistakes %llu up %u idle_lost %llu slow_cut %llu stuck_cut %llu\n",
           (unsigned long long)crowd->answers, (unsigned long long)crowd->mistakes, crowd->up,
           (unsigned long long)crowd->lost[IDLE], (unsigned long long)crowd->lost[SLOW],
           (unsigned long long)crowd->lost[STUCK]);
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    struct crowd crowd = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (argc != 5 || crowd.epoll < 0) {
        fputs("usage: tcp_crowd PORT IDLE SLOW STUCK\n", stderr);
        return 64;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &limit);
    }
    crowd.port = (uint16_t)strtoul(argv[1], NULL, 10);
    for (int i = 0; i < KINDS; i++) {
        uint32_t more = (uint32_t)strtoul(argv[2 + i], NULL, 10);
        crowd.members = realloc(crowd.members, (crowd.count + more + 1) * sizeof *crowd.members);
        if (!crowd.members)
            return EXIT_FAILURE;
        for (uint32_t j = 0; j < more; j++)
            crowd.members[crowd.count++] = (struct member){.fd = -1, .kind = (enum kind)i};
    }
    run(&crowd);
    return EXIT_SUCCESS;
}
