/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/internal.h"

#include "api/store/audit.h"
#include "zones/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_REASONS = 8
};

/* -- drains --------------------------------------------------------------------------------------
 */

/* Sum of the weights present at `priority`. */
static uint64_t present_weight(const struct plan_set *set, uint16_t priority)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < set->member_count; i++)
        if (set->members[i].absence == PLAN_PRESENT && set->members[i].priority == priority)
            sum += set->members[i].weight;
    return sum;
}

/* True when nothing present stands before `priority`. */
static bool is_first_priority(const struct plan_set *set, uint16_t priority)
{
    for (uint32_t i = 0; i < set->member_count; i++)
        if (set->members[i].absence == PLAN_PRESENT && set->members[i].priority < priority)
            return false;
    return true;
}

/* The weight that a member has when nothing holds a part of it. */
static uint64_t whole_weight(const struct plan_member *member)
{
    if (member->absence != PLAN_PRESENT || !member->hold)
        return member->weight;
    if (member->level_num == 0 || member->weight == 0)
        return member->planned_weight;
    return member->weight * member->level_den / member->level_num;
}

/* The greatest share that the node would have in any set if it were wholly in: num / den. */
static void share_before(const struct plan *plan, uint32_t node, struct world_drain *drain)
{
    drain->share_before_den = 1;
    for (uint32_t i = 0; i < plan->set_count; i++) {
        const struct plan_set *set = &plan->sets[i];
        for (uint32_t j = 0; j < set->member_count; j++) {
            const struct plan_member *member = &set->members[j];
            uint16_t priority = member->is_demoted ? member->planned_priority : member->priority;
            if (member->node != node || !is_first_priority(set, priority))
                continue;
            uint64_t others = present_weight(set, priority);
            if (member->absence == PLAN_PRESENT && !member->is_demoted)
                others -= member->weight;
            uint64_t num = whole_weight(member), den = others + num;
            if (num * drain->share_before_den > (uint64_t)drain->share_before_num * den) {
                drain->share_before_num = (uint32_t)num;
                drain->share_before_den = (uint32_t)den;
            }
        }
    }
}

static void copy_drain_texts(struct arena *arena, struct store_drain *row)
{
    struct text *const texts[] = {&row->id,          &row->node,           &row->services,
                                  &row->actor,       &row->reason,         &row->override_reason,
                                  &row->ended_actor, &row->blocked_because};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = arena_text(arena, *texts[i]);
}

/* The instant from which caches can be clear at all: when the drain was served, and went as far as
 * it goes. */
static int64_t clear_at(const struct world *world, const struct world_drain *drain,
                        uint32_t extra_ttl_s, bool *is_final)
{
    const struct store_drain *row = &drain->row;
    int64_t from_ms = row->served_at_ms;
    if (row->ended_at_ms) { /* one that ended before its caches were clean never became clear */
        *is_final = true;
        return row->clear_at_ms;
    }
    if (drain->has_timeline && drain->timeline.withdrawn_at_ms > world->served_plan_at_ms)
        return 0;
    if (drain->has_timeline && drain->timeline.withdrawn_at_ms > from_ms)
        from_ms = drain->timeline.withdrawn_at_ms;
    if (row->served_at_ms == 0)
        return 0;
    struct history_question question = {
        .node = row->node,
        .services = row->services,
        .versions = row->mode == DRAIN_REMOVE ? HISTORY_NAMING : HISTORY_OUTDATED,
        .extra_ttl_s = extra_ttl_s,
    };
    int64_t at_ms = history_clear_at(&world->history, &question, is_final);
    if (at_ms && row->clear_at_ms && extra_ttl_s == 0)
        return row->clear_at_ms; /* it was reached: what a restart does not know does not count */
    return at_ms == 0 || at_ms > from_ms ? at_ms : from_ms;
}

/* When the next of them is clear, while no other view comes before. */
static int64_t next_clear_at(const struct world_view *view)
{
    int64_t next_ms = 0;
    for (uint32_t i = 0; i < view->drain_count; i++) {
        int64_t at_ms = view->drains[i].dns_clear_at_ms;
        if (view->drains[i].state == DRAIN_WITHDRAWN && at_ms && (!next_ms || at_ms < next_ms))
            next_ms = at_ms;
    }
    return next_ms;
}

