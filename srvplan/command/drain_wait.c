/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/drain_wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "srvplan/command/drain_bar.h"
#include "srvplan/command/views.h"
#include "zones/base/clock.h"

enum {
    LOOK_EVERY_MS = 1000, /* dns_clear_at counts whole seconds */
    AWAY_MAX_MS = 30000,
    STATE_SIZE = 32,
    ONE_BY_ONE_MAX = 4, /* more drains come in one list, not in a request each */
};

struct watched {
    const char *id, *node;
    char state[STATE_SIZE]; /* what was said last */
    json_t *drain;          /* as it was seen last; a reference of ours */
    bool is_clear;
};

struct watch {
    struct remote *remote;
    const struct output *output;
    struct watched *items;
    size_t count;
    struct drain_bar bar;
    bool has_bar;
    int signals;       /* readable: leave */
    int64_t seen_ms;   /* when the server answered last (monotonic) */
    struct error lost; /* why it does not */
};

/* True when we should leave. Takes the signal, so that it does not strike once it is unblocked. */
static bool interrupted_within(int signals, int wait_ms)
{
    struct pollfd ready = {.fd = signals, .events = POLLIN};
    struct signalfd_siginfo taken;
    return poll(&ready, 1, wait_ms) > 0 && read(signals, &taken, sizeof taken) > 0;
}

/* -- what is shown -------------------------------------------------------------------------------
 */

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

static void show(struct watch *watch, const char *remark)
{
    if (!watch->has_bar) {
        for (size_t i = 0; i < watch->count; i++)
            state_say(watch->output, &watch->items[i], watch->items[i].drain);
        return;
    }
    json_t *drains = json_array();
    for (size_t i = 0; i < watch->count; i++)
        json_array_append(drains, watch->items[i].drain);
    drain_bar_draw(&watch->bar, drains, clock_realtime_ms(), remark);
    json_decref(drains);
}

/* "xmpp1 xmpp2", as far as a line takes it. */
static const char *nodes_print(const struct watch *watch, struct arena *arena)
{
    const char *nodes = "";
    for (size_t i = 0; i < watch->count && strlen(nodes) < 200; i++)
        nodes = arena_printf(arena, "%s%s%s", nodes, i ? " " : "", watch->items[i].node);
    return output_text(watch->output, nodes, arena);
}

static void leave_say(const struct watch *watch, const char *what)
{
    struct arena arena = {0};
    const char *nodes = nodes_print(watch, &arena);
    output_say(watch->output,
               "%s; the drain goes on: `srvplan drains %s --wait` follows it again, `srvplan "
               "undrain %s` ends it",
               what, nodes, nodes);
    arena_fini(&arena);
}

/* -- what is seen --------------------------------------------------------------------------------
 */

static bool is_one_of(const char *state, const char *const *states)
{
    for (; *states; states++)
        if (strcmp(state, *states) == 0)
            return true;
    return false;
}

static void take(struct watched *watched, json_t *drain)
{
    static const char *const clear[] = {"clear", "empty", NULL};
    json_incref(drain);
    json_decref(watched->drain);
    watched->drain = drain;
    watched->is_clear = is_one_of(member_text(drain, "state", ""), clear);
}

