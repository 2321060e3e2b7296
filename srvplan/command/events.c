/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan events: what has happened, and with --follow what happens, a line each. */
#include <string.h>

#include "srvplan/command/event_stream.h"
#include "srvplan/command/leave.h"
#include "srvplan/command/remote.h"
#include "zones/base/clock.h"

enum {
    LIMIT_DEFAULT = 20,
    TRY_AGAIN_MS = 2000,
    AWAY_MAX_MS = 5 * 60 * 1000, /* of a server, before we give up on it */
};

struct follower {
    struct remote remote;
    const struct output *output;
    struct event_stream stream;
    struct leave leave;
    bool is_following, is_late; /* late: it was said that the server is away */
    int64_t heard_ms;
};

/* ---- an event as a line ---- */

/* What a line says behind time and kind. Values are cleaned when the line is written. */
typedef const char *event_print(const json_t *data, struct arena *arena);

static const char *revision_print(const json_t *data, struct arena *arena)
{
    return arena_printf(arena, "%lld by %s: %s", (long long)member_number(data, "revision", 0),
                        member_text(data, "actor", "-"), member_text(data, "cause", "-"));
}

static const char *served_print(const json_t *data, struct arena *arena)
{
    return arena_printf(arena, "revision %lld", (long long)member_number(data, "revision", 0));
}

static const char *drain_print(const json_t *data, struct arena *arena)
{
    const char *state = member_text(data, "state", "-"), *was = member_text(data, "was", NULL);
    const char *clear_at = member_text(data, "dns_clear_at", NULL);
    bool is_clearing = clear_at && strcmp(state, "withdrawn") == 0;
    return arena_printf(arena, "%s: %s%s%s%s%s (%s: %s)", member_text(data, "node", "-"),
                        was ? was : "", was ? " -> " : "", state, is_clearing ? ", clear at " : "",
                        is_clearing ? clear_at : "", member_text(data, "actor", "-"),
                        member_text(data, "reason", "-"));
}

static const char *weight_print(const json_t *data, struct arena *arena)
{
    const json_t *weight = json_object_get(data, "weight");
    const char *node = member_text(data, "node", "-"), *service = member_text(data, "service", "-");
    if (strcmp(member_text(data, "state", ""), "removed") == 0)
        return arena_printf(arena, "%s %s: back to the inventory", node, service);
    const char *value = json_string_value(weight);
    if (!value)
        value = arena_printf(arena, "%lld", (long long)json_integer_value(weight));
    return arena_printf(arena, "%s %s: %s (%s: %s)", node, service, value,
                        member_text(data, "actor", "-"), member_text(data, "reason", "-"));
}

static const char *window_print(const json_t *data, struct arena *arena)
{
    const char *state = member_text(data, "state", "-"), *was = member_text(data, "was", NULL);
    const char *because = member_text(data, "because", NULL);
    const char *opens_at = member_text(data, "opens_at", NULL);
    return arena_printf(arena, "%s: %s%s%s%s%s%s%s", member_text(data, "id", "-"), was ? was : "",
                        was ? " -> " : "", state, because ? ": " : "", because ? because : "",
                        opens_at ? ", opens at " : "", opens_at ? opens_at : "");
}

static const char *inventory_print(const json_t *data, struct arena *arena)
{
    return arena_printf(arena, "another one is in force, from the %s",
                        member_text(data, "source", "-"));
}

static const char *dnsd_print(const json_t *data, struct arena *arena)
{
    if (!json_is_true(json_object_get(data, "connected")))
        return "not connected";
    return arena_printf(arena, "process %lld, %s", (long long)member_number(data, "pid", 0),
                        json_is_true(json_object_get(data, "in_step")) ? "in step" : "NOT in step");
}

static const char *ready_print(const json_t *data, struct arena *arena)
{
    const char *text = json_is_true(json_object_get(data, "ready")) ? "yes" : "no";
    const char *between = ": ";
    size_t i;
    json_t *reason;
    json_array_foreach(json_object_get(data, "reasons"), i, reason)
    {
        const char *said = json_string_value(reason);
        text = arena_printf(arena, "%s%s%s", text, between, said ? said : "-");
        between = "; ";
    }
    return text;
}

static const struct {
    const char *kind;
    event_print *print;
} prints[] = {
    {"revision", revision_print}, {"served", served_print},       {"drain", drain_print},
    {"weight", weight_print},     {"inventory", inventory_print}, {"dnsd", dnsd_print},
    {"ready", ready_print},       {"window", window_print},
};

