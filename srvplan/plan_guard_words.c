/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/plan_guard_build.h"
#include "zones/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *guard_percent(uint64_t ppb, struct arena *arena)
{
    uint64_t tenths = ppb / (RATIO_ONE / 1000);
    return arena_printf(arena, "%llu.%llu %%", (unsigned long long)(tenths / 10),
                        (unsigned long long)(tenths % 10));
}

const char *guard_percent_exact(uint64_t ppb, struct arena *arena)
{
    uint64_t whole = ppb / (RATIO_ONE / 100), rest = ppb % (RATIO_ONE / 100);
    char digits[8];
    if (rest == 0)
        return arena_printf(arena, "%llu %%", (unsigned long long)whole);
    snprintf(digits, sizeof digits, "%07u", (unsigned)rest);
    for (size_t len = strlen(digits); len > 1 && digits[len - 1] == '0'; len--)
        digits[len - 1] = '\0';
    return arena_printf(arena, "%llu.%s %%", (unsigned long long)whole, digits);
}

const char *guard_absentee(const struct plan_work *work, const struct plan_member *member,
                           struct arena *arena)
{
    static const char *const kinds[] = {
        [PLAN_HOLD_DRAIN] = "drain", [PLAN_HOLD_WINDOW] = "window", [PLAN_HOLD_STATE] = "state"};
    struct text node = work->inventory->nodes[member->node].id;
    const struct plan_hold *hold = member->hold;
    char until[CLOCK_TEXT_SIZE];
    const char *end = "";
    if (hold->kind != PLAN_HOLD_STATE && hold->timeline.end_at_ms != TIMELINE_NEVER)
        end = arena_printf(arena, " until %s", clock_print(hold->timeline.end_at_ms, until));
    return arena_printf(arena, "%.*s (%s %.*s%s)", (int)node.len, node.ptr, kinds[hold->kind],
                        (int)hold->id.len, hold->id.ptr, end);
}

/* -- what would make it pass --------------------------------------------------------------------
 */

/* Who is out of a set, in the order in which it is tried whether its return is enough. */
struct comeback {
    const struct plan_work *work;
    struct guard_view view; /* over `parts` */
    uint32_t *parts;
    uint32_t *members, count;
    guard_value value;
    uint64_t limit;
};

static bool is_enough(const struct comeback *back)
{
    struct guard_detail detail = {0};
    return back->value(&back->view, &detail) >= back->limit;
}

/* Lists the members, whose number is `count`; names at most GUARD_NAMED_MAX of them. */
static const char *list(const struct comeback *back, const uint32_t *members, uint32_t count,
                        struct arena *arena)
{
    const char *names = "";
    for (uint32_t i = 0; i < count && i < GUARD_NAMED_MAX; i++)
        names =
            arena_printf(arena, "%s%s%s", names, i ? ", " : "",
                         guard_absentee(back->work, &back->view.set->members[members[i]], arena));
    if (count > GUARD_NAMED_MAX)
        names = arena_printf(arena, "%s and %u more", names, count - GUARD_NAMED_MAX);
    return names;
}

/* Each member whose return alone is enough. */
static uint32_t singles(struct comeback *back, uint32_t *enough)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < back->count; i++) {
        uint32_t member = back->members[i], part = back->parts[member];
        back->parts[member] = RATIO_ONE;
        if (is_enough(back))
            enough[count++] = member;
        back->parts[member] = part;
    }
    return count;
}

/* As many as are needed together: first of the first tier, then the largest. */
static uint32_t together(struct comeback *back)
{
    uint32_t count = 0;
    while (count < back->count && !is_enough(back))
        back->parts[back->members[count++]] = RATIO_ONE;
    return count;
}

struct rank {
    uint16_t priority;
    uint32_t capacity, member;
};

static int by_use(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    if (a->capacity != b->capacity)
        return a->capacity > b->capacity ? -1 : 1;
    return a->member < b->member ? -1 : 1;
}

static void find_absent(struct comeback *back, struct arena *arena)
{
    uint32_t members = back->view.set->member_count;
    struct rank *ranks = arena_array(arena, struct rank, members);
    back->members = arena_array(arena, uint32_t, members);
    for (uint32_t i = 0; i < members; i++) {
        const struct inventory_node *node =
            &back->view.inventory->nodes[back->view.set->members[i].node];
        if (back->parts[i] < RATIO_ONE)
            ranks[back->count++] =
                (struct rank){back->view.inventory->tiers[node->tier].priority, node->capacity, i};
    }
    if (back->count)
        qsort(ranks, back->count, sizeof *ranks, by_use);
    for (uint32_t i = 0; i < back->count; i++)
        back->members[i] = ranks[i].member;
}

