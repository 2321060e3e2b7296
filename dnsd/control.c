/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include "zones/base/clock.h"
#include "zones/base/log.h"

enum {
    CONNECT_MS = 100,
    SETTLE_US = 50,      /* how often to look whether workers have passed, while one has not */
    RETIRE_MS = 20,      /* … whether streams have let go of an older generation */
    STUCK_MS = 2000,     /* a batch takes well under a millisecond */
    STUCK_LOOKS = 100,   /* … and we looked that often: it is not the machine that stood still */
    ROUND_TRIP_MS = 250, /* the longest that is usual, before a stream loses its connection */
    ROOM_MS = 1000,      /* to wait for a slot, when changes come quicker than streams let go */
};

bool control_init(struct control *control, struct error *err)
{
    sigset_t set;
    control->signals = control->directory = control->socket = control->porter.socket = -1;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    errno = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (errno != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        (control->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        return error_system(err, "signals", NULL, "cannot take them");
    if (!control->options->image)
        return true;
    control->directory = open(control->options->image, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (control->directory < 0)
        return error_system(err, control->options->image,
                            "give the directory of the image with --image", "cannot open it");
    return true;
}

void control_fini(struct control *control)
{
    vigil_fini(&control->vigil);
    fd_close(&control->statistics);
    fd_close(&control->socket);
    fd_close(&control->directory);
    takeover_close(&control->takeover);
    porter_stop(&control->porter);
    fd_close(&control->signals);
}

static struct generation *current_generation(const struct control *control)
{
    return atomic_load(&control->generations->current);
}

/* -- the socket ---------------------------------------------------------------------------------
 */

static void disconnect(struct control *control, const char *why)
{
    fd_close(&control->socket);
    control->connect_at_ms = clock_monotonic_ms() + CONNECT_MS;
    log_warning("control connection lost, answering goes on", log_string("why", why));
}

static bool say_with(struct control *control, const struct handover_message *message,
                     const int *fds, int fd_count)
{
    struct error err = {0};
    if (control->socket < 0)
        return false;
    if (handover_send(control->socket, message, fds, fd_count, &err))
        return true;
    disconnect(control, err.message);
    return false;
}

static bool say(struct control *control, const struct handover_message *message, const int *fd)
{
    return say_with(control, message, fd, fd ? 1 : 0);
}

static void say_hello(struct control *control)
{
    const struct generation *current = current_generation(control);
    struct handover_message hello = {
        .kind = HANDOVER_HELLO, .pid = (uint32_t)getpid(), .workers = control->options->workers};
    size_t at = 0;
    for (uint32_t i = 0; i < control->options->address_count && at < sizeof hello.text; i++)
        at += (size_t)snprintf(hello.text + at, sizeof hello.text - at, "%s%s", i ? " " : "",
                               control->options->addresses[i].text);
    /* A swap that is not acknowledged yet is not served yet; SERVED will say it. */
    if (current && !control->owes_served)
        hello.generation = current->number;
    int fds[HANDOVER_MAX_FDS] = {control->statistics, -1};
    if (hello.generation)
        fds[1] = current->served_fd;
    if (say_with(control, &hello, fds, hello.generation ? 2 : 1))
        log_info("connected to control", log_string("socket", control->options->control));
}

static void try_connect(struct control *control, int64_t now_ms)
{
    struct error err = {0};
    const char *path = control->options->control;
    if (!path || control->socket >= 0 || now_ms < control->connect_at_ms)
        return;
    control->connect_at_ms = now_ms + CONNECT_MS;
    control->socket = porter_connect(&control->porter, &err);
    if (control->socket >= 0) {
        control->said_unreachable = false;
        say_hello(control);
        return;
    }
    if (!control->said_unreachable)
        log_warning("control socket not reachable, trying on", log_string("socket", path),
                    log_string("why", err.message));
    control->said_unreachable = true; /* once, not ten times a second */
}

static void say_state(const struct control *control, const char *before)
{
    const struct generation *current = current_generation(control);
    if (current)
        notify_say(control->notify, "%sSTATUS=Serving generation %llu.", before,
                   (unsigned long long)current->number);
    else
        notify_say(control->notify, "%sSTATUS=Waiting for an image.", before);
}

/* -- generations --------------------------------------------------------------------------------
 */

/* Says what has become true since the last look. */
static void report(struct control *control)
{
    const struct generation *current = current_generation(control);
    uint64_t number;
    if (control->owes_served && generations_settled(control->generations)) {
        struct handover_message served = {.kind = HANDOVER_SERVED,
                                          .generation = current->number,
                                          .workers = control->options->workers,
                                          .pid = (uint32_t)getpid()};
        control->owes_served = false;
        (void)!say(control, &served, &current->served_fd);
        log_info("generation served", log_number("generation", (int64_t)current->number));
        say_state(control, "");
    }
    while (generations_collect(control->generations, &number)) {
        struct handover_message retired = {.kind = HANDOVER_RETIRED, .generation = number};
        (void)!say(control, &retired, NULL);
    }
}

/* Makes room when changes come quickly: mostly the answers of older generations have left, only
 * nobody has looked yet. Whoever still holds some after a round trip is closed. */
static void make_room(struct control *control)
{
    int64_t since_ms = clock_monotonic_ms(), waited_ms = 0;
    const struct timespec pause = {.tv_nsec = 100000};
    while (!generations_have_room(control->generations) && waited_ms < ROOM_MS) {
        if (waited_ms < ROUND_TRIP_MS)
            tcp_settle(control->tcp);
        else
            tcp_close_before(control->tcp, current_generation(control)->sequence);
        nanosleep(&pause, NULL);
        report(control);
        waited_ms = clock_monotonic_ms() - since_ms;
    }
}

static void owe_served(struct control *control, int64_t now_ms)
{
    control->owes_served = true;
    control->swapped_at_ms = now_ms;
    control->looks = 0;
    report(control); /* mostly everybody has passed already */
}

static bool take(struct control *control, struct image *image, struct error *err)
{
    make_room(control);
    int64_t now_ms = clock_monotonic_ms();
    if (!generations_take(control->generations, image, now_ms, err))
        return false;
    owe_served(control, now_ms);
    return true;
}

static bool is_same_image(const struct generation *current, const struct image *image)
{
    const struct image_answers_header *next = image->answers_header;
    if (!current)
        return false;
    const struct image_answers_header *now = current->image.answers_header;
    return now->generation == next->generation && now->checksum == next->checksum &&
           memcmp(now->names_digest, next->names_digest, sizeof now->names_digest) == 0;
}

static bool load(struct control *control, const struct handover_packet *packet, struct error *err)
{
    struct image image = {0};
    if (packet->fd_count != 2)
        return error_set(err, ERROR_INVALID, "LOAD came with %d files, expected answers and names",
                         packet->fd_count);
    const struct generation *current = current_generation(control);
    if (!image_open_next(&image, current ? &current->image : NULL, packet->fds[0], packet->fds[1],
                         err))
        return false;
    if (image.answers_header->generation != packet->message.generation) {
        error_set(err, ERROR_INVALID, "the image is of generation %llu, not of %llu",
                  (unsigned long long)image.answers_header->generation,
                  (unsigned long long)packet->message.generation);
        image_close(&image);
        return false;
    }
    if (is_same_image(current, &image)) {
        /* srvpland publishes its last revision again after a restart: that is what we serve. */
        image_close(&image);
        owe_served(control, clock_monotonic_ms());
        return true;
    }
    return take(control, &image, err);
}

bool control_load_directory(struct control *control, struct error *err)
{
    struct image image = {0};
    return image_open(&image, control->directory, control->options->image, err) &&
           take(control, &image, err);
}

void control_give_up_directory(struct control *control)
{
    fd_close(&control->directory);
}

/* Takes what lies in the directory now, if it is newer. */
static bool look_again(struct control *control, struct error *err)
{
    int answers_fd = -1, names_fd = -1;
    struct image image = {0};
    const struct generation *current = current_generation(control);
    bool done =
        porter_open_image(&control->porter, &answers_fd, &names_fd, err) &&
        image_open_next(&image, current ? &current->image : NULL, answers_fd, names_fd, err);
    fd_close(&answers_fd);
    fd_close(&names_fd);
    if (!done)
        return false;
    if (current && image.answers_header->generation <= current->number) {
        image_close(&image);
        return true;
    }
    return take(control, &image, err);
}

bool control_load_files(struct control *control, int answers_fd, int names_fd, struct error *err)
{
    struct image image = {0};
    return image_open_files(&image, answers_fd, names_fd, err) && take(control, &image, err);
}

/* -- the loop -----------------------------------------------------------------------------------
 */

static void receive(struct control *control)
{
    struct handover_packet packet;
    struct error err = {0};
    switch (handover_receive(control->socket, &packet, &err)) {
    case HANDOVER_LATER:
        return;
    case HANDOVER_GONE:
        disconnect(control, err.message);
        return;
    case HANDOVER_GOT:
        break;
    }
    if (packet.message.kind != HANDOVER_LOAD) {
        log_warning("unexpected control message", log_number("kind", packet.message.kind));
    } else if (!load(control, &packet, &err)) {
        struct handover_message refused = {.kind = HANDOVER_REFUSED,
                                           .generation = packet.message.generation};
        snprintf(refused.text, sizeof refused.text, "%s", err.message);
        log_error("image refused, the old one goes on",
                  log_number("generation", (int64_t)packet.message.generation),
                  log_string("why", err.message));
        (void)!say(control, &refused, NULL);
    }
    handover_packet_close(&packet);
}

/* SIGHUP. */
static void reload(struct control *control)
{
    struct error err = {0}, why = {0};
    const struct handover_message ask = {.kind = HANDOVER_ASK};
    notify_say(control->notify, "RELOADING=1\nMONOTONIC_USEC=%lld",
               (long long)clock_monotonic_ms() * 1000);
    if (!cookie_file_reload(control->cookie_file, &why))
        log_error("secrets of cookies refused, the old ones go on", log_string("why", why.message));
    if (!say(control, &ask, NULL) && control->options->image && !look_again(control, &err))
        log_error("image refused, the old one goes on", log_string("why", err.message));
    say_state(control, "READY=1\n");
}

/* True: end. */
static bool take_signals(struct control *control)
{
    struct signalfd_siginfo info;
    bool ends = false;
    while (read(control->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload(control);
        else
            ends = true;
    }
    return ends;
}

/* Streams that still hold older bytes after the grace lose their connection; a stuck worker ends
 * the process, because its clients would get old answers, or none. */
static void enforce_deadlines(struct control *control, int64_t now_ms)
{
    uint64_t before = generations_overdue(control->generations, now_ms - HANDOVER_STREAM_GRACE_MS);
    if (before)
        tcp_close_before(control->tcp, before);
    bool is_swap_stuck = control->owes_served && ++control->looks > STUCK_LOOKS &&
                         now_ms - control->swapped_at_ms > STUCK_MS;
    if (vigil_look(&control->vigil, now_ms) >= 0 || is_swap_stuck) {
        log_error("a worker is stuck, ending so that the supervisor starts anew");
        abort();
    }
}

static int timeout_ms(const struct control *control)
{
    if (generations_are_retiring(control->generations))
        return RETIRE_MS;
    if (control->options->control && control->socket < 0)
        return CONNECT_MS;
    int64_t sign_ms = control->notify->watchdog_ms / 2;
    return sign_ms > 0 && sign_ms < VIGIL_LOOK_MS ? (int)sign_ms : VIGIL_LOOK_MS;
}

static int wait_for_work(const struct control *control, struct pollfd *watched, nfds_t count)
{
    const struct timespec soon = {.tv_nsec = SETTLE_US * 1000};
    if (control->owes_served) /* a batch takes less than a millisecond, which poll cannot wait */
        return ppoll(watched, count, &soon, NULL);
    return poll(watched, count, timeout_ms(control));
}

/* True: somebody has taken over, end. */
static bool serve_takeover(struct control *control, bool has_successor_said)
{
    pid_t pid = 0;
    if (!has_successor_said) {
        takeover_accept(&control->takeover);
        return false;
    }
    if (!takeover_receive(&control->takeover, &control->gift, &pid))
        return false;
    log_info("another process has taken over", log_number("pid", pid));
    notify_say(control->notify, "MAINPID=%d", (int)pid);
    return true;
}

/* srvpland gets to know us before the one before us ends, and would be missed. */
static void take_place(struct control *control)
{
    try_connect(control, clock_monotonic_ms());
    takeover_say_ready(&control->takeover);
    say_state(control, "READY=1\n");
}

void control_run(struct control *control)
{
    take_place(control);
    for (;;) {
        notify_watchdog(control->notify, clock_monotonic_ms());
        try_connect(control, clock_monotonic_ms());
        struct pollfd watched[] = {{.fd = control->signals, .events = POLLIN},
                                   {.fd = control->socket, .events = POLLIN},
                                   {.fd = control->takeover.successor, .events = POLLIN},
                                   {.fd = control->takeover.listener, .events = POLLIN}};
        int ready = wait_for_work(control, watched, COUNT_OF(watched));
        if (ready > 0 && watched[0].revents && take_signals(control)) {
            notify_say(control->notify, "STOPPING=1\nSTATUS=Answering what has arrived.");
            return;
        }
        if (ready > 0 && watched[1].revents && control->socket >= 0)
            receive(control);
        if (ready > 0 && (watched[2].revents || watched[3].revents) &&
            serve_takeover(control, watched[2].revents != 0))
            return;
        report(control);
        enforce_deadlines(control, clock_monotonic_ms());
    }
}
