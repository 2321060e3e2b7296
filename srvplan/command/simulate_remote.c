/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan simulate of what a server serves: the tables of simulate_text.c that matter most, from
 * the server's numbers. JSON has the rest. */
#include <string.h>

#include "srvplan/command/ask_server.h"
#include "srvplan/command/remote.h"
#include "srvplan/command/table.h"
#include "srvplan/command/views.h"
#include "srvplan/report/report_numbers.h"
#include "zones/base/clock.h"

enum {
    COLUMNS_MAX = 8, /* as of simulate_text.c */
    LOAD_BAD_PERCENT = 120,
};

struct page {
    const struct output *output;
    const json_t *document;
    const char *nodes[COLUMNS_MAX]; /* those with columns */
    size_t node_count, hidden;
    struct arena *arena;
};

static void heading(const struct page *page, const char *text)
{
    const struct output *output = page->output;
    fprintf(output->out, "\n%s%s%s\n", output->colors_out ? "\033[1m" : "", text,
            output->colors_out ? "\033[0m" : "");
}

static double ratio_of(const json_t *line, const char *what, const char *node)
{
    return member_ratio(json_object_get(line, what), node, 0);
}

/* Those with the greatest ideal shares, in the order of their ids. */
static void columns_choose(struct page *page)
{
    const json_t *ideal = json_object_get(page->document, "ideal_published");
    const char *node, *other;
    json_t *value, *rival;
    ideal = json_object_get(ideal ? ideal : json_object_get(page->document, "ideal"), "ratios");
    json_object_foreach((json_t *)(uintptr_t)ideal, node, value)
    {
        size_t greater = 0;
        bool is_before = true;
        json_object_foreach((json_t *)(uintptr_t)ideal, other, rival)
        {
            double mine = json_number_value(value), theirs = json_number_value(rival);
            is_before = is_before && other != node;
            bool is_same = strcmp(other, node) == 0;
            greater += !is_same && (theirs > mine || (theirs >= mine && is_before));
        }
        if (greater < COLUMNS_MAX && page->node_count < COLUMNS_MAX)
            page->nodes[page->node_count++] = node;
        else
            page->hidden++;
    }
}

static struct table shares_table(const struct page *page, const char *name, const char *part)
{
    struct table table = table_with(page->node_count + 3);
    table.indent = 2;
    table.right_first = 1;
    table.right_end = page->node_count + 2;
    table_add(&table, page->output, name);
    table_add(&table, page->output, part);
    for (size_t i = 0; i < page->node_count; i++)
        table_add(&table, page->output, page->nodes[i]);
    table_add(&table, page->output, " ");
    return table;
}

static void shares_row(const struct page *page, struct table *table, const char *name,
                       const char *part, const json_t *line)
{
    table_add(table, page->output, name);
    table_add(table, page->output, part);
    for (size_t i = 0; i < page->node_count; i++)
        table_add(table, page->output,
                  number_percent(ratio_of(line, "ratios", page->nodes[i]), page->arena));
}

static void loads_row(const struct page *page, struct table *table, const json_t *line)
{
    table_add(table, page->output, "load");
    table_add(table, page->output, " ");
    for (size_t i = 0; i < page->node_count; i++) {
        double load = ratio_of(line, "loads", page->nodes[i]);
        table_add(table, page->output, number_load(load, page->arena));
        if (load * 100 >= LOAD_BAD_PERCENT)
            table_paint(table, TABLE_BAD);
    }
    table_add(table, page->output, "share / capacity; 1.00x is what it was sized for");
    table_paint(table, TABLE_FAINT);
}

static void clients_print(const struct page *page)
{
    const json_t *document = page->document;
    bool is_declared = json_is_true(json_object_get(document, "audience_declared"));
    struct table table = shares_table(page, "client", "part");
    size_t i;
    json_t *client;
    shares_row(page, &table, "ideal", " ", json_object_get(document, "ideal"));
    table_add(&table, page->output, "what RFC 2782 means");
    table_paint(&table, TABLE_FAINT);
    loads_row(page, &table, json_object_get(document, "ideal"));
    if (is_declared) {
        shares_row(page, &table, "audience", " ", json_object_get(document, "audience"));
        table_add(&table, page->output, "all of your clients together");
        table_paint(&table, TABLE_FAINT);
        loads_row(page, &table, json_object_get(document, "audience"));
    }
    json_array_foreach(json_object_get(document, "clients"), i, client)
    {
        double part = member_ratio(client, "part", 0);
        bool is_rest = json_is_true(json_object_get(client, "rest"));
        if (is_declared ? part <= 0 && !page->output->is_verbose : is_rest)
            continue;
        shares_row(page, &table, member_text(client, "name", "-"),
                   is_declared ? number_percent(part, page->arena) : " ", client);
        table_add(&table, page->output,
                  arena_printf(page->arena, "%s, %s", member_text(client, "model", "-"),
                               member_text(client, "merge", "-")));
        table_paint(&table, TABLE_FAINT);
    }
    heading(page, "Where new connections go");
    table_print(&table, page->output);
    table_fini(&table);
}

/* {"MODEL": {"NODE": "5/13"}}: exact, so a number is made here. */
static double fraction(const char *text)
{
    unsigned long long num = 0, den = 0;
    if (!text || sscanf(text, "%20llu/%20llu", &num, &den) != 2 || den == 0)
        return 0;
    return (double)num / (double)den;
}