static int look_at_one(struct watch *watch, struct watched *watched)
{
    struct arena arena = {0};
    struct remote_reply reply;
    const char *path =
        arena_printf(&arena, "/api/v1/drains/%s", client_escape(watched->id, &arena));
    int code = remote_try(watch->remote, path, &reply, &watch->lost);
    if (code == EXIT_FINE)
        take(watched, reply.document);
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

static json_t *find(const json_t *drains, const char *id)
{
    size_t i;
    json_t *drain;
    json_array_foreach(drains, i, drain)
    {
        if (strcmp(member_text(drain, "id", ""), id) == 0)
            return drain;
    }
    return NULL;
}

/* Those that are active come in a list. */
static int look_at_list(struct watch *watch)
{
    struct remote_reply reply;
    int code = remote_try(watch->remote, "/api/v1/drains?limit=1000", &reply, &watch->lost);
    const json_t *drains = json_object_get(reply.document, "items");
    for (size_t i = 0; i < watch->count && code == EXIT_FINE; i++) {
        json_t *drain = find(drains, watch->items[i].id);
        if (drain)
            take(&watch->items[i], drain);
        else if (!watch->items[i].is_clear)
            code = look_at_one(watch, &watch->items[i]);
    }
    remote_reply_fini(&reply);
    return code;
}

/* EXIT_FINE with *left: how many are not clear. */
static int look(struct watch *watch, size_t *left)
{
    *left = 0;
    int code = EXIT_FINE;
    if (watch->count > ONE_BY_ONE_MAX)
        code = look_at_list(watch);
    for (size_t i = 0; i < watch->count && code == EXIT_FINE; i++) {
        if (watch->count <= ONE_BY_ONE_MAX && !watch->items[i].is_clear)
            code = look_at_one(watch, &watch->items[i]);
        *left += !watch->items[i].is_clear;
    }
    return code;
}

/* One that will not become clear: somebody ended it, or it may not begin. NULL: there is none. */
static const struct watched *over_find(const struct watch *watch)
{
    static const char *const over[] = {"restoring", "closed", "aborted", "blocked", NULL};
    for (size_t i = 0; i < watch->count; i++)
        if (is_one_of(member_text(watch->items[i].drain, "state", ""), over))
            return &watch->items[i];
    return NULL;
}

static int over_say(const struct watch *watch, const struct watched *watched)
{
    struct arena arena = {0};
    const char *state = member_text(watched->drain, "state", "-");
    bool is_blocked = strcmp(state, "blocked") == 0;
    output_complain(watch->output,
                    is_blocked ? "%s: the drain is blocked; `srvplan show %s` says by what"
                               : "%s: the drain ended before it was clear; `srvplan drains --all` "
                                 "says who ended it",
                    output_text(watch->output, watched->node, &arena),
                    output_text(watch->output, watched->id, &arena));
    arena_fini(&arena);
    return EXIT_CONFLICT;
}

/* The server did not answer, or not as it should. True: *code says how we leave. */
static bool is_lost(struct watch *watch, int *code)
{
    struct arena arena = {0};
    int64_t away_ms = clock_monotonic_ms() - watch->seen_ms;
    bool may_come_back = *code == EXIT_UNREACHABLE && away_ms <= AWAY_MAX_MS;
    if (may_come_back && watch->has_bar) {
        show(watch,
             arena_printf(&arena, "no answer for %s: %s", duration_print(away_ms / 1000, &arena),
                          output_text(watch->output, watch->lost.message, &arena)));
    } else if (!may_come_back) {
        output_complain(watch->output, "%s",
                        output_text(watch->output, watch->lost.message, &arena));
        leave_say(watch, "gave up watching");
    }
    arena_fini(&arena);
    return !may_come_back;
}

static int run(struct watch *watch)
{
    static const char hint[] = "Ctrl-C stops watching, the drain goes on";
    watch->seen_ms = clock_monotonic_ms();
    for (;;) {
        size_t left = 0;
        int code = look(watch, &left);
        if (code == EXIT_FINE) {
            const struct watched *over = over_find(watch);
            watch->seen_ms = clock_monotonic_ms();
            show(watch, left ? hint : NULL);
            if (over)
                return over_say(watch, over);
            if (left == 0)
                return EXIT_FINE;
        } else if (is_lost(watch, &code)) {
            return code;
        }
        if (interrupted_within(watch->signals, LOOK_EVERY_MS)) {
            leave_say(watch, watch->has_bar ? "\nstopped watching" : "stopped watching");
            return EXIT_INTERRUPTED;
        }
    }
}

int drain_wait(struct remote *remote, const json_t *drains)
{
    struct arena arena = {0};
    struct watch watch = {.remote = remote,
                          .output = remote->output,
                          .count = json_array_size(drains),
                          .bar = {.output = remote->output},
                          .has_bar = drain_bar_is_wanted(remote->output)};
    watch.items = arena_array(&arena, struct watched, watch.count + 1);
    size_t i;
    json_t *drain;
    json_array_foreach(drains, i, drain)
    {
        watch.items[i].id = member_text(drain, "id", "");
        watch.items[i].node = member_text(drain, "node", "-");
        watch.items[i].drain = json_incref(drain);
    }
    /* As a descriptor, so that a signal between two looks is not lost. */
    sigset_t leave, before;
    sigemptyset(&leave);
    sigaddset(&leave, SIGINT);
    sigaddset(&leave, SIGTERM);
    sigaddset(&leave, SIGHUP);
    sigprocmask(SIG_BLOCK, &leave, &before);
    watch.signals = signalfd(-1, &leave, SFD_CLOEXEC);
    client_cancel_on(remote->client, watch.signals);
    int code = watch.signals < 0 ? EXIT_FAILED : run(&watch);
    client_cancel_on(remote->client, -1);
    if (watch.signals < 0)
        output_complain(remote->output, "cannot wait: signalfd: %s; the drain goes on",
                        strerror(errno));
    else
        close(watch.signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (i = 0; i < watch.count; i++)
        json_decref(watch.items[i].drain);
    arena_fini(&arena);
    return code;
}