static void add_drains(const struct world *world, struct view_box *box)
{
    struct world_view *view = &box->view;
    struct world_drain *drains =
        arena_array(&box->arena, struct world_drain, world->rows.drain_count);
    int64_t certain_ms = world_certain_ms(world);
    for (size_t i = 0; i < world->rows.drain_count; i++) {
        struct world_drain *drain = &drains[i];
        bool ignored;
        drain->row = world->rows.drains[i].row;
        copy_drain_texts(&box->arena, &drain->row);
        const struct plan_hold *hold = world_find_hold(world->planned->plan, drain->row.id);
        drain->has_timeline = hold && !drain->row.ended_at_ms;
        if (drain->has_timeline)
            drain->timeline = hold->timeline;
        drain->dns_clear_at_ms = clear_at(world, drain, 0, &drain->is_clear_final);
        drain->dns_clear_pessimistic_at_ms =
            clear_at(world, drain, WORLD_RESOLVER_MAX_TTL_S, &ignored);
        struct world_drain_instants instants = {
            .plan_at_ms = world->served_plan_at_ms,
            .certain_ms = certain_ms,
            .is_end_served = drain->row.ended_revision <= world->acknowledged_revision,
        };
        drain->state = world_drain_state(drain, &instants);
        uint32_t node = inventory_find_node(view->inventory, drain->row.node);
        if (node != INVENTORY_NONE)
            share_before(view->plan, node, drain);
    }
    view->drains = drains;
    view->drain_count = (uint32_t)world->rows.drain_count;
}

/* -- the rest ------------------------------------------------------------------------------------
 */

static void add_versions(const struct world *world, struct view_box *box)
{
    const struct history *history = &world->history;
    struct store_set_version *versions =
        arena_array(&box->arena, struct store_set_version, history->version_count);
    for (size_t i = 0; i < history->version_count; i++) {
        versions[i] = history->versions[i].row;
        versions[i].label = arena_text(&box->arena, versions[i].label);
        versions[i].nodes = arena_text(&box->arena, versions[i].nodes);
    }
    box->view.versions = versions;
    box->view.version_count = (uint32_t)history->version_count;
}

/* As many as there are slots, however many zones share them. */
static void add_serials(const struct world *world, struct view_box *box)
{
    const struct content_names *names = &world->planned->base->names;
    uint32_t *serials = arena_array(&box->arena, uint32_t, names->slot_count);
    for (uint32_t i = 0; i < names->slot_count; i++)
        serials[i] = world->serials[i];
    box->view.zones = names->zones;
    box->view.serials = serials;
}

static void add_reason(struct view_box *box, const char **reasons, size_t *count,
                       const char *reason)
{
    if (*count < MAX_REASONS - 1)
        reasons[(*count)++] = arena_cstr(&box->arena, text_from(reason));
}

static struct text text_copy(struct arena *arena, const char *text)
{
    return arena_text(arena, text_from(text));
}

static const char *clock_problem(const struct world_view *view, struct arena *arena)
{
    char last[CLOCK_TEXT_SIZE];
    return arena_printf(arena,
                        "clock_untrusted: the clock is before %s, when the last revision was "
                        "made: nothing begins or ends by time until it is set right",
                        clock_print(view->clock.last_revision_at_ms, last));
}

/* Ready: the clock can be trusted, the store can be written, dnsd has the current revision. A
 * broken file of settings or inventory alone does not make us unready, but it is said. */
static void add_readiness(const struct world *world, struct view_box *box)
{
    struct world_view *view = &box->view;
    const char **reasons = arena_array(&box->arena, const char *, MAX_REASONS);
    size_t count = 0;
    if (view->clock.state == TIME_UNTRUSTED)
        add_reason(box, reasons, &count, clock_problem(view, &box->arena));
    if (world->store_problem[0])
        add_reason(box, reasons, &count, world->store_problem);
    else if (store_is_broken(world->store))
        add_reason(box, reasons, &count, "the store is damaged or gone; see the log");
    if (world->publish_problem[0])
        add_reason(box, reasons, &count, world->publish_problem);
    if (world->dnsd_refusal[0])
        add_reason(box, reasons, &count, world->dnsd_refusal);
    if (!world->dnsd.is_connected)
        add_reason(box, reasons, &count, "dnsd is not connected; it is being started again");
    else if (world->served_revision != world->revision)
        add_reason(box, reasons, &count,
                   arena_printf(&box->arena, "dnsd has not acknowledged revision %llu yet",
                                (unsigned long long)world->revision));
    view->is_ready = count == 0;
    if (view->clock.state == TIME_HELD)
        add_reason(box, reasons, &count,
                   arena_printf(&box->arena,
                                "the clock was set ahead by %lld s; it is believed in a minute, "
                                "until then nothing begins or ends because of it",
                                (long long)(world->keeper.ahead_ms + 500) / 1000));
    if (world->settings_problem[0])
        add_reason(box, reasons, &count,
                   arena_printf(&box->arena, "the configuration file is not in force: %s",
                                world->settings_problem));
    view->settings_problem = text_copy(&box->arena, world->settings_problem);
    view->settings_pending = text_copy(&box->arena, world->settings_pending);
    view->inventory_problem = text_copy(&box->arena, world->file_problem);
    view->guard_refusals = world->guard_refusals;
    if (world->file_problem[0])
        add_reason(box, reasons, &count,
                   arena_printf(&box->arena, "the inventory file is not in force: %s",
                                world->file_problem));
    view->not_ready = reasons;
}

