/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load ADDRESS PORT QUERIES-FILE SECONDS [IN-FLIGHT] [--cookie] [--echo]: asks as fast as it is
 * answered, and looks at every answer.
 *
 * The file has a line a query, `NAME TYPE RCODE ANSWERS`: numbers, and at least so many records in
 * the answer section; they are asked in that order, again and again, with EDNS of 1232 bytes and
 * with a client's cookie (RFC 7873) if wished. IN-FLIGHT (128) queries are out at any time, over 8
 * ports. A query without an answer for half a second counts as lost, and another takes its place.
 *
 * An answer is wrong when id, question or cookie do not come back, the answer bit is missing, or
 * rcode and number of records are not as the file says; the first of them is printed. --echo: the
 * other side is `echo`, which has no records. Each query's first answer is also taken apart, and
 * measured: so the means of lengths do not depend on how often the list was gone through.
 *
 * Prints one line of JSON: answers, wrong, lost, late (came after it counted as lost), seconds,
 * answer_bytes and additional_bytes (means; the latter without OPT), records (mean of all sections
 * without OPT), user_s and kernel_s (of this process), busy (the share of time in which it was not
 * waiting).
 *
 * It waits a little when it finds few answers, so that it takes many at once; what it saves there
 * lets it outrun the server. It waits awake: its processor is its own, and to wake it would be the
 * server's work. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    PORTS = 8,
    MAX_SLOTS = 256, /* a port; the id's low byte */
    BATCH = 32,
    QUERY_BYTES = 320,
    ANSWER_BYTES = 4096 + 64,
    HEADER_BYTES = 12,
    LOST_NS = 500000000,
    LOOK_FOR_LOST_NS = 50000000,
    LAST_WAIT_NS = 200000000, /* for what is out when the time is over */
    FEW = 24,
    NAP_NS = 15000,
    SILENCE_NS = 2000000,
    COOKIE_OPTION_BYTES = 12,
    TYPE_OPT = 41,
    OPTION_COOKIE = 10,
};

struct model {
    uint8_t *wire;
    uint16_t length, question_length;
    uint16_t answers;
    uint8_t rcode;
    bool is_taken_apart;
};

struct slot {
    const struct model *asked; /* NULL: nothing is out */
    int64_t sent_ns;
    uint16_t id, lost_id;
    bool has_lost;
};

struct port {
    int fd;
    struct slot slot[MAX_SLOTS];
    uint16_t free[MAX_SLOTS], free_count;
};

static struct {
    struct model *models;
    size_t count, next;
    bool with_cookie, is_echo;
} plan;

static struct {
    uint64_t answers, wrong, lost, late, bytes;
    uint64_t taken_apart, whole_bytes, additional_bytes, records;
    int64_t idle_ns;
} seen;

static struct port ports[PORTS];
static unsigned slots_a_port;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* -- the file ----------------------------------------------------------------------------------
 */

static size_t put_name(uint8_t *at, const char *text)
{
    size_t length = 0;
    while (*text && strcmp(text, ".") != 0) {
        size_t label = strcspn(text, ".");
        if (label == 0 || label > 63 || length + label > 250)
            return 0;
        at[length] = (uint8_t)label;
        memcpy(at + length + 1, text, label);
        length += label + 1;
        text += label + (text[label] == '.');
    }
    at[length] = 0;
    return length + 1;
}

static bool make_model(const char *line, struct model *model)
{
    static const uint8_t header[HEADER_BYTES] = {[5] = 1, [11] = 1};
    uint8_t wire[QUERY_BYTES], *at = wire + HEADER_BYTES;
    char name[256];
    unsigned type, rcode, answers;
    if (sscanf(line, "%255s %u %u %u", name, &type, &rcode, &answers) != 4)
        return false;
    memcpy(wire, header, sizeof header);
    size_t length = put_name(at, name);
    if (length == 0)
        return false;
    at += length;
    memcpy(at, (const uint8_t[]){(uint8_t)(type >> 8), (uint8_t)type, 0, 1}, 4);
    at += 4;
    model->question_length = (uint16_t)(length + 4);
    memcpy(at, "\0\0\51\4\xd0\0\0\0\0\0\0", 11);
    at += 11;
    if (plan.with_cookie) {
        at[-1] = COOKIE_OPTION_BYTES;
        memcpy(at, "\0\12\0\10client-c", COOKIE_OPTION_BYTES);
        at += COOKIE_OPTION_BYTES;
    }
    model->length = (uint16_t)(at - wire);
    model->rcode = (uint8_t)rcode;
    model->answers = (uint16_t)answers;
    model->wire = malloc(model->length);
    if (!model->wire)
        die("load");
    memcpy(model->wire, wire, model->length);
    return true;
}

