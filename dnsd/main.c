/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan-dnsd: the authoritative responder. Sockets, threads, and the order in which they start
 * and end; what is said is decided in query.c, from images that control.c takes. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "dnsd/control.h"
#include "dnsd/cookie_file.h"
#include "dnsd/inherit.h"
#include "dnsd/keeper.h"
#include "dnsd/keeper_child.h"
#include "dnsd/notify.h"
#include "dnsd/ratelimit_table.h"
#include "dnsd/sockets.h"
#include "dnsd/udp.h"
#include "zones/base/clock.h"
#include "zones/base/log.h"

enum {
    EXIT_USAGE = 64,
    OTHER_DESCRIPTORS = 64, /* listeners, control, images while they are loaded, to spare */
};

struct server {
    struct options options;
    struct sockets sockets;
    struct inherited inherited;
    struct notify notify;
    struct sandbox_user user;
    struct generations generations;
    struct udp_worker *workers;
    uint32_t worker_count;
    int *given; /* the sockets, if somebody takes over */
    struct tcp tcp;
    struct control control;
    struct cookie_file cookie_file;
    struct statistics_memory statistics;
};

/* As many descriptors as we may have, and the streams that they allow. */
static struct stream_limits stream_limits(const struct server *server)
{
    struct stream_limits limits = server->options.streams;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return limits;
    limit.rlim_cur = limit.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &limit);
    uint64_t taken = (uint64_t)server->worker_count + OTHER_DESCRIPTORS;
    uint64_t left = limit.rlim_cur > taken ? limit.rlim_cur - taken : 1;
    if (left < limits.total) {
        log_warning("fewer TCP connections than wanted: raise the limit of open files",
                    log_number("wanted", limits.total), log_number("possible", (int64_t)left));
        limits.total = (uint32_t)left;
    }
    return limits;
}

/* Has the workers of each address answer on the processors that receive, if that is good. */
static void steer(struct server *server)
{
    const struct options *options = &server->options;
    const struct sockets *sockets = &server->sockets;
    cpu_set_t processors;
    int fds[OPTIONS_MAX_THREADS];
    if (sched_getaffinity(0, sizeof processors, &processors) != 0)
        return;
    const struct steering steering =
        steer_plan(options->steer, &processors, options->workers, steer_count_queues());
    if (options->steer == STEER_BY_PROCESSOR && steering.count == 0)
        log_warning("queries are not steered: that takes as many workers as processors, in a row",
                    log_number("workers", options->workers),
                    log_number("processors", CPU_COUNT(&processors)));
    for (uint32_t address = 0; address < options->address_count; address++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < sockets->datagram_count; i++)
            if (sockets->datagrams[i].address == address)
                fds[count++] = sockets->datagrams[i].fd;
        if (!steer_sockets(&steering, fds, count))
            continue;
        count = 0;
        for (uint32_t i = 0; i < sockets->datagram_count; i++)
            if (sockets->datagrams[i].address == address)
                server->workers[i].processor = (int)(steering.first + count++);
    }
}

/* What a successor would get. */
static void list_gift(struct server *server)
{
    struct takeover_gift *gift = &server->control.gift;
    for (uint32_t i = 0; i < server->worker_count; i++)
        server->given[gift->count++] = server->workers[i].fd;
    for (uint32_t i = 0; i < server->tcp.listener_count; i++)
        server->given[gift->count++] = server->tcp.listeners[i];
    gift->sockets = server->given;
    gift->notify = &server->notify;
    gift->secrets = server->options.cookie_secrets ? NULL : &server->options.settings.secrets;
}

