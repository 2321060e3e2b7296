/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/audit.h"

#include "zones/base/clock.h"
#include "zones/base/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    MINUTE_MS = 60 * 1000
};

void refusals_fini(struct refusals *refusals)
{
    for (size_t i = 0; i < refusals->count; i++)
        free(refusals->waiting[i].block);
    *refusals = (struct refusals){0};
}

/* The line with its texts in one block. */
static void put(struct refusals *refusals, const struct store_audit *line)
{
    struct store_audit copy = *line;
    struct text *const texts[] = {&copy.actor,  &copy.source,  &copy.action, &copy.object,
                                  &copy.detail, &copy.outcome, &copy.before, &copy.after};
    size_t len = 0;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        len += texts[i]->len;
    char *block = malloc(len + 1), *at = block;
    if (!block)
        abort();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i]->len)
            memcpy(at, texts[i]->ptr, texts[i]->len);
        texts[i]->ptr = at;
        at += texts[i]->len;
    }
    refusals->waiting[refusals->count].line = copy;
    refusals->waiting[refusals->count++].block = block;
}

/* True when one more may be written within this minute. */
static bool may_pass(struct refusals *refusals, bool is_anonymous, int64_t now_ms)
{
    if (now_ms < refusals->minute_since_ms || now_ms - refusals->minute_since_ms >= MINUTE_MS) {
        refusals->minute_since_ms = now_ms;
        refusals->anonymous = refusals->known = 0;
    }
    unsigned *count = is_anonymous ? &refusals->anonymous : &refusals->known;
    unsigned most = is_anonymous ? REFUSALS_MAX_ANONYMOUS : REFUSALS_MAX_KNOWN;
    if (refusals->count == REFUSALS_MAX_WAITING || *count == most)
        return false;
    (*count)++;
    return true;
}

void world_note_refusal(struct world *world, const struct store_audit *line)
{
    pthread_mutex_lock(&world->lock);
    if (may_pass(&world->refusals, line->actor.len == 0, clock_monotonic_ms())) {
        put(&world->refusals, line);
    } else {
        world->refusals.dropped++;
    }
    pthread_mutex_unlock(&world->lock);
    scheduler_knock(world->scheduler);
}

/* What was left out is told with the next that is written. */
static struct store_audit line_of_dropped(struct arena *arena, uint64_t dropped)
{
    return (struct store_audit){
        .at_ms = clock_realtime_ms(),
        .actor = text_from("srvpland"),
        .source = text_from("srvpland"),
        .action = text_from("refusals left out"),
        .detail = text_from(arena_printf(arena, "%llu more changes were refused within a minute",
                                         (unsigned long long)dropped)),
    };
}

void world_write_refusals(struct world *world)
{
    struct refusals taken;
    struct arena arena = {0};
    struct error err = {0};
    pthread_mutex_lock(&world->lock);
    taken = world->refusals;
    world->refusals.count = 0;
    world->refusals.dropped = 0;
    pthread_mutex_unlock(&world->lock);
    struct store_audit *lines = arena_array(&arena, struct store_audit, taken.count + 1);
    struct store_change change = {.audit = lines};
    if (taken.count && taken.dropped)
        lines[change.audit_count++] = line_of_dropped(&arena, taken.dropped);
    for (size_t i = 0; i < taken.count; i++)
        lines[change.audit_count++] = taken.waiting[i].line;
    store_change_id_make(change.id);
    if (taken.count && world->store && !store_commit(world->store, &change, NULL, NULL, &err))
        log_error("refusals are not in the audit", log_number("count", (int64_t)taken.count),
                  log_string("reason", err.message));
    else if (taken.count)
        world_renew_view(world);
    refusals_fini(&taken);
    arena_fini(&arena);
}
