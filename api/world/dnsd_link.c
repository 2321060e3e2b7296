/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/dnsd_link.h"

#include "api/world/dnsd_hello.h"
#include "api/world/dnsd_spawn.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "zones/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ADOPT_WAIT_MS = 600, /* dnsd tries to connect every 100 ms */
    ADOPT_TRIES = 4,     /* a start that fails may have met the port of one that is slow to call */
    START_WAIT_MS = 10000, /* 100,000 domains map in well under a second; then something is wrong */
    STOP_WAIT_MS = 3000,
    PAUSE_FIRST_MS = 50,
    PAUSE_MAX_MS = 800, /* back within a second, however often it ends */
    STEADY_MS = 10000,  /* a dnsd that lived this long is started again at once */
};

/* Which process we watch, and how we came to it. */
enum watch {
    WATCH_NONE,
    WATCH_CHILD,   /* ours: waitid tells how it ended */
    WATCH_ADOPTED, /* of an earlier srvpland */
};

struct dnsd_link {
    struct dnsd_link_options options;
    dnsd_event_callback *callback;
    void *context;
    pthread_t thread;
    pthread_mutex_t lock; /* connection, and what start waits for */
    pthread_cond_t changed;
    int listener, wake;
    int connection;
    int pidfd, pid;
    enum watch watch;
    int leaving; /* pidfd of a child of ours from which another took over: to be waited for */
    int64_t started_at_ms; /* monotonic */
    int64_t start_again_at_ms;
    int64_t pause_ms;
    unsigned tries; /* of the first start */
    enum dnsd_ending ending;
    bool is_stopping, has_said_hello, has_failed_to_start;
    char failure[160];
};

/* Set by dnsd_link_stop while the thread runs. */
static bool is_stopping(const struct dnsd_link *link)
{
    return __atomic_load_n(&link->is_stopping, __ATOMIC_ACQUIRE);
}

static void report(struct dnsd_link *link, struct dnsd_event *event)
{
    event->at_ms = clock_realtime_ms();
    event->pid = link->pid;
    link->callback(link->context, event);
}

/* -- the process --------------------------------------------------------------------------------
 */

static bool spawn_dnsd(struct dnsd_link *link, struct error *err)
{
    pid_t pid = dnsd_spawn(&link->options, err);
    if (pid < 0)
        return false;
    link->pid = pid;
    link->pidfd = pidfd_open(pid, 0);
    link->watch = WATCH_CHILD;
    link->started_at_ms = clock_monotonic_ms();
    log_info("dnsd started", log_number("pid", pid));
    return true;
}

static void plan_restart(struct dnsd_link *link)
{
    int64_t now = clock_monotonic_ms();
    if (now - link->started_at_ms >= STEADY_MS)
        link->pause_ms = 0;
    link->start_again_at_ms = now + link->pause_ms;
    link->pause_ms = link->pause_ms ? link->pause_ms * 2 : PAUSE_FIRST_MS;
    if (link->pause_ms > PAUSE_MAX_MS)
        link->pause_ms = PAUSE_MAX_MS;
}

static void drop_connection(struct dnsd_link *link)
{
    pthread_mutex_lock(&link->lock);
    bool was_connected = link->connection >= 0;
    fd_close(&link->connection);
    pthread_mutex_unlock(&link->lock);
    if (was_connected)
        report(link, &(struct dnsd_event){.kind = DNSD_GONE, .memory_fd = -1});
}

/* The process that we watch has ended. */
static void on_exit_of_dnsd(struct dnsd_link *link)
{
    siginfo_t how = {0};
    bool is_child = link->watch == WATCH_CHILD;
    if (is_child)
        waitid(P_PIDFD, (id_t)link->pidfd, &how, WEXITED | WNOHANG);
    if (!is_stopping(link))
        log_error("dnsd ended", log_number("pid", link->pid),
                  log_string("how", is_child && how.si_code != CLD_EXITED ? "signal" : "exit"),
                  log_number("status", is_child ? how.si_status : 0));
    bool may_still_call = link->options.may_adopt && ++link->tries < ADOPT_TRIES;
    pthread_mutex_lock(&link->lock);
    if (!link->has_said_hello && !may_still_call) {
        link->has_failed_to_start = true;
        snprintf(link->failure, sizeof link->failure,
                 "%s ended with status %d before it was ready; its message stands above",
                 link->options.program, how.si_status);
        pthread_cond_broadcast(&link->changed);
    }
    pthread_mutex_unlock(&link->lock);
    fd_close(&link->pidfd);
    link->watch = WATCH_NONE;
    drop_connection(link);
    link->pid = 0;
    plan_restart(link);
    if (!link->has_said_hello) /* leave it time; only this thread writes has_said_hello */
        link->start_again_at_ms = clock_monotonic_ms() + ADOPT_WAIT_MS;
}

