/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <netinet/tcp.h>
#include "responder.h"

enum {
    BUFFER_BYTES = 2048,
    LOST_S = 5,
    TICK_MS = 50, /* how often to look for lost ones and the end */
    TCP_BUFFER_BYTES = 65536,
};

/* A query under way. Its ID is its place plus a multiple of LOAD_UNDER_WAY. */
struct flight {
    uint16_t id;
    bool is_out;
    enum pool_question question;
    uint32_t acknowledged, shown; /* when it was sent */
    int64_t sent_ns;
};

static int connect_to(int type, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    const int on = 1;
    const struct timeval tick = {.tv_usec = TICK_MS * 1000};
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) != 0 ||
        (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0)) {
        perror("load");
        exit(EXIT_FAILURE);
    }
    return fd;
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

/* Takes off: writes the next query of that place and notes what is known now. */
static size_t take_off(struct load *load, struct flight *flight, uint32_t *random, int64_t at_ns,
                       uint8_t *query)
{
    uint32_t drawn = next_random(random);
    flight->id = (uint16_t)(flight->id + LOAD_UNDER_WAY);
    flight->question = drawn % POOL_QUESTIONS;
    flight->is_out = true;
    flight->sent_ns = at_ns;
    flight->acknowledged = atomic_load(load->acknowledged);
    flight->shown = atomic_load(load->shown);
    return pool_query(query, flight->id, flight->question, drawn / POOL_QUESTIONS % load->domains);
}

static void raise_shown(_Atomic uint32_t *shown, uint32_t generation)
{
    uint32_t seen = atomic_load(shown);
    while (seen < generation && !atomic_compare_exchange_weak(shown, &seen, generation))
        continue;
}

/* Lands: judges the answer, which was sent at sent_ns (UTC; 0: nobody knows). */
static void land(struct load *load, struct flight *flight, struct bytes answer, int64_t sent_ns)
{
    int64_t at_ns = now_ns();
    struct load_counts *counts = &load->counts;
    flight->is_out = false;
    counts->answered++;
    if (at_ns - flight->sent_ns > counts->longest_ns)
        counts->longest_ns = at_ns - flight->sent_ns;
    if (load->kind == LOAD_ECHO)
        return;
    int generation = pool_generation_of(answer.ptr, answer.len, flight->question);
    counts->mixed += generation == POOL_MIXED;
    counts->wrong += generation == POOL_NO_ANSWER;
    if (generation < 0)
        return;
    counts->stale += (uint32_t)generation < flight->acknowledged;
    counts->back += (uint32_t)generation < flight->shown;
    int64_t next_served_ns = atomic_load(&load->served_at_ns[generation + 1]);
    counts->late += next_served_ns != 0 && sent_ns > next_served_ns;
    raise_shown(load->shown, (uint32_t)generation);
}

static void count_lost(struct load *load, struct flight *flights, int64_t at_ns)
{
    for (int i = 0; i < LOAD_UNDER_WAY; i++)
        if (flights[i].is_out && at_ns - flights[i].sent_ns > LOST_S * INT64_C(1000000000)) {
            flights[i].is_out = false;
            load->counts.lost++;
        }
}

/* -- datagrams ----------------------------------------------------------------------------------
 */

