/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/compare.h"

#include "srvplan/compare_records.h"
#include "srvplan/intern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A set at an owner, in both sides. */
struct pair {
    const struct published_entry *entry; /* of one of them */
    const char *type;
    uint32_t before, after; /* sets of the sides, or NONE */
};

#define NONE UINT32_MAX

struct compare_work {
    struct arena *arena;
    struct arena scratch;
    struct comparison *comparison;
    struct intern allowed; /* names and types in scope */
    bool is_scoped;
    struct intern owners; /* names and types of both sides */
    struct pair *pairs;   /* by number of owners */
    size_t pair_capacity;
    struct intern contents;
    uint32_t *content_before, *content_after; /* by set of the side */
    struct change *changes;
    size_t change_capacity;
};

/* The key of a name and a type. */
static struct bytes key_of(struct name owner, const char *type, uint8_t room[static 512])
{
    size_t len = strlen(type);
    memcpy(room, owner.wire, owner.len);
    memcpy(room + owner.len, type, len);
    return (struct bytes){room, owner.len + len};
}

/* -- scope --------------------------------------------------------------------------------------
 */

static const char *const xmpp_services[] = {
    "\014_xmpp-client\004_tcp",
    "\015_xmpps-client\004_tcp",
    "\014_xmpp-server\004_tcp",
    "\015_xmpps-server\004_tcp",
};

static bool is_address(const char *type)
{
    return strcmp(type, "A") == 0 || strcmp(type, "AAAA") == 0;
}

/* Every target of an SRV set of the side. */
static void targets_add(const struct published *plan, struct intern *targets)
{
    struct srv_text srv;
    for (uint32_t i = 0; i < plan->set_count; i++) {
        const struct published_set *set = &plan->sets[i];
        for (uint32_t j = 0; strcmp(set->type, "SRV") == 0 && j < set->record_count; j++)
            if (srv_text_parse(set->records[j], &srv))
                intern_add(targets,
                           (struct bytes){(const uint8_t *)srv.target, strlen(srv.target)});
    }
}

static void ask_for_targets(const struct published *plan, compare_take *take, void *context)
{
    struct arena scratch = {0};
    struct intern targets = intern_over(&scratch), seen = intern_over(&scratch);
    targets_add(plan, &targets);
    for (uint32_t i = 0; i < plan->entry_count; i++) {
        const struct published_entry *entry = &plan->entries[i];
        struct bytes name = {(const uint8_t *)entry->name, strlen(entry->name)};
        uint32_t known = seen.count;
        if (!is_address(plan->sets[entry->set].type) || intern_find(&targets, name) == NONE ||
            intern_add(&seen, name) != known)
            continue;
        take(context, entry->owner, "A");
        take(context, entry->owner, "AAAA");
    }
    arena_fini(&scratch);
}

void compare_asks_for(const struct published *plan, compare_take *take, void *context)
{
    struct arena scratch = {0};
    struct intern services = intern_over(&scratch), domains = intern_over(&scratch);
    for (uint32_t i = 0; i < plan->entry_count; i++) {
        const struct published_entry *entry = &plan->entries[i];
        struct bytes labels = name_service_labels(entry->owner);
        if (labels.len == 0 || strcmp(plan->sets[entry->set].type, "SRV") != 0)
            continue;
        intern_add(&services, labels);
        intern_add(&domains,
                   (struct bytes){entry->owner.wire + labels.len, entry->owner.len - labels.len});
    }
    for (size_t i = 0; domains.count > 0 && i < COUNT_OF(xmpp_services); i++)
        intern_add(&services,
                   (struct bytes){(const uint8_t *)xmpp_services[i], strlen(xmpp_services[i])});
    for (uint32_t i = 0; i < domains.count; i++) {
        struct arena names = {0};
        struct name domain = {domains.keys[i].ptr, domains.keys[i].len}, owner;
        for (uint32_t j = 0; j < services.count; j++)
            if (name_join(&names, services.keys[j], domain, &owner))
                take(context, owner, "SRV");
        arena_fini(&names);
    }
    arena_fini(&scratch);
    ask_for_targets(plan, take, context);
}

