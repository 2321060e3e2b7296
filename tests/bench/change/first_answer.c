/* SPDX-License-Identifier: GPL-3.0-or-later */
/* first_answer: how long after the start of a command each domain has its new answer.
 *
 *   first_answer PORT NAMES TIMEOUT_S [-i FILE] -- COMMAND [ARGUMENT]...
 *
 * NAMES is a file with an owner of SRV records a line. The first, the middle and the last of them
 * are asked over UDP every 0.4 ms from before the command's start until each has given an answer
 * with other weights than before; then all are asked until each has. Standard input of the command
 * is FILE. Prints JSON, in milliseconds from the command's start (fork and exec are in it):
 *
 *   first, middle, last   the first new answer
 *   all                   the last of all domains is seen to be new (a sweep's grain)
 *   disagree              from the first new answer of any to the last old answer of any
 *   old_again             old answers behind a new one of the same name
 *   command, status       its end and exit status
 *   polls, lost           how many were sent of the three, and never answered
 *   silence               the longest time without an answer of any of the three
 *
 * Answers count from their arrival here, so the round trip is in it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    INTERVAL_NS = 400000,
    AFTER_FAILURE_NS = 1000000000, /* so long to wait on when the command failed */
    BEFORE_NS = 1000000000,        /* so long for the answers before */
    POLLED = 3,
    UNDER_WAY = 64, /* of the sweep: no socket's buffer overflows */
    QUERY_BYTES = 288,
    ANSWER_BYTES = 4096,
    HEADER_BYTES = 12,
    SRV = 33,
};

struct poller {
    const char *name;
    int fd;
    uint64_t before; /* what the records said */
    uint32_t sent, answered;
    int64_t new_ns, last_old_ns, last_answer_ns, silence_ns;
    uint32_t old_again;
};

