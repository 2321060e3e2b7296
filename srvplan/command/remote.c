/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/remote.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "zones/base/clock.h"

enum {
    /* A server that never says "no more" must not keep us for ever: 100 items a page. */
    PAGES_MAX = 10000,
    /* srvpland is back within a second of its end, as a rule. */
    AGAIN_MS = 5000,
    AGAIN_PAUSE_MS = 200,
    KEY_SIZE = 33,
};

const char *member_text(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : otherwise;
}

int64_t member_number(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *number = json_object_get(object, key);
    return json_is_integer(number) ? json_integer_value(number) : otherwise;
}

double member_ratio(const json_t *object, const char *key, double otherwise)
{
    const json_t *number = json_object_get(object, key);
    return json_is_number(number) ? json_number_value(number) : otherwise;
}

enum exit_code remote_exit_code(long status, bool is_guard)
{
    switch (status) {
    case 202: /* stored, not yet served */
    case 502: /* a proxy in front found nobody */
    case 503:
    case 504:
        return EXIT_UNREACHABLE;
    case 409:
        return is_guard ? EXIT_GUARD : EXIT_CONFLICT;
    case 412:
    case 428:
        return EXIT_CONFLICT;
    default:
        return status >= 200 && status < 300 ? EXIT_FINE : EXIT_FAILED;
    }
}

static struct client_options options_of(const struct invocation *invocation)
{
    return (struct client_options){
        .server = invocation_value(invocation, OPTION_SERVER, NULL),
        .socket = invocation_value(invocation, OPTION_SOCKET, NULL),
        .token_file = invocation_value(invocation, OPTION_TOKEN_FILE, NULL),
        .context = invocation_value(invocation, OPTION_CONTEXT, NULL),
        .tls = {invocation_value(invocation, OPTION_CA_FILE, NULL),
                invocation_value(invocation, OPTION_CERT_FILE, NULL),
                invocation_value(invocation, OPTION_KEY_FILE, NULL)},
    };
}

bool remote_is_wanted(const struct context *context, bool *is_wanted, struct error *err)
{
    const struct client_options options = options_of(context->invocation);
    bool has_file = invocation_has(context->invocation, OPTION_FILE);
    bool is_given = options.server || options.socket || options.context;
    if (has_file && is_given)
        return error_set(
            err, ERROR_USAGE,
            "--file reads an inventory, --server, --socket and --context ask a server: "
            "give one of them");
    *is_wanted = !has_file && client_is_named(&options);
    return true;
}

const char *remote_print(const struct remote *remote, struct arena *arena)
{
    const char *address = remote->target.url ? remote->target.url : remote->target.socket;
    return remote->target.context ? arena_printf(arena, "%s (%s)", remote->target.context, address)
                                  : address;
}

int remote_open(struct remote *remote, const struct context *context)
{
    *remote = (struct remote){.output = &context->output};
    struct error err = {0};
    const struct client_options options = options_of(context->invocation);
    if (!client_target_find(&remote->target, &options, &remote->arena, &err))
        return output_fail(remote->output, &err);
    if (client_target_is_exposed(&remote->target))
        output_say(remote->output,
                   "srvplan: %s: the token travels in the clear; use https or the UNIX socket",
                   output_text(remote->output, remote->target.url, &remote->arena));
    remote->client = client_new(&remote->target, &err);
    return remote->client ? EXIT_FINE : output_fail(remote->output, &err);
}

void remote_close(struct remote *remote)
{
    if (!remote)
        return;
    client_free(remote->client);
    arena_fini(&remote->arena);
    *remote = (struct remote){0};
}

/* ---- refusals ---- */

static const char *clean(const struct remote *remote, const char *text, struct arena *arena)
{
    return output_text(remote->output, text, arena);
}

