/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what is published to what should be: the same servers and shares, without what the checks
 * found. What cannot be known (whether a server listens, which port is right) is left as it is and
 * said in a comment. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "srvplan/command/audit.h"
#include "srvplan/weights.h"
#include "zones/rrtype.h"

enum {
    TTL_USUAL_S = 300,
    TTL_LEAST_S = 30,
    TTL_MOST_S = 3600,
};

/* Text that grows in the arena. */
struct text_out {
    struct arena *arena;
    const char *text;
};

static void put(struct text_out *out, const char *format, ...) PRINTF_LIKE(2, 3);
static void put(struct text_out *out, const char *format, ...)
{
    char line[1400]; /* two names of 1,020 characters do not stand in one */
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    out->text = arena_printf(out->arena, "%s%s", out->text, line);
}

/* ---- targets ---- */

static const struct lint_record *record_find(const struct audit *audit, struct name owner,
                                             uint16_t type)
{
    for (size_t i = 0; i < audit->record_count; i++)
        if (audit->records[i].type == type && name_equal(audit->records[i].owner, owner))
            return &audit->records[i];
    return NULL;
}

static bool has_address(const struct audit *audit, struct name host)
{
    return record_find(audit, host, RRTYPE_A) || record_find(audit, host, RRTYPE_AAAA);
}

/* The host behind the aliases that were met. */
static struct name canonical(const struct audit *audit, struct name target)
{
    for (int i = 0; i < STUB_ALIASES_MAX; i++) {
        const struct lint_record *alias = record_find(audit, target, RRTYPE_CNAME);
        if (!alias)
            break;
        target = (struct name){alias->rdata.ptr, alias->rdata.len};
    }
    return target;
}

/* ---- sets ---- */

static int by_priority_then_target(const void *left, const void *right)
{
    const struct audit_srv *a = left, *b = right;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    int order = name_compare(a->target, b->target);
    return order ? order : (a->port > b->port) - (a->port < b->port);
}

/* True when the set has the target and port already; the lesser priority stays. */
static bool is_repeated(const struct audit_set *set, const struct audit_srv *srv)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct audit_srv *other = &set->items[i];
        if (other->port != srv->port || !name_equal(other->target, srv->target))
            continue;
        if (srv->priority < other->priority)
            *other = *srv;
        return true;
    }
    return false;
}

static void record_take(struct audit *audit, const struct lint_record *record,
                        struct audit_set *set, struct text_out *comments)
{
    struct reader r = reader_over(record->rdata);
    struct audit_srv srv = {.priority = read_u16(&r), .weight = read_u16(&r), .port = read_u16(&r)};
    srv.target = canonical(audit, (struct name){r.next, reader_left(&r)});
    const char *target = name_print(&audit->arena, srv.target);
    if (srv.target.len == 1)
        return;
    if (srv.port == 0)
        put(comments, "; left out: %s with port 0\n", target);
    else if (!has_address(audit, srv.target))
        put(comments, "; left out: %s, which has no address\n", target);
    else if (!is_repeated(set, &srv))
        set->items[set->count++] = srv;
}

/* A weight of 0 beside positive ones was meant as "nobody", and is not read so. */
static void zeros_leave(struct audit *audit, struct audit_set *set, struct text_out *comments)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        uint64_t sum = 0;
        for (uint32_t j = 0; j < set->count; j++)
            sum += set->items[j].priority == set->items[i].priority ? set->items[j].weight : 0u;
        if (set->items[i].weight > 0 || sum == 0) {
            set->items[kept++] = set->items[i];
            continue;
        }
        put(comments, "; left out: %s with weight 0, which still gets users\n",
            name_print(&audit->arena, set->items[i].target));
    }
    set->count = kept;
}

/* The same shares in weights that all clients read alike. */
static void group_weigh(struct audit_srv *items, uint32_t count, struct arena *arena)
{
    const struct weights_policy policy = {.scale = WEIGHTS_UNIVERSAL, .minimum = 1};
    uint32_t *capacities = arena_array(arena, uint32_t, count);
    uint16_t *weights = arena_array(arena, uint16_t, count);
    for (uint32_t i = 0; i < count; i++)
        capacities[i] = items[i].weight ? items[i].weight : 1;
    if (!weights_from_capacities(&policy, capacities, count, weights, NULL))
        return; /* cannot be: weights are in range */
    for (uint32_t i = 0; i < count; i++)
        items[i].weight = weights[i];
}

