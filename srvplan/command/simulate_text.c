/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/simulate_text.h"

#include <math.h>
#include <string.h>

#include "srvplan/command/table.h"
#include "srvplan/report/report_numbers.h"

enum {
    COLUMNS_MAX = 8, /* a terminal of 120 cells holds no more */
    FIRST_NODE = 2,  /* behind name and part */
};

struct sheet {
    const struct output *output;
    const struct simulation *simulation;
    struct node_columns columns;
    struct arena *arena;
};

const char *pool_node_id(const struct simulate_pool *pool, uint32_t node, struct arena *arena)
{
    return arena_cstr(arena, pool->plan->input.layout->inventory->nodes[pool->nodes[node]].id);
}

struct node_columns node_columns_of(const struct simulation *simulation, struct arena *arena)
{
    uint32_t count = simulation->pool->node_count;
    uint32_t shown = count < COLUMNS_MAX ? count : COLUMNS_MAX, at = 0;
    uint32_t *nodes = arena_array(arena, uint32_t, count);
    bool *is_shown = arena_array(arena, bool, count);
    for (uint32_t i = 0; i < shown; i++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t j = 0; j < count; j++)
            if (!is_shown[j] &&
                (best == UINT32_MAX ||
                 rational_compare(simulation->ideal.shares[j], simulation->ideal.shares[best]) > 0))
                best = j;
        is_shown[best] = true;
    }
    for (uint32_t i = 0; i < count; i++)
        if (is_shown[i])
            nodes[at++] = i;
    return (struct node_columns){.nodes = nodes, .count = shown, .hidden = count - shown};
}

static void heading(const struct sheet *sheet, const char *text)
{
    const struct output *output = sheet->output;
    fprintf(output->out, "\n%s%s%s\n", output->colors_out ? "\033[1m" : "", text,
            output->colors_out ? "\033[0m" : "");
}

static void note(const struct sheet *sheet, const char *text)
{
    fprintf(sheet->output->out, "  %s\n", output_text(sheet->output, text, sheet->arena));
}

/* -- shares -------------------------------------------------------------------------------------
 */

static struct table shares_table(const struct sheet *sheet, const char *name, const char *part,
                                 const char *remark)
{
    struct table table = table_with(FIRST_NODE + sheet->columns.count + 1);
    table.indent = 2;
    table.right_first = 1;
    table.right_end = FIRST_NODE + sheet->columns.count;
    table_add(&table, sheet->output, name);
    table_add(&table, sheet->output, part[0] ? part : " ");
    for (uint32_t i = 0; i < sheet->columns.count; i++)
        table_add(&table, sheet->output,
                  pool_node_id(sheet->simulation->pool, sheet->columns.nodes[i], sheet->arena));
    table_add(&table, sheet->output, remark[0] ? remark : " ");
    return table;
}

struct row {
    const char *name, *part, *remark;
    enum table_paint paint;
};

static void shares_row(const struct sheet *sheet, struct table *table, const struct row *row,
                       const struct rational *shares)
{
    table_add(table, sheet->output, row->name);
    table_paint(table, row->paint);
    table_add(table, sheet->output, row->part[0] ? row->part : " ");
    for (uint32_t i = 0; i < sheet->columns.count; i++) {
        table_add(table, sheet->output,
                  number_share(shares[sheet->columns.nodes[i]], sheet->arena));
        table_paint(table, row->paint);
    }
    table_add(table, sheet->output, row->remark[0] ? row->remark : " ");
    table_paint(table, TABLE_FAINT);
}

enum {
    LOAD_BAD_PERCENT = 120, /* a fifth above its capacity is more than planners round away */
};

static void load_cell(const struct sheet *sheet, struct table *table, struct rational load)
{
    double value = rational_to_double(load);
    table_add(table, sheet->output, number_load(value, sheet->arena));
    if (value * 100 >= LOAD_BAD_PERCENT)
        table_paint(table, TABLE_BAD);
}

