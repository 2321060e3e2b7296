/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_diff.h"

#include "srvplan/intern.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <string.h>

struct diff_work {
    struct arena *arena;
    struct arena scratch;
    struct plan_diff *diff;
    struct plan_change *changes;
    size_t capacity;
};

/* -- reasons ------------------------------------------------------------------------------------
 */

static const struct plan_because *because_of(const struct plan_because_list *list, const char *node)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const char *other = list->items[i].node;
        if (node == other || (node && other && strcmp(node, other) == 0))
            return &list->items[i];
    }
    return NULL;
}

static bool same_record(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The reasons in `after` of what differs from `before`, and the nodes that are members no more. */
static struct plan_because_list reasons(struct diff_work *work, const struct plan_change *change)
{
    struct plan_because_list old = {0}, fresh = {0};
    if (change->before.srv)
        old = plan_set_because(work->diff->before, change->before.srv, work->arena);
    if (change->after.srv)
        fresh = plan_set_because(work->diff->after, change->after.srv, work->arena);
    struct plan_because *items =
        arena_array(work->arena, struct plan_because, (size_t)old.count + fresh.count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < fresh.count; i++) {
        const struct plan_because *was = because_of(&old, fresh.items[i].node);
        bool is_ttl = !fresh.items[i].node && change->before.ttl_s != change->after.ttl_s;
        if (!was || is_ttl || !same_record(was->record, fresh.items[i].record))
            items[count++] = fresh.items[i];
    }
    for (uint32_t i = 0; i < old.count; i++) {
        if (!old.items[i].record || because_of(&fresh, old.items[i].node))
            continue;
        items[count++] = (struct plan_because){.node = old.items[i].node,
                                               .kind = "state",
                                               .text = "the inventory declares it here no more"};
    }
    return (struct plan_because_list){items, count};
}

/* -- changes ------------------------------------------------------------------------------------
 */

static struct plan_change_side side_of(struct diff_work *work, const struct plan *plan,
                                       uint32_t set, struct name apex)
{
    if (set == CONTENT_NONE)
        return (struct plan_change_side){0};
    const struct content_set *content = &plan->content.sets[set];
    return (struct plan_change_side){
        .ttl_s = content->ttl_s,
        .records = plan_records(content, apex, work->arena),
        .record_count = content->count,
        .srv = set < plan->set_count ? &plan->sets[set] : NULL,
    };
}

/* The set of one owner in both plans, CONTENT_NONE where it is in one only. */
struct pair {
    uint32_t before, after;
};

/* `apex` is that of the owner's zone. Returns the number of the change. */
static uint32_t change_add(struct diff_work *work, const char *name, struct pair pair,
                           struct name apex)
{
    struct plan_diff *diff = work->diff;
    uint32_t at = diff->change_count++;
    work->changes = arena_grow(work->arena, work->changes, &work->capacity, (size_t)at + 1,
                               sizeof *work->changes);
    struct plan_change *change = &work->changes[at];
    bool is_new = pair.before == CONTENT_NONE;
    uint16_t type = is_new ? diff->after->content.sets[pair.after].type
                           : diff->before->content.sets[pair.before].type;
    *change = (struct plan_change){
        .kind = is_new                       ? PLAN_CHANGE_ADD
                : pair.after == CONTENT_NONE ? PLAN_CHANGE_REMOVE
                                             : PLAN_CHANGE_UPDATE,
        .name = name,
        .type = text_type_print(work->arena, type),
        .owner_count = 1,
        .before = side_of(work, diff->before, pair.before, apex),
        .after = side_of(work, diff->after, pair.after, apex),
    };
    change->because = reasons(work, change);
    return at;
}

static void diff_declared(struct diff_work *work)
{
    const struct plan *before = work->diff->before, *after = work->diff->after;
    const struct layout *layout = after->input.layout;
    for (uint32_t i = 0; i < after->set_count; i++) {
        if (content_set_equal(&before->content.sets[i], &after->content.sets[i]))
            continue;
        const char *owner = plan_set_owner(layout, i, work->arena);
        uint32_t at = change_add(work, owner, (struct pair){i, i}, name_root);
        work->changes[at].owner_count = layout->declared[i].domain_count;
    }
}

/* -- owner by owner -----------------------------------------------------------------------------
 */

/* The names of a plan by owner: delegations and glue repeat what stands in another zone. */
struct owners {
    const struct content_names *names; /* NULL: none */
    struct intern numbers;
    const struct content_name **name; /* by number */
    const struct content_zone **zone; /* by number */
};

static struct owners owners_of(struct diff_work *work, const struct plan *plan)
{
    struct owners owners = {.numbers = intern_over(&work->scratch)};
    if (!plan)
        return owners;
    const struct content_names *names = &plan->input.layout->names;
    owners.names = names;
    owners.name = arena_array(&work->scratch, const struct content_name *, names->name_count);
    owners.zone = arena_array(&work->scratch, const struct content_zone *, names->name_count);
    for (uint32_t i = 0; i < names->zone_count; i++) {
        const struct content_zone *zone = &names->zones[i];
        for (uint32_t j = 0; j < zone->name_count; j++) {
            const struct content_name *name = &names->names[zone->first_name + j];
            if (name->kind != CONTENT_NAME || name->types == CONTENT_NONE)
                continue;
            uint32_t number =
                intern_add(&owners.numbers, (struct bytes){name->owner.wire, name->owner.len});
            owners.name[number] = name;
            owners.zone[number] = zone;
        }
    }
    return owners;
}

static struct content_types types_at(const struct owners *owners, uint32_t number)
{
    if (number == UINT32_MAX)
        return (struct content_types){0};
    return owners->names->types[owners->name[number]->types];
}

struct owner_work {
    struct diff_work *work;
    struct intern pairs;
    uint32_t *change_of_pair; /* by number; CONTENT_NONE: nothing changed */
    size_t capacity;
};

static void compare_pair(struct owner_work *o, struct pair pair, struct name owner,
                         struct name apex)
{
    struct diff_work *work = o->work;
    uint32_t known = o->pairs.count;
    uint32_t number = intern_add(&o->pairs, (struct bytes){(const uint8_t *)&pair, sizeof pair});
    if (number == known) {
        o->change_of_pair = arena_grow(&work->scratch, o->change_of_pair, &o->capacity,
                                       (size_t)number + 1, sizeof *o->change_of_pair);
        bool is_same = pair.before != CONTENT_NONE && pair.after != CONTENT_NONE &&
                       content_set_equal(&work->diff->before->content.sets[pair.before],
                                         &work->diff->after->content.sets[pair.after]);
        o->change_of_pair[number] =
            is_same ? CONTENT_NONE
                    : change_add(work, text_name_print(work->arena, owner), pair, apex);
    } else if (o->change_of_pair[number] != CONTENT_NONE) {
        work->changes[o->change_of_pair[number]].owner_count++;
    }
}

/* Both lists ascend by type. */
static void compare_types(struct owner_work *o, struct content_types before,
                          struct content_types after, const struct content_name *name,
                          struct name apex)
{
    uint32_t b = 0, a = 0;
    while (b < before.count || a < after.count) {
        uint32_t b_type = b < before.count ? before.entries[b].type : UINT32_MAX;
        uint32_t a_type = a < after.count ? after.entries[a].type : UINT32_MAX;
        struct pair pair = {CONTENT_NONE, CONTENT_NONE};
        if (b_type <= a_type)
            pair.before = before.entries[b++].set;
        if (a_type <= b_type)
            pair.after = after.entries[a++].set;
        if ((a_type < b_type ? a_type : b_type) != RRTYPE_SOA)
            compare_pair(o, pair, name->owner, apex);
    }
}

static void diff_owners(struct diff_work *work)
{
    struct owners before = owners_of(work, work->diff->before);
    struct owners after = owners_of(work, work->diff->after);
    struct owner_work o = {.work = work, .pairs = intern_over(&work->scratch)};
    for (uint32_t i = 0; i < after.numbers.count; i++) {
        uint32_t was = intern_find(&before.numbers, after.numbers.keys[i]);
        compare_types(&o, types_at(&before, was), types_at(&after, i), after.name[i],
                      after.zone[i]->apex);
    }
    for (uint32_t i = 0; i < before.numbers.count; i++)
        if (intern_find(&after.numbers, before.numbers.keys[i]) == UINT32_MAX)
            compare_types(&o, types_at(&before, i), (struct content_types){0}, before.name[i],
                          before.zone[i]->apex);
}

const struct plan_diff *plan_diff_make(const struct plan *before, const struct plan *after,
                                       struct arena *arena)
{
    struct diff_work work = {.arena = arena, .diff = arena_new(arena, struct plan_diff)};
    work.diff->before = before;
    work.diff->after = after;
    if (before && before->input.layout == after->input.layout)
        diff_declared(&work);
    else
        diff_owners(&work);
    work.diff->changes = work.changes;
    arena_fini(&work.scratch);
    return work.diff;
}

/* -- text ---------------------------------------------------------------------------------------
 */

static bool has_record(const struct plan_change_side *side, const char *record)
{
    for (uint32_t i = 0; i < side->record_count; i++)
        if (strcmp(side->records[i], record) == 0)
            return true;
    return false;
}

static const char *records_beyond(const struct plan_change_side *side,
                                  const struct plan_change_side *other, const char *mark,
                                  struct arena *arena)
{
    const char *text = "";
    for (uint32_t i = 0; i < side->record_count; i++)
        if (!has_record(other, side->records[i]))
            text = arena_printf(arena, "%s; %s %s", text, mark, side->records[i]);
    return text;
}

const char *plan_change_print(const struct plan_change *change, struct arena *arena)
{
    const char *ttl = arena_printf(arena, "TTL %u", change->after.ttl_s);
    if (change->kind == PLAN_CHANGE_REMOVE)
        ttl = arena_printf(arena, "removed, TTL was %u", change->before.ttl_s);
    else if (change->kind == PLAN_CHANGE_UPDATE && change->before.ttl_s != change->after.ttl_s)
        ttl = arena_printf(arena, "TTL %u -> %u", change->before.ttl_s, change->after.ttl_s);
    const char *removed = records_beyond(&change->before, &change->after, "-", arena);
    const char *added = records_beyond(&change->after, &change->before, "+", arena);
    const char *more = "";
    if (change->owner_count > 1)
        more = arena_printf(arena, "; and %u more owners", change->owner_count - 1);
    return arena_printf(arena, "%s%s%s%s", ttl, removed, added, more);
}
