/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/sheet.h"

#include "zones/base/clock.h"
#include "zones/text.h"

#include <stdio.h>
#include <string.h>

/* -- values -------------------------------------------------------------------------------------
 */

const char *change_symbol(enum change_kind kind)
{
    static const char *const symbols[] = {
        [CHANGE_NONE] = " ", [CHANGE_ADD] = "+", [CHANGE_UPDATE] = "~", [CHANGE_REMOVE] = "-"};
    return symbols[kind];
}

/* Tenths of a percent of a part, rounded half up. */
static const char *percent_print(uint64_t num, uint64_t den, struct arena *arena)
{
    uint64_t tenths = (2000 * num + den) / (2 * den);
    return arena_printf(arena, "%u.%u %%", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
}

const char *share_print(struct share share, struct arena *arena)
{
    if (share.den == 0)
        return "";
    return share.is_standby ? "standby" : percent_print(share.num, share.den, arena);
}

const char *sheet_pair_print(struct sheet_pair pair, const char *arrow, struct arena *arena)
{
    if (!pair.was || !pair.is)
        return pair.is ? pair.is : pair.was ? pair.was : "";
    if (strcmp(pair.was, pair.is) == 0)
        return pair.is;
    return arena_printf(arena, "%s%s%s", pair.was, arrow, pair.is);
}

static const char *ttl_print(const struct published_set *set, struct arena *arena)
{
    if (!set)
        return NULL;
    if (set->ttl_max_s != set->ttl_s)
        return arena_printf(arena, "%u..%u (mixed)", set->ttl_s, set->ttl_max_s);
    return arena_printf(arena, "%u", set->ttl_s);
}

/* -- rows ---------------------------------------------------------------------------------------
 */

static struct sheet_pair share_pair(const struct change *change, const struct record_change *record,
                                    struct arena *arena)
{
    struct sheet_pair pair = {.was = share_print(record->share_before, arena),
                              .is = share_print(record->share_after, arena)};
    /* A record that comes into, or goes out of, a set that stays takes from the others, or gives;
     * one on standby does neither. */
    bool takes = record->share_after.den && !record->share_after.is_standby;
    bool gives = record->share_before.den && !record->share_before.is_standby;
    if (!record->before)
        pair.was = change->before && takes ? "0.0 %" : NULL;
    if (!record->after)
        pair.is = change->after && gives ? "0.0 %" : NULL;
    if (!change->before)
        pair.was = NULL;
    return pair;
}

static struct sheet_row row_of(const struct change *change, const struct record_change *record,
                               struct arena *arena)
{
    struct sheet_row row = {
        .kind = record->kind,
        .data = record->after ? record->after : record->before,
        .share = share_pair(change, record, arena),
        .because = record->because ? record->because->text : "",
    };
    struct srv_text was, is;
    if (strcmp(change->type, "SRV") != 0)
        return row;
    if (record->before && srv_text_parse(record->before, &was)) {
        row.priority.was = arena_printf(arena, "%u", was.priority);
        row.weight.was = arena_printf(arena, "%u", was.weight);
        row.port.was = arena_printf(arena, "%u", was.port);
        row.data = was.target;
    }
    if (record->after && srv_text_parse(record->after, &is)) {
        row.priority.is = arena_printf(arena, "%u", is.priority);
        row.weight.is = arena_printf(arena, "%u", is.weight);
        row.port.is = arena_printf(arena, "%u", is.port);
        row.data = is.target;
    }
    return row;
}

/* -- groups -------------------------------------------------------------------------------------
 */

struct groups {
    struct arena *arena;
    struct sheet_group *groups;
    size_t group_capacity;
    struct sheet_set *sets; /* of the last group */
    size_t set_capacity;
    uint32_t count;
};

/* The name without its final dot; the root keeps it. */
static const char *undotted(const char *name, struct arena *arena)
{
    size_t len = strlen(name);
    return len > 1 ? arena_cstr(arena, (struct text){name, len - 1}) : name;
}

/* Adds a set to the group of its owner, which is the last one or a new one. */
static void groups_add(struct groups *groups, struct name owner, const struct sheet_set *set)
{
    struct bytes labels = name_service_labels(owner);
    struct name base = {owner.wire + labels.len, owner.len - labels.len};
    const char *group = undotted(text_name_print(groups->arena, base), groups->arena);
    if (groups->count == 0 || strcmp(groups->groups[groups->count - 1].name, group) != 0) {
        groups->groups = arena_grow(groups->arena, groups->groups, &groups->group_capacity,
                                    (size_t)groups->count + 1, sizeof *groups->groups);
        groups->groups[groups->count++] = (struct sheet_group){.name = group};
        groups->sets = NULL;
        groups->set_capacity = 0;
    }
    struct sheet_group *last = &groups->groups[groups->count - 1];
    groups->sets = arena_grow(groups->arena, groups->sets, &groups->set_capacity,
                              (size_t)last->set_count + 1, sizeof *groups->sets);
    struct sheet_set *added = &groups->sets[last->set_count++];
    *added = *set;
    added->name = "";
    if (labels.len) {
        const char *whole = text_name_print(groups->arena, owner);
        size_t base_len = strlen(text_name_print(groups->arena, base));
        added->name = arena_cstr(groups->arena, (struct text){whole, strlen(whole) - base_len - 1});
        if (base.len == 1) /* directly below the root: no dot between */
            added->name = undotted(whole, groups->arena);
    }
    last->sets = groups->sets;
}

/* -- a difference -------------------------------------------------------------------------------
 */

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

/* ", 2 changed" behind what is there already. */
static const char *count_add(const char *text, uint32_t count, const char *thing, const char *verb,
                             struct arena *arena)
{
    if (count == 0)
        return text;
    return arena_printf(arena, "%s%s%u %s%s %s", text, text[0] ? ", " : "", count, thing,
                        plural(count), verb);
}

static const char *summary_of(const struct comparison *comparison, struct arena *arena)
{
    const char *text = "";
    text = count_add(text, comparison->sets.added, "set", "added", arena);
    text = count_add(text, comparison->sets.changed, "set", "changed", arena);
    text = count_add(text, comparison->sets.removed, "set", "removed", arena);
    text = count_add(text, comparison->records.added, "record", "added", arena);
    text = count_add(text, comparison->records.changed, "record", "changed", arena);
    text = count_add(text, comparison->records.removed, "record", "withdrawn", arena);
    if (comparison->change_count == 0)
        return arena_printf(arena, "no differences, %u set%s the same.", comparison->same_sets,
                            comparison->same_sets == 1 ? " is" : "s are");
    return arena_printf(arena, "%s.", text);
}

struct sheet *sheet_of_comparison(const struct comparison *comparison, const char *title,
                                  struct arena *arena)
{
    struct groups groups = {.arena = arena};
    for (uint32_t i = 0; i < comparison->change_count; i++) {
        const struct change *change = &comparison->changes[i];
        struct sheet_row *rows = arena_array(arena, struct sheet_row, change->record_count);
        for (uint32_t j = 0; j < change->record_count; j++)
            rows[j] = row_of(change, &change->records[j], arena);
        struct sheet_set set = {
            .kind = change->kind,
            .type = change->type,
            .ttl = {ttl_print(change->before, arena), ttl_print(change->after, arena)},
            .owners = change->names,
            .owner_count = change->name_count,
            .rows = rows,
            .row_count = change->record_count,
        };
        groups_add(&groups, change->owner, &set);
    }
    struct sheet *sheet = arena_new(arena, struct sheet);
    *sheet = (struct sheet){.title = title,
                            .was = comparison->before->label,
                            .is = comparison->after->label,
                            .summary = summary_of(comparison, arena),
                            .groups = groups.groups,
                            .group_count = groups.count};
    return sheet;
}

/* -- one side -----------------------------------------------------------------------------------
 */

/* The rows of a set, and of the members that are not in it. */
static const struct sheet_row *rows_alone(const struct published_set *set, uint32_t *count,
                                          struct arena *arena)
{
    const struct record_change *records = compare_records_alone(set, arena);
    struct change alone = {.type = set->type, .after = set};
    struct sheet_row *rows =
        arena_array(arena, struct sheet_row, (size_t)set->record_count + set->because.count);
    uint32_t total = 0;
    for (uint32_t i = 0; i < set->record_count; i++) {
        rows[total] = row_of(&alone, &records[i], arena);
        rows[total].priority.was = rows[total].weight.was = rows[total].port.was = NULL;
        total++;
    }
    for (uint32_t i = 0; i < set->because.count; i++) {
        const struct plan_because *item = &set->because.items[i];
        if (item->record || !item->node) /* it is in, or this is about the whole set */
            continue;
        rows[total++] = (struct sheet_row){.is_out = true,
                                           .data = item->target ? item->target : item->node,
                                           .share.is = "out",
                                           .because = item->text};
    }
    *count = total;
    return rows;
}

/* The owners of every set, by set. */
struct set_owners {
    const char **names;
    uint32_t count;
};

static struct set_owners *owners_by_set(const struct published *published, struct arena *arena)
{
    struct set_owners *owners = arena_array(arena, struct set_owners, published->set_count);
    for (uint32_t i = 0; i < published->entry_count; i++)
        owners[published->entries[i].set].count++;
    for (uint32_t i = 0; i < published->set_count; i++) {
        owners[i].names = arena_array(arena, const char *, owners[i].count);
        owners[i].count = 0;
    }
    for (uint32_t i = 0; i < published->entry_count; i++) {
        struct set_owners *of_set = &owners[published->entries[i].set];
        of_set->names[of_set->count++] = published->entries[i].name;
    }
    return owners;
}

struct sheet *sheet_of_published(const struct published *published, const char *title,
                                 struct arena *arena)
{
    struct groups groups = {.arena = arena};
    struct set_owners *owners = owners_by_set(published, arena);
    bool *is_shown = arena_array(arena, bool, published->set_count);
    uint32_t sets = 0, records = 0;
    for (uint32_t i = 0; i < published->entry_count; i++) {
        const struct published_entry *entry = &published->entries[i];
        const struct published_set *set = &published->sets[entry->set];
        if (strcmp(set->type, "SRV") != 0 || is_shown[entry->set])
            continue;
        is_shown[entry->set] = true;
        struct sheet_set shown = {.type = set->type,
                                  .ttl.is = ttl_print(set, arena),
                                  .owners = owners[entry->set].names,
                                  .owner_count = owners[entry->set].count};
        shown.rows = rows_alone(set, &shown.row_count, arena);
        groups_add(&groups, entry->owner, &shown);
        sets++;
        records += set->record_count;
    }
    struct sheet *sheet = arena_new(arena, struct sheet);
    *sheet = (struct sheet){.title = title,
                            .is = published->label,
                            .summary = arena_printf(arena, "%u set%s with %u record%s.", sets,
                                                    plural(sets), records, plural(records)),
                            .groups = groups.groups,
                            .group_count = groups.count};
    return sheet;
}

/* -- what a plan says about itself --------------------------------------------------------------
 */

/* How much of a tier's declared capacity is present in a set. */
struct capacity_left {
    uint64_t left, declared;
    uint32_t tier, set;
};

static void capacity_consider(const struct plan *plan, const struct plan_set *set,
                              struct capacity_left *least)
{
    const struct inventory *inventory = plan->input.layout->inventory;
    for (uint32_t first = 0, end; first < set->member_count; first = end) {
        struct capacity_left here = {.set = set->declared};
        here.tier = inventory->nodes[set->members[first].node].tier;
        for (end = first; end < set->member_count; end++) {
            const struct plan_member *member = &set->members[end];
            const struct inventory_node *node = &inventory->nodes[member->node];
            if (node->tier != here.tier)
                break;
            here.declared += node->capacity;
            here.left += member->absence == PLAN_PRESENT ? node->capacity : 0;
        }
        while (here.declared > UINT32_MAX) { /* so that the products below fit */
            here.declared >>= 1;
            here.left >>= 1;
        }
        if (here.left < here.declared &&
            (least->declared == 0 || here.left * least->declared < least->left * here.declared))
            *least = here;
    }
}

/* The verdict of the guard that watches over capacity, if the policy asks for it. */
static const struct plan_verdict *capacity_verdict(const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->refusal_count; i++)
        if (plan->refusals[i].guard == PLAN_GUARD_MIN_CAPACITY)
            return &plan->refusals[i];
    for (uint32_t i = 0; i < plan->pass_count; i++)
        if (plan->passes[i].guard == PLAN_GUARD_MIN_CAPACITY)
            return &plan->passes[i];
    return NULL;
}

