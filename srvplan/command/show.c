/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan show: one thing that the server knows, by its id: a node, drain, domain, zone, window,
 * revision, service or tier. KIND/ID says which is meant where ids are alike. */
#include <string.h>

#include "srvplan/command/object_view.h"
#include "srvplan/command/remote.h"
#include "srvplan/nearest.h"
#include "zones/base/clock.h"

/* In the order in which a bare id is looked for. */
static const struct kind {
    const char *name;
    const char *path;   /* "%s" is the id */
    const char *list;   /* instead: a list to be searched, by its member of the kind's name */
    const char *prefix; /* of all ids of the kind, or NULL */
} kinds[] = {
    {.name = "revision", .path = "/api/v1/revisions/%s"},
    {.name = "drain", .path = "/api/v1/drains/%s", .prefix = "dr_"},
    {.name = "node", .path = "/api/v1/nodes/%s"},
    {.name = "domain", .path = "/api/v1/domains/%s"},
    {.name = "zone", .path = "/api/v1/zones/%s"},
    {.name = "window", .path = "/api/v1/windows/%s"},
    {.name = "service", .list = "/api/v1/services"},
    {.name = "tier", .list = "/api/v1/tiers"},
};

static bool may_be(const struct kind *kind, const char *id)
{
    bool is_number = id[0] && id[strspn(id, "0123456789")] == '\0';
    if (strcmp(kind->name, "revision") == 0)
        return is_number;
    return !kind->prefix || strncmp(id, kind->prefix, strlen(kind->prefix)) == 0;
}

/* The object of that kind; *found is a new reference, NULL: there is none. */
static int look(struct remote *remote, const struct kind *kind, const char *id, json_t **found)
{
    struct arena arena = {0};
    struct remote_reply reply = {0};
    json_t *items = NULL, *item;
    size_t i;
    int code;
    if (kind->path) {
        const char *path = arena_printf(&arena, "%.*s%s", (int)strlen(kind->path) - 2, kind->path,
                                        client_escape(id, &arena));
        code = remote_find(remote, path, &reply);
        *found = json_incref(reply.document);
    } else {
        code = remote_list(remote, kind->list, SIZE_MAX, &items);
        json_array_foreach(items, i, item)
        {
            if (strcmp(member_text(item, kind->name, ""), id) == 0)
                *found = json_incref(item);
        }
        json_decref(items);
    }
    remote_reply_fini(&reply);
    arena_fini(&arena);
    return code;
}

static int unknown_kind(const struct output *output, const char *word, size_t len)
{
    struct nearest nearest = nearest_to((struct text){word, len});
    struct error err = {0};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        nearest_consider(&nearest, text_from(kinds[i].name));
    if (nearest.best.len)
        error_set(&err, ERROR_USAGE, "show %.60s: did you mean %.*s/%.60s?", word,
                  (int)nearest.best.len, nearest.best.ptr, word + len + 1);
    else
        error_set(&err, ERROR_USAGE,
                  "show %.60s: expected an id, or KIND/ID with one of node, drain, domain, zone, "
                  "window, revision, service, tier",
                  word);
    return output_fail(output, &err);
}

static int unknown_object(const struct output *output, const char *word)
{
    struct arena arena = {0};
    output_complain(output,
                    "%s: the server knows no such thing; `srvplan nodes`, `domains` and `drains "
                    "--all` list what there is",
                    output_text(output, word, &arena));
    arena_fini(&arena);
    return EXIT_FAILED;
}

/* "node/xmpp1": *kind is set, *id is behind the slash. A domain has none. */
static bool kind_split(const char *word, const struct kind **kind, const char **id)
{
    const char *slash = strchr(word, '/');
    *id = word;
    *kind = NULL;
    if (!slash)
        return true;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strlen(kinds[i].name) == (size_t)(slash - word) &&
            strncmp(kinds[i].name, word, (size_t)(slash - word)) == 0)
            *kind = &kinds[i];
    *id = slash + 1;
    return *kind && **id;
}

static int show(struct remote *remote, const struct kind *kind, const char *id)
{
    const struct output *output = remote->output;
    json_t *found = NULL;
    int code = EXIT_FINE;
    for (size_t i = 0; i < COUNT_OF(kinds) && code == EXIT_FINE && !found; i++) {
        if (kind ? kind == &kinds[i] : may_be(&kinds[i], id))
            code = look(remote, &kinds[i], id, &found);
    }
    if (found && output->is_json)
        output_tree(output, found);
    else if (found)
        object_view(output, found, clock_realtime_ms());
    else if (code == EXIT_FINE)
        code = unknown_object(output, id);
    json_decref(found);
    return code;
}

int command_show(const struct context *context)
{
    const char *word = context->invocation->operands[0], *id;
    const struct kind *kind;
    struct remote remote;
    if (!kind_split(word, &kind, &id))
        return unknown_kind(&context->output, word, strcspn(word, "/"));
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = show(&remote, kind, id);
    remote_close(&remote);
    return code;
}