static void allow(void *context, struct name owner, const char *type)
{
    uint8_t room[512];
    intern_add(context, key_of(owner, type, room));
}

static void scope_fill(struct compare_work *work, enum compare_scope scope)
{
    const struct published *before = work->comparison->before, *after = work->comparison->after;
    work->is_scoped = scope == COMPARE_OURS && before->is_plan != after->is_plan;
    if (work->is_scoped)
        compare_asks_for(before->is_plan ? before : after, allow, &work->allowed);
}

/* -- pairs --------------------------------------------------------------------------------------
 */

/* Number of the pair of an owner and a type; NONE: it is out of scope. */
static uint32_t pair_of(struct compare_work *work, const struct published_entry *entry,
                        const char *type)
{
    uint8_t room[512];
    struct bytes key = key_of(entry->owner, type, room);
    if (published_is_left_out(type) ||
        (work->is_scoped && intern_find(&work->allowed, key) == NONE) ||
        !published_speaks_for(work->comparison->before, entry->owner) ||
        !published_speaks_for(work->comparison->after, entry->owner))
        return NONE;
    uint32_t known = work->owners.count, number = intern_add(&work->owners, key);
    if (number == known) {
        work->pairs = arena_grow(&work->scratch, work->pairs, &work->pair_capacity,
                                 (size_t)number + 1, sizeof *work->pairs);
        work->pairs[number] = (struct pair){entry, type, NONE, NONE};
    }
    return number;
}

static void pairs_fill(struct compare_work *work)
{
    const struct published *before = work->comparison->before, *after = work->comparison->after;
    for (uint32_t i = 0; i < before->entry_count; i++) {
        const struct published_entry *entry = &before->entries[i];
        uint32_t number = pair_of(work, entry, before->sets[entry->set].type);
        if (number != NONE)
            work->pairs[number].before = entry->set;
    }
    for (uint32_t i = 0; i < after->entry_count; i++) {
        const struct published_entry *entry = &after->entries[i];
        uint32_t number = pair_of(work, entry, after->sets[entry->set].type);
        if (number != NONE)
            work->pairs[number].after = entry->set;
    }
}

/* Equal sets get equal numbers, whichever side they are of. */
static uint32_t *contents_of(struct compare_work *work, const struct published *side)
{
    uint32_t *numbers = arena_array(&work->scratch, uint32_t, side->set_count);
    for (uint32_t i = 0; i < side->set_count; i++) {
        const struct published_set *set = &side->sets[i];
        size_t size = 64;
        for (uint32_t j = 0; j < set->record_count; j++)
            size += strlen(set->records[j]) + 1;
        char *key = arena_alloc(&work->scratch, size);
        int len = snprintf(key, 64, "%u %u %.30s\n", set->ttl_s, set->ttl_max_s, set->type);
        char *end = key + len;
        for (uint32_t j = 0; j < set->record_count; j++) {
            end = stpcpy(end, set->records[j]);
            *end++ = '\n';
        }
        numbers[i] =
            intern_add(&work->contents, (struct bytes){(const uint8_t *)key, (size_t)(end - key)});
    }
    return numbers;
}

static uint32_t content_before(const struct compare_work *work, const struct pair *pair)
{
    return pair->before == NONE ? NONE : work->content_before[pair->before];
}

static uint32_t content_after(const struct compare_work *work, const struct pair *pair)
{
    return pair->after == NONE ? NONE : work->content_after[pair->after];
}

static int by_owner_then_type(const void *left, const void *right)
{
    const struct pair *a = *(const struct pair *const *)left;
    const struct pair *b = *(const struct pair *const *)right;
    int order = name_compare(a->entry->owner, b->entry->owner);
    return order ? order : strcmp(a->type, b->type);
}

/* The pairs that differ, in order. */
static const struct pair **differing(struct compare_work *work, uint32_t *count)
{
    const struct pair **list = arena_array(&work->scratch, const struct pair *, work->owners.count);
    uint32_t found = 0;
    for (uint32_t i = 0; i < work->owners.count; i++) {
        if (content_before(work, &work->pairs[i]) == content_after(work, &work->pairs[i]))
            work->comparison->same_sets++;
        else
            list[found++] = &work->pairs[i];
    }
    if (found)
        qsort(list, found, sizeof(struct pair *), by_owner_then_type);
    *count = found;
    return list;
}

