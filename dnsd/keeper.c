/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "dnsd/keeper_child.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"
#include "zones/base/log.h"

enum {
    READY_MS = 60000, /* that a server takes to be ready; an image of 100,000 zones: 0.1 s */
    LEAVE_MS = 10000, /* … to end: it waits a second for slow streams */
    RESTART_MIN_MS = 100,
    RESTART_MAX_MS = 10000,
    STEADY_MS = 30000, /* who lived that long died of something new */
};

enum role {
    COMPILER,
    NEXT,    /* a server that is not ready yet */
    CURRENT, /* … that answers */
    LEAVING, /* … that was told to end */
    ROLES,
};

static const struct keeper_image no_image = {.answers_fd = -1, .names_fd = -1, .versions_fd = -1};

struct child {
    pid_t pid;        /* 0: there is none */
    int64_t since_ms; /* started, or told to end */
};

struct keeper {
    const struct options *options;
    const struct sockets *sockets;
    const struct notify *notify;
    char *const *argv;
    int signals, inbox;
    char inbox_name[16];
    struct child child[ROLES];
    struct keeper_image compiled; /* by the compiler, or by one that ended and nobody serves yet */
    struct keeper_image served;   /* the last good one */
    uint64_t generation;
    bool wants_compile, is_compiled, is_ending;
    struct error *err; /* set: that is why it ends */
    int64_t restart_at_ms, restart_wait_ms;
};

/* -- set-up -------------------------------------------------------------------------------------
 */

static bool open_signals(struct keeper *keeper, struct error *err)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        keeper->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper->signals >= 0 || error_system(err, "signals", NULL, "cannot take them");
}

/* The servers' NOTIFY_SOCKET: an abstract socket whose name the kernel chooses. Anybody may write
 * to it, so the kernel says who did. */
