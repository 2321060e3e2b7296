/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan explain of what a server serves: the page of explain.c, from the server's numbers. */
#include <math.h>
#include <string.h>

#include "srvplan/command/ask_server.h"
#include "srvplan/command/remote.h"
#include "srvplan/command/views.h"
#include "srvplan/report/report_numbers.h"

struct page {
    const struct output *output;
    struct arena *arena;
};

enum {
    CULPRITS_SHOWN = 12 /* as of explain.c */
};

static void line(const struct page *page, const char *indent, const char *text)
{
    fprintf(page->output->out, "%s%s\n", indent, output_text(page->output, text, page->arena));
}

static void strong(const struct page *page, const char *indent, const char *text)
{
    fprintf(page->output->out, "%s%s%s%s\n", indent, page->output->colors_out ? "\033[1m" : "",
            output_text(page->output, text, page->arena),
            page->output->colors_out ? "\033[0m" : "");
}

/* What operators did to it, which an inventory alone does not say. */
static void overlays_print(const struct page *page, const json_t *node)
{
    const char *drain = member_text(node, "drain", NULL);
    size_t i;
    json_t *weight;
    if (drain)
        line(page, "  ",
             arena_printf(page->arena, "drained: %s (`srvplan show %s`)", drain, drain));
    json_array_foreach(json_object_get(node, "weights"), i, weight)
    {
        line(page, "  ",
             arena_printf(page->arena, "weight %s for %s by %s: %s",
                          view_weight(json_object_get(weight, "weight"), page->arena),
                          member_text(weight, "service", "*"), member_text(weight, "actor", "-"),
                          member_text(weight, "reason", "-")));
    }
}

static void node_print(const struct page *page, const json_t *node)
{
    const char *site = member_text(node, "site", NULL);
    strong(page, "", member_text(node, "id", "-"));
    line(page, "  ",
         arena_printf(page->arena, "host %s   capacity %lld   tier %s%s%s   state %s",
                      member_text(node, "host", "-"), (long long)member_number(node, "capacity", 0),
                      member_text(node, "tier", "-"), site ? "   site " : "", site ? site : "",
                      member_text(node, "state", "-")));
    overlays_print(page, node);
}

static void culprits_print(const struct page *page, const json_t *set)
{
    bool is_declared = json_is_true(json_object_get(set, "audience_declared"));
    unsigned shown = 0, others = 0;
    size_t i;
    json_t *culprit;
    json_array_foreach(json_object_get(set, "culprits"), i, culprit)
    {
        bool is_counted =
            member_ratio(culprit, "part", 0) > 0 || !is_declared || page->output->is_verbose;
        if (!is_counted || shown == CULPRITS_SHOWN) {
            others++;
            continue;
        }
        if (shown++ == 0)
            strong(page, "    ", "will not follow the plan:");
        line(page, "      ", member_text(culprit, "text", "-"));
    }
    if (shown == 0)
        line(page, "    ",
             is_declared ? "your whole audience follows the plan"
                         : "every program follows the plan");
    if (others)
        line(page, "      ", arena_printf(page->arena, "and %u more: -o json has them", others));
}

/* "xmpp3 37.5 % (2.60x), …": who has what without the node. */
static const char *takers_print(const struct page *page, const json_t *audience)
{
    const char *text = "", *node;
    json_t *ratio;
    json_object_foreach(json_object_get(audience, "ratios"), node, ratio)
    {
        if (json_number_value(ratio) > 0)
            text = arena_printf(page->arena, "%s%s%s %s", text, text[0] ? ", " : "", node,
                                number_percent(json_number_value(ratio), page->arena));
    }
    return text[0] ? text : "nobody";
}

static const char *worst_print(const struct page *page, const json_t *audience)
{
    const json_t *worst = json_object_get(audience, "worst");
    return arena_printf(page->arena, "%s on %s",
                        number_load(member_ratio(worst, "load", 0), page->arena),
                        member_text(worst, "node", "-"));
}

static void drain_print(const struct page *page, const json_t *drain)
{
    const json_t *further = json_object_get(drain, "one_more_failure");
    const json_t *audience = json_object_get(drain, "audience");
    double pace = member_ratio(drain, "kick_per_s", 0);
    size_t i;
    json_t *refusal;
    strong(page, "    ", "a drain of it:");
    json_array_foreach(json_object_get(drain, "refusals"), i, refusal)
    {
        line(page, "      ",
             arena_printf(page->arena, "a guard refuses: %s", json_string_value(refusal)));
    }
    if (json_is_true(json_object_get(drain, "last"))) {
        line(page, "      ", "nobody is left to take over");
        return;
    }
    line(page, "      ", arena_printf(page->arena, "then: %s", takers_print(page, audience)));
    line(page, "      ", arena_printf(page->arena, "worst load %s", worst_print(page, audience)));
    if (json_is_object(further))
        line(page, "      ",
             json_is_true(json_object_get(further, "last"))
                 ? arena_printf(page->arena, "if %s dies then, nobody is left",
                                member_text(further, "node", "-"))
                 : arena_printf(page->arena, "if %s dies then: worst load %s",
                                member_text(further, "node", "-"),
                                worst_print(page, json_object_get(further, "audience"))));
    line(page, "      ",
         arena_printf(
             page->arena,
             "caches are clean %s after the withdrawal, half of its sessions gone after %s",
             number_duration(member_ratio(drain, "safe_after_s", 0), page->arena),
             number_duration(member_ratio(drain, "half_of_sessions_after_s", 0), page->arena)));
    if (pace > 0)
        line(page, "      ",
             arena_printf(page->arena, "the others bear it when you end %.1f sessions a second",
                          pace));
}

