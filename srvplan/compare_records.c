/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/compare_records.h"

#include <stdlib.h>
#include <string.h>

/* -- shares -------------------------------------------------------------------------------------
 */

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Of the lowest priority: which one, the sum of its weights, and how many records. */
struct first_group {
    uint16_t priority;
    uint64_t sum, count;
};

static struct first_group first_group_of(const struct published_set *set)
{
    struct first_group group = {.priority = UINT16_MAX};
    struct srv_text srv;
    for (uint32_t i = 0; i < set->record_count; i++) {
        if (!srv_text_parse(set->records[i], &srv) || srv.priority > group.priority)
            continue;
        if (srv.priority < group.priority)
            group = (struct first_group){.priority = srv.priority};
        group.sum += srv.weight;
        group.count++;
    }
    return group;
}

static struct share share_of(const struct published_set *set, const char *record)
{
    struct srv_text srv;
    if (!set || strcmp(set->type, "SRV") != 0 || !srv_text_parse(record, &srv) ||
        strcmp(srv.target, ".") == 0)
        return (struct share){0};
    struct first_group group = first_group_of(set);
    if (srv.priority != group.priority)
        return (struct share){.num = 0, .den = 1, .is_standby = true};
    uint64_t part = group.sum ? srv.weight : 1, whole = group.sum ? group.sum : group.count;
    uint64_t divisor = gcd(part, whole);
    return (struct share){.num = part / divisor, .den = whole / divisor};
}

/* -- reasons ------------------------------------------------------------------------------------
 */

static const struct plan_because *because_record(const struct published_set *set,
                                                 const char *record)
{
    for (uint32_t i = 0; set && record && i < set->because.count; i++) {
        const struct plan_because *item = &set->because.items[i];
        if (item->record && strcmp(item->record, record) == 0)
            return item;
    }
    return NULL;
}

/* Why `after` has nothing of the node that a record of `before` was of: by the node, if `before` is
 * a plan too, else by the target. */
static const struct plan_because *because_gone(const struct published_set *before,
                                               const struct published_set *after,
                                               const char *record)
{
    const struct plan_because *was = because_record(before, record);
    struct srv_text srv = {0};
    bool is_srv = srv_text_parse(record, &srv);
    for (uint32_t i = 0; after && i < after->because.count; i++) {
        const struct plan_because *item = &after->because.items[i];
        bool is_node = was && was->node && item->node && strcmp(was->node, item->node) == 0;
        bool is_target = is_srv && item->target && strcmp(srv.target, item->target) == 0;
        if (!item->record && (is_node || is_target))
            return item;
    }
    return NULL;
}

static const struct plan_because *because_of(const struct published_set *before,
                                             const struct published_set *after,
                                             const struct record_change *change)
{
    if (change->after)
        return because_record(after, change->after);
    return because_gone(before, after, change->before);
}

/* -- matching -----------------------------------------------------------------------------------
 */

static bool is_same_server(const char *a, const char *b)
{
    struct srv_text x, y;
    return srv_text_parse(a, &x) && srv_text_parse(b, &y) && x.port == y.port &&
           strcmp(x.target, y.target) == 0;
}

static bool is_same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* Gives every unmatched record of `after` the first free one of `before` that is the same in the
 * sense of `is_same`. */
static void match(struct record_change *rows, uint32_t count, const struct published_set *before,
                  bool *is_taken, bool (*is_same)(const char *a, const char *b))
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; !rows[i].before && j < before->record_count; j++) {
            if (is_taken[j] || !is_same(before->records[j], rows[i].after))
                continue;
            is_taken[j] = true;
            rows[i].before = before->records[j];
        }
    }
}

static int by_place(const void *left, const void *right)
{
    const struct record_change *a = left, *b = right;
    const char *x = a->after ? a->after : a->before, *y = b->after ? b->after : b->before;
    int order = published_compare_records(x, y);
    return order ? order : (a->after != NULL) - (b->after != NULL); /* what goes, then what comes */
}

static enum change_kind kind_of(const struct record_change *row)
{
    if (!row->before)
        return CHANGE_ADD;
    if (!row->after)
        return CHANGE_REMOVE;
    return strcmp(row->before, row->after) == 0 ? CHANGE_NONE : CHANGE_UPDATE;
}

const struct record_change *compare_records(const struct published_set *before,
                                            const struct published_set *after, struct arena *arena,
                                            uint32_t *count)
{
    uint32_t before_count = before ? before->record_count : 0;
    uint32_t after_count = after ? after->record_count : 0, total = after_count;
    struct record_change *rows =
        arena_array(arena, struct record_change, (size_t)before_count + after_count);
    bool *is_taken = arena_array(arena, bool, before_count);
    for (uint32_t i = 0; i < after_count; i++)
        rows[i].after = after->records[i];
    if (before) {
        match(rows, after_count, before, is_taken, is_same_text);
        match(rows, after_count, before, is_taken, is_same_server);
    }
    for (uint32_t i = 0; i < before_count; i++)
        if (!is_taken[i])
            rows[total++].before = before->records[i];
    if (total)
        qsort(rows, total, sizeof *rows, by_place);
    for (uint32_t i = 0; i < total; i++) {
        rows[i].kind = kind_of(&rows[i]);
        if (rows[i].before)
            rows[i].share_before = share_of(before, rows[i].before);
        if (rows[i].after)
            rows[i].share_after = share_of(after, rows[i].after);
        rows[i].because = because_of(before, after, &rows[i]);
    }
    *count = total;
    return rows;
}

const struct record_change *compare_records_alone(const struct published_set *set,
                                                  struct arena *arena)
{
    uint32_t count;
    return compare_records(set, set, arena, &count);
}