static bool open_inbox(struct keeper *keeper, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;
    const int yes = 1;
    keeper->inbox = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (keeper->inbox < 0 ||
        setsockopt(keeper->inbox, SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0 ||
        bind(keeper->inbox, (const struct sockaddr *)&address, sizeof(sa_family_t)) != 0 ||
        getsockname(keeper->inbox, (struct sockaddr *)&address, &len) != 0)
        return error_system(err, "servers", NULL, "cannot listen for their readiness");
    size_t name_len = len - offsetof(struct sockaddr_un, sun_path) - 1;
    snprintf(keeper->inbox_name, sizeof keeper->inbox_name, "@%.*s", (int)name_len,
             address.sun_path + 1);
    return true;
}

/* -- starting and ending children ---------------------------------------------------------------
 */

static void start(struct keeper *keeper, enum role role, pid_t pid)
{
    keeper->child[role] = (struct child){pid, clock_monotonic_ms()};
}

static void end_child(struct keeper *keeper, enum role role, int signal)
{
    if (keeper->child[role].pid > 0)
        (void)!kill(keeper->child[role].pid, signal);
}

static void end_all(struct keeper *keeper)
{
    keeper->is_ending = true;
    for (int role = 0; role < ROLES; role++) {
        end_child(keeper, (enum role)role, SIGTERM);
        keeper->child[role].since_ms = clock_monotonic_ms();
    }
}

/* Nothing to serve, and nobody serves: the end. */
static void fail(struct keeper *keeper, const char *why)
{
    error_set(keeper->err, ERROR_INVALID, "%s", why);
    end_all(keeper);
}

static void start_compiler(struct keeper *keeper)
{
    struct error err = {0};
    pid_t pid = -1;
    keeper->wants_compile = false;
    if (keeper_image_make(&keeper->compiled, keeper->generation + 1, &err))
        pid = keeper_compile(keeper->options, &keeper->compiled, &keeper->served, &err);
    if (pid > 0) {
        keeper->generation++;
        start(keeper, COMPILER, pid);
        return;
    }
    keeper_image_close(&keeper->compiled);
    if (keeper->served.answers_fd < 0)
        fail(keeper, err.message);
    else
        log_error("zone files cannot be compiled", log_string("why", err.message));
}

static void start_server(struct keeper *keeper)
{
    struct error err = {0};
    const struct keeper_server server = {
        .argv = keeper->argv,
        .sockets = keeper->sockets,
        .image = keeper->is_compiled ? &keeper->compiled : &keeper->served,
        .notify = keeper->inbox_name,
        .watchdog_ms = keeper->notify->watchdog_ms,
    };
    pid_t pid = keeper_serve(&server, &err);
    if (pid > 0) {
        start(keeper, NEXT, pid);
        return;
    }
    log_error("no server", log_string("why", err.message));
    keeper->restart_at_ms = clock_monotonic_ms() + RESTART_MAX_MS;
}

/* -- what happens to children -------------------------------------------------------------------
 */

static void on_compiled(struct keeper *keeper, int status)
{
    struct error err = {0};
    bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == KEEPER_CHILD_DONE;
    if (is_good && keeper_image_seal(&keeper->compiled, &err)) {
        keeper->is_compiled = true;
        return;
    }
    keeper_image_close(&keeper->compiled);
    if (WIFSIGNALED(status))
        log_error("the compiler of zone files died; are they larger than memory?",
                  log_number("signal", WTERMSIG(status)));
    if (keeper->served.answers_fd < 0) {
        fail(keeper, "nothing to serve: mend the zone files, and start again");
    } else {
        log_error("zone files refused, the old ones go on");
        notify_say(keeper->notify, "READY=1\nSTATUS=Zone files refused, serving the old ones.");
    }
}

/* A server that was not ready yet has ended; its own words say why. */
static void on_next_ended(struct keeper *keeper)
{
    bool was_new = keeper->is_compiled;
    if (was_new) {
        keeper_image_close(&keeper->compiled);
        keeper->is_compiled = false;
    }
    if (keeper->served.answers_fd < 0) {
        fail(keeper, "the server ended before it was ready");
        return;
    }
    log_error(was_new ? "the server with the new zone files ended before it was ready, the old one "
                        "goes on"
                      : "the server ended before it was ready");
    keeper->restart_at_ms = clock_monotonic_ms() + keeper->restart_wait_ms;
}

static void on_current_ended(struct keeper *keeper, int status, int64_t lived_ms)
{
    if (lived_ms >= STEADY_MS)
        keeper->restart_wait_ms = RESTART_MIN_MS;
    keeper->restart_at_ms = clock_monotonic_ms() + keeper->restart_wait_ms;
    log_error("the server died, starting it again",
              WIFSIGNALED(status) ? log_number("signal", WTERMSIG(status))
                                  : log_number("status", WEXITSTATUS(status)),
              log_number("wait_ms", keeper->restart_wait_ms));
    keeper->restart_wait_ms *= 2;
    if (keeper->restart_wait_ms > RESTART_MAX_MS)
        keeper->restart_wait_ms = RESTART_MAX_MS;
}

static void on_ended(struct keeper *keeper, pid_t pid, int status)
{
    int role = 0;
    while (role < ROLES && keeper->child[role].pid != pid)
        role++;
    if (role == ROLES)
        return;
    int64_t lived_ms = clock_monotonic_ms() - keeper->child[role].since_ms;
    keeper->child[role].pid = 0;
    if (keeper->is_ending)
        return;
    if (role == COMPILER)
        on_compiled(keeper, status);
    else if (role == NEXT)
        on_next_ended(keeper);
    else if (role == CURRENT)
        on_current_ended(keeper, status, lived_ms);
}

static void on_ready(struct keeper *keeper)
{
    keeper->child[LEAVING] = keeper->child[CURRENT]; /* nobody is leaving: see step */
    keeper->child[LEAVING].since_ms = clock_monotonic_ms();
    end_child(keeper, LEAVING, SIGTERM);
    keeper->child[CURRENT] = keeper->child[NEXT];
    keeper->child[NEXT].pid = 0;
    if (keeper->is_compiled) {
        keeper_image_close(&keeper->served);
        keeper->served = keeper->compiled;
        keeper->compiled = no_image;
        keeper->is_compiled = false;
    }
    log_info("zone files served", log_number("generation", (int64_t)keeper->served.generation),
             log_number("server", keeper->child[CURRENT].pid));
    notify_say(keeper->notify, "READY=1\nSTATUS=Serving zone files, read %llu times.",
               (unsigned long long)keeper->served.generation);
}

/* -- the loop -----------------------------------------------------------------------------------
 */

static void take_message(struct keeper *keeper, pid_t from, const char *text)
{
    if (from == keeper->child[NEXT].pid && strncmp(text, "READY=1", 7) == 0)
        on_ready(keeper);
    else if (from == keeper->child[CURRENT].pid && strcmp(text, "WATCHDOG=1") == 0)
        notify_say(keeper->notify, "WATCHDOG=1"); /* the keeper is alive, too: it says so */
}

static void read_inbox(struct keeper *keeper)
{
    char text[512];
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    for (;;) {
        struct iovec part = {text, sizeof text - 1};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        ssize_t len = recvmsg(keeper->inbox, &message, MSG_CMSG_CLOEXEC);
        if (len < 0)
            return;
        text[len] = '\0';
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        struct ucred who;
        if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_CREDENTIALS)
            continue;
        memcpy(&who, CMSG_DATA(head), sizeof who);
        if (!keeper->is_ending && who.pid > 0)
            take_message(keeper, who.pid, text);
    }
}