static void problem_errors_print(const struct remote *remote, const json_t *problem,
                                 struct arena *arena)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(problem, "errors"), i, item)
    {
        const char *suggestion = member_text(item, "suggestion", NULL);
        const char *said = arena_printf(arena, "%s: %s", member_text(item, "pointer", "-"),
                                        member_text(item, "detail", "-"));
        if (strcmp(said, member_text(problem, "detail", "")) == 0) { /* as the detail */
            if (suggestion)
                fprintf(remote->output->err, "  suggestion: %s\n",
                        clean(remote, suggestion, arena));
            continue;
        }
        fprintf(remote->output->err, "  %s: %s%s%s\n",
                clean(remote, member_text(item, "pointer", "-"), arena),
                clean(remote, member_text(item, "detail", "-"), arena), suggestion ? "; " : "",
                suggestion ? clean(remote, suggestion, arena) : "");
    }
}

/* An older server gives numbers of nodes alone. */
static void guard_print(const struct remote *remote, const json_t *guard, struct arena *arena)
{
    const char *name = member_text(guard, "name", member_text(guard, "guard", "guard"));
    const char *message = member_text(guard, "message", NULL);
    if (message)
        fprintf(remote->output->err, "  %s: %s\n", clean(remote, name, arena),
                clean(remote, message, arena));
    else
        fprintf(remote->output->err,
                "  %s %s: %s: would keep %lld of %lld nodes, the limit is %lld\n",
                clean(remote, member_text(guard, "domain", "-"), arena),
                clean(remote, member_text(guard, "service", "-"), arena),
                clean(remote, name, arena), (long long)member_number(guard, "would_be", -1),
                (long long)member_number(guard, "declared", -1),
                (long long)member_number(guard, "limit", -1));
}

/* What `detail` has said is not said again. */
static void problem_guards_print(const struct remote *remote, const json_t *problem,
                                 struct arena *arena)
{
    const json_t *guards = json_object_get(problem, "guards");
    const char *detail = member_text(problem, "detail", "");
    size_t i;
    json_t *guard;
    json_array_foreach(guards, i, guard)
    {
        if (strcmp(member_text(guard, "message", "-"), detail) != 0)
            guard_print(remote, guard, arena);
    }
    if (json_array_size(guards) == 0)
        guard_print(remote, json_object_get(problem, "guard"), arena);
    if (json_is_true(json_object_get(problem, "overridable")))
        fputs("  --force overrides it (with -m REASON, which is kept)\n", remote->output->err);
    else
        fputs("  this guard cannot be overridden: an empty set would end the service\n",
              remote->output->err);
}

static bool problem_is_guard(const json_t *problem)
{
    const char *type = member_text(problem, "type", "");
    const char *name = strrchr(type, '/');
    return json_is_object(json_object_get(problem, "guard")) ||
           (name && (strcmp(name, "/guard") == 0 || strcmp(name, "/capacity-guard") == 0));
}

/* What to do next, where the server's text cannot know. */
static const char *status_mend(const struct remote *remote, long status)
{
    switch (status) {
    case 403:
        if (remote->target.token)
            return "; `srvplan token create` on the server makes a token that may";
        __attribute__((fallthrough));
    case 401:
        return remote->target.token
                   ? "; is the token right? the first start wrote admin.token in the state "
                     "directory"
                   : "; give --token-file FILE (admin.token in the state directory), or use the "
                     "UNIX socket as root or as the server's user";
    case 412:
        return "; somebody changed it meanwhile: look, then do it again";
    default:
        return "";
    }
}

static int problem_print(const struct remote *remote, const struct client_reply *reply)
{
    struct arena arena = {0};
    json_t *problem = json_loadb(reply->body, reply->body_len, 0, NULL);
    bool is_guard = problem_is_guard(problem);
    const char *title = member_text(problem, "title", NULL);
    const char *detail = member_text(problem, "detail", NULL);
    if (detail && strcmp(member_text(problem, "type", ""), "/docs/problems/unknown-parameter") == 0)
        title = NULL; /* it speaks of the URL, which is ours: the detail names the parameter */
    const char *mend = status_mend(remote, reply->status);
    if (!title && !detail)
        output_complain(remote->output, "the server answered with status %ld%s", reply->status,
                        mend[0] ? mend : "; is it an srvpland?");
    else
        output_complain(remote->output, "%s%s%s%s", title ? clean(remote, title, &arena) : "",
                        title && detail ? ": " : "", detail ? clean(remote, detail, &arena) : "",
                        mend);
    problem_errors_print(remote, problem, &arena);
    if (is_guard)
        problem_guards_print(remote, problem, &arena);
    json_decref(problem);
    arena_fini(&arena);
    return (int)remote_exit_code(reply->status, is_guard);
}

