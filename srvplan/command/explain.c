/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan explain: why a node has what it has, who will not follow, and what a drain would do. */
#include <math.h>
#include <string.h>

#include "srvplan/command/ask_server.h"
#include "srvplan/command/planned.h"
#include "srvplan/command/simulate_text.h"
#include "srvplan/explain.h"
#include "srvplan/report/report_explain_json.h"
#include "srvplan/report/report_numbers.h"
#include "zones/text.h"

struct page {
    const struct output *output;
    const struct explanation *all;
    struct arena *arena;
};

static void line(const struct page *page, const char *indent, const char *text)
{
    fprintf(page->output->out, "%s%s\n", indent, output_text(page->output, text, page->arena));
}

static void strong(const struct page *page, const char *indent, const char *text)
{
    const char *on = page->output->colors_out ? "\033[1m" : "";
    const char *off = page->output->colors_out ? "\033[0m" : "";
    fprintf(page->output->out, "%s%s%s%s\n", indent, on,
            output_text(page->output, text, page->arena), off);
}

static void print_node(const struct page *page)
{
    static const char *const states[] = {
        [NODE_UP] = "up", [NODE_DRAIN] = "drain", [NODE_MAINT] = "maint", [NODE_OFF] = "off"};
    const struct inventory *inventory = page->all->plan->input.layout->inventory;
    const struct inventory_node *node = &inventory->nodes[page->all->node];
    struct text tier = inventory->tiers[node->tier].id;
    strong(page, "", arena_cstr(page->arena, node->id));
    line(page, "  ",
         arena_printf(page->arena, "host %s   capacity %u   tier %.*s%s%.*s   state %s",
                      text_name_print(page->arena, node->host), node->capacity, (int)tier.len,
                      tier.ptr, node->site.len ? "   site " : "", (int)node->site.len,
                      node->site.len ? node->site.ptr : "", states[node->state]));
    if (page->all->set_count == 0)
        line(page, "  ", "No set names this node.");
}

static const char *set_title(const struct page *page, const struct explain_set *set)
{
    const struct layout *layout = page->all->plan->input.layout;
    const struct declared_set *declared = &layout->declared[set->set];
    const char *domain = text_name_print(page->arena, layout->inventory->domains[set->domain].name);
    struct text service = layout->inventory->services[declared->service].id;
    const char *more =
        declared->domain_count > 1
            ? arena_printf(page->arena, " and %u more domain%s", declared->domain_count - 1,
                           declared->domain_count > 2 ? "s" : "")
            : "";
    return arena_printf(page->arena, "%.*s/%.*s%s", (int)strlen(domain) - 1, domain,
                        (int)service.len, service.ptr, more);
}

static void print_shares(const struct page *page, const struct explain_set *set)
{
    const struct simulation *simulation = set->simulation;
    const struct simulation_line *ideal = &simulation->ideal, *merged = &simulation->merged;
    const char *audience = "no audience is declared (policy.audience)";
    if (simulation->audience.is_declared)
        audience = arena_printf(
            page->arena, "your audience gives it %s, a load of %s",
            number_share(merged->shares[set->position], page->arena),
            number_load(rational_to_double(merged->loads[set->position]), page->arena));
    line(page, "    ",
         arena_printf(page->arena, "share: ideal %s; %s",
                      number_share(ideal->shares[set->position], page->arena), audience));
}

enum {
    CULPRITS_SHOWN = 12
};

static void print_culprits(const struct page *page, const struct explain_set *set)
{
    bool is_declared = set->simulation->audience.is_declared;
    uint32_t shown = 0, others = 0;
    for (uint32_t i = 0; i < set->culprit_count; i++) {
        bool is_counted =
            set->culprits[i].client->who.part_ppb > 0 || !is_declared || page->output->is_verbose;
        if (!is_counted || shown == CULPRITS_SHOWN) {
            others++;
            continue;
        }
        if (shown++ == 0)
            strong(page, "    ", "will not follow the plan:");
        line(page, "      ", set->culprits[i].text);
    }
    if (shown == 0)
        line(page, "    ",
             is_declared ? "your whole audience follows the plan"
                         : "every program follows the plan");
    if (others)
        line(page, "      ",
             arena_printf(page->arena, "and %u more program%s, %s", others, others > 1 ? "s" : "",
                          is_declared ? "not in your audience: -v shows them" : "see -o json"));
}

/* "xmpp1 62.5 % (+25.0), xmpp3 …": those whose share changes. */
static const char *takers_print(const struct page *page, const struct explain_set *set)
{
    const struct simulate_pool *pool = set->simulation->pool;
    const char *text = "";
    for (uint32_t i = 0; i < pool->node_count; i++) {
        double after = rational_to_double(set->drain.line.shares[i]);
        double before = rational_to_double(set->simulation->merged.shares[i]);
        if (i == set->position || fabs(after - before) < 0.0005)
            continue;
        text = arena_printf(page->arena, "%s%s%s %s (%+.1f)", text, text[0] ? ", " : "",
                            pool_node_id(pool, i, page->arena), number_percent(after, page->arena),
                            (after - before) * 100);
    }
    return text[0] ? text : "nobody: it has no share";
}

static const char *worst_print(const struct page *page, const struct simulate_pool *pool,
                               const struct simulation_line *worst)
{
    return arena_printf(page->arena, "%s on %s",
                        number_load(rational_to_double(worst->loads[worst->worst]), page->arena),
                        pool_node_id(pool, worst->worst, page->arena));
}