static void loads_row(const struct sheet *sheet, struct table *table,
                      const struct simulation_line *line)
{
    table_add(table, sheet->output, "load");
    table_add(table, sheet->output, " ");
    for (uint32_t i = 0; i < sheet->columns.count; i++)
        load_cell(sheet, table, line->loads[sheet->columns.nodes[i]]);
    table_add(table, sheet->output, "share / capacity; 1.00x is what it was sized for");
    table_paint(table, TABLE_FAINT);
}

static void connections_row(const struct sheet *sheet, struct table *table,
                            const struct simulation_line *line)
{
    double clients = (double)sheet->simulation->question.clients;
    table_add(table, sheet->output, "connections");
    table_add(table, sheet->output, " ");
    for (uint32_t i = 0; i < sheet->columns.count; i++)
        table_add(table, sheet->output,
                  number_count(clients * rational_to_double(line->shares[sheet->columns.nodes[i]]),
                               sheet->arena));
    table_addf(table, sheet->output, "of %s", number_count(clients, sheet->arena));
    table_paint(table, TABLE_FAINT);
}

static const char *client_remark(const struct sheet *sheet, const struct simulation_client *client)
{
    const struct audience_part *who = &client->who;
    const char *merge = sheet->simulation->pool->service_count > 1
                            ? arena_printf(sheet->arena, ", %s", share_merge_print(who->merge))
                            : "";
    const char *tried = "", *delay = "";
    if (client->delay_s > 0)
        delay = arena_printf(sheet->arena, ", %s when they drop packets",
                             number_seconds(client->delay_s, sheet->arena));
    if (sheet->simulation->has_down)
        tried = arena_printf(sheet->arena, "; %.2f dead targets first%s",
                             rational_to_double(client->dead_tried), delay);
    return arena_printf(sheet->arena, "%s%s%s", audience_part_model(who), merge, tried);
}

/* Without an audience every program may come; with one, the others are for those who ask. The rest
 * of nothing is what the ideal line says. */
static bool client_is_shown(const struct sheet *sheet, const struct simulation_client *client)
{
    if (!sheet->simulation->audience.is_declared)
        return !client->who.is_rest;
    return client->who.part_ppb > 0 || sheet->output->is_verbose;
}

static void clients_rows(const struct sheet *sheet, struct table *table)
{
    for (uint32_t i = 0; i < sheet->simulation->client_count; i++) {
        const struct simulation_client *client = &sheet->simulation->clients[i];
        bool is_counted = client->who.part_ppb > 0;
        if (!client_is_shown(sheet, client))
            continue;
        struct row row = {
            .name = client_name(&client->who, sheet->arena),
            .part = is_counted ? number_part(client->who.part_ppb, sheet->arena) : "",
            .remark = client_remark(sheet, client),
            .paint = is_counted ? TABLE_PLAIN : TABLE_FAINT,
        };
        shares_row(sheet, table, &row, client->reached);
    }
}

static void print_clients(const struct sheet *sheet)
{
    const struct simulation *simulation = sheet->simulation;
    struct table table = shares_table(sheet, "client", "part", "how it picks");
    heading(sheet, simulation->has_down ? "Where new connections go, with those that are down"
                                        : "Where new connections go");
    shares_row(sheet, &table, &(struct row){"ideal", "", "what RFC 2782 means", TABLE_STRONG},
               simulation->ideal_reached.shares);
    if (simulation->audience.is_declared) {
        shares_row(sheet, &table, &(struct row){"your audience", "", "", TABLE_STRONG},
                   simulation->merged_reached.shares);
    }
    loads_row(sheet, &table, &simulation->merged_reached);
    if (simulation->question.clients)
        connections_row(sheet, &table, &simulation->merged_reached);
    clients_rows(sheet, &table);
    table_print(&table, sheet->output);
    table_fini(&table);
    uint32_t hidden = 0;
    for (uint32_t i = 0; i < simulation->client_count; i++)
        hidden += !client_is_shown(sheet, &simulation->clients[i]);
    if (simulation->audience.is_declared && hidden)
        note(sheet, arena_printf(sheet->arena,
                                 "%u more programs that are not in your audience: -v "
                                 "shows them.",
                                 hidden));
    if (!simulation->audience.is_declared && simulation->pool->role != CLIENT_OTHER)
        note(sheet, "No audience is declared: policy.audience says which part of the users has "
                    "which program.");
}