/* Every UDP socket gets its worker, and the TCP thread the listeners. */
static bool open_sockets(struct server *server, struct error *err)
{
    struct sockets *sockets = &server->sockets;
    if (server->options.address_count == 0)
        return error_set(err, ERROR_USAGE, "--listen ADDR:PORT is missing");
    if (!sockets_complete(sockets, &server->options, err))
        return false;
    server->workers = calloc(sockets->datagram_count, sizeof *server->workers);
    server->given = calloc(sockets->datagram_count + sockets->listener_count, sizeof(int));
    if (!server->workers || !server->given)
        return error_set(err, ERROR_SYSTEM, "no memory for %u workers; ask for fewer",
                         sockets->datagram_count);
    server->worker_count = sockets->datagram_count;
    for (uint32_t i = 0; i < server->worker_count; i++) {
        server->workers[i].fd = sockets->datagrams[i].fd;
        server->workers[i].worker = i;
        server->workers[i].generations = &server->generations;
        server->workers[i].settings = &server->options.settings;
        server->workers[i].processor = -1;
        server->workers[i].is_wildcard =
            listen_is_wildcard(&server->options.addresses[sockets->datagrams[i].address]);
    }
    steer(server);
    for (uint32_t i = 0; i < sockets->listener_count; i++)
        server->tcp.listeners[server->tcp.listener_count++] = sockets->listeners[i].fd;
    list_gift(server);
    sockets->datagram_count = sockets->listener_count = 0; /* they are the threads' now */
    return true;
}

/* The image on disk; with a control socket its want or damage is not the end. */
static bool load_first(struct server *server, struct error *err)
{
    struct inherited *given = &server->inherited;
    struct error why = {0};
    if (given->answers_fd >= 0) {
        bool done = control_load_files(&server->control, given->answers_fd, given->names_fd, err);
        fd_close(&given->answers_fd);
        fd_close(&given->names_fd);
        return done;
    }
    if (control_load_directory(&server->control, &why))
        return true;
    if (!server->options.control)
        return error_set(err, why.kind, "%s", why.message);
    log_warning("no image to start from, waiting for control to send one",
                log_string("why", why.message));
    return true;
}

static void say_ready(const struct server *server)
{
    char addresses[OPTIONS_MAX_ADDRESSES * LISTEN_TEXT_BYTES] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < server->options.address_count; i++)
        at += (size_t)snprintf(addresses + at, sizeof addresses - at, "%s%s", i ? " " : "",
                               server->options.addresses[i].text);
    const struct generation *current = atomic_load(&server->generations.current);
    log_info("ready", log_string("addresses", addresses),
             log_number("workers", server->options.workers),
             log_number("generation", current ? (int64_t)current->number : 0));
}

/* Before any thread and any socket of ours, which it would hold. */
static bool start_porter(struct server *server, struct error *err)
{
    const struct options *options = &server->options;
    struct porter_places places = {.control = options->control,
                                   .directory = server->control.directory,
                                   .is_sandboxed = !options->has_no_sandbox};
    if (!sandbox_find_user(options->user, &server->user, err))
        return false;
    places.user = server->user;
    if (options->control && !sandbox_find_owner(options->control, &places.user, err))
        return false;
    return porter_start(&server->control.porter, &places, err);
}

static bool start_threads(struct server *server, struct error *err)
{
    for (uint32_t i = 0; i < server->worker_count; i++)
        if (!udp_worker_start(&server->workers[i], err))
            return false;
    const struct stream_limits limits = stream_limits(server);
    if (!tcp_start(&server->tcp, &server->generations, &limits, err))
        return false;
    return true;
}

static bool serve(struct server *server, struct error *err)
{
    control_give_up_directory(&server->control);
    if (server->options.has_no_sandbox)
        log_warning("without the sandbox: for debugging only");
    else if (!sandbox_drop(&server->user, -1, err))
        return false;
    if (server->options.zone_count)
        keeper_server_follow();
    if (!start_threads(server, err) ||
        (!server->options.has_no_sandbox && !sandbox_close(SANDBOX_ANSWERS, err)))
        return false;
    say_ready(server);
    control_run(&server->control);
    log_info("ending");
    return true;
}

static void stop(struct server *server)
{
    for (uint32_t i = 0; i < server->worker_count; i++)
        udp_worker_stop(&server->workers[i]);
    for (uint32_t i = 0; i < server->worker_count; i++)
        udp_worker_join(&server->workers[i]);
    tcp_stop(&server->tcp);
    control_fini(&server->control);
    generations_fini(&server->generations);
    cookie_file_close(&server->cookie_file);
    sockets_close(&server->sockets);
    notify_close(&server->notify);
    ratelimit_close(&server->options.settings.limit);
    statistics_memory_close(&server->statistics);
    free(server->workers);
    free(server->given);
    free(server);
}

