/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/view_events.h"

#include "api/view/json_view.h"
#include "api/view/window_view.h"

#include <string.h>

enum {
    /* A reason may be as long as a body; who wants all of it reads the thing. */
    TEXT_MAX_BYTES = 300,
    REASONS_MAX = 16,
};

/* Two consecutive views, and where what differs goes. */
struct step {
    const struct world_view *before, *now;
    struct event_moment moment;
    struct events *events;
};

static void publish(const struct step *step, enum event_kind kind, json_t *data)
{
    events_publish(step->events, kind, &step->moment, data);
}

static json_t *short_text(struct text text)
{
    char clipped[TEXT_MAX_BYTES + 1];
    if (text.len < sizeof clipped)
        return json_view_text(text);
    memcpy(clipped, text.ptr, TEXT_MAX_BYTES);
    clipped[TEXT_MAX_BYTES] = '\0';
    text_end_whole(clipped);
    return json_view_text(text_from(clipped));
}

/* -- revisions -----------------------------------------------------------------------------------
 */

static void tell_revision(const struct step *step)
{
    const struct world_view *now = step->now;
    if (now->revision == step->before->revision)
        return;
    json_t *data = json_object();
    json_object_set_new(data, "published_at", json_view_time(now->published_at_ms));
    json_object_set_new(data, "actor", short_text(now->actor));
    json_object_set_new(data, "cause", short_text(now->cause));
    publish(step, EVENT_REVISION, data);
}

static void tell_served(const struct step *step)
{
    const struct world_view *now = step->now, *before = step->before;
    bool is_served = now->served_at_ms != 0;
    bool was_served = before->served_at_ms != 0 && before->revision == now->revision;
    if (!is_served || was_served)
        return;
    json_t *data = json_object();
    json_object_set_new(data, "served_at", json_view_time(now->served_at_ms));
    publish(step, EVENT_SERVED, data);
}

static void tell_inventory(const struct step *step)
{
    const struct world_view *now = step->now, *before = step->before;
    if (memcmp(&now->inventory_digest, &before->inventory_digest, sizeof now->inventory_digest) ==
        0)
        return;
    json_t *data = json_object();
    json_object_set_new(data, "digest", json_view_digest(&now->inventory_digest));
    json_object_set_new(data, "source",
                        json_string(now->inventory_source == STORE_SOURCE_FILE ? "file" : "store"));
    publish(step, EVENT_INVENTORY, data);
}

/* -- overlays: both lists ascend, so they are read side by side ----------------------------------
 */

static void tell_drain(const struct step *step, const struct world_drain *before,
                       const struct world_drain *now)
{
    enum drain_state state = now->state;
    bool is_new = !before;
    enum drain_state was = is_new ? state : before->state;
    if (!is_new && was == state && before->row.version == now->row.version)
        return;
    json_t *data = json_object();
    json_object_set_new(data, "id", json_view_text(now->row.id));
    json_object_set_new(data, "node", json_view_text(now->row.node));
    json_object_set_new(data, "services", json_view_words(now->row.services, "*"));
    json_object_set_new(data, "state", json_string(drain_state_print(state)));
    json_object_set_new(data, "was", is_new ? json_null() : json_string(drain_state_print(was)));
    json_object_set_new(data, "actor", short_text(now->row.actor));
    json_object_set_new(data, "reason", short_text(now->row.reason));
    json_object_set_new(data, "until", json_view_time(now->row.until_at_ms));
    json_object_set_new(data, "dns_clear_at", json_view_time(now->dns_clear_at_ms));
    publish(step, EVENT_DRAIN, data);
}

static void tell_drains(const struct step *step)
{
    const struct world_view *before = step->before, *now = step->now;
    uint32_t old = 0;
    for (uint32_t i = 0; i < now->drain_count; i++) {
        const struct world_drain *drain = &now->drains[i];
        /* One that is gone was closed a week ago, and told then. */
        while (old < before->drain_count &&
               text_compare(before->drains[old].row.id, drain->row.id) < 0)
            old++;
        bool is_known =
            old < before->drain_count && text_equal(before->drains[old].row.id, drain->row.id);
        tell_drain(step, is_known ? &before->drains[old] : NULL, drain);
    }
}

/* Which of the two comes first; behind a list's end comes nothing. */
static int compare_weights(const struct overlays *a, uint32_t at_a, const struct overlays *b,
                           uint32_t at_b)
{
    if (at_a == a->weight_count || at_b == b->weight_count)
        return at_a == a->weight_count ? 1 : -1;
    int order = text_compare(a->weights[at_a].node, b->weights[at_b].node);
    return order ? order : text_compare(a->weights[at_a].service, b->weights[at_b].service);
}

static bool is_same_weight(const struct overlay_weight *a, const struct overlay_weight *b)
{
    return a->form == b->form && a->value == b->value && a->since_at_ms == b->since_at_ms &&
           a->until_at_ms == b->until_at_ms;
}

