/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
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
    /* No query is longer, and no answer; a line more, so that the heads of all buffers do not share
     * a few sets of the cache. Small, so that all of them lie in few pages. */
    QUERY_BYTES = 2048,
    BUFFER_SLACK = 64,
    DROPS_MS = 1000, /* how often to ask what the kernel threw away: a system call */
    CONTROL_BYTES = CMSG_SPACE(sizeof(struct in6_pktinfo)) +
                    CMSG_SPACE(sizeof(struct in_pktinfo)), /* the larger one and to spare */
    PAGE_BYTES = 4096,
};

union peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* One batch: allocated once, at the start of the thread. */
struct batch {
    struct mmsghdr in[QUERY_BATCH], out[QUERY_BATCH];
    struct iovec part[QUERY_BATCH];
    union peer peer[QUERY_BATCH];
    struct query query[QUERY_BATCH];
    struct query_work work[QUERY_BATCH];
    uint32_t set[QUERY_BATCH]; /* of out[i] */
    struct query_state state;
    uint32_t drops; /* of the socket, when last asked */
    int64_t drops_at_ms;
    bool is_wildcard; /* control[] says which address was asked */
    struct {
        _Alignas(struct cmsghdr) char bytes[CONTROL_BYTES];
    } control[QUERY_BATCH];
    size_t buffer_bytes; /* of one */
    _Alignas(PAGE_BYTES) uint8_t buffers[];
};