static void add_dnsd(const struct world *world, struct view_box *box)
{
    struct world_dnsd *dnsd = &box->view.dnsd;
    char *joined = arena_printf(&box->arena, "%s", "");
    *dnsd = world->dnsd;
    dnsd->responder = responder_ref(world->dnsd.responder);
    dnsd->is_in_step =
        world->planned && dnsd->is_connected && world->served_revision == world->revision;
    dnsd->workers = world->options.dnsd.workers;
    for (const char *const *address = world->options.dnsd.addresses; *address; address++)
        joined = arena_printf(&box->arena, "%s%s%s", joined, *joined ? " " : "", *address);
    dnsd->addresses = text_from(joined);
}

static void add_clock(const struct world *world, const struct clock_reading *reading,
                      struct view_box *box)
{
    const struct timekeeper *keeper = &world->keeper;
    box->view.clock = (struct world_clock){
        .state = keeper->state,
        .at_ms = timekeeper_now_ms(keeper, reading),
        .set_by_ms = world->clock_set_by_ms,
        .set_at_ms = world->clock_set_at_ms,
        .last_revision_at_ms = keeper->last_at_ms,
    };
    if (keeper->state == TIME_HELD)
        box->view.clock.believed_at_ms =
            reading->real_ms + keeper->held_until_boot_ms - reading->boot_ms;
}

static void add_plan(const struct world *world, struct view_box *box)
{
    const struct base *base = world->planned->base;
    struct world_view *view = &box->view;
    box->planned = planned_ref(world->planned);
    view->inventory = base->inventory;
    view->layout = base->layout;
    view->plan = world->planned->plan;
    view->overlays = world->planned->overlays;
    view->inventory_id = (uint64_t)base->source.id;
    view->inventory_text = base->source.text;
    view->inventory_file = base->source.file;
    view->inventory_digest = base->source.file_digest;
    view->inventory_source = base->source.source;
    add_serials(world, box);
    add_drains(world, box);
    add_versions(world, box);
}

void world_renew_view(struct world *world)
{
    struct view_box *box = calloc(1, sizeof *box);
    struct clock_reading reading;
    if (!box)
        abort();
    scheduler_read(world->scheduler, &reading);
    box->refs = 1;
    box->view = (struct world_view){
        .revision = world->revision,
        .served_revision = world->served_revision,
        .published_at_ms = world->published_at_ms,
        .served_at_ms = world->served_revision == world->revision ? world->served_at_ms : 0,
        .index = ++world->index,
        .made_at_ms = reading.real_ms,
        .started_at_ms = world->started_at_ms,
        .has_calendar_key = world->has_calendar_key,
        .calendar_key = world->calendar_key,
    };
    box->view.tokens = box->tokens = tokens_ref(world->tokens);
    if (world->store)
        box->view.audit = store_audit_head(world->store);
    add_clock(world, &reading, box);
    if (world->planned)
        add_plan(world, box);
    box->view.actor = arena_text(&box->arena, text_from(world->actor));
    box->view.cause = arena_text(&box->arena, text_from(world->cause));
    add_dnsd(world, box);
    add_readiness(world, box);
    world->is_view_due = false;
    world->next_clear_at_ms = next_clear_at(&box->view);
    pthread_mutex_lock(&world->lock);
    struct view_box *old = world->view;
    world->view = box;
    pthread_mutex_unlock(&world->lock);
    if (world->options.on_view)
        world->options.on_view(world->options.on_view_context, old ? &old->view : NULL, &box->view);
    if (old)
        world_view_unref(&old->view);
}
