/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan tune: weights that suit the audience, and what none can reach. */
#include "srvplan/command/planned.h"
#include "srvplan/command/simulate_text.h"
#include "srvplan/command/table.h"
#include "srvplan/report/report_explain_json.h"
#include "srvplan/report/report_numbers.h"

struct sheet {
    const struct output *output;
    const struct simulate_pool *pool;
    const struct audience *audience;
    const struct tune *tune;
    struct arena *arena;
};

/* The weight of a tuned node before. */
static uint16_t weight_before(const struct sheet *sheet, uint32_t tuned)
{
    for (uint32_t i = 0; i < sheet->pool->target_count; i++)
        if (sheet->pool->target_node[i] == sheet->tune->nodes[tuned] &&
            simulate_is_serving(sheet->pool, i))
            return sheet->pool->targets[i].weight;
    return 0;
}

static void load_cell(const struct sheet *sheet, struct table *table,
                      const struct simulation_line *line, uint32_t node)
{
    table_add(table, sheet->output,
              number_load(rational_to_double(line->loads[node]), sheet->arena));
    if (node == line->worst)
        table_paint(table, TABLE_STRONG);
}

static void print_weights(const struct sheet *sheet)
{
    static const char *const titles[] = {"node",  "weight", "share", "load",
                                         "tuned", "share",  "load"};
    const struct tune *tune = sheet->tune;
    struct table table = table_with(COUNT_OF(titles));
    table.indent = 2;
    table.right_first = 1;
    table.right_end = COUNT_OF(titles);
    for (size_t i = 0; i < COUNT_OF(titles); i++)
        table_add(&table, sheet->output, titles[i]);
    for (uint32_t i = 0; i < tune->node_count; i++) {
        uint32_t node = tune->nodes[i];
        table_add(&table, sheet->output, pool_node_id(sheet->pool, node, sheet->arena));
        table_addf(&table, sheet->output, "%u", weight_before(sheet, i));
        table_add(&table, sheet->output, number_share(tune->before.shares[node], sheet->arena));
        load_cell(sheet, &table, &tune->before, node);
        table_addf(&table, sheet->output, "%u",
                   tune->is_better ? tune->weights[i] : weight_before(sheet, i));
        table_add(&table, sheet->output, number_share(tune->after.shares[node], sheet->arena));
        load_cell(sheet, &table, &tune->after, node);
    }
    table_print(&table, sheet->output);
    table_fini(&table);
}

static void print_steps(const struct sheet *sheet)
{
    const struct tune *tune = sheet->tune;
    struct table table = table_with(tune->node_count + 2);
    table.indent = 2;
    table.right_first = 1;
    table.right_end = tune->node_count + 2;
    table_add(&table, sheet->output, "from");
    for (uint32_t i = 0; i < tune->node_count; i++)
        table_add(&table, sheet->output, pool_node_id(sheet->pool, tune->nodes[i], sheet->arena));
    table_add(&table, sheet->output, "worst load");
    for (size_t i = 0; i < tune->step_count; i++) {
        const struct tune_step *step = &tune->steps[i];
        table_add(&table, sheet->output, step->start);
        for (uint32_t j = 0; j < tune->node_count; j++)
            table_addf(&table, sheet->output, "%u", TUNE_UNIT * step->units[j]);
        table_addf(&table, sheet->output, "%.4fx", rational_to_double(step->worst));
    }
    table_print(&table, sheet->output);
    table_fini(&table);
    fprintf(sheet->output->out, "  %u weights tried%s\n\n", tune->evaluations,
            tune->is_cut_short ? "; there was more to try" : "");
}

static void print_reach(const struct sheet *sheet)
{
    const struct tune *tune = sheet->tune;
    FILE *out = sheet->output->out;
    double worst = rational_to_double(tune->after.loads[tune->after.worst]);
    fprintf(out, "\nNo weights get below %s", number_load(tune->reach, sheet->arena));
    if (tune->fixed_ppb)
        fprintf(out, ": %s of the connections come from programs that all choose alike",
                number_part((uint32_t)tune->fixed_ppb, sheet->arena));
    fputs(".\n", out);
    if (worst - tune->reach > 0.01)
        fprintf(out, "Between that and %s there may be better ones; the search found none.\n",
                number_load(worst, sheet->arena));
}