static void print_models(const struct sheet *sheet)
{
    const struct simulation *simulation = sheet->simulation;
    const struct inventory *inventory = simulation->question.plan->input.layout->inventory;
    struct text service = inventory->services[simulation->pool->service].id;
    struct table table = shares_table(sheet, "model", "", "");
    heading(sheet, arena_printf(sheet->arena, "First choice of each model, %.*s alone",
                                (int)service.len, service.ptr));
    for (uint32_t i = 0; i < simulation->model_count; i++)
        shares_row(sheet, &table, &(struct row){simulation->models[i].model->id, "", "", 0},
                   simulation->models[i].reached);
    table_print(&table, sheet->output);
    table_fini(&table);
}

/* -- fail-over ----------------------------------------------------------------------------------
 */

static const char *outage_remark(const struct sheet *sheet, const struct simulation_outage *outage)
{
    if (outage->is_last)
        return "nobody is left";
    const struct simulation_line *line = &outage->audience;
    const char *lost = rational_is_zero(line->lost)
                           ? ""
                           : arena_printf(sheet->arena, "; %s find nobody",
                                          number_share(line->lost, sheet->arena));
    return arena_printf(sheet->arena, "worst load %s on %s; %.2f dead targets tried first%s",
                        number_load(rational_to_double(line->loads[line->worst]), sheet->arena),
                        pool_node_id(sheet->simulation->pool, line->worst, sheet->arena),
                        rational_to_double(line->dead_tried), lost);
}

static void print_outages(const struct sheet *sheet)
{
    const struct simulation *simulation = sheet->simulation;
    struct table table = shares_table(sheet, "out", "", "what that means");
    heading(sheet, simulation->audience.is_declared
                       ? "If one node dies (your audience, before DNS changes)"
                       : "If one node dies (before DNS changes)");
    for (uint32_t i = 0; i < simulation->pool->node_count; i++) {
        const struct simulation_outage *outage = &simulation->outages[i];
        if (!outage->is_known)
            continue;
        shares_row(sheet, &table,
                   &(struct row){pool_node_id(simulation->pool, i, sheet->arena), "",
                                 outage_remark(sheet, outage), TABLE_PLAIN},
                   outage->audience.shares);
    }
    table_print(&table, sheet->output);
    table_fini(&table);
    note(sheet, "A dead target that refuses costs a client nothing, one that drops packets its "
                "time-out (Dino: 30 s).");
}

/* -- time ---------------------------------------------------------------------------------------
 */

enum {
    DECAY_TIMES = 6
};

/* When to look: in quarters of the TTL, and at the half and the end of the drain TTL. */
static size_t decay_times(const struct forecast *forecast, double times_s[DECAY_TIMES])
{
    double ttl_s = forecast->curves[0].end_s, lowered_s = ttl_s / 4;
    size_t count = 0;
    for (uint32_t i = 0; i < forecast->curve_count; i++)
        if (strcmp(forecast->curves[i].id, "lowered") == 0)
            lowered_s = forecast->curves[i].end_s;
    for (int i = 1; i <= 2; i++)
        if (lowered_s * i / 2 < 0.24 * ttl_s)
            times_s[count++] = lowered_s * i / 2;
    for (int i = 1; i <= 4; i++)
        times_s[count++] = ttl_s * i / 4;
    return count;
}

static void decay_row(const struct sheet *sheet, struct table *table,
                      const struct forecast_curve *curve, const double *times_s, size_t count)
{
    table_add(table, sheet->output, curve->label);
    for (size_t i = 0; i < count; i++)
        table_add(table, sheet->output,
                  number_percent(decay_stale(&curve->decay, times_s[i]), sheet->arena));
    table_add(table, sheet->output, number_duration(curve->end_s, sheet->arena));
    table_add(table, sheet->output, number_duration(curve->safe_s, sheet->arena));
}