static void models_print(const struct page *page)
{
    const char *model;
    json_t *shares;
    struct table table = shares_table(page, "model", " ");
    json_object_foreach(json_object_get(page->document, "first_choice"), model, shares)
    {
        table_add(&table, page->output, model);
        table_add(&table, page->output, " ");
        for (size_t i = 0; i < page->node_count; i++)
            table_add(
                &table, page->output,
                number_percent(fraction(member_text(shares, page->nodes[i], NULL)), page->arena));
        table_add(&table, page->output, " ");
    }
    heading(page, arena_printf(page->arena, "First choice of each model, %s alone",
                               member_text(page->document, "service", "-")));
    table_print(&table, page->output);
    table_fini(&table);
}

static void outages_print(const struct page *page)
{
    struct table table = shares_table(page, "out", " ");
    size_t i;
    json_t *outage;
    json_array_foreach(json_object_get(page->document, "n_minus_1"), i, outage)
    {
        const json_t *line = json_object_get(outage, "audience");
        const json_t *worst = json_object_get(line, "worst");
        if (!json_is_object(line))
            continue;
        shares_row(page, &table, member_text(outage, "node", "-"), " ", line);
        table_add(&table, page->output,
                  json_is_true(json_object_get(outage, "last"))
                      ? "nobody is left"
                      : arena_printf(page->arena, "worst load %s on %s",
                                     number_load(member_ratio(worst, "load", 0), page->arena),
                                     member_text(worst, "node", "-")));
    }
    heading(page, "If one node dies (before DNS changes)");
    table_print(&table, page->output);
    table_fini(&table);
}

static void caches_print(const struct page *page)
{
    size_t i;
    json_t *item;
    heading(page, "What caches keep");
    json_array_foreach(json_object_get(page->document, "caches"), i, item)
    {
        fprintf(page->output->out, "  %s is out since %s; %s of the caches may name it still\n",
                output_text(page->output, member_text(item, "node", "-"), page->arena),
                member_text(item, "withdrawn_at", "-"),
                number_percent(member_ratio(item, "cached_fraction", 0), page->arena));
    }
    json_array_foreach(json_object_get(json_object_get(page->document, "decay"), "curves"), i, item)
    {
        fprintf(page->output->out, "  %s: clean %s after a withdrawal\n",
                output_text(page->output, member_text(item, "label", "-"), page->arena),
                number_duration(member_ratio(item, "clean_after_s", 0), page->arena));
    }
}

static void simulation_show(const struct output *output, const json_t *document)
{
    struct arena arena = {0};
    struct page page = {.output = output, .document = document, .arena = &arena};
    const char *domain = member_text(document, "domain", "-");
    size_t len = strlen(domain);
    len -= len > 1 && domain[len - 1] == '.';
    columns_choose(&page);
    fprintf(output->out, "%.*s/%s   TTL %s   answers %s   as of %s\n", (int)len,
            output_text(output, domain, &arena),
            output_text(output, member_text(document, "service", "-"), &arena),
            number_duration((double)member_number(document, "ttl", 0), &arena),
            member_text(document, "answer_order", "-"),
            view_time(member_text(document, "at", NULL), clock_realtime_ms(), &arena));
    clients_print(&page);
    models_print(&page);
    outages_print(&page);
    caches_print(&page);
    if (page.hidden)
        fprintf(output->out, "\n%zu more nodes: -o json has them all\n", page.hidden);
    arena_fini(&arena);
}

static json_t *body_of(const struct invocation *invocation, struct error *err)
{
    const char *operand = invocation->operands[0], *slash = strchr(operand, '/');
    const char *at = invocation_value(invocation, OPTION_AT, NULL), *id;
    const char *order = invocation_value(invocation, OPTION_ANSWER_ORDER, NULL);
    uint64_t clients = invocation_number(invocation, OPTION_CLIENTS, 0);
    if (!slash || slash == operand || !slash[1]) {
        error_set(err, ERROR_USAGE, "'%.200s': expected DOMAIN/SERVICE, as example.org/xmpp-client",
                  operand);
        return NULL;
    }
    json_t *models = json_array(), *down = json_array();
    for (uint32_t position = 0; (id = invocation_next(invocation, OPTION_MODEL, &position));)
        json_array_append_new(models, json_string(id));
    for (uint32_t position = 0; (id = invocation_next(invocation, OPTION_DOWN, &position));)
        json_array_append_new(down, json_string(id));
    json_t *body = json_object();
    json_object_set_new(body, "domain", json_stringn(operand, (size_t)(slash - operand)));
    json_object_set_new(body, "service", json_string(slash + 1));
    if (at)
        json_object_set_new(body, "at", json_string(at));
    if (order)
        json_object_set_new(body, "answer_order", json_string(order));
    if (clients)
        json_object_set_new(body, "clients", json_integer((json_int_t)clients));
    if (json_array_size(models))
        json_object_set(body, "model", models);
    if (json_array_size(down))
        json_object_set(body, "down", down);
    json_decref(models);
    json_decref(down);
    return body;
}

int simulation_of_server(const struct context *context)
{
    static const enum option_id local[] = {OPTION_SVG, OPTION_COUNT};
    const struct client_request request = {.method = "POST", .path = "/api/v1/simulate"};
    struct error err = {0};
    struct remote remote = {0};
    struct remote_reply reply = {0};
    json_t *body =
        ask_server_check(context, local, &err) ? body_of(context->invocation, &err) : NULL;
    if (!body)
        return output_fail(&context->output, &err);
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = remote_call(&remote, &request, body, &reply);
    if (code == EXIT_FINE && context->output.is_json)
        output_reply(&context->output, reply.document, reply.text);
    else if (code == EXIT_FINE)
        simulation_show(&context->output, reply.document);
    remote_reply_fini(&reply);
    remote_close(&remote);
    json_decref(body);
    return code;
}