/* A kind of a newer server is shown as it came. */
static const char *data_print(const char *kind, const json_t *data, struct text text,
                              struct arena *arena)
{
    for (size_t i = 0; i < COUNT_OF(prints); i++) {
        if (strcmp(kind, prints[i].kind) == 0)
            return prints[i].print(data, arena);
    }
    return arena_cstr(arena, text);
}

static void event_show(void *context, const char *kind, struct text text)
{
    struct follower *follower = context;
    const struct output *output = follower->output;
    struct arena arena = {0};
    follower->heard_ms = clock_monotonic_ms();
    if (strcmp(kind, "reset") == 0)
        output_say(output,
                   "srvplan: events were missed here; `srvplan status` shows how it is now");
    if (strcmp(kind, "hello") == 0 || (strcmp(kind, "reset") == 0 && !output->is_json))
        return;
    json_t *data = json_loadb(text.ptr, text.len, 0, NULL);
    if (!json_is_object(data)) {
        output_complain(output, "an event is no JSON; is it an srvpland?");
    } else if (output->is_json) {
        json_t *line =
            json_pack("{s:s,s:s,s:O}", "id", follower->stream.id, "event", kind, "data", data);
        char *printed = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
        fprintf(output->out, "%s\n", printed ? printed : "null");
        free(printed);
        json_decref(line);
    } else {
        fprintf(output->out, "%-24s  %-9s  %s\n",
                output_text(output, member_text(data, "at", "-"), &arena),
                output_text(output, kind, &arena),
                output_text(output, data_print(kind, data, text, &arena), &arena));
    }
    fflush(output->out);
    json_decref(data);
    arena_fini(&arena);
}

/* ---- the connection ---- */

static bool take(void *context, struct text piece)
{
    struct follower *follower = context;
    event_stream_feed(&follower->stream, piece);
    follower->is_late = false;
    return !ferror(follower->output->out); /* a closed pipe ends it */
}

static int ask(struct follower *follower, const char *path)
{
    struct client_request request = {
        .method = "GET",
        .path = path,
        .last_event_id = follower->stream.id[0] ? follower->stream.id : NULL,
        .take = take,
        .take_context = follower,
    };
    event_stream_restart(&follower->stream);
    return remote_stream(&follower->remote, &request, follower->is_late);
}

/* Until we are told to leave, or the server is away for too long. */
static int follow(struct follower *follower, const char *path)
{
    if (!leave_open(&follower->leave, follower->output))
        return EXIT_FAILED;
    client_cancel_on(follower->remote.client, follower->leave.fd);
    int code = EXIT_FINE;
    for (;;) {
        code = ask(follower, path);
        int64_t away_ms = clock_monotonic_ms() - follower->heard_ms;
        bool is_away = code == EXIT_FINE || code == EXIT_UNREACHABLE;
        if (leave_within(&follower->leave, 0)) {
            code = EXIT_INTERRUPTED;
            break;
        }
        if (!is_away || away_ms > AWAY_MAX_MS || ferror(follower->output->out))
            break;
        if (code == EXIT_FINE && !follower->is_late)
            output_say(follower->output, "srvplan: the server ended the connection");
        if (!follower->is_late)
            output_say(follower->output, "srvplan: trying again for %d minutes",
                       AWAY_MAX_MS / 60000);
        follower->is_late = true;
        if (leave_within(&follower->leave, TRY_AGAIN_MS)) {
            code = EXIT_INTERRUPTED;
            break;
        }
    }
    leave_close(&follower->leave);
    return code;
}

int command_events(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct follower follower = {.output = &context->output, .heard_ms = clock_monotonic_ms()};
    struct arena arena = {0};
    follower.stream.on_event = event_show;
    follower.stream.context = &follower;
    follower.is_following = invocation_has(invocation, OPTION_FOLLOW);
    const char *kinds = invocation_value(invocation, OPTION_KINDS, NULL);
    const char *path =
        arena_printf(&arena, "/api/v1/events?last=%llu&follow=%s%s%s",
                     (unsigned long long)invocation_number(invocation, OPTION_LIMIT, LIMIT_DEFAULT),
                     follower.is_following ? "true" : "false", kinds ? "&kinds=" : "",
                     kinds ? client_escape(kinds, &arena) : "");
    int code = remote_open(&follower.remote, context);
    if (code == EXIT_FINE)
        code = follower.is_following ? follow(&follower, path) : ask(&follower, path);
    event_stream_fini(&follower.stream);
    remote_close(&follower.remote);
    arena_fini(&arena);
    return code;
}