static void start_when_due(struct dnsd_link *link)
{
    struct error err = {0};
    if (link->watch != WATCH_NONE || is_stopping(link) || link->has_failed_to_start ||
        clock_monotonic_ms() < link->start_again_at_ms)
        return;
    if (spawn_dnsd(link, &err))
        return;
    log_error("dnsd cannot be started", log_string("reason", err.message));
    pthread_mutex_lock(&link->lock);
    if (!link->has_said_hello) {
        link->has_failed_to_start = true;
        snprintf(link->failure, sizeof link->failure, "%.150s", err.message);
        pthread_cond_broadcast(&link->changed);
    }
    pthread_mutex_unlock(&link->lock);
    plan_restart(link);
}

/* Waits for the child that leaves, if it has ended or `must_end`. */
static void await_leaving(struct dnsd_link *link, bool must_end)
{
    siginfo_t how = {0};
    struct pollfd watched = {.fd = link->leaving, .events = POLLIN};
    if (link->leaving < 0)
        return;
    if (must_end && poll(&watched, 1, STOP_WAIT_MS) == 0)
        pidfd_send_signal(link->leaving, SIGKILL, NULL, 0);
    if (waitid(P_PIDFD, (id_t)link->leaving, &how, WEXITED | (must_end ? 0 : WNOHANG)) == 0 &&
        how.si_pid != 0)
        fd_close(&link->leaving);
}

/* Ends the watched process: asks, waits, insists. */
static void end_dnsd(struct dnsd_link *link)
{
    await_leaving(link, true);
    if (link->watch == WATCH_NONE)
        return;
    pidfd_send_signal(link->pidfd, SIGTERM, NULL, 0);
    struct pollfd watched = {.fd = link->pidfd, .events = POLLIN};
    if (poll(&watched, 1, STOP_WAIT_MS) == 0) {
        log_warning("dnsd does not end by itself", log_number("pid", link->pid));
        pidfd_send_signal(link->pidfd, SIGKILL, NULL, 0);
        poll(&watched, 1, -1);
    }
    if (link->watch == WATCH_CHILD) {
        siginfo_t how;
        waitid(P_PIDFD, (id_t)link->pidfd, &how, WEXITED);
    }
    fd_close(&link->pidfd);
    link->watch = WATCH_NONE;
}

/* -- the conversation ---------------------------------------------------------------------------
 */

/* A second dnsd says that it answers: it has taken over from ours, which ends by itself. */
static bool follow(struct dnsd_link *link, const struct handover_packet *packet, int pid)
{
    const struct handover_message *hello = &packet->message;
    int pidfd = dnsd_hello_fits(&link->options, packet) ? pidfd_open(pid, 0) : -1;
    if (pidfd < 0) {
        log_warning("a second dnsd is not one we can go on with", log_number("pid", pid),
                    log_string("addresses", hello->text));
        return false;
    }
    log_info("dnsd taken over", log_number("from", link->pid), log_number("pid", pid),
             log_number("generation", (int64_t)hello->generation));
    drop_connection(link);
    if (link->watch == WATCH_CHILD) {
        await_leaving(link, true);
        link->leaving = link->pidfd;
        link->pidfd = -1;
    }
    fd_close(&link->pidfd);
    link->pid = pid;
    link->pidfd = pidfd;
    link->watch = WATCH_ADOPTED;
    link->started_at_ms = clock_monotonic_ms();
    return true;
}

/* Takes a dnsd that an earlier srvpland left; false: it is not one we can go on with. */
static bool adopt(struct dnsd_link *link, const struct handover_packet *packet, int pid)
{
    const struct handover_message *hello = &packet->message;
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0)
        return false;
    link->pid = pid;
    link->pidfd = pidfd;
    link->watch = WATCH_ADOPTED;
    link->started_at_ms = clock_monotonic_ms();
    if (dnsd_hello_fits(&link->options, packet)) {
        log_info("dnsd adopted", log_number("pid", pid),
                 log_number("generation", (int64_t)hello->generation));
        return true;
    }
    log_info("dnsd of an earlier start has other options; replacing it", log_number("pid", pid),
             log_string("addresses", hello->text));
    end_dnsd(link);
    link->start_again_at_ms = 0;
    return false;
}

