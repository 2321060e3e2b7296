/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/stub.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "zones/rrtype.h"

enum {
    QUERY_MAX_BYTES = ANSWER_HEADER_BYTES + NAME_MAX_BYTES + 4 + 11,
    FLAG_RECURSION_DESIRED = 0x0100,
    FLAG_AUTHENTICATED = 0x0020, /* "tell me whether you validated": RFC 6840 section 5.7 */
    EDNS_DO = 0x8000,
    LENGTH_BYTES = 2, /* before a message over TCP */
    WHY_SIZE = 120,
};

/* What became of one try. */
enum outcome {
    OUTCOME_ANSWER, /* *answer is filled, whatever its code */
    OUTCOME_SILENT, /* nothing that counts came in time */
    OUTCOME_FAILED, /* the system said no at once: nobody listens, no route */
    OUTCOME_BROKEN, /* the server's own answer makes no sense */
    OUTCOME_STREAM, /* to be asked over TCP */
};

struct question {
    struct name name;
    uint16_t type;
    bool has_edns;
    bool is_iterative, wants_signatures;
};

/* A question on its way. */
struct attempt {
    const struct stub_server *server;
    uint8_t query[QUERY_MAX_BYTES];
    size_t query_bytes;
    uint16_t id;
    struct bytes sent; /* the question within query[] */
    int64_t deadline_at_ms;
    struct arena *arena;
    struct answer *answer;
    char why[WHY_SIZE]; /* of an outcome that is no answer */
};

/* ---- the query ---- */

static void random_fill(void *bytes, size_t len)
{
    if (getrandom(bytes, len, 0) != (ssize_t)len) /* up to 256 bytes come whole: getrandom(2) */
        abort();
}

/* The name with each letter in a case of its own. */
static void write_mixed(struct writer *w, struct name name)
{
    uint8_t bits[(NAME_MAX_BYTES + 7) / 8];
    random_fill(bits, sizeof bits);
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name_lower_byte(name.wire[i]);
        bool is_letter = byte >= 'a' && byte <= 'z'; /* a length is below both */
        bool is_upper = bits[i / 8] >> i % 8 & 1;
        write_u8(w, is_letter && is_upper ? (uint8_t)(byte ^ 0x20) : byte);
    }
}

static void query_write(struct attempt *attempt, const struct question *question)
{
    struct writer w = writer_over(attempt->query, sizeof attempt->query);
    random_fill(&attempt->id, sizeof attempt->id);
    write_u16(&w, attempt->id);
    write_u16(&w, question->is_iterative ? 0 : FLAG_RECURSION_DESIRED | FLAG_AUTHENTICATED);
    write_u16(&w, 1);
    write_u32(&w, 0);
    write_u16(&w, question->has_edns);
    size_t start = w.len;
    write_mixed(&w, question->name);
    write_u16(&w, question->type);
    write_u16(&w, RRCLASS_IN);
    attempt->sent = (struct bytes){attempt->query + start, w.len - start};
    if (question->has_edns) {
        write_u8(&w, 0);
        write_u16(&w, RRTYPE_OPT);
        write_u16(&w, STUB_UDP_BYTES);
        write_u32(&w, question->wants_signatures ? EDNS_DO : 0);
        write_u16(&w, 0);
    }
    attempt->query_bytes = w.len;
}

/* ---- waiting ---- */

static int left_ms(const struct attempt *attempt)
{
    int64_t left = attempt->deadline_at_ms - clock_monotonic_ms();
    return left > INT32_MAX ? INT32_MAX : left > 0 ? (int)left : 0;
}