static struct batch *batch_new(const struct udp_worker *udp)
{
    const struct settings *settings = udp->settings ? udp->settings : &settings_default;
    size_t buffer = BUFFER_SLACK +
                    (settings->edns_size > QUERY_BYTES ? settings->edns_size : (size_t)QUERY_BYTES);
    size_t size = sizeof(struct batch) + QUERY_BATCH * buffer;
    size = (size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    struct batch *batch = aligned_alloc(PAGE_BYTES, size);
    if (!batch)
        abort(); /* at start; the supervisor sees it */
    memset(batch, 0, size);
    batch->state.decide.settings = settings;
    batch->buffer_bytes = buffer;
    batch->is_wildcard = udp->is_wildcard;
    for (unsigned i = 0; i < QUERY_BATCH; i++) {
        batch->part[i] = (struct iovec){.iov_base = batch->buffers + i * buffer, .iov_len = buffer};
        batch->in[i].msg_hdr =
            (struct msghdr){.msg_name = &batch->peer[i],
                            .msg_namelen = sizeof batch->peer[i],
                            .msg_iov = &batch->part[i],
                            .msg_iovlen = 1,
                            .msg_control = udp->is_wildcard ? &batch->control[i] : NULL,
                            .msg_controllen = udp->is_wildcard ? sizeof batch->control[i] : 0};
    }
    return batch;
}

/* What receiving and answering have changed of the first `count`. */
static void batch_reset(struct batch *batch, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        batch->part[i].iov_len = batch->buffer_bytes;
        batch->in[i].msg_hdr.msg_namelen = sizeof batch->peer[i];
        if (batch->is_wildcard)
            batch->in[i].msg_hdr.msg_controllen = sizeof batch->control[i];
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

/* What has arrived at `i`, from whom. A query of no length gets no answer. */
static void take_query(struct batch *batch, unsigned i, int64_t now_ms)
{
    const struct msghdr *header = &batch->in[i].msg_hdr;
    const union peer *peer = &batch->peer[i];
    bool is_v6 = peer->any.sa_family == AF_INET6;
    bool is_good = !(header->msg_flags & MSG_TRUNC) && header->msg_namelen != 0 && has_port(peer);
    batch->query[i] = (struct query){
        .bytes = batch->part[i].iov_base,
        .length = is_good ? batch->in[i].msg_len : 0,
        .source = is_v6 ? peer->v6.sin6_addr.s6_addr : (const uint8_t *)&peer->v4.sin_addr.s_addr,
        .source_length = is_v6 ? sizeof peer->v6.sin6_addr : sizeof peer->v4.sin_addr,
        .transport = TRANSPORT_DATAGRAM,
        .now_ms = now_ms,
    };
}

/* Answers what came; returns how many answers stand in out[]. */
static unsigned batch_answer(struct batch *batch, unsigned count, int64_t now_ms)
{
    unsigned answers = 0;
    for (unsigned i = 0; i < count; i++) {
        take_query(batch, i, now_ms);
        query_begin(&batch->query[i], &batch->state, &batch->work[i]);
    }
    for (unsigned i = 0; i < count; i++)
        query_find(&batch->state, &batch->work[i]);
    for (unsigned i = 0; i < count; i++)
        query_fetch(&batch->state, &batch->work[i]);
    for (unsigned i = 0; i < count; i++)
        query_decide(&batch->query[i], &batch->state, &batch->work[i]);
    for (unsigned i = 0; i < count; i++) {
        size_t length = query_finish(&batch->query[i], &batch->state, &batch->work[i]);
        if (length == 0)
            continue;
        if (batch->is_wildcard)
            clear_interface(&batch->in[i].msg_hdr);
        batch->part[i].iov_len = length;
        batch->set[answers] = batch->state.set;
        batch->out[answers].msg_hdr = batch->in[i].msg_hdr;
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

/* Sends them all, skipping what the kernel refuses (no route, no buffer, address gone). Not by
 * IP_RECVERR: whoever gets our answers could then fill our receive buffer with ICMP errors. */
static void batch_send(int fd, struct batch *batch, unsigned answers)
{
    unsigned at = 0;
    while (at < answers) {
        int sent = sendmmsg(fd, batch->out + at, answers - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            at += (unsigned)sent;
        } else if (sent == 0 || errno != EINTR) {
            batch->set[at++] = IMAGE_NONE; /* nothing was served */
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
    struct batch *batch = batch_new(udp);
    batch->state.statistics = udp->statistics ? udp->statistics : &batch->state.unread;
    batch->drops = socket_drops(udp->fd); /* of who had the socket before us */
    int64_t end_ms = 0;
    for (;;) {
        bool is_last = atomic_load(&udp->stop);
        if (is_last && end_ms == 0)
            end_ms = clock_monotonic_ms() + DRAIN_MS;
        int count = recvmmsg(udp->fd, batch->in, QUERY_BATCH,
                             is_last ? MSG_DONTWAIT : MSG_WAITFORONE, NULL);
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

/* Bound from its first moment: once it runs, a sandbox may forbid it. */
static int start_bound(struct udp_worker *udp)
{
    pthread_attr_t attributes;
    cpu_set_t processor;
    CPU_ZERO(&processor);
    CPU_SET((unsigned)udp->processor, &processor);
    int failed = pthread_attr_init(&attributes);
    if (failed)
        return failed;
    failed = pthread_attr_setaffinity_np(&attributes, sizeof processor, &processor);
    if (!failed)
        failed = pthread_create(&udp->thread, &attributes, udp_run, udp);
    pthread_attr_destroy(&attributes);
    return failed;
}

bool udp_worker_start(struct udp_worker *udp, struct error *err)
{
    struct sigaction awake = {.sa_handler = wake};
    atomic_store(&udp->stop, false);
    if (sigaction(SIGUSR1, &awake, NULL) != 0)
        return error_system(err, "worker", NULL, "cannot set a signal handler");
    /* Where binding is not allowed, it is answered all the same. */
    if (udp->processor < 0 || start_bound(udp) != 0)
        errno = pthread_create(&udp->thread, NULL, udp_run, udp);
    else
        errno = 0;
    if (errno != 0)
        return error_system(err, "worker", "ask for fewer workers", "cannot start a thread");
    udp->is_started = true;
    return true;
}

void udp_worker_stop(struct udp_worker *udp)
{
    atomic_store(&udp->stop, true);
    if (udp->is_started)
        (void)!pthread_kill(udp->thread, SIGUSR1); /* mostly it sleeps and is woken by this one */
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
