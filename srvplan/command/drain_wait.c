/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/drain_wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "srvplan/command/views.h"
#include "zones/base/clock.h"

enum {
    LOOK_EVERY_MS = 1000, /* dns_clear_at counts whole seconds */
    AWAY_MAX_MS = 30000,
    STATE_SIZE = 32,
};

struct watched {
    const char *id, *node;
    char state[STATE_SIZE]; /* what was said last */
    bool is_clear;
};

/* True when we should leave. Takes the signal, so that it does not strike once it is unblocked. */
static bool interrupted_within(int signals, int wait_ms)
{
    struct pollfd ready = {.fd = signals, .events = POLLIN};
    struct signalfd_siginfo taken;
    return poll(&ready, 1, wait_ms) > 0 && read(signals, &taken, sizeof taken) > 0;
}

static void state_say(const struct output *output, struct watched *watched, const json_t *drain)
{
    const char *state = member_text(drain, "state", "-");
    if (strcmp(state, watched->state) == 0)
        return;
    struct arena arena = {0};
    snprintf(watched->state, sizeof watched->state, "%s", state);
    const char *clear_at = member_text(json_object_get(drain, "progress"), "dns_clear_at", NULL);
    fprintf(output->err, "%s: %s", output_text(output, watched->node, &arena),
            output_text(output, state, &arena));
    if (clear_at && strcmp(state, "withdrawn") == 0)
        fprintf(output->err, ", clear at %s",
                output_text(output, view_time(clear_at, clock_realtime_ms(), &arena), &arena));
    fputc('\n', output->err);
    arena_fini(&arena);
}

static int drain_look(struct remote *remote, struct watched *watched)
{
    struct arena arena = {0};
    struct remote_reply reply;
    int code = remote_get(
        remote, arena_printf(&arena, "/api/v1/drains/%s", client_escape(watched->id, &arena)),
        &reply);
    const char *state = member_text(reply.document, "state", "");
    if (code == EXIT_FINE) {
        state_say(remote->output, watched, reply.document);
        watched->is_clear = strcmp(state, "clear") == 0 || strcmp(state, "empty") == 0;
        if (strcmp(state, "closed") == 0 || strcmp(state, "aborted") == 0) {
            output_complain(remote->output,
                            "%s: the drain ended before it was clear; "
                            "`srvplan drains --all` says who ended it",
                            watched->node);
            code = EXIT_CONFLICT;
        }
    }
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

/* EXIT_FINE with *left: how many are not clear. */
static int drains_look(struct remote *remote, struct watched *watched, size_t count, size_t *left)
{
    *left = 0;
    for (size_t i = 0; i < count; i++) {
        int code = watched[i].is_clear ? EXIT_FINE : drain_look(remote, &watched[i]);
        if (code != EXIT_FINE)
            return code;
        *left += !watched[i].is_clear;
    }
    return EXIT_FINE;
}

static int watch(struct remote *remote, struct watched *watched, size_t count, int signals)
{
    const struct output *output = remote->output;
    int64_t seen_ms = clock_monotonic_ms();
    for (;;) {
        size_t left = 0;
        int code = drains_look(remote, watched, count, &left);
        int64_t now_ms = clock_monotonic_ms();
        if (code == EXIT_FINE && left == 0)
            return EXIT_FINE;
        if (code == EXIT_FINE)
            seen_ms = now_ms;
        if (code != EXIT_FINE && (code != EXIT_UNREACHABLE || now_ms - seen_ms > AWAY_MAX_MS)) {
            if (code == EXIT_UNREACHABLE)
                output_say(output, "gave up watching; the drain goes on");
            return code;
        }
        if (interrupted_within(signals, LOOK_EVERY_MS)) {
            output_say(output,
                       "stopped watching; the drain goes on: `srvplan drains` shows it, "
                       "`srvplan undrain %s` ends it",
                       watched[0].node);
            return EXIT_INTERRUPTED;
        }
    }
}

int drain_wait(struct remote *remote, const json_t *drains)
{
    struct arena arena = {0};
    size_t count = json_array_size(drains);
    struct watched *watched = arena_array(&arena, struct watched, count + 1);
    size_t i;
    json_t *drain;
    json_array_foreach(drains, i, drain)
    {
        watched[i].id = member_text(drain, "id", "");
        watched[i].node = member_text(drain, "node", "-");
    }
    /* As a descriptor, so that a signal between two looks is not lost. */
    sigset_t leave, before;
    sigemptyset(&leave);
    sigaddset(&leave, SIGINT);
    sigaddset(&leave, SIGTERM);
    sigaddset(&leave, SIGHUP);
    sigprocmask(SIG_BLOCK, &leave, &before);
    int signals = signalfd(-1, &leave, SFD_CLOEXEC);
    client_cancel_on(remote->client, signals);
    int code = signals < 0 ? EXIT_FAILED : watch(remote, watched, count, signals);
    client_cancel_on(remote->client, -1);
    if (signals < 0)
        output_complain(remote->output, "cannot wait: signalfd: %s; the drain goes on",
                        strerror(errno));
    else
        close(signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    arena_fini(&arena);
    return code;
}
