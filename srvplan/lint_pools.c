/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rule on pools: a node that stands in one half of a pool only gets another part of the load
 * from each kind of client. */
#include "srvplan/ladder.h"
#include "srvplan/lint_view.h"

#include <string.h>

enum {
    NODES_NAMED = 6,
};

/* Which halves of a pool a node is in. */
struct halves {
    bool starttls, direct;
};

static struct halves *halves_of(struct lint *lint, const struct layout_pool *pool)
{
    const struct layout *layout = lint->plan->input.layout;
    struct halves *halves =
        arena_array(&lint->scratch, struct halves, layout->inventory->node_count);
    for (uint32_t i = 0; i < pool->set_count; i++) {
        const struct plan_set *set = &lint->plan->sets[pool->sets[i]];
        const struct inventory_service *service =
            &layout->inventory->services[layout->declared[pool->sets[i]].service];
        bool is_direct = ladder_is_direct_tls(service);
        for (uint32_t j = 0; j < set->member_count; j++) {
            struct halves *node = &halves[set->members[j].node];
            node->direct |= is_direct;
            node->starttls |= !is_direct;
        }
    }
    return halves;
}

/* "xmpp1 5/8, xmpp2 3/8" */
static const char *shares_print(struct lint *lint, uint32_t pool, enum share_merge merge)
{
    const struct inventory *inventory = lint->plan->input.layout->inventory;
    struct ladder ladder = ladder_make(lint->plan, pool, merge, LADDER_DECLARED, &lint->scratch);
    const char *text = "";
    uint32_t named = 0;
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        struct ladder_share share = ladder_share_planned(&ladder, i);
        if (share.num == 0 || ++named > NODES_NAMED)
            continue;
        text = arena_printf(&lint->scratch, "%s%s%.*s %llu/%llu", text, named > 1 ? ", " : "",
                            (int)inventory->nodes[i].id.len, inventory->nodes[i].id.ptr,
                            (unsigned long long)share.num, (unsigned long long)share.den);
    }
    if (named > NODES_NAMED)
        text = arena_printf(&lint->scratch, "%s and %u more", text, named - NODES_NAMED);
    return named ? text : "nobody";
}

/* "xmpp2 for STARTTLS only, xmpp4 for Direct TLS only"; *first is one of them. NULL: nobody. */
static const char *unfair_print(struct lint *lint, const struct halves *halves, uint32_t *first)
{
    const struct inventory *inventory = lint->plan->input.layout->inventory;
    const char *text = NULL;
    uint32_t named = 0;
    for (uint32_t i = 0; i < inventory->node_count; i++) {
        if (halves[i].starttls == halves[i].direct || ++named > NODES_NAMED)
            continue;
        if (!text)
            *first = i;
        text =
            arena_printf(&lint->scratch, "%s%s%.*s for %s only", text ? text : "", text ? ", " : "",
                         (int)inventory->nodes[i].id.len, inventory->nodes[i].id.ptr,
                         halves[i].direct ? "Direct TLS" : "STARTTLS");
    }
    if (named > NODES_NAMED)
        text = arena_printf(&lint->scratch, "%s and %u more", text, named - NODES_NAMED);
    return text;
}

static bool has_both_halves(const struct layout *layout, const struct layout_pool *pool)
{
    struct halves pool_halves = {0};
    for (uint32_t i = 0; i < pool->set_count; i++) {
        bool is_direct = ladder_is_direct_tls(
            &layout->inventory->services[layout->declared[pool->sets[i]].service]);
        pool_halves.direct |= is_direct;
        pool_halves.starttls |= !is_direct;
    }
    return pool_halves.direct && pool_halves.starttls;
}

/* What was said of another domain already is not said again. */
static void pool_check(struct lint *lint, uint32_t index, struct intern *said)
{
    const struct layout *layout = lint->plan->input.layout;
    const struct layout_pool *pool = &layout->pools[index];
    uint32_t first = 0, known = said->count;
    if (!has_both_halves(layout, pool))
        return;
    const char *who = unfair_print(lint, halves_of(lint, pool), &first);
    if (!who)
        return;
    const char *what = arena_printf(
        &lint->scratch,
        "has %s: clients that know STARTTLS only go to %s; those that try Direct TLS first to %s; "
        "those that take both as one set to %s",
        who, shares_print(lint, index, SHARE_MERGE_STARTTLS_ONLY),
        shares_print(lint, index, SHARE_MERGE_DIRECT_FIRST),
        shares_print(lint, index, SHARE_MERGE_MIXED));
    struct text key = text_from(what);
    if (intern_add(said, (struct bytes){(const uint8_t *)key.ptr, key.len}) != known)
        return;
    struct text id = layout->inventory->nodes[first].id;
    struct lint_place place = {
        .pointer = arena_printf(&lint->scratch, "/nodes/%.*s", (int)id.len, id.ptr)};
    const char *domain = name_print(&lint->scratch, layout->inventory->domains[pool->domain].name);
    lint_find(lint, LINT_X17, &place, "pool %.*s of %.*s %s", (int)pool->id.len, pool->id.ptr,
              (int)strlen(domain) - 1, domain, what);
}

void lint_pools(struct lint *lint)
{
    struct intern said = intern_over(&lint->scratch);
    for (uint32_t i = 0; lint->plan && i < lint->plan->input.layout->pool_count; i++)
        pool_check(lint, i, &said);
}