static const char *set_title(const struct page *page, const json_t *set)
{
    const char *domain = member_text(set, "domain", "-");
    long long more = (long long)member_number(set, "domains", 1) - 1;
    size_t len = strlen(domain);
    len -= len > 1 && domain[len - 1] == '.';
    return arena_printf(
        page->arena, "%.*s/%s%s", (int)len, domain, member_text(set, "service", "-"),
        more > 0 ? arena_printf(page->arena, " and %lld more domain%s", more, more > 1 ? "s" : "")
                 : "");
}

static void set_print(const struct page *page, const json_t *set)
{
    const json_t *ideal = json_object_get(set, "ideal"), *notes = json_object_get(set, "notes");
    const json_t *audience = json_object_get(set, "audience");
    bool is_declared = json_is_true(json_object_get(set, "audience_declared"));
    size_t i;
    json_t *note;
    fputc('\n', page->output->out);
    strong(page, "  ", set_title(page, set));
    line(page, "    ",
         json_is_true(json_object_get(set, "published"))
             ? arena_printf(page->arena, "record: priority %lld weight %lld port %lld, TTL %s",
                            (long long)member_number(set, "priority", 0),
                            (long long)member_number(set, "weight", 0),
                            (long long)member_number(set, "port", 0),
                            number_duration((double)member_number(set, "ttl", 0), page->arena))
             : "record: none");
    line(page, "    ", arena_printf(page->arena, "because: %s", member_text(set, "because", "-")));
    if (json_is_object(ideal)) {
        const char *rest = "no audience is declared (policy.audience)";
        if (is_declared)
            rest = arena_printf(page->arena, "your audience gives it %s, a load of %s",
                                number_percent(member_ratio(audience, "ratio", 0), page->arena),
                                number_load(member_ratio(audience, "load", 0), page->arena));
        line(page, "    ",
             arena_printf(page->arena, "share: ideal %s; %s",
                          number_percent(member_ratio(ideal, "ratio", 0), page->arena), rest));
        culprits_print(page, set);
        drain_print(page, json_object_get(set, "drain"));
    }
    if (json_array_size(notes))
        strong(page, "    ", "sessions and habits:");
    json_array_foreach(notes, i, note)
    {
        line(page, "      ", json_string_value(note));
    }
}

static void explanation_show(const struct output *output, const json_t *node)
{
    const json_t *explanation = json_object_get(node, "explanation");
    struct arena arena = {0};
    const struct page page = {output, &arena};
    size_t i;
    json_t *set;
    node_print(&page, node);
    json_array_foreach(json_object_get(explanation, "sets"), i, set)
    {
        set_print(&page, set);
    }
    if (json_array_size(json_object_get(explanation, "sets")) == 0)
        line(&page, "  ", "No set names this node.");
    long long more = (long long)member_number(explanation, "more_sets", 0);
    if (more > 0)
        line(&page, "\n  ",
             arena_printf(&arena,
                          "%lld more sets: name one, as "
                          "example.org/xmpp-client.",
                          more));
    arena_fini(&arena);
}

static const char *path_of(const struct invocation *invocation, struct arena *arena)
{
    const char *order = invocation_value(invocation, OPTION_ANSWER_ORDER, NULL);
    uint64_t clients = invocation_number(invocation, OPTION_CLIENTS, 0);
    const char *path = arena_printf(arena, "/api/v1/nodes/%s?explain=true",
                                    client_escape(invocation->operands[0], arena));
    if (invocation->operand_count > 1)
        path =
            arena_printf(arena, "%s&set=%s", path, client_escape(invocation->operands[1], arena));
    if (clients)
        path = arena_printf(arena, "%s&clients=%llu", path, (unsigned long long)clients);
    return order ? arena_printf(arena, "%s&answer_order=%s", path, order) : path;
}

int explanation_of_server(const struct context *context)
{
    static const enum option_id local[] = {OPTION_AT, OPTION_COUNT};
    struct error err = {0};
    struct remote remote;
    struct remote_reply reply = {0};
    struct arena arena = {0};
    if (!ask_server_check(context, local, &err))
        return output_fail(&context->output, &err);
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = remote_get(&remote, path_of(context->invocation, &arena), &reply);
    if (code == EXIT_FINE && context->output.is_json)
        output_tree(&context->output, json_object_get(reply.document, "explanation"));
    else if (code == EXIT_FINE)
        explanation_show(&context->output, reply.document);
    remote_reply_fini(&reply);
    remote_close(&remote);
    arena_fini(&arena);
    return code;
}