static void reap(struct keeper *keeper)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        on_ended(keeper, pid, status);
}

static void take_signals(struct keeper *keeper)
{
    struct signalfd_siginfo info;
    while (read(keeper->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP && !keeper->is_ending) {
            keeper->wants_compile = true;
            notify_say(keeper->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
                       (long long)clock_monotonic_ms() * 1000);
        } else if ((info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) && !keeper->is_ending) {
            notify_say(keeper->notify, "STOPPING=1");
            end_all(keeper);
        }
    }
}

static bool has(const struct keeper *keeper, enum role role)
{
    return keeper->child[role].pid > 0;
}

/* Kills who was given its time. */
static void enforce_deadlines(struct keeper *keeper, int64_t now_ms)
{
    for (int role = 0; role < ROLES; role++) {
        int64_t age_ms = now_ms - keeper->child[role].since_ms;
        bool is_late = (role == NEXT && age_ms > READY_MS) ||
                       ((role == LEAVING || keeper->is_ending) && age_ms > LEAVE_MS);
        if (has(keeper, (enum role)role) && is_late)
            end_child(keeper, (enum role)role, SIGKILL);
    }
}

/* Starts what is due: one compiler at a time, and at most one server beside the one that answers.
 */
static void step(struct keeper *keeper, int64_t now_ms)
{
    enforce_deadlines(keeper, now_ms);
    if (keeper->is_ending)
        return;
    if (keeper->wants_compile && !has(keeper, COMPILER) && !keeper->is_compiled)
        start_compiler(keeper);
    if (has(keeper, NEXT) || has(keeper, LEAVING))
        return;
    bool is_due =
        !has(keeper, CURRENT) && keeper->served.answers_fd >= 0 && now_ms >= keeper->restart_at_ms;
    if (keeper->is_compiled || is_due)
        start_server(keeper);
}

static int timeout_ms(const struct keeper *keeper)
{
    bool waits =
        keeper->is_ending || has(keeper, NEXT) || has(keeper, LEAVING) || !has(keeper, CURRENT);
    return waits ? RESTART_MIN_MS / 2 : -1;
}

static bool is_over(const struct keeper *keeper)
{
    for (int role = 0; role < ROLES; role++)
        if (has(keeper, (enum role)role))
            return false;
    return keeper->is_ending;
}

bool keeper_run(const struct options *options, const struct sockets *sockets,
                const struct notify *notify, char *const *argv, struct error *err)
{
    struct keeper keeper = {.options = options,
                            .sockets = sockets,
                            .notify = notify,
                            .argv = argv,
                            .signals = -1,
                            .inbox = -1,
                            .compiled = no_image,
                            .served = no_image,
                            .wants_compile = true,
                            .err = err,
                            .restart_wait_ms = RESTART_MIN_MS};
    if (open_signals(&keeper, err) && open_inbox(&keeper, err)) {
        while (step(&keeper, clock_monotonic_ms()), !is_over(&keeper)) {
            struct pollfd watched[] = {{.fd = keeper.signals, .events = POLLIN},
                                       {.fd = keeper.inbox, .events = POLLIN}};
            (void)!poll(watched, COUNT_OF(watched), timeout_ms(&keeper));
            take_signals(&keeper);
            read_inbox(&keeper); /* before the dead are reaped: a pid is whose it was */
            reap(&keeper);
        }
    }
    keeper_image_close(&keeper.compiled);
    keeper_image_close(&keeper.served);
    fd_close(&keeper.inbox);
    fd_close(&keeper.signals);
    return err->kind == ERROR_NONE;
}
