/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan simulate: where each kind of client goes, exactly. */
#include <stdlib.h>

#include "srvplan/command/ask_server.h"
#include "srvplan/command/out_file.h"
#include "srvplan/command/planned.h"
#include "srvplan/command/simulate_text.h"
#include "srvplan/nearest.h"
#include "srvplan/report/report_simulate_json.h"
#include "srvplan/report/report_svg.h"

static bool model_unknown(const char *id, struct error *err)
{
    struct nearest nearest = nearest_to(text_from(id));
    struct arena arena = {0};
    const char *all = "";
    for (size_t i = 0; i < client_model_count; i++) {
        nearest_consider(&nearest, text_from(client_models[i].id));
        all = arena_printf(&arena, "%s%s%s", all, i ? ", " : "", client_models[i].id);
    }
    if (nearest.best.len)
        error_set(err, ERROR_USAGE, "--model '%.60s': there is no such model; did you mean %.*s?",
                  id, (int)nearest.best.len, nearest.best.ptr);
    else
        error_set(err, ERROR_USAGE, "--model '%.60s': there is no such model; the models are %s",
                  id, all);
    arena_fini(&arena);
    return false;
}

static bool models_read(const struct invocation *invocation, struct arena *arena,
                        struct simulation_question *question, struct error *err)
{
    uint32_t position = 0;
    const char *id;
    while ((id = invocation_next(invocation, OPTION_MODEL, &position))) {
        const struct client_model *model = client_model_find(text_from(id));
        if (!model)
            return model_unknown(id, err);
        if (!question->models)
            question->models =
                arena_array(arena, const struct client_model *, invocation->given_count);
        question->models[question->model_count++] = model;
    }
    return true;
}

static bool down_read(const struct invocation *invocation, struct arena *arena,
                      struct simulation_question *question, struct error *err)
{
    const struct inventory *inventory = question->plan->input.layout->inventory;
    bool *is_down = arena_array(arena, bool, question->pool.node_count);
    uint32_t position = 0;
    const char *id;
    while ((id = invocation_next(invocation, OPTION_DOWN, &position))) {
        uint32_t node = inventory_find_node(inventory, text_from(id));
        if (node == INVENTORY_NONE)
            return error_set(err, ERROR_NOT_FOUND, "--down '%.60s': the inventory has no such node",
                             id);
        uint32_t at = simulate_node_find(&question->pool, node);
        if (at == INVENTORY_NONE)
            return error_set(err, ERROR_NOT_FOUND,
                             "--down '%.60s': the node has no record there; leave it away", id);
        is_down[at] = true;
        question->is_down = is_down;
    }
    return true;
}

static bool question_read(const struct offline *offline, const struct context *context,
                          struct arena *arena, struct simulation_question *question,
                          struct error *err)
{
    const struct invocation *invocation = context->invocation;
    const char *order = invocation_value(invocation, OPTION_ANSWER_ORDER, "weighted");
    *question = (struct simulation_question){
        .plan = offline->plan,
        .clients = invocation_number(invocation, OPTION_CLIENTS, 0),
        .only_outage = INVENTORY_NONE,
        .with_positions = context->output.is_json,
    };
    if (!simulate_pool_find(offline->plan, text_from(invocation->operands[0]), arena,
                            &question->pool, err))
        return false;
    if (question->pool.target_count == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "%s: nothing is published there, so no client goes anywhere",
                         simulate_pool_label(&question->pool, arena));
    return (simulate_order_parse(text_from(order), &question->order) ||
            error_set(err, ERROR_USAGE, "--answer-order '%.60s'", order)) &&
           models_read(invocation, arena, question, err) &&
           down_read(invocation, arena, question, err);
}

static bool svg_write(const char *path, const struct simulation *simulation, struct error *err)
{
    struct text text = {0};
    char *ptr = NULL;
    FILE *out = open_memstream(&ptr, &text.len);
    if (!out)
        abort(); /* without memory */
    report_simulation_svg(out, simulation);
    if (fclose(out) != 0)
        abort();
    text.ptr = ptr;
    bool ok = out_file_write(path, text, OUT_FILE_REPLACE, err);
    free(ptr);
    return ok;
}

static int simulate(const struct offline *offline, const struct context *context, struct error *err)
{
    struct arena arena = {0};
    struct simulation_question question;
    struct simulation *simulation = NULL;
    const char *svg = invocation_value(context->invocation, OPTION_SVG, NULL);
    bool done = question_read(offline, context, &arena, &question, err);
    if (done)
        simulation = simulation_run(&question, err);
    done = simulation && (!svg || svg_write(svg, simulation, err));
    if (done && context->output.is_json)
        offline_print_json(&context->output, report_simulation_json(simulation));
    else if (done)
        simulate_print(&context->output, simulation);
    simulation_free(simulation);
    arena_fini(&arena);
    return done ? EXIT_FINE : output_fail(&context->output, err);
}

static int simulate_locally(const struct context *context)
{
    return planned_run(context, simulate);
}

int command_simulate(const struct context *context)
{
    return ask_server_or(context, simulation_of_server, simulate_locally);
}