static void print_further(const struct page *page, const struct explain_set *set)
{
    const struct explain_drain *drain = &set->drain;
    const struct simulate_pool *pool = set->simulation->pool;
    if (drain->next == INVENTORY_NONE)
        return;
    const char *next = pool_node_id(pool, drain->next, page->arena);
    line(page, "      ",
         drain->is_last_two ? arena_printf(page->arena, "if %s dies then, nobody is left", next)
                            : arena_printf(page->arena, "if %s dies then: worst load %s", next,
                                           worst_print(page, pool, &drain->further)));
}

static void print_drain(const struct page *page, const struct explain_set *set)
{
    const struct explain_drain *drain = &set->drain;
    const struct simulate_pool *pool = set->simulation->pool;
    const struct forecast *forecast = &set->simulation->forecast;
    const struct forecast_drain *sessions = &forecast->drains[set->position];
    strong(page, "    ", "a drain of it:");
    for (uint32_t i = 0; i < drain->refusal_count; i++)
        line(page, "      ", arena_printf(page->arena, "a guard refuses: %s", drain->refusals[i]));
    if (drain->is_last) {
        line(page, "      ", "nobody is left to take over");
        return;
    }
    line(page, "      ", arena_printf(page->arena, "taken over by %s", takers_print(page, set)));
    line(page, "      ",
         arena_printf(page->arena, "worst load %s", worst_print(page, pool, &drain->line)));
    print_further(page, set);
    line(page, "      ",
         arena_printf(
             page->arena,
             "caches are clean %s after the withdrawal, half of its sessions "
             "gone after %s%s",
             number_duration(forecast->curves[0].safe_s, page->arena),
             number_duration(sessions_left_after_s(forecast->mean_life_s, 0.5), page->arena),
             forecast->is_life_assumed ? " (24 h of life assumed)" : ""));
    if (sessions->has_pace && isfinite(sessions->pace_per_s))
        line(page, "      ",
             arena_printf(page->arena, "the others bear it when you end %.1f sessions a second",
                          sessions->pace_per_s));
}

/* The set before it that is of the same pool: what clients make of the pool was said there. */
static const struct explain_set *said_before(const struct page *page, const struct explain_set *set)
{
    for (const struct explain_set *at = page->all->sets; at < set; at++)
        if (set->simulation && at->simulation == set->simulation)
            return at;
    return NULL;
}

static void print_set(const struct page *page, const struct explain_set *set)
{
    const struct explain_set *said = said_before(page, set);
    const struct plan_member *member = set->member;
    fputc('\n', page->output->out);
    strong(page, "  ", set_title(page, set));
    line(page, "    ",
         member->absence == PLAN_PRESENT
             ? arena_printf(page->arena, "record: priority %u weight %u port %u, TTL %s",
                            member->priority, member->weight, member->port,
                            number_duration(set->plan_set->ttl_s, page->arena))
             : "record: none");
    line(page, "    ", arena_printf(page->arena, "because: %s", set->because));
    if (said) {
        line(page, "    ",
             arena_printf(page->arena, "one pool with %s: see there for the rest",
                          set_title(page, said)));
        return;
    }
    if (set->position != INVENTORY_NONE) {
        print_shares(page, set);
        print_culprits(page, set);
        print_drain(page, set);
    }
    if (set->note_count)
        strong(page, "    ", "sessions and habits:");
    for (uint32_t i = 0; i < set->note_count; i++)
        line(page, "      ", set->notes[i]);
}

static void explanation_print(const struct output *output, const struct explanation *all)
{
    struct arena arena = {0};
    const struct page page = {output, all, &arena};
    print_node(&page);
    for (uint32_t i = 0; i < all->set_count; i++)
        print_set(&page, &all->sets[i]);
    if (all->more_sets)
        line(&page, "\n  ",
             arena_printf(&arena, "%u more sets: name one, as example.org/xmpp-client.",
                          all->more_sets));
    arena_fini(&arena);
}

static bool question_read(const struct offline *offline, const struct context *context,
                          struct explain_question *question, struct error *err)
{
    const struct invocation *invocation = context->invocation;
    const char *order = invocation_value(invocation, OPTION_ANSWER_ORDER, "weighted");
    *question = (struct explain_question){
        .plan = offline->plan,
        .node = inventory_find_node(offline->inventory, text_from(invocation->operands[0])),
        .domain = INVENTORY_NONE,
        .clients = invocation_number(invocation, OPTION_CLIENTS, 0),
    };
    if (question->node == INVENTORY_NONE)
        return error_set(err, ERROR_NOT_FOUND, "'%.60s': the inventory has no such node",
                         invocation->operands[0]);
    if (!simulate_order_parse(text_from(order), &question->order))
        return error_set(err, ERROR_USAGE, "--answer-order '%.60s'", order);
    if (invocation->operand_count < 2)
        return true;
    struct arena arena = {0};
    struct simulate_pool pool;
    bool ok =
        simulate_pool_find(offline->plan, text_from(invocation->operands[1]), &arena, &pool, err);
    if (ok) {
        question->domain = pool.domain;
        question->service = pool.service;
    }
    arena_fini(&arena);
    return ok;
}

static int explain(const struct offline *offline, const struct context *context, struct error *err)
{
    struct explain_question question;
    if (!question_read(offline, context, &question, err))
        return output_fail(&context->output, err);
    struct explanation *all = explain_node(&question, err);
    if (!all)
        return output_fail(&context->output, err);
    if (context->output.is_json)
        offline_print_json(&context->output, report_explanation_json(all));
    else
        explanation_print(&context->output, all);
    explanation_free(all);
    return EXIT_FINE;
}

static int explain_locally(const struct context *context)
{
    return planned_run(context, explain);
}

int command_explain(const struct context *context)
{
    return ask_server_or(context, explanation_of_server, explain_locally);
}