static void read_plan(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[400];
    size_t room = 0;
    if (!file)
        die(path);
    while (fgets(line, sizeof line, file)) {
        if (plan.count == room) {
            room = room ? 2 * room : 1024;
            plan.models = realloc(plan.models, room * sizeof *plan.models);
            if (!plan.models)
                die("load");
        }
        plan.models[plan.count] = (struct model){0};
        if (!make_model(line, &plan.models[plan.count++])) {
            fprintf(stderr, "%s:%zu: not NAME TYPE RCODE ANSWERS\n", path, plan.count);
            exit(64);
        }
    }
    fclose(file);
    if (plan.count == 0) {
        fprintf(stderr, "%s: no queries\n", path);
        exit(64);
    }
}

/* -- an answer ---------------------------------------------------------------------------------
 */

static unsigned u16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

struct anatomy {
    bool is_whole, has_cookie;
    size_t additional_bytes;
    unsigned records;
};

/* The cookie of an OPT comes back with a server's behind it (RFC 7873 section 5.2). */
static bool has_cookie(const uint8_t *option, const uint8_t *end)
{
    for (; end - option >= 4 && end - option >= 4 + (ptrdiff_t)u16(option + 2);
         option += 4 + u16(option + 2))
        if (u16(option) == OPTION_COOKIE)
            return u16(option + 2) >= 16 && memcmp(option + 4, "client-c", 8) == 0;
    return false;
}

static struct anatomy take_apart(const uint8_t *answer, size_t length, size_t question_length)
{
    struct anatomy found = {0};
    const uint8_t *at = answer + HEADER_BYTES + question_length, *end = answer + length;
    unsigned required = u16(answer + 6) + u16(answer + 8);
    unsigned all = required + u16(answer + 10);
    for (unsigned i = 0; i < all; i++) {
        const uint8_t *start = at;
        while (at < end && *at != 0 && *at < 0xC0)
            at += *at + 1;
        at += at < end && *at >= 0xC0 ? 2 : 1;
        if (end - at < 10 || end - at < 10 + (ptrdiff_t)u16(at + 8))
            return found;
        const uint8_t *next = at + 10 + u16(at + 8);
        if (u16(at) == TYPE_OPT) {
            found.has_cookie = has_cookie(at + 10, next);
        } else {
            found.records++;
            found.additional_bytes += i >= required ? (size_t)(next - start) : 0;
        }
        at = next;
    }
    found.is_whole = at == end;
    return found;
}

static const char *judge(const uint8_t *answer, size_t length, const struct model *asked)
{
    if (length < HEADER_BYTES + (size_t)asked->question_length)
        return "too short";
    if (!(answer[2] & 0x80))
        return "no answer bit";
    if (answer[2] & 0x02 && !plan.is_echo)
        return "truncated";
    if (u16(answer + 4) != 1 ||
        memcmp(answer + HEADER_BYTES, asked->wire + HEADER_BYTES, asked->question_length) != 0)
        return "another question";
    if ((answer[3] & 15) != (plan.is_echo ? 0 : asked->rcode))
        return "another rcode";
    if (!plan.is_echo && u16(answer + 6) < asked->answers)
        return "too few records";
    return NULL;
}

/* Once a query: the bytes as records. */
static const char *judge_whole(const uint8_t *answer, size_t length, struct model *asked)
{
    struct anatomy found = take_apart(answer, length, asked->question_length);
    if (!found.is_whole)
        return "bytes that are no records";
    if (plan.with_cookie && !found.has_cookie)
        return "no cookie";
    asked->is_taken_apart = true;
    seen.taken_apart++;
    seen.whole_bytes += length;
    seen.records += found.records;
    seen.additional_bytes += found.additional_bytes;
    return NULL;
}