static void tell_weight(const struct step *step, const struct overlay_weight *weight,
                        const char *state)
{
    json_t *data = json_view_weight(weight);
    json_object_set_new(data, "state", json_string(state));
    json_object_set_new(data, "reason", short_text(weight->reason));
    publish(step, EVENT_WEIGHT, data);
}

static void tell_weights(const struct step *step)
{
    const struct overlays *before = &step->before->overlays, *now = &step->now->overlays;
    uint32_t old = 0, new = 0;
    while (old < before->weight_count || new < now->weight_count) {
        int order = compare_weights(before, old, now, new);
        if (order < 0)
            tell_weight(step, &before->weights[old], "removed");
        else if (order > 0 || !is_same_weight(&before->weights[old], &now->weights[new]))
            tell_weight(step, &now->weights[new], "set");
        old += order <= 0;
        new += order >= 0;
    }
}

static void tell_window(const struct step *step, const struct window_view *before,
                        const struct window_view *now)
{
    const struct plan *plan = now ? step->now->plan : step->before->plan;
    const struct window_view *either = now ? now : before;
    const char *was = NULL, *state = "removed";
    if (before)
        was = window_state_print(window_view_state(step->before->plan, before));
    if (now)
        state = window_state_print(window_view_state(plan, now));
    if (before && now && strcmp(was, state) == 0 &&
        window_view_version(step->before->plan, before) == window_view_version(plan, now))
        return;
    const struct plan_occurrence *occurrence = window_view_occurrence(plan, either);
    const char *because = now ? window_view_blocked_because(plan, now) : NULL;
    json_t *data = json_object();
    json_object_set_new(data, "id", json_view_text(either->declared->id));
    json_object_set_new(data, "origin", json_string(either->is_of_inventory ? "inventory" : "api"));
    json_object_set_new(data, "state", json_string(state));
    json_object_set_new(data, "was", was ? json_string(was) : json_null());
    json_object_set_new(data, "because", because ? short_text(text_from(because)) : json_null());
    json_object_set_new(data, "opens_at",
                        json_view_time(now && occurrence ? occurrence->opens_at_ms : 0));
    publish(step, EVENT_WINDOW, data);
}

static void tell_windows(const struct step *step)
{
    const struct plan *before = step->before->plan, *now = step->now->plan;
    struct window_view old, new;
    if (!before || !now || before == now)
        return;
    bool has_old = window_view_next(before, (struct text){0}, &old);
    bool has_new = window_view_next(now, (struct text){0}, &new);
    while (has_old || has_new) {
        int order = !has_old ? 1 : !has_new ? -1 : text_compare(old.declared->id, new.declared->id);
        tell_window(step, order <= 0 ? &old : NULL, order >= 0 ? &new : NULL);
        if (order <= 0)
            has_old = window_view_next(before, old.declared->id, &old);
        if (order >= 0)
            has_new = window_view_next(now, new.declared->id, &new);
    }
}

/* -- the machine ---------------------------------------------------------------------------------
 */

static void tell_dnsd(const struct step *step)
{
    const struct world_dnsd *before = &step->before->dnsd, *now = &step->now->dnsd;
    if (before->is_connected == now->is_connected && before->is_in_step == now->is_in_step &&
        before->pid == now->pid)
        return;
    json_t *data = json_object();
    json_object_set_new(data, "connected", json_boolean(now->is_connected));
    json_object_set_new(data, "in_step", json_boolean(now->is_in_step));
    json_object_set_new(data, "pid", json_view_number_or_null(now->pid));
    publish(step, EVENT_DNSD, data);
}

static bool are_same_reasons(const char *const *a, const char *const *b)
{
    while (*a && *b && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return !*a && !*b;
}

static void tell_ready(const struct step *step)
{
    const struct world_view *before = step->before, *now = step->now;
    if (before->is_ready == now->is_ready && are_same_reasons(before->not_ready, now->not_ready))
        return;
    json_t *data = json_object(), *reasons = json_array();
    for (size_t i = 0; now->not_ready[i] && i < REASONS_MAX; i++)
        json_array_append_new(reasons, short_text(text_from(now->not_ready[i])));
    json_object_set_new(data, "ready", json_boolean(now->is_ready));
    json_object_set_new(data, "reasons", reasons);
    publish(step, EVENT_READY, data);
}

/* In the order in which things cause each other. */
static void (*const tellers[])(const struct step *step) = {
    tell_inventory, tell_revision, tell_weights, tell_windows,
    tell_dnsd,      tell_served,   tell_drains,  tell_ready,
};

void view_events_publish(void *context, const struct world_view *before,
                         const struct world_view *now)
{
    struct step step = {
        .before = before,
        .now = now,
        .moment = {.at_ms = now->made_at_ms, .revision = now->revision, .index = now->index},
        .events = context,
    };
    for (size_t i = 0; before && i < COUNT_OF(tellers); i++)
        tellers[i](&step);
    events_renew(step.events, &step.moment);
}