static void on_message(struct dnsd_link *link, struct handover_packet *packet)
{
    static const enum dnsd_event_kind kinds[] = {[HANDOVER_HELLO] = DNSD_HELLO,
                                                 [HANDOVER_SERVED] = DNSD_SERVED,
                                                 [HANDOVER_REFUSED] = DNSD_REFUSED,
                                                 [HANDOVER_RETIRED] = DNSD_RETIRED,
                                                 [HANDOVER_ASK] = DNSD_ASK};
    const struct handover_message *message = &packet->message;
    if (message->kind >= COUNT_OF(kinds) || message->kind == HANDOVER_LOAD || message->kind == 0) {
        log_warning("dnsd sent a message of an unknown kind", log_number("kind", message->kind));
        return;
    }
    struct dnsd_event event = {
        .kind = kinds[message->kind], .generation = message->generation, .memory_fd = -1};
    dnsd_hello_take_memories(packet, &event);
    memcpy(event.text, message->text, sizeof event.text);
    event.text[sizeof event.text - 1] = '\0';
    report(link, &event);
    if (message->kind != HANDOVER_HELLO)
        return;
    pthread_mutex_lock(&link->lock);
    link->has_said_hello = true;
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->lock);
}

/* Reads the HELLO of a fresh connection, waiting for it a little; -1 when it is none of ours. */
static int greet(struct dnsd_link *link, int connection, struct handover_packet *packet)
{
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    struct error err = {0};
    struct pollfd ready = {.fd = connection, .events = POLLIN};
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 ||
        (peer.uid != geteuid() && peer.uid != 0)) {
        log_warning("a stranger connected to dnsd.sock", log_number("uid", peer.uid));
        return -1;
    }
    if (poll(&ready, 1, 1000) != 1 || handover_receive(connection, packet, &err) != HANDOVER_GOT ||
        packet->message.kind != HANDOVER_HELLO) {
        log_warning("no greeting on dnsd.sock", log_number("pid", peer.pid),
                    log_string("reason", err.message));
        return -1;
    }
    /* Not peer.pid: who connected is its porter. The kernel says who sent the greeting. */
    if (link->watch == WATCH_NONE)
        return adopt(link, packet, packet->sender) ? 0 : -1;
    return packet->sender == link->pid || follow(link, packet, packet->sender) ? 0 : -1;
}

static void on_connect(struct dnsd_link *link)
{
    int connection = accept4(link->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0)
        return;
    struct handover_packet packet = {.fds = {-1, -1}};
    if (greet(link, connection, &packet) == 0) {
        drop_connection(link); /* dnsd opened a second one: the first is dead */
        pthread_mutex_lock(&link->lock);
        link->connection = connection;
        pthread_mutex_unlock(&link->lock);
        on_message(link, &packet);
    } else {
        close(connection);
    }
    handover_packet_close(&packet);
}

static void on_readable(struct dnsd_link *link)
{
    struct handover_packet packet = {.fds = {-1, -1}};
    struct error err = {0};
    switch (handover_receive(link->connection, &packet, &err)) {
    case HANDOVER_GOT:
        on_message(link, &packet);
        break;
    case HANDOVER_LATER:
        break;
    case HANDOVER_GONE:
        drop_connection(link);
        break;
    }
    handover_packet_close(&packet);
}

bool dnsd_link_load(struct dnsd_link *link, uint64_t generation, int answers_fd, int names_fd,
                    struct error *err)
{
    struct handover_message message = {.kind = HANDOVER_LOAD, .generation = generation};
    pthread_mutex_lock(&link->lock);
    bool sent =
        link->connection >= 0
            ? handover_send(link->connection, &message, (int[]){answers_fd, names_fd}, 2, err)
            : error_set(err, ERROR_UNREACHABLE, "dnsd is not connected; it is being started again");
    pthread_mutex_unlock(&link->lock);
    return sent;
}

/* -- the thread ---------------------------------------------------------------------------------
 */