struct watch {
    char **names;
    uint32_t count;
    bool *is_new;
    struct poller polled[POLLED];
    unsigned polled_count;
    int64_t start_ns, give_up_ns, end_ns, all_ns, last_old_ns;
    int child, status;
    uint32_t stale;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "first_answer: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* -- DNS ----------------------------------------------------------------------------------------
 */

static size_t make_query(uint8_t *query, uint16_t id, const char *name)
{
    const uint8_t header[HEADER_BYTES] = {(uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 1};
    const uint8_t tail[5] = {0, 0, SRV, 0, 1};
    memcpy(query, header, sizeof header);
    size_t at = sizeof header;
    while (*name) {
        size_t label = strcspn(name, ".");
        query[at++] = (uint8_t)label;
        memcpy(query + at, name, label);
        at += label;
        name += label + (name[label] == '.');
    }
    memcpy(query + at, tail, sizeof tail);
    return at + sizeof tail;
}

static uint32_t u16_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static size_t skip_name(const uint8_t *answer, size_t length, size_t at)
{
    while (at < length && answer[at] != 0) {
        if (answer[at] >= 0xC0)
            return at + 2;
        at += answer[at] + 1u;
    }
    return at + 1;
}

/* What the SRV records say of priority, weight and port, whatever their order; 0: not an answer. */
static uint64_t records_of(const uint8_t *answer, size_t length)
{
    uint64_t sum = 0;
    if (length < HEADER_BYTES || answer[3] & 15 || answer[2] & 2)
        return 0;
    size_t at = skip_name(answer, length, HEADER_BYTES) + 4;
    for (uint32_t left = u16_at(answer + 6); left > 0; left--) {
        at = skip_name(answer, length, at);
        if (at + 16 > length)
            return 0;
        const uint8_t *rdata = answer + at + 10;
        uint64_t said = (uint64_t)u16_at(rdata) << 32 | u16_at(rdata + 2) << 16 | u16_at(rdata + 4);
        if (u16_at(answer + at) == SRV)
            sum += (said + 1) * 0x9E3779B97F4A7C15u;
        at += 10 + u16_at(answer + at + 8);
    }
    return sum;
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail("cannot connect");
    return fd;
}

/* -- the three ----------------------------------------------------------------------------------
 */

static void ask(struct poller *poller)
{
    uint8_t query[QUERY_BYTES];
    size_t length = make_query(query, (uint16_t)poller->sent++, poller->name);
    (void)!send(poller->fd, query, length, 0);
}

static void hear(struct poller *poller, int64_t start_ns)
{
    uint8_t answer[ANSWER_BYTES];
    ssize_t length;
    while ((length = recv(poller->fd, answer, sizeof answer, 0)) > 0) {
        int64_t at_ns = now_ns();
        uint64_t says = records_of(answer, (size_t)length);
        if (says == 0)
            continue;
        if (poller->last_answer_ns && at_ns - poller->last_answer_ns > poller->silence_ns)
            poller->silence_ns = at_ns - poller->last_answer_ns;
        poller->last_answer_ns = at_ns;
        poller->answered++;
        if (poller->before == 0)
            poller->before = says;
        if (says == poller->before) {
            poller->last_old_ns = at_ns;
            poller->old_again += poller->new_ns != 0;
        } else if (poller->new_ns == 0 && start_ns) {
            poller->new_ns = at_ns;
        }
    }
}

static void start_command(struct watch *watch, char **argv, const char *input)
{
    watch->start_ns = now_ns();
    watch->child = fork();
    if (watch->child < 0)
        fail("fork");
    if (watch->child != 0)
        return;
    int in = open(input ? input : "/dev/null", O_RDONLY), null = open("/dev/null", O_WRONLY);
    if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        fail("standard input");
    execvp(argv[0], argv);
    fail(argv[0]);
}

static void reap(struct watch *watch, int flags)
{
    if (watch->end_ns != 0 || !watch->child || waitpid(watch->child, &watch->status, flags) <= 0)
        return;
    watch->end_ns = now_ns();
    if (watch->status != 0 && watch->give_up_ns > watch->end_ns + AFTER_FAILURE_NS)
        watch->give_up_ns = watch->end_ns + AFTER_FAILURE_NS;
}

static bool all_polled_are_new(const struct watch *watch)
{
    for (unsigned i = 0; i < watch->polled_count; i++)
        if (watch->polled[i].new_ns == 0)
            return false;
    return true;
}

/* One tick: asks the three, and hears until the next is due. */
static void tick(struct watch *watch, int64_t next_ns)
{
    struct pollfd watched[POLLED];
    for (unsigned i = 0; i < watch->polled_count; i++)
        ask(&watch->polled[i]);
    for (int64_t left; (left = next_ns - now_ns()) > 0;) {
        const struct timespec until = {.tv_nsec = left};
        for (unsigned i = 0; i < watch->polled_count; i++)
            watched[i] = (struct pollfd){.fd = watch->polled[i].fd, .events = POLLIN};
        if (ppoll(watched, watch->polled_count, &until, NULL) > 0)
            for (unsigned i = 0; i < watch->polled_count; i++)
                hear(&watch->polled[i], watch->start_ns);
    }
    reap(watch, WNOHANG);
}

static void poll_for(struct watch *watch, int64_t until_ns)
{
    for (int64_t next_ns = now_ns(); next_ns < until_ns; next_ns = now_ns())
        tick(watch, next_ns + INTERVAL_NS);
}

/* The first of the three without an answer; NULL: all have one. */
static const char *find_silent(const struct watch *watch)
{
    for (unsigned i = 0; i < watch->polled_count; i++)
        if (watch->polled[i].before == 0)
            return watch->polled[i].name;
    return NULL;
}

static void watch_command(struct watch *watch, char **argv, const char *input)
{
    int64_t until_ns = now_ns() + BEFORE_NS;
    do
        poll_for(watch, now_ns() + 50 * (int64_t)INTERVAL_NS);
    while (find_silent(watch) && now_ns() < until_ns);
    if (find_silent(watch)) {
        fprintf(stderr, "first_answer: %s has no answer\n", find_silent(watch));
        exit(EXIT_FAILURE);
    }
    for (unsigned i = 0; i < watch->polled_count; i++)
        watch->polled[i].silence_ns = 0;
    start_command(watch, argv, input);
    while (!all_polled_are_new(watch) && now_ns() < watch->give_up_ns)
        poll_for(watch, now_ns() + INTERVAL_NS);
}

/* -- all ----------------------------------------------------------------------------------------
 */

static void drain(int fd)
{
    uint8_t late[HEADER_BYTES];
    while (recv(fd, late, sizeof late, 0) > 0)
        continue;
}

/* Asks left[0..count), some at a time; keeps those there that are still old or silent, and returns
 * how many. IDs are the lower 16 bits of the place: of what is under way no two are alike. */
static uint32_t sweep(struct watch *watch, int fd, uint32_t *left, uint32_t count)
{
    uint32_t at = 0, out = 0, kept = 0;
    drain(fd);
    while (at < count || out > 0) {
        uint8_t bytes[ANSWER_BYTES];
        for (; out < UNDER_WAY && at < count; at++, out++) {
            size_t length = make_query(bytes, (uint16_t)at, watch->names[left[at]]);
            (void)!send(fd, bytes, length, 0);
        }
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        reap(watch, WNOHANG);
        if (poll(&watched, 1, 1000) == 0) {
            out = 0; /* lost: they are not new, so the next sweep asks again */
            continue;
        }
        ssize_t length = recv(fd, bytes, sizeof bytes, 0);
        if (length < HEADER_BYTES)
            continue;
        uint32_t place = at - 1 - ((at - 1 - u16_at(bytes)) & 0xFFFF);
        uint64_t says = records_of(bytes, (size_t)length);
        out -= out > 0;
        if (place < count && says && says != watch->polled[0].before)
            watch->is_new[left[place]] = true;
        else
            watch->last_old_ns = now_ns();
    }
    for (uint32_t i = 0; i < count; i++)
        if (!watch->is_new[left[i]])
            left[kept++] = left[i];
    return kept;
}

static void sweep_all(struct watch *watch, uint16_t port)
{
    int fd = connect_to(port);
    unsigned sweeps = 0;
    uint32_t *left = calloc(watch->count, sizeof *left);
    if (!left)
        abort();
    for (watch->stale = 0; watch->stale < watch->count; watch->stale++)
        left[watch->stale] = watch->stale;
    do {
        watch->stale = sweep(watch, fd, left, watch->stale);
        sweeps++;
    } while (watch->stale && now_ns() < watch->give_up_ns);
    watch->all_ns = now_ns();
    /* Nobody was old any more: then the three have said it all. */
    if (sweeps == 1 && watch->stale == 0) {
        watch->all_ns = 0;
        for (unsigned i = 0; i < watch->polled_count; i++)
            if (watch->polled[i].new_ns > watch->all_ns)
                watch->all_ns = watch->polled[i].new_ns;
    }
    free(left);
    close(fd);
    for (unsigned i = 0; i < watch->polled_count; i++)
        watch->polled[i].last_answer_ns = 0; /* they were not asked meanwhile */
}

/* -----------------------------------------------------------------------------------------------
 */

static void read_names(struct watch *watch, const char *path)
{
    FILE *file = fopen(path, "r");
    size_t room = 0, capacity = 0;
    ssize_t length;
    char *line = NULL;
    if (!file)
        fail(path);
    while ((length = getline(&line, &room, file)) > 1) {
        line[strcspn(line, "\n")] = '\0';
        if (watch->count == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            watch->names = realloc(watch->names, capacity * sizeof *watch->names);
        }
        if (!watch->names || length > 255 || !(watch->names[watch->count++] = strdup(line)))
            fail(path);
    }
    free(line);
    fclose(file);
    watch->is_new = calloc(watch->count + 1, sizeof *watch->is_new);
    if (watch->count == 0 || !watch->is_new)
        fail(path);
}

static void choose_polled(struct watch *watch, uint16_t port)
{
    const uint32_t places[POLLED] = {0, watch->count / 2, watch->count - 1};
    watch->polled_count = watch->count < POLLED ? 1 : POLLED;
    for (unsigned i = 0; i < watch->polled_count; i++)
        watch->polled[i] = (struct poller){.name = watch->names[places[i]], .fd = connect_to(port)};
}

static double ms_since(const struct watch *watch, int64_t at_ns)
{
    return at_ns ? (double)(at_ns - watch->start_ns) / 1e6 : -1;
}

static void print(const struct watch *watch)
{
    static const char *const keys[POLLED] = {"first", "middle", "last"};
    int64_t first_new_ns = INT64_MAX, last_old_ns = watch->last_old_ns, silence_ns = 0;
    uint32_t sent = 0, answered = 0, old_again = 0;
    printf("{");
    for (unsigned i = 0; i < POLLED; i++) {
        const struct poller *poller = &watch->polled[i < watch->polled_count ? i : 0];
        printf("\"%s\": %.3f, ", keys[i], ms_since(watch, poller->new_ns));
        if (i >= watch->polled_count)
            continue;
        if (poller->new_ns && poller->new_ns < first_new_ns)
            first_new_ns = poller->new_ns;
        if (poller->last_old_ns > last_old_ns)
            last_old_ns = poller->last_old_ns;
        if (poller->silence_ns > silence_ns)
            silence_ns = poller->silence_ns;
        sent += poller->sent;
        answered += poller->answered;
        old_again += poller->old_again;
    }
    double disagree_ms = (double)(last_old_ns - first_new_ns) / 1e6;
    printf(
        "\"all\": %.3f, \"disagree\": %.3f, \"stale\": %u, \"old_again\": %u, \"command\": %.3f, "
        "\"status\": %d, \"polls\": %u, \"lost\": %u, \"silence\": %.3f}\n",
        ms_since(watch, watch->all_ns), disagree_ms > 0 ? disagree_ms : 0, watch->stale, old_again,
        ms_since(watch, watch->end_ns), WIFEXITED(watch->status) ? WEXITSTATUS(watch->status) : 128,
        sent, sent - answered, (double)silence_ns / 1e6);
}

int main(int argc, char **argv)
{
    static struct watch watch;
    const char *input = NULL;
    int at = 4;
    if (argc > at + 1 && strcmp(argv[at], "-i") == 0) {
        input = argv[at + 1];
        at += 2;
    }
    if (argc < at + 2 || strcmp(argv[at], "--") != 0) {
        fputs("usage: first_answer PORT NAMES TIMEOUT_S [-i FILE] -- COMMAND...\n", stderr);
        return 64;
    }
    uint16_t port = (uint16_t)atoi(argv[1]);
    read_names(&watch, argv[2]);
    choose_polled(&watch, port);
    watch.give_up_ns = now_ns() + (int64_t)atoi(argv[3]) * 1000000000;
    watch_command(&watch, argv + at + 1, input);
    if (all_polled_are_new(&watch))
        sweep_all(&watch, port);
    else
        watch.stale = watch.count;
    while (watch.end_ns == 0 && now_ns() < watch.give_up_ns)
        poll_for(&watch, now_ns() + INTERVAL_NS);
    poll_for(&watch, now_ns() + 20 * (int64_t)INTERVAL_NS); /* for old answers, and late ones */
    if (watch.end_ns == 0) {
        kill(watch.child, SIGTERM);
        reap(&watch, 0);
    }
    print(&watch);
    return watch.stale ? EXIT_FAILURE : EXIT_SUCCESS;
}
