/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan.h"

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