/* -- changes ------------------------------------------------------------------------------------
 */

static void totals_add(struct change_totals *totals, enum change_kind kind)
{
    totals->added += kind == CHANGE_ADD;
    totals->changed += kind == CHANGE_UPDATE;
    totals->removed += kind == CHANGE_REMOVE;
}

static void change_make(struct compare_work *work, struct change *change, const struct pair *pair)
{
    const struct comparison *comparison = work->comparison;
    *change = (struct change){
        .kind = pair->before == NONE  ? CHANGE_ADD
                : pair->after == NONE ? CHANGE_REMOVE
                                      : CHANGE_UPDATE,
        .owner = pair->entry->owner,
        .type = pair->type,
        .before = pair->before == NONE ? NULL : &comparison->before->sets[pair->before],
        .after = pair->after == NONE ? NULL : &comparison->after->sets[pair->after],
    };
    change->records =
        compare_records(change->before, change->after, work->arena, &change->record_count);
}

/* What owners of one change have in common. Hosts are told one by one: two that lose the same
 * address are no pair. */
static struct bytes group_key(struct compare_work *work, const struct pair *pair,
                              uint8_t room[static 600])
{
    struct name owner = pair->entry->owner;
    struct bytes own =
        is_address(pair->type) ? (struct bytes){owner.wire, owner.len} : name_service_labels(owner);
    const uint32_t contents[] = {content_before(work, pair), content_after(work, pair)};
    size_t type_len = strlen(pair->type);
    memcpy(room, contents, sizeof contents);
    memcpy(room + sizeof contents, pair->type, type_len);
    if (own.len)
        memcpy(room + sizeof contents + type_len, own.ptr, own.len);
    return (struct bytes){room, sizeof contents + type_len + own.len};
}

static void changes_make(struct compare_work *work, const struct pair *const *pairs, uint32_t count)
{
    struct intern groups = intern_over(&work->scratch);
    uint32_t *group_of = arena_array(&work->scratch, uint32_t, count);
    uint8_t room[600];
    for (uint32_t i = 0; i < count; i++) {
        uint32_t known = groups.count;
        group_of[i] = intern_add(&groups, group_key(work, pairs[i], room));
        if (group_of[i] == known) {
            work->changes = arena_grow(work->arena, work->changes, &work->change_capacity,
                                       (size_t)known + 1, sizeof *work->changes);
            change_make(work, &work->changes[known], pairs[i]);
        }
        work->changes[group_of[i]].name_count++;
    }
    for (uint32_t i = 0; i < groups.count; i++) {
        struct change *change = &work->changes[i];
        change->names = arena_array(work->arena, const char *, change->name_count);
        change->name_count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct change *change = &work->changes[group_of[i]];
        const char **names =
            (const char **)(uintptr_t)change->names; /* ours, still in the making */
        names[change->name_count++] = pairs[i]->entry->name;
        totals_add(&work->comparison->sets, change->kind);
        for (uint32_t j = 0; j < change->record_count; j++)
            totals_add(&work->comparison->records, change->records[j].kind);
    }
    work->comparison->changes = work->changes;
    work->comparison->change_count = groups.count;
}

const struct comparison *compare(const struct published *before, const struct published *after,
                                 enum compare_scope scope, struct arena *arena)
{
    struct compare_work work = {.arena = arena, .comparison = arena_new(arena, struct comparison)};
    work.comparison->before = before;
    work.comparison->after = after;
    work.allowed = intern_over(&work.scratch);
    work.owners = intern_over(&work.scratch);
    work.contents = intern_over(&work.scratch);
    scope_fill(&work, scope);
    pairs_fill(&work);
    work.content_before = contents_of(&work, before);
    work.content_after = contents_of(&work, after);
    uint32_t count;
    const struct pair **pairs = differing(&work, &count);
    changes_make(&work, pairs, count);
    arena_fini(&work.scratch);
    return work.comparison;
}