struct batch {
    struct mmsghdr in[LOAD_UNDER_WAY], out[LOAD_UNDER_WAY];
    struct iovec in_part[LOAD_UNDER_WAY], out_part[LOAD_UNDER_WAY];
    struct {
        _Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control[LOAD_UNDER_WAY];
    struct flight flights[LOAD_UNDER_WAY];
    uint8_t query[LOAD_UNDER_WAY][POOL_QUERY_BYTES];
    uint8_t answer[LOAD_UNDER_WAY][BUFFER_BYTES];
    int64_t last_arrival_ns;
    uint32_t random;
};

static void prepare(struct batch *batch)
{
    for (int i = 0; i < LOAD_UNDER_WAY; i++) {
        batch->flights[i].id = (uint16_t)i;
        batch->in_part[i] = (struct iovec){batch->answer[i], BUFFER_BYTES};
        batch->in[i].msg_hdr = (struct msghdr){.msg_iov = &batch->in_part[i],
                                               .msg_iovlen = 1,
                                               .msg_control = &batch->control[i],
                                               .msg_controllen = sizeof batch->control[i]};
    }
}

static void send_all(struct load *load, struct batch *batch, int fd)
{
    unsigned count = 0, at = 0;
    int64_t at_ns = now_ns();
    for (int i = 0; i < LOAD_UNDER_WAY; i++) {
        struct flight *flight = &batch->flights[i];
        if (flight->is_out)
            continue;
        size_t len = take_off(load, flight, &batch->random, at_ns, batch->query[i]);
        batch->out_part[count] = (struct iovec){batch->query[i], len};
        batch->out[count].msg_hdr =
            (struct msghdr){.msg_iov = &batch->out_part[count], .msg_iovlen = 1};
        count++;
    }
    while (at < count) {
        int sent = sendmmsg(fd, batch->out + at, count - at, 0);
        at += sent > 0 ? (unsigned)sent : 1;
    }
}

/* When the kernel took the datagram in, which for the loopback is when it was sent. */
static int64_t arrival_ns(struct msghdr *header)
{
    struct timespec at = {0};
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
            memcpy(&at, CMSG_DATA(c), sizeof at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

static void note_gap(struct load *load, struct batch *batch, int64_t arrived_ns)
{
    int64_t gap_us = (arrived_ns - batch->last_arrival_ns) / 1000;
    if (batch->last_arrival_ns && gap_us >= 0)
        load->gaps[gap_us < LOAD_GAPS ? gap_us : LOAD_GAPS - 1]++;
    batch->last_arrival_ns = arrived_ns;
}

static void receive_some(struct load *load, struct batch *batch, int fd)
{
    int count = recvmmsg(fd, batch->in, LOAD_UNDER_WAY, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) {
        const uint8_t *answer = batch->answer[i];
        uint16_t id = (uint16_t)(answer[0] << 8 | answer[1]);
        struct flight *flight = &batch->flights[id % LOAD_UNDER_WAY];
        int64_t arrived_ns = arrival_ns(&batch->in[i].msg_hdr);
        note_gap(load, batch, arrived_ns);
        batch->in[i].msg_hdr.msg_controllen = sizeof batch->control[i];
        bool is_deaf = load->deaf_one_in && next_random(&batch->random) % load->deaf_one_in == 0;
        if (flight->is_out && flight->id == id && batch->in[i].msg_len > 2 && !is_deaf)
            land(load, flight, (struct bytes){answer, batch->in[i].msg_len}, arrived_ns);
    }
    if (count <= 0)
        count_lost(load, batch->flights, now_ns());
}

static bool any_out(const struct flight *flights)
{
    for (int i = 0; i < LOAD_UNDER_WAY; i++)
        if (flights[i].is_out)
            return true;
    return false;
}

static void *ask_datagrams(void *argument)
{
    struct load *load = argument;
    struct batch *batch = calloc(1, sizeof *batch);
    int fd = connect_to(SOCK_DGRAM, load->port);
    if (!batch)
        abort();
    batch->random = load->port * 2654435761u | 1;
    prepare(batch);
    bind_cpu(load->cpu);
    while (!atomic_load(&load->stop)) {
        send_all(load, batch, fd);
        receive_some(load, batch, fd);
    }
    while (any_out(batch->flights))
        receive_some(load, batch, fd);
    close(fd);
    free(batch);
    return NULL;
}

/* -- streams ------------------------------------------------------------------------------------
 */

struct stream {
    int fd;
    struct flight flights[LOAD_STREAM_PIPELINE];
    uint8_t buffer[TCP_BUFFER_BYTES];
    size_t used;
};

static void open_stream(struct load *load, struct stream *stream)
{
    const int on = 1;
    *stream = (struct stream){.fd = connect_to(SOCK_STREAM, load->port)};
    (void)!setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    for (int i = 0; i < LOAD_STREAM_PIPELINE; i++)
        stream->flights[i].id = (uint16_t)i;
}

/* Fills the pipeline with one write. */
static void ask_stream(struct load *load, struct stream *stream, uint32_t *random)
{
    uint8_t bytes[LOAD_STREAM_PIPELINE * (POOL_QUERY_BYTES + 2)];
    size_t used = 0;
    int64_t at_ns = now_ns();
    for (int i = 0; i < LOAD_STREAM_PIPELINE; i++) {
        size_t len = take_off(load, &stream->flights[i], random, at_ns, bytes + used + 2);
        bytes[used] = 0;
        bytes[used + 1] = (uint8_t)len;
        used += 2 + len;
    }
    (void)!send(stream->fd, bytes, used, MSG_NOSIGNAL);
}

/* Judges the whole answers in the buffer; returns how many. */
static int take_answers(struct load *load, struct stream *stream)
{
    size_t at = 0;
    int taken = 0;
    while (stream->used - at >= 4) {
        const uint8_t *start = stream->buffer + at;
        size_t len = (size_t)start[0] << 8 | start[1];
        if (stream->used - at < 2 + len)
            break;
        uint16_t id = (uint16_t)(start[2] << 8 | start[3]);
        struct flight *flight = &stream->flights[id % LOAD_STREAM_PIPELINE];
        if (flight->is_out && flight->id == id)
            land(load, flight, (struct bytes){start + 2, len}, 0);
        at += 2 + len;
        taken++;
    }
    memmove(stream->buffer, stream->buffer + at, stream->used - at);
    stream->used -= at;
    return taken;
}

/* Reads until all its queries are answered; false: it ended, or did not answer. */
static bool hear_stream(struct load *load, struct stream *stream)
{
    int64_t since_ns = now_ns();
    for (int answers = 0; answers < LOAD_STREAM_PIPELINE;) {
        ssize_t got = recv(stream->fd, stream->buffer + stream->used,
                           sizeof stream->buffer - stream->used, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            load->counts.closed++;
            return false;
        }
        if (got < 0 && now_ns() - since_ns > LOST_S * INT64_C(1000000000))
            return false;
        stream->used += got > 0 ? (size_t)got : 0;
        answers += take_answers(load, stream);
    }
    return true;
}

static void *ask_streams(void *argument)
{
    struct load *load = argument;
    struct stream *streams = calloc(LOAD_STREAMS, sizeof *streams);
    uint32_t random = 2654435761u;
    const struct timespec pause = {.tv_nsec = 200000};
    if (!streams)
        abort();
    for (int i = 0; i < LOAD_STREAMS; i++)
        open_stream(load, &streams[i]);
    bind_cpu(load->cpu);
    while (!atomic_load(&load->stop)) {
        for (int i = 0; i < LOAD_STREAMS; i++)
            ask_stream(load, &streams[i], &random);
        for (int i = 0; i < LOAD_STREAMS; i++) {
            if (hear_stream(load, &streams[i]))
                continue;
            for (int j = 0; j < LOAD_STREAM_PIPELINE; j++)
                load->counts.lost += streams[i].flights[j].is_out;
            close(streams[i].fd);
            open_stream(load, &streams[i]);
        }
        nanosleep(&pause, NULL); /* a few of them, not a second flood */
    }
    for (int i = 0; i < LOAD_STREAMS; i++)
        close(streams[i].fd);
    free(streams);
    return NULL;
}

/* -----------------------------------------------------------------------------------------------
 */

void load_want_stamps(void)
{
    const int on = 1;
    const struct timespec moment = {.tv_nsec = 100000000};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* stays open */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) {
        perror("load: time stamps");
        exit(EXIT_FAILURE);
    }
    nanosleep(&moment, NULL);
}

void load_start(struct load *load)
{
    if (!load->gaps)
        load->gaps = calloc(LOAD_GAPS, sizeof *load->gaps);
    atomic_store(&load->stop, false);
    if (!load->gaps ||
        pthread_create(&load->thread, NULL, load->kind == LOAD_STREAM ? ask_streams : ask_datagrams,
                       load) != 0) {
        fputs("load: cannot start a thread\n", stderr);
        exit(EXIT_FAILURE);
    }
}

void load_stop(struct load *load)
{
    atomic_store(&load->stop, true);
    pthread_join(load->thread, NULL);
}

void load_fini(struct load *load)
{
    free(load->gaps);
    load->gaps = NULL;
}

double load_gap_ms(const uint64_t *gaps, uint64_t one_in)
{
    uint64_t total = 0, left;
    for (int i = 0; i < LOAD_GAPS; i++)
        total += gaps[i];
    left = total / one_in;
    for (int i = LOAD_GAPS - 1; i > 0; i--) {
        if (gaps[i] > left)
            return i / 1000.0;
        left -= gaps[i];
    }
    return 0;
}
