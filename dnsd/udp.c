/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/sock_diag.h>
#include "dnsd/query.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"

enum {
    DRAIN_MS = 1000, /* under load the queue is never empty */
    BATCH = 32,      /* measured: half of it is slower, twice is not faster */
    /* No query is longer, and no answer; a line more, so that the heads of all buffers do not share
     * a few sets of the cache. */
    BUFFER_BYTES = SETTINGS_EDNS_MAX_BYTES + 64,
    DROPS_MS = 1000, /* how often to ask what the kernel threw away: a system call */
    CONTROL_BYTES = CMSG_SPACE(sizeof(struct in6_pktinfo)) +
                    CMSG_SPACE(sizeof(struct in_pktinfo)), /* the larger one and to spare */
};

union peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* One batch: allocated once, at the start of the thread. */
struct batch {
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec part[BATCH];
    union peer peer[BATCH];
    uint32_t set[BATCH]; /* of out[i] */
    struct query_state state;
    uint32_t drops; /* of the socket, when last asked */
    int64_t drops_at_ms;
    struct {
        _Alignas(struct cmsghdr) char bytes[CONTROL_BYTES];
    } control[BATCH];
    _Alignas(4096) uint8_t buffer[BATCH][BUFFER_BYTES];
};

static void batch_reset(struct batch *batch, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        batch->part[i] = (struct iovec){.iov_base = batch->buffer[i], .iov_len = BUFFER_BYTES};
        batch->in[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->peer[i],
            .msg_namelen = sizeof batch->peer[i],
            .msg_iov = &batch->part[i],
            .msg_iovlen = 1,
            .msg_control = &batch->control[i],
            .msg_controllen = sizeof batch->control[i],
        };
    }
}

/* Port 0 cannot be answered; who sends from it forges. */
static bool has_port(const union peer *peer)
{
    return peer->any.sa_family == AF_INET6 ? peer->v6.sin6_port != 0 : peer->v4.sin_port != 0;
}

/* The answer leaves from the address that was asked, by whatever interface the routes say. */
static void clear_interface(struct msghdr *header)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(at), sizeof info);
            info.ipi_ifindex = 0;
            memcpy(CMSG_DATA(at), &info, sizeof info);
        } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(at), sizeof info);
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                info.ipi6_ifindex = 0;
            memcpy(CMSG_DATA(at), &info, sizeof info);
        }
    }
}

/* The address of who asks. */
static void take_source(struct query *query, const union peer *peer)
{
    bool is_v6 = peer->any.sa_family == AF_INET6;
    query->source = is_v6 ? peer->v6.sin6_addr.s6_addr : (const uint8_t *)&peer->v4.sin_addr.s_addr;
    query->source_length = is_v6 ? sizeof peer->v6.sin6_addr : sizeof peer->v4.sin_addr;
}

/* Answers what came; returns how many answers stand in out[]. */
static unsigned batch_answer(struct batch *batch, unsigned count, int64_t now_ms)
{
    unsigned answers = 0;
    for (unsigned i = 0; i < count; i++) {
        struct msghdr *header = &batch->in[i].msg_hdr;
        if (header->msg_flags & MSG_TRUNC || header->msg_namelen == 0 || !has_port(&batch->peer[i]))
            continue;
        struct query query = {.bytes = batch->buffer[i],
                              .length = batch->in[i].msg_len,
                              .transport = TRANSPORT_DATAGRAM,
                              .now_ms = now_ms};
        take_source(&query, &batch->peer[i]);
        size_t length = query_answer(&query, &batch->state);
        if (length == 0)
            continue;
        clear_interface(header);
        batch->part[i].iov_len = length;
        batch->set[answers] = batch->state.set;
        batch->out[answers] = (struct mmsghdr){.msg_hdr = *header};
        batch->out[answers].msg_hdr.msg_flags = 0;
        if (header->msg_controllen == 0)
            batch->out[answers].msg_hdr.msg_control = NULL;
        answers++;
    }
    return answers;
}

/* What did not fit into the receive buffer. */
static uint32_t socket_drops(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;
    (void)!getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
    return info[SK_MEMINFO_DROPS];
}

