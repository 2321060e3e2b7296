/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan nodes, domains, history: lists of the server, as tables or as they came. */
#include <string.h>

#include "srvplan/command/remote.h"
#include "srvplan/command/table.h"
#include "srvplan/command/views.h"

enum {
    LIST_MAX = 1000000, /* more than a server may hold */
    HISTORY_DEFAULT = 20,
};

typedef void list_show(const struct output *output, const json_t *items);

static int list_command(const struct context *context, const char *path, size_t limit,
                        list_show *show)
{
    struct remote remote;
    json_t *items = NULL;
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = remote_list(&remote, path, limit, &items);
    if (code == EXIT_FINE && context->output.is_json)
        remote_print_items(&context->output, items);
    else if (code == EXIT_FINE)
        show(&context->output, items);
    json_decref(items);
    remote_close(&remote);
    return code;
}

/* "50%", or "50% (xmpp-client), 10 (xmpp-server)". */
static const char *node_weights(const json_t *node, struct arena *arena)
{
    const char *list = NULL;
    size_t i;
    json_t *weight;
    json_array_foreach(json_object_get(node, "weights"), i, weight)
    {
        const char *service = member_text(weight, "service", "*");
        const char *value = view_weight(json_object_get(weight, "weight"), arena);
        if (strcmp(service, "*") != 0)
            value = arena_printf(arena, "%s (%s)", value, service);
        list = list ? arena_printf(arena, "%s, %s", list, value) : value;
    }
    return list;
}

struct node_presence {
    int64_t sets, present; /* counted per domain */
    double greatest_share;
};

static struct node_presence node_presence(const json_t *node)
{
    struct node_presence presence = {0};
    size_t i;
    json_t *effective;
    json_array_foreach(json_object_get(node, "effective"), i, effective)
    {
        int64_t domains = member_number(effective, "domains", 1);
        double share = member_ratio(effective, "share", 0);
        presence.sets += domains;
        if (json_is_true(json_object_get(effective, "in_set")))
            presence.present += domains;
        if (share > presence.greatest_share)
            presence.greatest_share = share;
    }
    return presence;
}

static void nodes_show(const struct output *output, const json_t *items)
{
    static const char *const names[] = {"NODE",     "HOST",  "TIER",    "SITE", "STATE",
                                        "CAPACITY", "DRAIN", "WEIGHTS", "SETS", "GREATEST SHARE"};
    struct arena arena = {0};
    struct table table = table_with(COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    size_t i;
    json_t *node;
    json_array_foreach(items, i, node)
    {
        struct node_presence presence = node_presence(node);
        table_add(&table, output, member_text(node, "id", NULL));
        table_add(&table, output, member_text(node, "host", NULL));
        table_add(&table, output, member_text(node, "tier", NULL));
        table_add(&table, output, member_text(node, "site", NULL));
        table_add(&table, output, member_text(node, "state", NULL));
        table_addf(&table, output, "%lld", (long long)member_number(node, "capacity", 0));
        table_add(&table, output, member_text(node, "drain", NULL));
        table_add(&table, output, node_weights(node, &arena));
        table_addf(&table, output, "%lld/%lld", (long long)presence.present,
                   (long long)presence.sets);
        table_add(&table, output, view_share(presence.greatest_share, &arena));
    }
    table_print(&table, output);
    table_fini(&table);
    arena_fini(&arena);
}

/* "xmpp1 62.5 %, xmpp2 37.5 %; standby xmpp3; out xmpp4" */
static const char *members_print(const json_t *service, struct arena *arena)
{
    const char *shares = "", *standby = "", *out = "";
    size_t i;
    json_t *member;
    json_array_foreach(json_object_get(service, "members"), i, member)
    {
        const char *node = member_text(member, "node", "-");
        double share = member_ratio(member, "share", 0);
        const char **list = !json_is_true(json_object_get(member, "in_set")) ? &out
                            : share > 0                                      ? &shares
                                                                             : &standby;
        const char *text =
            share > 0 ? arena_printf(arena, "%s %s", node, view_share(share, arena)) : node;
        *list = arena_printf(arena, "%s%s%s", *list, (*list)[0] ? ", " : "", text);
    }
    if (json_is_true(json_object_get(service, "absent")))
        return "none: the service is absent";
    return arena_printf(arena, "%s%s%s%s%s", shares, standby[0] ? "; standby " : "", standby,
                        out[0] ? "; out " : "", out);
}

static void domains_show(const struct output *output, const json_t *items)
{
    static const char *const names[] = {"DOMAIN", "ZONE", "SERVICE", "TTL", "NODES"};
    struct arena arena = {0};
    struct table table = table_with(COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    size_t i, j;
    json_t *domain, *service;
    json_array_foreach(items, i, domain)
    {
        json_array_foreach(json_object_get(domain, "services"), j, service)
        {
            table_add(&table, output, member_text(domain, "domain", NULL));
            table_add(&table, output, member_text(domain, "zone", NULL));
            table_add(&table, output, member_text(service, "service", NULL));
            table_addf(&table, output, "%lld", (long long)member_number(service, "ttl", 0));
            table_add(&table, output, members_print(service, &arena));
        }
    }
    table_print(&table, output);
    table_fini(&table);
    arena_fini(&arena);
}

static void history_show(const struct output *output, const json_t *items)
{
    static const char *const names[] = {"REVISION", "AT", "SERVED", "BY", "CAUSE"};
    struct table table = table_with(COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++)
        table_add(&table, output, names[i]);
    size_t i;
    json_t *revision;
    json_array_foreach(items, i, revision)
    {
        table_addf(&table, output, "%lld", (long long)member_number(revision, "revision", 0));
        table_add(&table, output, member_text(revision, "at", NULL));
        table_add(&table, output, member_text(revision, "served_at", NULL));
        table_add(&table, output, member_text(revision, "actor", NULL));
        table_add(&table, output, member_text(revision, "cause", NULL));
    }
    table_print(&table, output);
    table_fini(&table);
}

int command_nodes(const struct context *context)
{
    return list_command(context, "/api/v1/nodes", LIST_MAX, nodes_show);
}

int command_domains(const struct context *context)
{
    return list_command(context, "/api/v1/domains?limit=1000", LIST_MAX, domains_show);
}

int command_history(const struct context *context)
{
    size_t limit = (size_t)invocation_number(context->invocation, OPTION_LIMIT, HISTORY_DEFAULT);
    struct arena arena = {0};
    const char *path = arena_printf(&arena, "/api/v1/revisions?limit=%zu", limit);
    int code = list_command(context, path, limit, history_show);
    arena_fini(&arena);
    return code;
}