/* ---- requests ---- */

/* What was asked of whom, and of a change, what the server says it spent the time on. */
static void call_say(const struct output *output, const struct client_request *request,
                     const struct client_reply *reply)
{
    struct arena arena = {0};
    output_say(output, "%s %s -> %ld%s%s", request->method, request->path, reply->status,
               reply->timing[0] ? "  " : "", output_text(output, reply->timing, &arena));
    arena_fini(&arena);
}

/* What was given up on purpose is not complained about. */
static int fail(const struct remote *remote, const struct error *err)
{
    if (err->kind == ERROR_UNREACHABLE && client_is_cancelled(remote->client))
        return EXIT_UNREACHABLE;
    return output_fail(remote->output, err);
}

/* 128 random bits in hexadecimal; empty when the kernel has none to give. */
static void key_make(char key[static KEY_SIZE])
{
    uint8_t random[(KEY_SIZE - 1) / 2];
    key[0] = '\0';
    if (getrandom(random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        return;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(key + 2 * i, 3, "%02x", random[i]);
}

/* A request whose answer did not come may have been carried out. With its key it may be sent again:
 * it is done once, and a server that was restarted in between answers as it would have then. */
static bool send_again(struct remote *remote, const struct client_request *request,
                       struct client_reply *raw)
{
    int64_t until_ms = clock_monotonic_ms() + AGAIN_MS;
    if (!remote->output->is_quiet)
        output_say(remote->output, "srvplan: the answer did not come; asking again");
    while (clock_monotonic_ms() < until_ms && !client_is_cancelled(remote->client)) {
        struct error err = {0};
        if (client_send(remote->client, request, raw, &err))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_PAUSE_MS * 1000000L}, NULL);
    }
    return false;
}

/* True: an answer came, of whatever status. */
static bool send(struct remote *remote, const struct client_request *request, const json_t *body,
                 struct client_reply *raw, struct error *err)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct client_request filled = *request;
    char key[KEY_SIZE] = "";
    if (strcmp(request->method, "POST") == 0)
        key_make(key);
    filled.body = text;
    filled.key = key[0] ? key : NULL;
    int64_t begun_ms = clock_monotonic_ms();
    bool sent = client_send(remote->client, &filled, raw, err);
    if (!sent && filled.key && err->kind == ERROR_UNKNOWN_OUTCOME &&
        clock_monotonic_ms() - begun_ms < AGAIN_MS)
        sent = send_again(remote, &filled, raw);
    free(text);
    if (sent && remote->output->is_verbose)
        call_say(remote->output, request, raw);
    return sent;
}

static bool is_success(const struct client_reply *raw)
{
    return raw->status >= 200 && raw->status <= 299;
}

/* Makes a reply of what came, and tells what is wrong with it. */
static int take(struct remote *remote, struct client_reply raw, struct remote_reply *reply)
{
    int code = EXIT_FINE;
    json_error_t where;
    if (!is_success(&raw)) {
        code = problem_print(remote, &raw);
    } else if (!(reply->document = json_loadb(raw.body, raw.body_len, 0, &where))) {
        output_complain(remote->output,
                        "the server's answer is no JSON (line %d: %s); is it an "
                        "srvpland?",
                        where.line, where.text);
        code = EXIT_FAILED;
    } else {
        code = (int)remote_exit_code(raw.status, false);
        reply->status = raw.status;
        memcpy(reply->etag, raw.etag, sizeof reply->etag);
        reply->text = raw.body;
        raw.body = NULL;
    }
    client_reply_fini(&raw);
    return code;
}

int remote_call(struct remote *remote, const struct client_request *request, const json_t *body,
                struct remote_reply *reply)
{
    struct client_reply raw = {0};
    struct error err = {0};
    *reply = (struct remote_reply){0};
    if (!send(remote, request, body, &raw, &err))
        return fail(remote, &err);
    return take(remote, raw, reply);
}