static void note_wrong(const char *why, const uint8_t *answer, size_t length)
{
    if (seen.wrong++ > 0)
        return;
    fprintf(stderr, "load: wrong answer: %s:", why);
    for (size_t i = 0; i < length && i < 200; i++)
        fprintf(stderr, " %02x", answer[i]);
    fputc('\n', stderr);
}

static void take_answer(struct port *port, const uint8_t *answer, size_t length)
{
    unsigned id = length >= 2 ? u16(answer) : 0, index = id % MAX_SLOTS;
    struct slot *slot = &port->slot[index];
    if (length < HEADER_BYTES || index >= slots_a_port || !slot->asked || slot->id != id) {
        if (length >= HEADER_BYTES && index < slots_a_port && slot->has_lost && slot->lost_id == id)
            seen.late++;
        else
            note_wrong("nobody asked", answer, length);
        return;
    }
    struct model *asked = (struct model *)slot->asked;
    const char *why = judge(answer, length, asked);
    if (!why && !plan.is_echo && !asked->is_taken_apart)
        why = judge_whole(answer, length, asked);
    if (why)
        note_wrong(why, answer, length);
    seen.answers++;
    seen.bytes += length;
    slot->asked = NULL;
    port->free[port->free_count++] = (uint16_t)index;
}

/* -- asking ------------------------------------------------------------------------------------
 */

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];
static uint8_t buffers[BATCH][ANSWER_BYTES];

static unsigned receive(struct port *port)
{
    unsigned all = 0;
    for (;;) {
        for (unsigned i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){.iov_base = buffers[i], .iov_len = ANSWER_BYTES};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        }
        int count = recvmmsg(port->fd, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++)
            take_answer(port, buffers[i], messages[i].msg_len);
        all += count > 0 ? (unsigned)count : 0;
        if (count < BATCH)
            return all;
    }
}

/* Puts a query into each free slot, and sends them. */
static void ask(struct port *port, int64_t at_ns)
{
    while (port->free_count > 0) {
        unsigned count = 0;
        for (; count < BATCH && port->free_count > 0; count++) {
            unsigned index = port->free[--port->free_count];
            struct slot *slot = &port->slot[index];
            const struct model *next = &plan.models[plan.next];
            plan.next = plan.next + 1 == plan.count ? 0 : plan.next + 1;
            slot->id = (uint16_t)(((slot->id / MAX_SLOTS + 1) % 256) * MAX_SLOTS + index);
            slot->asked = next;
            slot->sent_ns = at_ns;
            memcpy(buffers[count], next->wire, next->length);
            buffers[count][0] = (uint8_t)(slot->id >> 8);
            buffers[count][1] = (uint8_t)slot->id;
            parts[count] = (struct iovec){.iov_base = buffers[count], .iov_len = next->length};
            messages[count].msg_hdr = (struct msghdr){.msg_iov = &parts[count], .msg_iovlen = 1};
        }
        for (unsigned done = 0; done < count;) {
            int sent = sendmmsg(port->fd, messages + done, count - done, 0);
            if (sent < 0 && errno != ECONNREFUSED && errno != EINTR)
                die("load: send");
            done += sent > 0 ? (unsigned)sent : 0;
        }
    }
}

static void give_up_lost(int64_t at_ns)
{
    for (unsigned i = 0; i < PORTS; i++)
        for (unsigned j = 0; j < slots_a_port; j++) {
            struct slot *slot = &ports[i].slot[j];
            if (!slot->asked || at_ns - slot->sent_ns < LOST_NS)
                continue;
            seen.lost++;
            slot->lost_id = slot->id;
            slot->has_lost = true;
            slot->asked = NULL;
            ports[i].free[ports[i].free_count++] = (uint16_t)j;
        }
}

static bool is_any_out(void)
{
    for (unsigned i = 0; i < PORTS; i++)
        if (ports[i].free_count < slots_a_port)
            return true;
    return false;
}

/* Waits for answers to gather; returns the time then. Awake, but when nothing comes at all: to wake
 * us would cost the server more than to answer. */