static void decay_notes(const struct sheet *sheet)
{
    const struct forecast *forecast = &sheet->simulation->forecast;
    if (forecast->is_profile_assumed)
        note(sheet, "Assumed: 9 % of the resolvers stretch TTLs; policy.resolver_profile says how "
                    "yours do.");
    if (forecast->stored_ppb > 0)
        note(sheet, arena_printf(sheet->arena,
                                 "%s of the users have a program that keeps its records without "
                                 "end: they leave with their next reconnect but one, or when the "
                                 "node stops to listen.",
                                 number_part((uint32_t)forecast->stored_ppb, sheet->arena)));
    if (forecast->located_ppb > 0)
        note(sheet, arena_printf(sheet->arena,
                                 "%s of the users have a program that goes back to the address of "
                                 "its session first (Stream Management, `location`), if the server "
                                 "announces one.",
                                 number_part((uint32_t)forecast->located_ppb, sheet->arena)));
}

static void print_decay(const struct sheet *sheet)
{
    const struct forecast *forecast = &sheet->simulation->forecast;
    double times_s[DECAY_TIMES];
    size_t count = decay_times(forecast, times_s);
    struct table table = table_with(count + 3);
    table.indent = 2;
    table.right_first = 1;
    table.right_end = count + 3;
    heading(sheet, "How much of its share a node still draws after its record is withdrawn");
    table_add(&table, sheet->output, "caches");
    for (size_t i = 0; i < count; i++)
        table_add(&table, sheet->output, number_duration(times_s[i], sheet->arena));
    table_add(&table, sheet->output, "clean");
    table_add(&table, sheet->output, "safe");
    for (uint32_t i = 0; i < forecast->curve_count; i++)
        decay_row(sheet, &table, &forecast->curves[i], times_s, count);
    table_print(&table, sheet->output);
    table_fini(&table);
    decay_notes(sheet);
}

static void print_ttls(const struct sheet *sheet)
{
    const struct forecast *forecast = &sheet->simulation->forecast;
    bool is_known = sheet->simulation->question.clients > 0;
    struct table table = table_with(5);
    table.indent = 2;
    table.right_end = 4;
    heading(sheet, "What another TTL would cost, and bring");
    table_add(&table, sheet->output, "TTL");
    table_add(&table, sheet->output, "safe after");
    table_add(&table, sheet->output, is_known ? "late connections" : "late arrivals of");
    table_add(&table, sheet->output, "queries/s");
    table_add(&table, sheet->output, " ");
    for (uint32_t i = 0; i < forecast->ttl_count; i++) {
        const struct forecast_ttl *ttl = &forecast->ttls[i];
        table_add(&table, sheet->output, number_duration(ttl->ttl_s, sheet->arena));
        table_add(&table, sheet->output, number_duration(ttl->safe_s, sheet->arena));
        table_add(&table, sheet->output,
                  is_known ? number_count(ttl->area_s * forecast->arrivals_per_s, sheet->arena)
                           : number_duration(ttl->area_s, sheet->arena));
        table_addf(&table, sheet->output, "%.2f", ttl->queries_per_s);
        table_add(&table, sheet->output,
                  ttl->is_present ? "now"
                  : ttl->is_drain ? "in a drain"
                                  : " ");
    }
    table_print(&table, sheet->output);
    table_fini(&table);
    note(sheet, is_known
                    ? arena_printf(sheet->arena,
                                   "Late connections are those of a node that had all of them; "
                                   "%.2f log-ins a second look the set up.",
                                   forecast->lookups_per_s)
                    : arena_printf(sheet->arena,
                                   "For an example of %.0f look-ups a second; --clients gives your "
                                   "numbers.",
                                   forecast->lookups_per_s));
}

static const char *pace_print(const struct sheet *sheet, const struct forecast_drain *drain)
{
    if (!drain->has_pace || !isfinite(drain->pace_per_s))
        return "-";
    return arena_printf(sheet->arena, "%.1f/s", drain->pace_per_s);
}

