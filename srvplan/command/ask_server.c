/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/ask_server.h"

#include <string.h>

#include "srvplan/command/remote.h"

int ask_server_or(const struct context *context, int (*remote)(const struct context *context),
                  int (*local)(const struct context *context))
{
    struct error err = {0};
    bool is_wanted;
    if (!remote_is_wanted(context, &is_wanted, &err))
        return output_fail(&context->output, &err);
    return is_wanted ? remote(context) : local(context);
}

bool ask_server_check(const struct context *context, const enum option_id *ids, struct error *err)
{
    for (; *ids != OPTION_COUNT; ids++)
        if (invocation_has(context->invocation, *ids))
            return error_set(err, ERROR_USAGE,
                             "--%s: a server answers for what it serves; give -f FILE to plan from "
                             "an inventory",
                             option_rows[*ids].name);
    return true;
}

/* -- zone ---------------------------------------------------------------------------------------
 */

static int zone_copy(struct remote *remote, const char *zone, const char *format)
{
    struct arena arena = {0};
    const char *path = arena_printf(&arena, "/api/v1/zones/%s/export?format=%s",
                                    client_escape(zone, &arena), format);
    int code = remote_copy(remote, path, remote->output->out);
    arena_fini(&arena);
    return code;
}

static int zones_copy(struct remote *remote, const char *format)
{
    json_t *zones = NULL, *zone;
    size_t i;
    int code = remote_list(remote, "/api/v1/zones?limit=1000", SIZE_MAX, &zones);
    json_array_foreach(zones, i, zone)
    {
        if (code == EXIT_FINE)
            code = zone_copy(remote, member_text(zone, "zone", "."), format);
    }
    json_decref(zones);
    return code;
}

int zone_of_server(const struct context *context)
{
    static const enum option_id local[] = {OPTION_SERIAL, OPTION_AT, OPTION_COUNT};
    const struct invocation *invocation = context->invocation;
    const char *format = invocation_has(invocation, OPTION_FRAGMENT) ? "fragment" : "zone";
    struct error err = {0};
    struct remote remote;
    if (!ask_server_check(context, local, &err))
        return output_fail(&context->output, &err);
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = invocation->operand_count ? zone_copy(&remote, invocation->operands[0], format)
                                         : zones_copy(&remote, format);
    remote_close(&remote);
    return code;
}