/* " Capacity left in primary of example.org/xmpp-client: 37.5 % (guard 60.0 %)." of the set that
 * has least; "" when all is there. */
static const char *capacity_print(const struct plan *plan, struct arena *arena)
{
    const struct plan_verdict *verdict = capacity_verdict(plan);
    if (verdict && verdict->tier && verdict->would_be < RATIO_ONE)
        return arena_printf(arena, " Capacity left in %s of %s: %s (guard %s).", verdict->tier,
                            plan_set_label(plan, verdict->set, arena),
                            percent_print(verdict->would_be, RATIO_ONE, arena),
                            percent_print(verdict->limit, RATIO_ONE, arena));
    struct capacity_left least = {0};
    for (uint32_t i = 0; i < plan->set_count; i++)
        capacity_consider(plan, &plan->sets[i], &least);
    if (verdict || least.declared == 0)
        return "";
    struct text tier = plan->input.layout->inventory->tiers[least.tier].id;
    return arena_printf(arena, " Capacity left in %.*s of %s: %s.", (int)tier.len, tier.ptr,
                        plan_set_label(plan, least.set, arena),
                        percent_print(least.left, least.declared, arena));
}

static const char *finding_print(const struct finding *finding, struct arena *arena)
{
    return arena_printf(arena, "%s [%s] %s%s%s", finding_severity_print(finding->severity),
                        finding->code, finding->message,
                        finding->mend && finding->mend[0] ? "; " : "",
                        finding->mend ? finding->mend : "");
}

void sheet_add_plan(struct sheet *sheet, const struct plan *plan, const struct findings *findings,
                    struct arena *arena)
{
    const char **notes = arena_array(arena, const char *, plan->refusal_count + findings->count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->refusal_count; i++)
        notes[count++] =
            arena_printf(arena, "refused by guard %s: %s",
                         plan_guard_rows[plan->refusals[i].guard].name, plan->refusals[i].message);
    for (size_t i = 0; i < findings->count; i++)
        notes[count++] = finding_print(&findings->items[i], arena);
    char when[CLOCK_TEXT_SIZE];
    const char *next = "";
    if (plan->next_change_at_ms)
        next = arena_printf(arena, " Next change %s.", clock_print(plan->next_change_at_ms, when));
    sheet->summary =
        arena_printf(arena, "%s%s%s", sheet->summary, capacity_print(plan, arena), next);
    sheet->notes = notes;
    sheet->note_count = count;
    sheet->is_refused = plan->refusal_count > 0;
}