/* With --zone we are the keeper, unless a keeper gave us its image. */
static bool keep(struct server *server, char **argv, struct error *err)
{
    const struct options *options = &server->options;
    if (options->address_count == 0)
        return error_set(err, ERROR_USAGE, "--listen ADDR:PORT is missing");
    return sockets_complete(&server->sockets, options, err) &&
           keeper_run(options, &server->sockets, &server->notify, argv, err);
}

/* Rows of counters: one for each worker, the TCP thread's last. */
static bool open_statistics(struct server *server, struct error *err)
{
    const struct statistics_header header = {.workers = server->worker_count + 1,
                                             .started_at_ms = clock_realtime_ms(),
                                             .pid = (uint32_t)getpid(),
                                             .rate_limit =
                                                 server->options.settings.limit.per_second};
    if (!statistics_memory_make(&server->statistics, &server->control.statistics, &header, err))
        return false;
    for (uint32_t i = 0; i < server->worker_count; i++)
        server->workers[i].statistics = &server->statistics.rows[i];
    server->tcp.statistics = &server->statistics.rows[server->worker_count];
    return true;
}

static bool run(struct server *server, char **argv, struct error *err)
{
    struct options *options = &server->options;
    if (!notify_open(&server->notify, err) ||
        !inherit_descriptors(&server->inherited, options, err))
        return false;
    if (options->zone_count && server->inherited.answers_fd < 0)
        return keep(server, argv, err);
    if (!options->image && server->inherited.answers_fd < 0)
        return error_set(err, ERROR_USAGE, "--image DIR or --zone FILE is missing");
    struct takeover *takeover = &server->control.takeover;
    return control_init(&server->control, err) && cookie_file_open(&server->cookie_file, err) &&
           ratelimit_open(&options->settings.limit, err) &&
           takeover_ask(takeover, &server->sockets, options, &server->notify, err) &&
           start_porter(server, err) && open_sockets(server, err) &&
           takeover_listen(takeover, err) && open_statistics(server, err) &&
           generations_init(&server->generations, server->worker_count + 1, err) &&
           vigil_init(&server->control.vigil, &server->generations, err) &&
           load_first(server, err) && serve(server, err);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct server *server = calloc(1, sizeof *server);
    if (!server)
        return EXIT_FAILURE;
    switch (options_parse(&server->options, argc, argv, &err)) {
    case OPTIONS_SERVE:
        break;
    case OPTIONS_STOP_FINE:
        free(server);
        return EXIT_SUCCESS;
    case OPTIONS_STOP_USAGE:
        fprintf(stderr, "srvplan-dnsd: %s; try --help\n", err.message);
        free(server);
        return EXIT_USAGE;
    }
    server->cookie_file = (struct cookie_file){.path = server->options.cookie_secrets,
                                               .fd = -1,
                                               .secrets = &server->options.settings.secrets};
    server->control = (struct control){.options = &server->options,
                                       .cookie_file = &server->cookie_file,
                                       .generations = &server->generations,
                                       .tcp = &server->tcp,
                                       .notify = &server->notify,
                                       .porter.socket = -1,
                                       .takeover = {.path = server->options.takeover,
                                                    .owner = geteuid(),
                                                    .listener = -1,
                                                    .successor = -1,
                                                    .predecessor = -1},
                                       .signals = -1,
                                       .directory = -1,
                                       .socket = -1,
                                       .statistics = -1};
    server->inherited =
        (struct inherited){.sockets = &server->sockets, .answers_fd = -1, .names_fd = -1};
    server->notify.fd = -1;
    server->tcp.settings = &server->options.settings;
    server->tcp.epoll = server->tcp.wake = -1;
    bool done = run(server, argv, &err);
    if (!done)
        fprintf(stderr, "srvplan-dnsd: %s\n", err.message);
    stop(server);
    return done ? EXIT_SUCCESS : err.kind == ERROR_USAGE ? EXIT_USAGE : EXIT_FAILURE;
}
