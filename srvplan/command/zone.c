/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan zone: the zone files of an inventory, for those who serve them themselves. */
#include <string.h>

#include "srvplan/command/ask_server.h"
#include "srvplan/command/offline.h"
#include "srvplan/inventory_names.h"
#include "zones/text.h"
#include "zones/zonefile.h"

static uint32_t serial_of(const struct offline *offline, const struct invocation *invocation,
                          struct name apex)
{
    /* The zone that an apex of ours is in is its own. */
    const struct inventory_soa *soa =
        &offline->inventory->zones[inventory_zone_of(offline->inventory, apex)].soa;
    uint32_t by_scheme = plan_serial_next(soa->serial, 0, soa->at_least, offline->at_ms);
    return (uint32_t)invocation_number(invocation, OPTION_SERIAL, by_scheme);
}

static bool zone_unknown(const struct offline *offline, const char *wanted, struct error *err)
{
    enum {
        NAMED_MAX = 10
    }; /* the rest would hide the sentence */
    const struct content_names *names = &offline->layout->names;
    struct arena arena = {0};
    const char *ours = "";
    for (uint32_t i = 0; i < names->zone_count && i < NAMED_MAX; i++)
        ours = arena_printf(&arena, "%s%s%s", ours, i ? ", " : "",
                            text_name_print(&arena, names->zones[i].apex));
    error_set(err, ERROR_NOT_FOUND, "%.120s: no zone of this inventory; it makes %s%s", wanted,
              names->zone_count ? ours : "none", names->zone_count > NAMED_MAX ? ", ..." : "");
    arena_fini(&arena);
    return false;
}

static bool zone_write(const struct offline *offline, const struct context *context, uint32_t zone,
                       struct error *err)
{
    const struct invocation *invocation = context->invocation;
    const struct content_names *names = &offline->layout->names;
    uint32_t serial = serial_of(offline, invocation, names->zones[zone].apex);
    enum zonefile_extent extent =
        invocation_has(invocation, OPTION_FRAGMENT) ? ZONEFILE_FRAGMENT : ZONEFILE_WHOLE;
    return zonefile_write(context->output.out, names, &offline->plan->content, zone, serial, extent,
                          err);
}

/* A name as people write it, as in the inventory. */
static bool zone_name_read(struct arena *arena, const char *wanted, struct name *apex,
                           struct error *err)
{
    struct text ascii;
    struct name_mistake mistake;
    if (!inventory_name_to_ascii(arena, text_from(wanted), &ascii, &mistake))
        return error_set(err, ERROR_USAGE, "'%.120s' is no domain name: it has %s; %s", wanted,
                         mistake.what, mistake.mend);
    return text_name_parse(arena, ascii, apex, err);
}

static bool zones_write(const struct offline *offline, const struct context *context,
                        struct error *err)
{
    const struct content_names *names = &offline->layout->names;
    const char *wanted =
        context->invocation->operand_count > 0 ? context->invocation->operands[0] : NULL;
    struct arena arena = {0};
    struct name apex = {0};
    uint32_t written = 0;
    bool ok = !wanted || zone_name_read(&arena, wanted, &apex, err);
    for (uint32_t i = 0; ok && i < names->zone_count; i++) {
        if (wanted && !name_equal(names->zones[i].apex, apex))
            continue;
        ok = zone_write(offline, context, i, err);
        written++;
    }
    arena_fini(&arena);
    return ok && (written > 0 || !wanted || zone_unknown(offline, wanted, err));
}

static int zone_locally(const struct context *context)
{
    const struct output *output = &context->output;
    enum layout_need need =
        invocation_has(context->invocation, OPTION_FRAGMENT) ? LAYOUT_FOR_PLAN : LAYOUT_FOR_ZONES;
    struct offline offline;
    struct error err = {0};
    int code = EXIT_FAILED;
    if (!offline_open(&offline, context, need, &err)) {
        code = output_fail(output, &err);
        goto out;
    }
    offline_print_findings(&offline, output);
    if (!offline.plan || offline.findings.errors > 0)
        goto out;
    code = EXIT_FINE;
    if (offline.plan->refusal_count > 0) {
        offline_print_refusals(&offline, output);
        code = EXIT_GUARD;
    } else if (!zones_write(&offline, context, &err)) {
        /* A full disk is told once, by output_finish. */
        code = err.kind == ERROR_SYSTEM || err.kind == ERROR_NO_SPACE ? EXIT_FAILED
                                                                      : output_fail(output, &err);
    }
out:
    offline_close(&offline);
    return code;
}

int command_zone(const struct context *context)
{
    return ask_server_or(context, zone_of_server, zone_locally);
}