static void print_sessions(const struct sheet *sheet)
{
    const struct simulation *simulation = sheet->simulation;
    const struct forecast *forecast = &simulation->forecast;
    struct table table = table_with(6);
    bool has_pace = true;
    table.indent = 2;
    table.right_first = 1;
    table.right_end = 5;
    heading(sheet, "What DNS does not move: sessions");
    note(sheet,
         arena_printf(
             sheet->arena,
             "Mean life %s%s: half of a node's are gone after %s, 90 %% "
             "after %s.",
             number_duration(forecast->mean_life_s, sheet->arena),
             forecast->is_life_assumed ? " (assumed; policy.sessions.mean_life)" : "",
             number_duration(sessions_left_after_s(forecast->mean_life_s, 0.5), sheet->arena),
             number_duration(sessions_left_after_s(forecast->mean_life_s, 0.1), sheet->arena)));
    static const char *const titles[] = {"drained",     "sessions",        "kick pace",
                                         "empty after", "share to return", "the others"};
    for (size_t i = 0; i < COUNT_OF(titles); i++)
        table_add(&table, sheet->output, titles[i]);
    for (uint32_t i = 0; i < simulation->pool->node_count; i++) {
        const struct forecast_drain *drain = &forecast->drains[i];
        const struct simulation_line *without = &simulation->outages[i].withdrawn;
        if (!simulation->outages[i].is_known)
            continue;
        bool is_timed = drain->has_pace && isfinite(drain->evict_s) && drain->sessions > 0;
        has_pace = has_pace && drain->has_pace;
        table_add(&table, sheet->output, pool_node_id(simulation->pool, i, sheet->arena));
        table_add(&table, sheet->output,
                  simulation->question.clients ? number_count(drain->sessions, sheet->arena) : "");
        table_add(&table, sheet->output, pace_print(sheet, drain));
        table_add(&table, sheet->output,
                  is_timed ? number_duration(drain->evict_s, sheet->arena) : "");
        table_add(&table, sheet->output, number_percent(drain->return_share, sheet->arena));
        table_addf(&table, sheet->output, "worst load %s on %s",
                   number_load(rational_to_double(without->loads[without->worst]), sheet->arena),
                   pool_node_id(simulation->pool, without->worst, sheet->arena));
    }
    table_print(&table, sheet->output);
    table_fini(&table);
    note(sheet, arena_printf(sheet->arena,
                             "With the share to return, a node that comes back empty is level "
                             "again after %s.",
                             number_duration(forecast->mean_life_s / 4, sheet->arena)));
    if (!has_pace)
        note(sheet, "The kick pace needs sessions.login_rate_limit of the nodes: how many new "
                    "logins a second each bears.");
}

/* -- all ----------------------------------------------------------------------------------------
 */

static void print_title(const struct sheet *sheet)
{
    const struct simulation *simulation = sheet->simulation;
    const struct simulate_pool *pool = simulation->pool;
    const struct output *output = sheet->output;
    const struct inventory *inventory = simulation->question.plan->input.layout->inventory;
    fprintf(output->out, "%s%s%s", output->colors_out ? "\033[1m" : "",
            output_text(output, simulate_pool_label(pool, sheet->arena), sheet->arena),
            output->colors_out ? "\033[0m" : "");
    for (uint32_t i = 0; i < pool->service_count; i++)
        if (pool->services[i] != pool->service)
            fprintf(output->out, "   with %s",
                    arena_cstr(sheet->arena, inventory->services[pool->services[i]].id));
    fprintf(output->out, "   TTL %s   answers %s\n",
            number_duration(simulation->question.plan->sets[pool->set].ttl_s, sheet->arena),
            simulate_order_print(simulation->question.order));
}

void simulate_print(const struct output *output, const struct simulation *simulation)
{
    struct arena arena = {0};
    const struct sheet sheet = {
        .output = output,
        .simulation = simulation,
        .columns = node_columns_of(simulation, &arena),
        .arena = &arena,
    };
    print_title(&sheet);
    print_clients(&sheet);
    if (sheet.columns.hidden)
        note(&sheet,
             arena_printf(&arena, "%u more nodes: -o json has them.", sheet.columns.hidden));
    print_models(&sheet);
    print_outages(&sheet);
    print_decay(&sheet);
    print_ttls(&sheet);
    print_sessions(&sheet);
    arena_fini(&arena);
}