/* "put back one of xmpp1 (drain dr_1), xmpp2 (drain dr_2)" */
static const char *comeback_print(struct comeback *back, struct arena *arena)
{
    find_absent(back, arena);
    uint32_t *enough = arena_array(arena, uint32_t, back->count);
    uint32_t count = singles(back, enough);
    if (count > 0)
        return arena_printf(arena, "put back %s%s", count > 1 ? "one of " : "",
                            list(back, enough, count, arena));
    count = together(back);
    return arena_printf(arena, "put back %s%s",
                        count > 1 ? arena_printf(arena, "%u nodes: ", count) : "",
                        list(back, back->members, count, arena));
}

/* The least that a node of the serving tier must bring; more than a node can have: 0. In the first
 * tier both sides of the fraction grow. */
static uint64_t addition(const struct guard_detail *detail, uint64_t limit, bool is_first)
{
    uint64_t low = 0, high = (uint64_t)CAPACITY_MAX + 1;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        uint64_t declared = detail->declared_capacity + (is_first ? middle : 0);
        if (guard_ppb(detail->capacity + middle, declared) < limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low <= CAPACITY_MAX ? low : 0;
}

static const char *addition_print(const struct guard_view *view, const struct plan_verdict *verdict,
                                  const struct guard_detail *detail, struct arena *arena)
{
    const struct inventory_tier *tiers = view->inventory->tiers;
    if (verdict->guard != PLAN_GUARD_MIN_CAPACITY || detail->tier == INVENTORY_NONE)
        return "";
    const struct inventory_tier *tier = &tiers[detail->tier];
    uint64_t added =
        addition(detail, verdict->limit, tier->priority == tiers[detail->first_tier].priority);
    if (added == 0)
        return "";
    return arena_printf(arena, ", or add %llu of capacity to tier %.*s", (unsigned long long)added,
                        (int)tier->id.len, tier->id.ptr);
}

/* -- sentences ----------------------------------------------------------------------------------
 */

/* "37.5 % of the capacity of tier primary (120 of 320)" */
static const char *capacity_print(const struct guard_view *view, uint64_t ppb,
                                  const struct guard_detail *detail, struct arena *arena)
{
    const struct inventory_tier *tiers = view->inventory->tiers;
    const struct inventory_tier *first = &tiers[detail->first_tier];
    const char *where = "";
    if (detail->tier != INVENTORY_NONE && tiers[detail->tier].priority != first->priority)
        where = arena_printf(arena, "in tier %.*s ", (int)tiers[detail->tier].id.len,
                             tiers[detail->tier].id.ptr);
    return arena_printf(arena, "%s of the capacity of tier %.*s (%s%llu of %llu)",
                        guard_percent(ppb, arena), (int)first->id.len, first->id.ptr, where,
                        (unsigned long long)detail->capacity,
                        (unsigned long long)detail->declared_capacity);
}

static const char *quantity_print(const struct guard_view *view, const struct plan_verdict *verdict,
                                  const struct guard_detail *detail, struct arena *arena)
{
    switch (verdict->unit) {
    case PLAN_UNIT_NODES:
        return arena_printf(arena, "%llu of %u node%s", (unsigned long long)verdict->would_be,
                            view->set->member_count, guard_plural(view->set->member_count));
    case PLAN_UNIT_PPB:
        return capacity_print(view, verdict->would_be, detail, arena);
    case PLAN_UNIT_SITES:
        return arena_printf(arena, "nodes in %llu of %llu site%s",
                            (unsigned long long)verdict->would_be,
                            (unsigned long long)verdict->declared, guard_plural(verdict->declared));
    case PLAN_UNIT_SECONDS: /* guard_ttl_sentence */
        break;
    }
    return "";
}

static const char *limit_print(uint64_t limit, enum plan_unit unit, struct arena *arena)
{
    if (unit == PLAN_UNIT_PPB)
        return guard_percent_exact(limit, arena);
    return arena_printf(arena, "%llu", (unsigned long long)limit);
}

static const char *empty_sentence(const char *name, struct arena *arena)
{
    return arena_printf(arena,
                        "%s has no node at all: give it a node that offers the service and is not "
                        "off, leave the service out, or declare it \"absent\"",
                        name);
}

/* "after one further failure, of xmpp1, " */
static const char *failure_print(const struct guard_view *view, const struct plan_verdict *verdict,
                                 const struct guard_detail *detail, struct arena *arena)
{
    if (verdict->guard != PLAN_GUARD_SURVIVE)
        return "";
    if (detail->site.len)
        return arena_printf(arena, "after the loss of one site more, %.*s, ", (int)detail->site.len,
                            detail->site.ptr);
    if (detail->failing == UINT32_MAX)
        return "after one further failure, ";
    struct text id = view->inventory->nodes[view->set->members[detail->failing].node].id;
    return arena_printf(arena, "after one further failure, of %.*s, ", (int)id.len, id.ptr);
}

const char *guard_sentence(const struct plan_work *work, const struct guard_view *view,
                           const struct plan_verdict *verdict, const struct guard_detail *detail,
                           guard_value value, struct arena *arena)
{
    struct arena scratch = {0};
    const char *name = plan_set_name(&scratch, view->plan, view->set);
    const char *remedy = "";
    if (!verdict->is_ok && view->set->member_count > 0) {
        struct comeback back = {
            .work = work, .view = *view, .value = value, .limit = verdict->limit};
        back.parts = arena_array(&scratch, uint32_t, view->set->member_count);
        memcpy(back.parts, view->parts, view->set->member_count * sizeof *back.parts);
        back.view.parts = back.parts;
        remedy = arena_printf(&scratch, ": %s%s", comeback_print(&back, &scratch),
                              addition_print(view, verdict, detail, &scratch));
    }
    const char *sentence = arena_printf(
        arena, "%s%s %s %s, and at least %s must stay%s",
        failure_print(view, verdict, detail, &scratch), name,
        verdict->is_ok ? "keeps" : "would keep", quantity_print(view, verdict, detail, &scratch),
        limit_print(verdict->limit, verdict->unit, &scratch), remedy);
    if (view->set->member_count == 0)
        sentence = empty_sentence(name, arena);
    arena_fini(&scratch);
    return sentence;
}

const char *guard_ttl_sentence(const struct guard_view *view, const struct plan_verdict *verdict,
                               struct arena *arena)
{
    struct arena scratch = {0};
    const char *remedy = "";
    if (!verdict->is_ok)
        remedy = arena_printf(
            &scratch,
            ": raise \"%s\" of the domain or of \"defaults\", or move the names to a provider that "
            "takes less",
            verdict->declared < verdict->limit ? "ttl" : "drain_ttl");
    const char *sentence = arena_printf(
        arena, "%s %s a TTL of %llu s, and the provider takes no less than %llu s%s",
        plan_set_name(&scratch, view->plan, view->set), verdict->is_ok ? "has" : "would have",
        (unsigned long long)verdict->would_be, (unsigned long long)verdict->limit, remedy);
    arena_fini(&scratch);
    return sentence;
}

void guard_find_out_of_reach(struct plan_work *work, const struct guard_view *whole,
                             const struct plan_verdict *verdict, uint64_t asked)
{
    const struct plan_guard_row *row = &plan_guard_rows[verdict->guard];
    struct arena scratch = {0};
    bool is_part = verdict->unit == PLAN_UNIT_PPB;
    const char *has = is_part ? guard_percent(verdict->declared, &scratch)
                              : limit_print(verdict->declared, verdict->unit, &scratch);
    const char *message = arena_printf(
        &scratch,
        "policy.guard.%s asks for %s%s, and %s has %s with all of its nodes%s: there the guard "
        "refuses every drain",
        row->name, limit_print(asked, verdict->unit, &scratch),
        verdict->guard == PLAN_GUARD_SURVIVE ? " after one further failure" : "",
        plan_set_name(&scratch, whole->plan, whole->set), has,
        verdict->guard == PLAN_GUARD_SURVIVE ? " but one" : "");
    findings_add(&work->plan->findings, &(struct finding){.severity = FINDING_WARNING,
                                                          .code = "guard-out-of-reach",
                                                          .pointer = row->pointer,
                                                          .file = "",
                                                          .message = message,
                                                          .mend = "ask for less, or add nodes"});
    arena_fini(&scratch);
}