int remote_find(struct remote *remote, const char *path, struct remote_reply *reply)
{
    struct client_request request = {.method = "GET", .path = path};
    struct client_reply raw = {0};
    struct error err = {0};
    *reply = (struct remote_reply){0};
    if (!send(remote, &request, NULL, &raw, &err))
        return fail(remote, &err);
    if (raw.status != 404)
        return take(remote, raw, reply);
    client_reply_fini(&raw);
    return EXIT_FINE;
}

int remote_try(struct remote *remote, const char *path, struct remote_reply *reply,
               struct error *err)
{
    struct client_request request = {.method = "GET", .path = path};
    struct client_reply raw = {0};
    *reply = (struct remote_reply){0};
    *err = (struct error){0};
    if (!send(remote, &request, NULL, &raw, err))
        return (int)error_exit_code(err->kind);
    if (is_success(&raw))
        return take(remote, raw, reply);
    json_t *problem = json_loadb(raw.body, raw.body_len, 0, NULL);
    int code = (int)remote_exit_code(raw.status, false);
    error_set(err, code == EXIT_UNREACHABLE ? ERROR_UNAVAILABLE : ERROR_INVALID,
              "the server answered with status %ld: %s", raw.status,
              member_text(problem, "detail", "no reason is given"));
    json_decref(problem);
    client_reply_fini(&raw);
    return code;
}

int remote_copy(struct remote *remote, const char *path, FILE *out)
{
    struct client_request request = {.method = "GET", .path = path};
    struct client_reply raw = {0};
    struct error err = {0};
    int code = EXIT_FINE;
    if (!send(remote, &request, NULL, &raw, &err))
        return fail(remote, &err);
    if (is_success(&raw))
        fwrite(raw.body, 1, raw.body_len, out); /* output_finish tells of a full disk */
    else
        code = problem_print(remote, &raw);
    client_reply_fini(&raw);
    return code;
}

int remote_get(struct remote *remote, const char *path, struct remote_reply *reply)
{
    struct client_request request = {.method = "GET", .path = path};
    return remote_call(remote, &request, NULL, reply);
}

int remote_stream(struct remote *remote, const struct client_request *request, bool is_quiet)
{
    struct error err = {0};
    struct client_reply raw = {0};
    if (!send(remote, request, NULL, &raw, &err))
        return is_quiet && err.kind == ERROR_UNREACHABLE ? EXIT_UNREACHABLE : fail(remote, &err);
    int code = raw.status == 200 ? EXIT_FINE : problem_print(remote, &raw);
    client_reply_fini(&raw);
    return code;
}

void remote_reply_fini(struct remote_reply *reply)
{
    if (!reply)
        return;
    json_decref(reply->document);
    free(reply->text);
    *reply = (struct remote_reply){0};
}

int remote_list(struct remote *remote, const char *path, size_t limit, json_t **items)
{
    *items = json_array();
    struct arena arena = {0};
    const char *page = path;
    int code = EXIT_FINE;
    for (uint32_t pages = 0; page && code == EXIT_FINE && pages < PAGES_MAX; pages++) {
        struct remote_reply reply;
        code = remote_get(remote, page, &reply);
        page = NULL;
        if (code == EXIT_FINE) {
            json_array_extend(*items, json_object_get(reply.document, "items"));
            const char *next = member_text(reply.document, "next", NULL);
            if (next && json_array_size(*items) < limit)
                page = arena_printf(&arena, "%s%cafter=%s", path, strchr(path, '?') ? '&' : '?',
                                    client_escape(next, &arena));
        }
        remote_reply_fini(&reply);
    }
    while (json_array_size(*items) > limit)
        json_array_remove(*items, json_array_size(*items) - 1);
    arena_fini(&arena);
    if (code == EXIT_FINE)
        return EXIT_FINE;
    json_decref(*items);
    *items = NULL;
    return code;
}

void remote_print_items(const struct output *output, json_t *items)
{
    json_t *list = json_pack("{s:O,s:n}", "items", items, "next");
    output_tree(output, list);
    json_decref(list);
}