static void set_weigh(struct audit *audit, struct audit_set *set)
{
    if (set->count)
        qsort(set->items, set->count, sizeof *set->items, by_priority_then_target);
    for (uint32_t first = 0, end; first < set->count; first = end) {
        for (end = first;
             end < set->count && set->items[end].priority == set->items[first].priority; end++)
            ;
        group_weigh(&set->items[first], end - first, &audit->arena);
    }
}

static void set_take(struct audit *audit, int kind, struct audit_set *set,
                     struct text_out *comments)
{
    struct name owner = audit_owner(audit, kind);
    set->items = arena_array(&audit->arena, struct audit_srv, audit->record_count);
    set->ttl_s = UINT32_MAX;
    for (size_t i = 0; owner.len && i < audit->record_count; i++) {
        const struct lint_record *record = &audit->records[i];
        if (record->type != RRTYPE_SRV || !name_equal(record->owner, owner))
            continue;
        set->is_there = true;
        set->ttl_s = record->ttl_s < set->ttl_s ? record->ttl_s : set->ttl_s;
        record_take(audit, record, set, comments);
    }
    if (set->ttl_s < TTL_LEAST_S || set->ttl_s > TTL_MOST_S)
        set->ttl_s = TTL_USUAL_S;
    set->is_absent = set->is_there && set->count == 0;
    zeros_leave(audit, set, comments);
    set_weigh(audit, set);
}

/* Direct TLS follows the tiers of STARTTLS where the two overlap (X07). */
static void ladder_mend(struct audit *audit, const struct audit_set *starttls,
                        struct audit_set *direct)
{
    bool is_overlapping = false;
    for (size_t i = 0; i < audit->findings.count; i++)
        is_overlapping |= strcmp(audit->findings.items[i].code, lint_rows[LINT_X07].code) == 0;
    for (uint32_t i = 0; is_overlapping && i < direct->count; i++)
        for (uint32_t j = 0; j < starttls->count; j++)
            if (name_equal(direct->items[i].target, starttls->items[j].target))
                direct->items[i].priority = starttls->items[j].priority;
    set_weigh(audit, direct);
}

/* What is not there is said to be absent where clients would guess otherwise (X06). */
static void absence_add(const struct audit_set *starttls, struct audit_set *direct)
{
    if (starttls->count > 0 && !direct->is_there) {
        direct->is_there = direct->is_absent = true;
        direct->ttl_s = starttls->ttl_s;
    }
}

/* ---- text ---- */

static void set_put(struct audit *audit, int kind, const struct audit_set *set,
                    struct text_out *out)
{
    const char *owner = name_print(&audit->arena, audit_owner(audit, kind));
    if (set->is_absent)
        put(out, "%s %u IN SRV 0 0 0 .\n", owner, set->ttl_s);
    for (uint32_t i = 0; i < set->count; i++)
        put(out, "%s %u IN SRV %u %u %u %s\n", owner, set->ttl_s, set->items[i].priority,
            set->items[i].weight, set->items[i].port,
            name_print(&audit->arena, set->items[i].target));
}

void audit_correct(struct audit *audit)
{
    struct audit_set sets[AUDIT_KINDS] = {0};
    struct text_out zone = {.arena = &audit->arena, .text = ""};
    uint32_t there = 0;
    for (int kind = 0; kind < AUDIT_KINDS; kind++)
        set_take(audit, kind, &sets[kind], &zone);
    for (int kind = 0; kind < AUDIT_KINDS; kind += 2) { /* xmpp-*, then its xmpps-* */
        ladder_mend(audit, &sets[kind], &sets[kind + 1]);
        absence_add(&sets[kind], &sets[kind + 1]);
    }
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        there += sets[kind].count;
        if (sets[kind].is_there)
            set_put(audit, kind, &sets[kind], &zone);
    }
    audit->zone_text = there ? zone.text : "";
    audit->inventory_text = there ? audit_inventory(audit, sets) : "";
}