static void batch_count_drops(struct batch *batch, int fd, int64_t now_ms)
{
    if (now_ms >= batch->drops_at_ms && now_ms < batch->drops_at_ms + DROPS_MS)
        return;
    uint32_t drops = socket_drops(fd);
    statistics_add(batch->state.statistics, STATISTIC_SOCKET_DROPS, drops - batch->drops);
    batch->drops = drops;
    batch->drops_at_ms = now_ms;
}

/* Sends them all, skipping what the kernel refuses (no route, no buffer, address gone). */
static void batch_send(int fd, struct batch *batch, unsigned answers)
{
    unsigned at = 0;
    while (at < answers) {
        int sent = sendmmsg(fd, batch->out + at, answers - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            at += (unsigned)sent;
        } else if (sent == 0 || errno != EINTR) {
            at++;
            statistics_add(batch->state.statistics, STATISTIC_DROPPED_OVERLOAD, 1);
        }
    }
}

static void batch_note_served(const struct udp_worker *udp, const struct batch *batch,
                              unsigned answers, const struct generation *generation)
{
    int64_t now_ms = clock_realtime_ms(); /* after sending: not before the last one left */
    for (unsigned i = 0; i < answers; i++)
        if (batch->set[i] != IMAGE_NONE)
            generation_note_served(generation, udp->worker, batch->set[i], now_ms);
}

static void batch_carry(struct udp_worker *udp, struct batch *batch, unsigned count)
{
    const struct generation *generation = generation_enter(udp->generations, udp->worker);
    batch->state.decide.image = generation ? &generation->image : NULL;
    batch->state.decide.turns = generation ? generation_turns(generation, udp->worker) : NULL;
    int64_t now_ms = clock_realtime_ms();
    unsigned answers = batch_answer(batch, count, now_ms);
    batch_send(udp->fd, batch, answers);
    batch_count_drops(batch, udp->fd, now_ms);
    if (generation)
        batch_note_served(udp, batch, answers, generation);
    generation_leave(udp->generations, udp->worker);
    batch_reset(batch, count);
}

static void *udp_run(void *argument)
{
    struct udp_worker *udp = argument;
    struct batch *batch = aligned_alloc(4096, sizeof *batch);
    if (!batch)
        abort(); /* at start; the supervisor sees it */
    memset(batch, 0, sizeof *batch);
    batch->state.decide.settings = udp->settings;
    batch->state.statistics = udp->statistics ? udp->statistics : &batch->state.unread;
    batch->drops = socket_drops(udp->fd); /* of who had the socket before us */
    batch_reset(batch, BATCH);
    int64_t end_ms = 0;
    for (;;) {
        bool is_last = atomic_load(&udp->stop);
        if (is_last && end_ms == 0)
            end_ms = clock_monotonic_ms() + DRAIN_MS;
        int count =
            recvmmsg(udp->fd, batch->in, BATCH, is_last ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
        if (count > 0)
            batch_carry(udp, batch, (unsigned)count);
        else if (is_last && errno != EINTR)
            break;
        if (is_last && clock_monotonic_ms() >= end_ms)
            break;
    }
    free(batch);
    return NULL;
}

/* Only to interrupt. */
static void wake(int number)
{
    (void)number;
}

bool udp_worker_start(struct udp_worker *udp, struct error *err)
{
    struct sigaction awake = {.sa_handler = wake};
    atomic_store(&udp->stop, false);
    if (sigaction(SIGUSR1, &awake, NULL) != 0)
        return error_system(err, "worker", NULL, "cannot set a signal handler");
    errno = pthread_create(&udp->thread, NULL, udp_run, udp);
    if (errno != 0)
        return error_system(err, "worker", "ask for fewer workers", "cannot start a thread");
    udp->is_started = true;
    return true;
}

void udp_worker_stop(struct udp_worker *udp)
{
    atomic_store(&udp->stop, true);
}

void udp_worker_join(struct udp_worker *udp)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    /* Again and again: a signal that comes just before it sleeps wakes nobody. */
    while (udp->is_started && pthread_tryjoin_np(udp->thread, NULL) == EBUSY) {
        (void)!pthread_kill(udp->thread, SIGUSR1);
        nanosleep(&pause, NULL);
    }
    udp->is_started = false;
    fd_close(&udp->fd);
}
