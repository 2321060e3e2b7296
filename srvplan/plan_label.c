/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_build.h"

#include "zones/text.h"

#include <string.h>

const char *plan_set_label(const struct plan *plan, uint32_t set, struct arena *arena)
{
    const struct layout *layout = plan->input.layout;
    const struct declared_set *declared = &layout->declared[set];
    const char *domain = text_name_print(arena, layout->inventory->domains[declared->domain].name);
    struct text service = layout->inventory->services[declared->service].id;
    return arena_printf(arena, "%.*s/%.*s", (int)strlen(domain) - 1, domain, (int)service.len,
                        service.ptr);
}

const char *plan_set_name(struct arena *arena, const struct plan *plan, const struct plan_set *set)
{
    const char *label = plan_set_label(plan, set->declared, arena);
    uint32_t domains = plan->input.layout->declared[set->declared].domain_count;
    if (domains <= 1)
        return label;
    return arena_printf(arena, "%s (and %u more domain%s)", label, domains - 1,
                        domains > 2 ? "s" : "");
}
