/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/status_watch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "srvplan/command/leave.h"
#include "zones/base/clock.h"

enum {
    WAIT_TERMINAL_S = 5, /* how old "in 4m 12s" may get */
    WAIT_S = 20,         /* below the time in which a reply must come */
    TRY_AGAIN_MS = 2000,
    AWAY_MAX_MS = 5 * 60 * 1000,
};

/* Home, and everything below it erased: one write a picture, so that nothing flickers. */
static void draw(const struct output *output, const char *picture)
{
    fprintf(output->out, "\033[H\033[2J%s", picture);
}

/* What does not count as a change: it moves all the time. */
static json_t *lasting(const json_t *status)
{
    json_t *copy = json_deep_copy(status);
    json_t *dnsd = json_object_get(copy, "dnsd");
    json_object_del(copy, "index");
    json_object_del(dnsd, "queries");
    json_object_del(dnsd, "limited");
    return copy;
}

struct watcher {
    struct remote *remote;
    status_show *show;
    bool is_terminal;
    int64_t index;
    json_t *shown;     /* what was shown last; NULL: nothing */
    struct error lost; /* why there was no answer */
};

static void show_text(struct watcher *watcher, const json_t *status)
{
    char *picture = NULL;
    size_t len = 0;
    struct output output = *watcher->remote->output;
    output.out = open_memstream(&picture, &len);
    if (!output.out)
        abort();
    watcher->show(&output, status);
    fclose(output.out);
    if (watcher->is_terminal)
        draw(watcher->remote->output, picture);
    else
        fprintf(watcher->remote->output->out, "%s%s", watcher->shown ? "\n---\n\n" : "", picture);
    free(picture);
}

static void show_reply(struct watcher *watcher, const struct remote_reply *reply)
{
    const struct output *output = watcher->remote->output;
    json_t *now = lasting(reply->document);
    bool is_same = watcher->shown && json_equal(watcher->shown, now);
    watcher->index = member_number(reply->document, "index", 0);
    if (output->is_json && !is_same) {
        char *line = json_dumps(reply->document, JSON_COMPACT | JSON_REAL_PRECISION(6));
        fprintf(output->out, "%s\n", line ? line : "null");
        free(line);
    } else if (!output->is_json && (!is_same || watcher->is_terminal)) {
        show_text(watcher, reply->document);
    }
    fflush(output->out);
    json_decref(watcher->shown);
    watcher->shown = now;
}

static int look(struct watcher *watcher)
{
    struct arena arena = {0};
    struct remote_reply reply;
    const char *path = "/api/v1/status";
    if (watcher->index)
        path = arena_printf(&arena, "%s?index=%lld&wait=%ds", path, (long long)watcher->index,
                            watcher->is_terminal ? WAIT_TERMINAL_S : WAIT_S);
    int code = remote_try(watcher->remote, path, &reply, &watcher->lost);
    if (code == EXIT_FINE)
        show_reply(watcher, &reply);
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

static int watch(struct watcher *watcher, const struct leave *leave)
{
    const struct output *output = watcher->remote->output;
    int64_t seen_ms = clock_monotonic_ms();
    bool is_told = false;
    for (;;) {
        int code = look(watcher);
        int64_t now_ms = clock_monotonic_ms();
        if (leave_within(leave, 0))
            return EXIT_INTERRUPTED;
        if (ferror(output->out))
            return EXIT_FAILED;
        if (code == EXIT_FINE) {
            seen_ms = now_ms;
            is_told = false;
            continue;
        }
        if (watcher->lost.kind && !is_told)
            (void)output_fail(output, &watcher->lost);
        is_told = true;
        if (!watcher->shown || code != EXIT_UNREACHABLE || now_ms - seen_ms > AWAY_MAX_MS)
            return code;
        watcher->index = 0; /* another life of the server may have the same */
        if (leave_within(leave, TRY_AGAIN_MS))
            return EXIT_INTERRUPTED;
    }
}

int status_watch(struct remote *remote, status_show *show)
{
    struct watcher watcher = {.remote = remote,
                              .show = show,
                              .is_terminal =
                                  !remote->output->is_json && isatty(fileno(remote->output->out))};
    struct leave leave;
    if (!leave_open(&leave, remote->output))
        return EXIT_FAILED;
    client_cancel_on(remote->client, leave.fd);
    int code = watch(&watcher, &leave);
    client_cancel_on(remote->client, -1);
    leave_close(&leave);
    json_decref(watcher.shown);
    return code;
}
