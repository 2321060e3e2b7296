/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/hint.h"

#include "srvplan/nearest.h"
#include "zones/text.h"

enum {
    DOMAINS_COMPARED = 1000 /* more take longer than a refusal should */
};

static const char *hint(const char *what, struct text id, struct text best, const char *list,
                        struct arena *arena)
{
    id.len = id.len < 100 ? id.len : 100;
    if (best.len)
        return arena_printf(arena, "no %s \"%.*s\" in the inventory; did you mean %.*s?", what,
                            (int)id.len, id.ptr, (int)best.len, best.ptr);
    return arena_printf(arena, "no %s \"%.*s\" in the inventory; `srvplan %s` lists them", what,
                        (int)id.len, id.ptr, list);
}

const char *hint_node(const struct inventory *inventory, struct text id, struct arena *arena)
{
    struct nearest nearest = nearest_to(id);
    for (uint32_t i = 0; i < inventory->node_count; i++)
        nearest_consider(&nearest, inventory->nodes[i].id);
    return hint("node", id, nearest.best, "nodes", arena);
}

const char *hint_service(const struct inventory *inventory, struct text id, struct arena *arena)
{
    struct nearest nearest = nearest_to(id);
    for (uint32_t i = 0; i < inventory->service_count; i++)
        nearest_consider(&nearest, inventory->services[i].id);
    return hint("service", id, nearest.best, "domains", arena);
}

const char *hint_domain(const struct inventory *inventory, struct text name, struct arena *arena)
{
    struct nearest nearest = nearest_to(name);
    for (uint32_t i = 0; i < inventory->domain_count && i < DOMAINS_COMPARED; i++) {
        struct text other = text_from(text_name_print(arena, inventory->domains[i].name));
        nearest_consider(&nearest, (struct text){other.ptr, other.len - (other.len > 1)});
    }
    return hint("domain", name, nearest.best, "domains", arena);
}
