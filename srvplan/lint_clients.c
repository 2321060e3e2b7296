/* SPDX-License-Identifier: GPL-3.0-or-later */
/* X16: unequal weights, and clients that send everybody to one node all the same; computed with
 * the exact models of shares.h. */
#include "srvplan/audience.h"
#include "srvplan/lint_view.h"

enum {
    /* Models that draw take long for more, and then send everybody to one only by weights of 0. */
    TARGETS_MAX = SHARE_SUBSET_MAX,
    LADDER_MAX = 256, /* beyond it, S02 is the finding that counts */
};

/* The targets of one ladder, and what is known of them. */
struct ladder {
    struct share_target *targets;
    const struct lint_srv **srv; /* by target */
    uint32_t count;
};

static void ladder_add(struct ladder *ladder, const struct lint_set *set, bool is_direct_tls)
{
    for (uint32_t i = 0; lint_is_live(set) && i < set->count; i++) {
        const struct lint_srv *srv = &set->items[i];
        if (srv->host == LINT_NONE)
            continue;
        ladder->srv[ladder->count] = srv;
        ladder->targets[ladder->count++] = (struct share_target){.priority = srv->priority,
                                                                 .weight = srv->weight,
                                                                 .port = srv->port,
                                                                 .host = srv->target,
                                                                 .is_direct_tls = is_direct_tls};
    }
}

/* True when the first priority has several targets with different weights. */
static bool is_unequal(const struct lint_set *set)
{
    for (uint32_t i = 1; lint_is_live(set) && i < set->count; i++) {
        if (set->items[i].priority != set->items[0].priority)
            return false;
        if (set->items[i].weight != set->items[0].weight)
            return true;
    }
    return false;
}

/* True when the client has a choice between hosts at all: in the first step of its ladder. */
static bool has_choice(const struct ladder *ladder, enum share_merge merge, struct arena *arena)
{
    uint32_t *steps = arena_array(arena, uint32_t, ladder->count), host = LINT_NONE;
    shares_ladder(ladder->targets, ladder->count, merge, steps);
    for (uint32_t i = 0; i < ladder->count; i++) {
        if (steps[i] != 0)
            continue;
        if (host != LINT_NONE && ladder->srv[i]->host != host)
            return true;
        host = ladder->srv[i]->host;
    }
    return false;
}

/* The only host with a share, or LINT_NONE. */
static uint32_t only_host(const struct ladder *ladder, const struct rational *shares)
{
    uint32_t host = LINT_NONE;
    for (uint32_t i = 0; i < ladder->count; i++) {
        if (rational_is_zero(shares[i]))
            continue;
        if (host != LINT_NONE && ladder->srv[i]->host != host)
            return LINT_NONE;
        host = ladder->srv[i]->host;
    }
    return host;
}

/* The host that the program sends everybody to, or LINT_NONE. */
static uint32_t victim_of(const struct client_profile *program, const struct ladder *ladder,
                          struct arena *arena)
{
    const struct client_model *model = client_model_find(text_from(program->model)); /* or NULL */
    struct rational *shares = arena_array(arena, struct rational, ladder->count);
    const struct share_question question = {.model = model,
                                            .merge = program->merge,
                                            .order = SHARE_ORDER_WEIGHTED,
                                            .targets = ladder->targets,
                                            .count = ladder->count};
    if (!model || (model->is_weighted && ladder->count > TARGETS_MAX) ||
        !has_choice(ladder, program->merge, arena) ||
        !shares_first_choice(&question, arena, shares, NULL))
        return LINT_NONE;
    return only_host(ladder, shares);
}

/* "Monal and Siskin to a.example.org., libstrophe to b.example.org.": or NULL. */
static const char *victims_list(const struct lint *lint, const struct ladder *ladder,
                                bool is_server, struct arena *arena)
{
    uint32_t *victims = arena_array(arena, uint32_t, client_profile_count);
    const char *list = NULL;
    for (size_t i = 0; i < client_profile_count; i++)
        victims[i] = client_profiles[i].is_server == is_server
                         ? victim_of(&client_profiles[i], ladder, arena)
                         : LINT_NONE;
    for (size_t i = 0; i < client_profile_count; i++) {
        if (victims[i] == LINT_NONE)
            continue;
        uint32_t host = victims[i];
        const char *names = client_profiles[i].name;
        for (size_t j = i + 1; j < client_profile_count; j++)
            if (victims[j] == host) {
                names = arena_printf(arena, "%s, %s", names, client_profiles[j].name);
                victims[j] = LINT_NONE;
            }
        list = arena_printf(arena, "%s%s%s to %s", list ? list : "", list ? "; " : "", names,
                            name_print(arena, lint->hosts[host].name));
    }
    return list;
}

static void ladder_check(struct lint *lint, const struct lint_domain *domain,
                         enum lint_kind starttls_kind, enum lint_kind direct_kind)
{
    const struct lint_set *starttls = lint_set_of(lint, domain, starttls_kind);
    const struct lint_set *direct = lint_set_of(lint, domain, direct_kind);
    const struct lint_set *unequal = is_unequal(starttls) ? starttls : direct;
    if (!is_unequal(unequal))
        return;
    struct arena arena = {0};
    uint32_t most = (starttls ? starttls->count : 0) + (direct ? direct->count : 0);
    if (most > LADDER_MAX)
        return;
    struct ladder ladder = {.targets = arena_array(&arena, struct share_target, most),
                            .srv = arena_array(&arena, const struct lint_srv *, most)};
    ladder_add(&ladder, starttls, false);
    ladder_add(&ladder, direct, true);
    const char *list = victims_list(lint, &ladder, starttls_kind == LINT_SERVER, &arena);
    if (list)
        lint_find(lint, LINT_X16, &unequal->place,
                  "%s has unequal weights, and some send everybody to one target: %s",
                  unequal->label, list);
    arena_fini(&arena);
}

void lint_clients(struct lint *lint)
{
    for (uint32_t i = 0; i < lint->domain_count && lint->extent == LINT_ALL; i++) {
        if (lint->found[LINT_X16] >= LINT_MAX_PER_RULE)
            return; /* what nobody reads is not computed */
        ladder_check(lint, &lint->domains[i], LINT_CLIENT, LINT_CLIENT_TLS);
        ladder_check(lint, &lint->domains[i], LINT_SERVER, LINT_SERVER_TLS);
    }
}