static int64_t wait_awake(int64_t at_ns, int64_t last_answer_ns)
{
    static struct pollfd polled[PORTS];
    int64_t begin_ns = at_ns;
    if (at_ns - last_answer_ns > SILENCE_NS) {
        for (unsigned i = 0; i < PORTS; i++)
            polled[i] = (struct pollfd){.fd = ports[i].fd, .events = POLLIN};
        (void)!poll(polled, PORTS, LOOK_FOR_LOST_NS / 1000000);
        at_ns = now_ns();
    }
    while (at_ns - begin_ns < NAP_NS)
        at_ns = now_ns();
    seen.idle_ns += at_ns - begin_ns;
    return at_ns;
}

static void run(int64_t end_ns)
{
    int64_t at_ns = now_ns(), looked_ns = at_ns, last_answer_ns = at_ns;
    while (at_ns < end_ns || (at_ns < end_ns + LAST_WAIT_NS && is_any_out())) {
        unsigned found = 0;
        for (unsigned i = 0; i < PORTS; i++) {
            found += receive(&ports[i]);
            if (at_ns < end_ns)
                ask(&ports[i], at_ns);
        }
        at_ns = now_ns();
        if (found > 0)
            last_answer_ns = at_ns;
        if (found < FEW)
            at_ns = wait_awake(at_ns, last_answer_ns);
        if (at_ns - looked_ns > LOOK_FOR_LOST_NS && at_ns < end_ns) {
            give_up_lost(at_ns);
            looked_ns = at_ns;
        }
    }
}

static void open_ports(const char *address, const char *number, unsigned in_flight)
{
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtoul(number, NULL, 10))};
    int room = 4 << 20;
    if (inet_pton(AF_INET, address, &there.sin_addr) != 1) {
        fprintf(stderr, "load: \"%s\" is no IPv4 address\n", address);
        exit(64);
    }
    slots_a_port = (in_flight + PORTS - 1) / PORTS;
    for (unsigned i = 0; i < PORTS; i++) {
        struct port *port = &ports[i];
        port->fd = socket(AF_INET, SOCK_DGRAM, 0);
        if (port->fd < 0 || setsockopt(port->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0 ||
            connect(port->fd, (const struct sockaddr *)&there, sizeof there) != 0)
            die("load: socket");
        for (unsigned j = 0; j < slots_a_port; j++)
            port->free[port->free_count++] = (uint16_t)j;
    }
}

static void print_seen(double seconds)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
    double kernel = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
    double answers = seen.answers ? (double)seen.answers : 1;
    double apart = seen.taken_apart ? (double)seen.taken_apart : 1;
    double bytes =
        seen.taken_apart ? (double)seen.whole_bytes / apart : (double)seen.bytes / answers;
    printf("{\"answers\": %llu, \"wrong\": %llu, \"lost\": %llu, \"late\": %llu, "
           "\"seconds\": %.4f, \"answer_bytes\": %.2f, \"additional_bytes\": %.2f, "
           "\"records\": %.3f, \"user_s\": %.3f, \"kernel_s\": %.3f, \"busy\": %.3f}\n",
           (unsigned long long)seen.answers, (unsigned long long)seen.wrong,
           (unsigned long long)seen.lost, (unsigned long long)seen.late, seconds, bytes,
           (double)seen.additional_bytes / apart, (double)seen.records / apart, user, kernel,
           1 - (double)seen.idle_ns / 1e9 / seconds);
}

int main(int argc, char **argv)
{
    const char *words[5] = {0};
    int count = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--cookie") == 0)
            plan.with_cookie = true;
        else if (strcmp(argv[i], "--echo") == 0)
            plan.is_echo = true;
        else if (count < 5)
            words[count++] = argv[i];
        else
            count = 6;
    }
    double seconds = count >= 4 ? strtod(words[3], NULL) : 0;
    unsigned long in_flight = count == 5 ? strtoul(words[4], NULL, 10) : 128;
    if (count < 4 || count > 5 || seconds <= 0 || in_flight < 1 || in_flight > PORTS * MAX_SLOTS) {
        fputs("usage: load ADDRESS PORT QUERIES-FILE SECONDS [IN-FLIGHT] [--cookie] [--echo]\n",
              stderr);
        return 64;
    }
    read_plan(words[2]);
    open_ports(words[0], words[1], (unsigned)in_flight);
    int64_t start = now_ns();
    run(start + (int64_t)(seconds * 1e9));
    print_seen((double)(now_ns() - start) / 1e9);
    return seen.wrong || !seen.answers ? EXIT_FAILURE : EXIT_SUCCESS;
}