static int wait_ms(const struct dnsd_link *link)
{
    if (link->watch != WATCH_NONE || link->has_failed_to_start)
        return -1;
    int64_t left = link->start_again_at_ms - clock_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

static void *run(void *context)
{
    struct dnsd_link *link = context;
    while (!is_stopping(link)) {
        start_when_due(link);
        struct pollfd watched[] = {
            {.fd = link->wake, .events = POLLIN},       {.fd = link->listener, .events = POLLIN},
            {.fd = link->connection, .events = POLLIN}, {.fd = link->pidfd, .events = POLLIN},
            {.fd = link->leaving, .events = POLLIN},
        };
        if (poll(watched, COUNT_OF(watched), wait_ms(link)) <= 0)
            continue;
        if (watched[2].revents) /* first what it said, then that it ended */
            on_readable(link);
        else if (watched[3].revents)
            on_exit_of_dnsd(link);
        if (watched[1].revents)
            on_connect(link);
        if (watched[4].revents)
            await_leaving(link, false);
    }
    if (link->ending == DNSD_END || link->watch != WATCH_ADOPTED)
        end_dnsd(link);
    drop_connection(link);
    return NULL;
}

static bool open_listener(struct dnsd_link *link, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/dnsd.sock",
                          link->options.state_path);
    if (length < 0 || (size_t)length >= sizeof address.sun_path)
        return error_set(err, ERROR_USAGE, "%s: the path is too long for a UNIX socket (107 bytes)",
                         link->options.state_path);
    unlinkat(link->options.state_directory, "dnsd.sock", 0); /* of a srvpland that is gone */
    link->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->listener < 0 ||
        setsockopt(link->listener, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) != 0 ||
        bind(link->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(address.sun_path, 0600) != 0 || listen(link->listener, 4) != 0)
        return error_system(err, address.sun_path, "look at the rights of the state directory",
                            "cannot listen");
    return true;
}

/* Waits until dnsd said HELLO or failed. */
static bool wait_for_hello(struct dnsd_link *link, struct error *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += START_WAIT_MS / 1000;
    int timed_out = 0;
    pthread_mutex_lock(&link->lock);
    while (!link->has_said_hello && !link->has_failed_to_start && !timed_out)
        timed_out = pthread_cond_timedwait(&link->changed, &link->lock, &until);
    bool done = link->has_said_hello;
    if (link->has_failed_to_start)
        error_set(err, ERROR_UNAVAILABLE, "%s", link->failure);
    else if (!done)
        error_set(err, ERROR_UNAVAILABLE, "%s did not report within %d s", link->options.program,
                  START_WAIT_MS / 1000);
    pthread_mutex_unlock(&link->lock);
    return done;
}

static void free_link(struct dnsd_link *link)
{
    fd_close(&link->listener);
    fd_close(&link->wake);
    fd_close(&link->connection);
    fd_close(&link->pidfd);
    fd_close(&link->leaving);
    pthread_mutex_destroy(&link->lock);
    pthread_cond_destroy(&link->changed);
    free(link);
}

struct dnsd_link *dnsd_link_start(const struct dnsd_link_options *options,
                                  dnsd_event_callback *callback, void *context, struct error *err)
{
    struct dnsd_link *link = calloc(1, sizeof *link);
    if (!link)
        abort();
    *link = (struct dnsd_link){.options = *options,
                               .callback = callback,
                               .context = context,
                               .listener = -1,
                               .wake = -1,
                               .connection = -1,
                               .pidfd = -1,
                               .leaving = -1};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&link->lock, NULL);
    pthread_cond_init(&link->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    link->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (options->may_adopt)
        link->start_again_at_ms = clock_monotonic_ms() + ADOPT_WAIT_MS;
    if (!open_listener(link, err) || pthread_create(&link->thread, NULL, run, link) != 0) {
        error_set(err, ERROR_SYSTEM, "cannot start the thread that supervises dnsd");
        free_link(link);
        return NULL;
    }
    if (!wait_for_hello(link, err)) {
        dnsd_link_stop(link, DNSD_LEAVE_ADOPTED);
        return NULL;
    }
    return link;
}

void dnsd_link_stop(struct dnsd_link *link, enum dnsd_ending ending)
{
    if (!link)
        return;
    link->ending = ending;
    __atomic_store_n(&link->is_stopping, true, __ATOMIC_RELEASE);
    ssize_t woken = write(link->wake, &(uint64_t){1}, sizeof(uint64_t));
    (void)woken; /* an eventfd takes it */
    pthread_join(link->thread, NULL);
    unlinkat(link->options.state_directory, "dnsd.sock", 0);
    free_link(link);
}