/* A line for each node. */
static void print_fragment(const struct sheet *sheet)
{
    json_t *fragment = report_tune_fragment_json(sheet->pool, sheet->tune);
    json_t *nodes = json_object_get(fragment, "nodes"), *node;
    const char *id;
    size_t left = json_object_size(nodes);
    fputs("  \"nodes\": {\n", sheet->output->out);
    json_object_foreach(nodes, id, node)
    {
        fprintf(sheet->output->out, "    \"%s\": ", output_text(sheet->output, id, sheet->arena));
        json_dumpf(node, sheet->output->out, 0);
        fputs(--left ? ",\n" : "\n", sheet->output->out);
    }
    fputs("  }\n", sheet->output->out);
    json_decref(fragment);
}

static void print_verdict(const struct sheet *sheet)
{
    const struct tune *tune = sheet->tune;
    FILE *out = sheet->output->out;
    double before = rational_to_double(tune->before.loads[tune->before.worst]);
    double after = rational_to_double(tune->after.loads[tune->after.worst]);
    fputc('\n', out);
    if (!tune->is_better) {
        fputs("Nothing is gained by other weights.\n", out);
        return;
    }
    fprintf(out,
            "The worst load goes from %s to %s%s. To have it, put this into the inventory:\n\n",
            number_load(before, sheet->arena), number_load(after, sheet->arena),
            before - after < 0.01 ? ", which is hardly worth it" : "");
    print_fragment(sheet);
    fputs(
        "\nThey count for every domain that has these nodes, and fit these host names and ports.\n",
        out);
}

static void tune_print(const struct sheet *sheet, bool with_steps)
{
    FILE *out = sheet->output->out;
    fprintf(
        out, "%s%s%s\n\n", sheet->output->colors_out ? "\033[1m" : "",
        output_text(sheet->output, simulate_pool_label(sheet->pool, sheet->arena), sheet->arena),
        sheet->output->colors_out ? "\033[0m" : "");
    if (with_steps)
        print_steps(sheet);
    print_weights(sheet);
    print_verdict(sheet);
    print_reach(sheet);
    if (!sheet->audience->is_declared)
        fputs("No audience is declared, so everybody is taken for somebody who follows the "
              "weights: see policy.audience.\n",
              out);
}

static int tune(const struct offline *offline, const struct context *context, struct error *err)
{
    const struct invocation *invocation = context->invocation;
    const char *order = invocation_value(invocation, OPTION_ANSWER_ORDER, "weighted");
    struct arena arena = {0};
    struct simulate_pool pool;
    struct tune_question question = {.pool = &pool};
    struct tune *tuned = NULL;
    if (simulate_pool_find(offline->plan, text_from(invocation->operands[0]), &arena, &pool, err) &&
        (simulate_order_parse(text_from(order), &question.order) ||
         error_set(err, ERROR_USAGE, "--answer-order '%.60s'", order))) {
        struct audience audience =
            audience_of(&offline->inventory->domains[pool.domain].audience, pool.role, &arena);
        question.audience = &audience;
        tuned = tune_search(&question, err);
        if (tuned && context->output.is_json) {
            offline_print_json(&context->output, report_tune_json(&pool, &audience, tuned));
        } else if (tuned) {
            const struct sheet sheet = {&context->output, &pool, &audience, tuned, &arena};
            tune_print(&sheet, invocation_has(invocation, OPTION_STEPS_SHOWN));
        }
    }
    int code = tuned ? EXIT_FINE : output_fail(&context->output, err);
    tune_free(tuned);
    arena_fini(&arena);
    return code;
}

int command_tune(const struct context *context)
{
    return planned_run(context, tune);
}
