/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/views.h"

#include <string.h>

#include "srvplan/command/table.h"
#include "zones/base/clock.h"

const char *view_time(const char *time, int64_t now_ms, struct arena *arena)
{
    int64_t at_ms;
    if (!time)
        return "-";
    if (!clock_parse(text_from(time), &at_ms))
        return time;
    /* Rounded up: "in 0s" would promise what is not yet so. */
    if (at_ms > now_ms)
        return arena_printf(arena, "%s (in %s)", time,
                            duration_print((at_ms - now_ms + 999) / 1000, arena));
    return arena_printf(arena, "%s (%s ago)", time, duration_print((now_ms - at_ms) / 1000, arena));
}

const char *view_share(double ratio, struct arena *arena)
{
    return arena_printf(arena, "%.4g %%", ratio * 100.0);
}

const char *view_services(const json_t *services, struct arena *arena)
{
    const char *list = NULL;
    size_t i;
    json_t *service;
    json_array_foreach(services, i, service)
    {
        const char *id = json_string_value(service);
        if (!id)
            continue;
        if (strcmp(id, "*") == 0)
            return "all";
        list = list ? arena_printf(arena, "%s,%s", list, id) : id;
    }
    return list ? list : "all";
}

const char *view_weight(const json_t *weight, struct arena *arena)
{
    if (json_is_integer(weight))
        return arena_printf(arena, "%lld", (long long)json_integer_value(weight));
    return json_is_string(weight) ? json_string_value(weight) : "-";
}

static void headings(struct table *table, const struct output *output, const char *const *names)
{
    for (size_t i = 0; i < table->columns; i++)
        table_add(table, output, names[i]);
}

void view_drains(const struct output *output, const json_t *drains, int64_t now_ms)
{
    static const char *const names[] = {"DRAIN", "NODE",      "STATE", "SERVICES",
                                        "UNTIL", "DNS CLEAR", "BY",    "REASON"};
    struct arena arena = {0};
    struct table table = table_with(COUNT_OF(names));
    headings(&table, output, names);
    size_t i;
    json_t *drain;
    json_array_foreach(drains, i, drain)
    {
        const json_t *progress = json_object_get(drain, "progress");
        table_add(&table, output, member_text(drain, "id", NULL));
        table_add(&table, output, member_text(drain, "node", NULL));
        table_add(&table, output, member_text(drain, "state", NULL));
        table_add(&table, output, view_services(json_object_get(drain, "services"), &arena));
        table_add(&table, output, view_time(member_text(drain, "until", NULL), now_ms, &arena));
        table_add(&table, output,
                  view_time(member_text(progress, "dns_clear_at", NULL), now_ms, &arena));
        table_add(&table, output, member_text(drain, "actor", NULL));
        table_add(&table, output, member_text(drain, "reason", NULL));
    }
    table_print(&table, output);
    table_fini(&table);
    arena_fini(&arena);
}

void view_weights(const struct output *output, const json_t *weights, int64_t now_ms)
{
    static const char *const names[] = {"NODE", "SERVICE", "WEIGHT", "UNTIL", "BY", "REASON"};
    struct arena arena = {0};
    struct table table = table_with(COUNT_OF(names));
    headings(&table, output, names);
    size_t i;
    json_t *weight;
    json_array_foreach(weights, i, weight)
    {
        const char *service = member_text(weight, "service", "*");
        table_add(&table, output, member_text(weight, "node", NULL));
        table_add(&table, output, strcmp(service, "*") == 0 ? "all" : service);
        table_add(&table, output, view_weight(json_object_get(weight, "weight"), &arena));
        table_add(&table, output, view_time(member_text(weight, "until", NULL), now_ms, &arena));
        table_add(&table, output, member_text(weight, "actor", NULL));
        table_add(&table, output, member_text(weight, "reason", NULL));
    }
    table_print(&table, output);
    table_fini(&table);
    arena_fini(&arena);
}

static void clear_print(const struct output *output, const json_t *drain, int64_t now_ms,
                        struct arena *arena)
{
    const json_t *progress = json_object_get(drain, "progress");
    const char *clear_at = member_text(progress, "dns_clear_at", NULL);
    const char *pessimistic = member_text(progress, "dns_clear_at_pessimistic", NULL);
    int64_t clamp_s = member_number(progress, "resolver_max_ttl", 0);
    if (!clear_at) {
        fputs("  dns clear     not known yet: the change is not served\n", output->out);
        return;
    }
    fprintf(output->out, "  dns clear     %s\n",
            output_text(output, view_time(clear_at, now_ms, arena), arena));
    if (pessimistic)
        fprintf(output->out, "  at the latest %s, for resolvers that keep records up to %s\n",
                output_text(output, view_time(pessimistic, now_ms, arena), arena),
                duration_print(clamp_s, arena));
}

void view_drain(const struct output *output, const json_t *drain, int64_t now_ms)
{
    struct arena arena = {0};
    fprintf(output->out, "%s  %s  %s%s\n",
            output_text(output, member_text(drain, "node", "-"), &arena),
            output_text(output, member_text(drain, "id", "-"), &arena),
            output_text(output, member_text(drain, "state", "-"), &arena),
            json_is_true(json_object_get(drain, "forced")) ? "  (forced)" : "");
    fprintf(output->out, "  served since  %s\n",
            output_text(output, member_text(drain, "served_at", "-"), &arena));
    clear_print(output, drain, now_ms, &arena);
    if (!json_is_true(json_object_get(json_object_get(drain, "sessions"), "known")))
        fputs("  sessions      not known here: the node itself can tell\n", output->out);
    const char *set;
    json_t *left;
    json_object_foreach(json_object_get(drain, "capacity_left"), set, left)
    {
        fprintf(output->out, "  capacity left %s of %s\n",
                view_share(json_number_value(left), &arena), output_text(output, set, &arena));
    }
    arena_fini(&arena);
}