/* True when `events` are there before the deadline; an error condition counts as there. */
static bool wait_for(const struct attempt *attempt, int fd, short events)
{
    struct pollfd poller = {.fd = fd, .events = events};
    int ready;
    do
        ready = poll(&poller, 1, left_ms(attempt));
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static enum outcome failed(struct attempt *attempt)
{
    char reason[80];
    snprintf(attempt->why, sizeof attempt->why, "cannot be reached: %s",
             strerror_r(errno, reason, sizeof reason));
    return OUTCOME_FAILED;
}

static enum outcome silent(struct attempt *attempt, const char *why)
{
    snprintf(attempt->why, sizeof attempt->why, "%s", why);
    return OUTCOME_SILENT;
}

static int socket_open(const struct attempt *attempt, int type)
{
    return socket(attempt->server->address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A connected socket of its own: the kernel draws its port at random. */
static bool socket_connect(const struct attempt *attempt, int fd)
{
    return connect(fd, (const struct sockaddr *)&attempt->server->address,
                   attempt->server->length) == 0;
}

/* ---- answers ---- */

static bool same_in_any_case(struct bytes a, struct bytes b)
{
    if (a.len != b.len || a.len < 4 || memcmp(a.ptr + a.len - 4, b.ptr + b.len - 4, 4) != 0)
        return false; /* type and class have no case */
    return name_equal((struct name){a.ptr, a.len - 4}, (struct name){b.ptr, b.len - 4});
}

static enum outcome message_read(struct attempt *attempt, struct bytes message)
{
    struct error err = {0};
    if (answer_parse(attempt->arena, message, attempt->answer, &err))
        return OUTCOME_ANSWER;
    snprintf(attempt->why, sizeof attempt->why, "sends what is no DNS answer: %.80s", err.message);
    return OUTCOME_BROKEN;
}

/* ---- UDP ---- */

/* One datagram. OUTCOME_SILENT: it does not count, wait on. */
static enum outcome datagram_take(struct attempt *attempt, struct bytes datagram, int *near_misses)
{
    struct answer head;
    bool is_ours = answer_parse_head(datagram, &head) && head.id == attempt->id &&
                   same_in_any_case(head.question, attempt->sent);
    if (!is_ours)
        return ++*near_misses > STUB_NEAR_MISSES_MAX ? OUTCOME_STREAM : OUTCOME_SILENT;
    bool kept_case = bytes_equal(head.question, attempt->sent);
    if (!kept_case || head.is_truncated || datagram.len > STUB_UDP_BYTES)
        return OUTCOME_STREAM;
    enum outcome outcome = message_read(attempt, datagram);
    return outcome == OUTCOME_BROKEN ? OUTCOME_STREAM : outcome;
}

static enum outcome datagram_wait(struct attempt *attempt, int fd)
{
    uint8_t buffer[STUB_UDP_BYTES + 1]; /* one more shows that it was longer than we said */
    int near_misses = 0;
    while (wait_for(attempt, fd, POLLIN)) {
        ssize_t len = recv(fd, buffer, sizeof buffer, 0);
        if (len < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (len < 0)
            return failed(attempt);
        enum outcome outcome =
            datagram_take(attempt, (struct bytes){buffer, (size_t)len}, &near_misses);
        if (outcome != OUTCOME_SILENT)
            return outcome;
    }
    return silent(attempt, near_misses ? "sends answers to other questions only" : "is silent");
}

static enum outcome ask_datagram(struct attempt *attempt)
{
    int fd = socket_open(attempt, SOCK_DGRAM);
    enum outcome outcome;
    if (fd < 0 || !socket_connect(attempt, fd) ||
        send(fd, attempt->query, attempt->query_bytes, MSG_NOSIGNAL) < 0)
        outcome = failed(attempt);
    else
        outcome = datagram_wait(attempt, fd);
    fd_close(&fd);
    return outcome;
}

/* ---- TCP ---- */

static bool stream_connect(struct attempt *attempt, int fd)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    if (socket_connect(attempt, fd))
        return true;
    if (errno != EINPROGRESS)
        return false;
    if (!wait_for(attempt, fd, POLLOUT)) {
        errno = ETIMEDOUT;
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) < 0)
        return false;
    errno = reason;
    return reason == 0;
}

/* A query is far below what a fresh socket buffers, so it goes whole or not at all. */
static bool stream_send(struct attempt *attempt, int fd)
{
    uint8_t bytes[LENGTH_BYTES + QUERY_MAX_BYTES];
    struct writer w = writer_over(bytes, sizeof bytes);
    write_u16(&w, (uint16_t)attempt->query_bytes);
    write_bytes(&w, attempt->query, attempt->query_bytes);
    return send(fd, bytes, w.len, MSG_NOSIGNAL) == (ssize_t)w.len;
}

static bool stream_read(struct attempt *attempt, int fd, uint8_t *buffer, size_t len)
{
    size_t have = 0;
    while (have < len && wait_for(attempt, fd, POLLIN)) {
        ssize_t got = recv(fd, buffer + have, len - have, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        have += got > 0 ? (size_t)got : 0;
    }
    return have == len;
}

static enum outcome stream_take(struct attempt *attempt, struct bytes message)
{
    struct answer head;
    if (!answer_parse_head(message, &head) || head.id != attempt->id ||
        !same_in_any_case(head.question, attempt->sent)) {
        snprintf(attempt->why, sizeof attempt->why, "answers another question than ours over TCP");
        return OUTCOME_BROKEN;
    }
    return message_read(attempt, message);
}

static enum outcome ask_stream(struct attempt *attempt)
{
    int fd = socket_open(attempt, SOCK_STREAM);
    uint8_t length[LENGTH_BYTES];
    enum outcome outcome;
    if (fd < 0 || !stream_connect(attempt, fd) || !stream_send(attempt, fd)) {
        outcome = failed(attempt);
    } else if (!stream_read(attempt, fd, length, sizeof length)) {
        outcome = silent(attempt, "is silent over TCP");
    } else {
        size_t len = (size_t)length[0] << 8 | length[1];
        uint8_t *message = arena_alloc(attempt->arena, len + 1);
        outcome = stream_read(attempt, fd, message, len)
                      ? stream_take(attempt, (struct bytes){message, len})
                      : silent(attempt, "breaks off its answer over TCP");
    }
    fd_close(&fd);
    return outcome;
}

/* ---- one server, all servers ---- */

static int64_t deadline_of(const struct stub *stub, int64_t wait_ms)
{
    int64_t at_ms = clock_monotonic_ms() + wait_ms;
    bool is_over = stub->deadline_at_ms && at_ms > stub->deadline_at_ms;
    return is_over ? stub->deadline_at_ms : at_ms;
}

static enum outcome ask_once(struct stub *stub, struct attempt *attempt,
                             const struct question *question, int64_t wait_ms)
{
    query_write(attempt, question);
    attempt->deadline_at_ms = deadline_of(stub, wait_ms);
    stub->query_count++;
    enum outcome outcome = ask_datagram(attempt);
    if (outcome != OUTCOME_STREAM)
        return outcome;
    attempt->deadline_at_ms = deadline_of(stub, wait_ms);
    stub->query_count++;
    return ask_stream(attempt);
}

static bool is_conclusive(const struct answer *answer)
{
    return answer->rcode == RCODE_NOERROR || answer->rcode == RCODE_NXDOMAIN;
}

/* One try of a server, with EDNS and, where it does not know that, without. True: *attempt's
 * answer is one to believe; else attempt->why says what is wrong. */
static bool ask_server(struct stub *stub, struct attempt *attempt, struct question *question,
                       int64_t wait_ms, enum outcome *outcome)
{
    char code[RCODE_TEXT_SIZE];
    question->has_edns = true;
    *outcome = ask_once(stub, attempt, question, wait_ms);
    bool knows_no_edns =
        *outcome == OUTCOME_ANSWER && !attempt->answer->has_edns &&
        (attempt->answer->rcode == RCODE_FORMERR || attempt->answer->rcode == RCODE_NOTIMP);
    if (knows_no_edns) { /* RFC 6891 section 6.2.2 */
        question->has_edns = false;
        *outcome = ask_once(stub, attempt, question, wait_ms);
    }
    if (*outcome != OUTCOME_ANSWER)
        return false;
    snprintf(attempt->why, sizeof attempt->why, "answers %s",
             answer_rcode_print(attempt->answer->rcode, code));
    return is_conclusive(attempt->answer);
}

/* The servers' order: those that were silent come last. */
static uint32_t servers_ordered(struct stub *stub, struct stub_server *order[STUB_SERVERS_MAX])
{
    uint32_t count = 0;
    for (int silent_ones = 0; silent_ones < 2; silent_ones++)
        for (uint32_t i = 0; i < stub->server_count; i++)
            if (stub->servers[i].was_silent == (silent_ones == 1))
                order[count++] = &stub->servers[i];
    return count;
}

/* What each server did last, in one sentence. */
static bool nobody_answered(const struct stub *stub, char (*whys)[WHY_SIZE], struct error *err)
{
    char all[STUB_SERVERS_MAX * (WHY_SIZE + STUB_SERVER_TEXT_SIZE)] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < stub->server_count; i++)
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s %s", i ? ", " : "",
                                stub->servers[i].text, whys[i][0] ? whys[i] : "was not asked");
    bool is_late = stub->deadline_at_ms && clock_monotonic_ms() >= stub->deadline_at_ms;
    return error_set(err, ERROR_UNREACHABLE, "no answer from DNS: %.300s%s", all,
                     is_late ? "; the time for all questions is over" : "");
}

bool stub_ask(struct stub *stub, struct arena *arena, struct name name, uint16_t type,
              struct answer *answer, struct error *err)
{
    struct stub_server *order[STUB_SERVERS_MAX];
    char whys[STUB_SERVERS_MAX][WHY_SIZE] = {0};
    bool is_settled[STUB_SERVERS_MAX] = {0}; /* asking again would change nothing */
    uint32_t count = servers_ordered(stub, order);
    struct question question = {.name = name,
                                .type = type,
                                .is_iterative = stub->is_iterative,
                                .wants_signatures = stub->wants_signatures};
    struct answer found;
    for (uint32_t i = 0; i < STUB_ROUNDS * count; i++) {
        struct stub_server *server = order[i % count];
        size_t at = (size_t)(server - stub->servers);
        if (is_settled[at] ||
            (stub->deadline_at_ms && clock_monotonic_ms() >= stub->deadline_at_ms))
            continue;
        struct attempt attempt = {.server = server, .arena = arena, .answer = &found};
        enum outcome outcome;
        bool done =
            ask_server(stub, &attempt, &question, (int64_t)stub->timeout_ms << i / count, &outcome);
        if (done) {
            server->was_silent = false;
            *answer = found;
            return true;
        }
        memcpy(whys[at], attempt.why, WHY_SIZE);
        server->was_silent |= outcome == OUTCOME_SILENT || outcome == OUTCOME_FAILED;
        is_settled[at] = outcome == OUTCOME_ANSWER && found.rcode != RCODE_SERVFAIL;
    }
    return nobody_answered(stub, whys, err);
}
