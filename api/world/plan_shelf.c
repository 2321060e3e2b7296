/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/plan_shelf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct place {
    struct shelved_plan plan;
    struct arena arena; /* of its texts */
    int64_t until_ms;
};

struct plan_shelf {
    pthread_mutex_t lock;
    struct place places[PLAN_SHELF_MAX_PLANS]; /* the oldest first */
    size_t count, bytes;
};

static size_t bytes_of(const struct shelved_plan *plan)
{
    return plan->document.len + plan->overlays.len;
}

struct plan_shelf *plan_shelf_new(void)
{
    struct plan_shelf *shelf = calloc(1, sizeof *shelf);
    if (!shelf)
        abort();
    pthread_mutex_init(&shelf->lock, NULL);
    return shelf;
}

void plan_shelf_free(struct plan_shelf *shelf)
{
    if (!shelf)
        return;
    for (size_t i = 0; i < shelf->count; i++)
        arena_fini(&shelf->places[i].arena);
    pthread_mutex_destroy(&shelf->lock);
    free(shelf);
}

void plan_shelf_id_make(char id[static PLAN_SHELF_ID_SIZE])
{
    uint8_t random[(PLAN_SHELF_ID_SIZE - 4) / 2];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        abort(); /* cannot happen for so few bytes once the pool is there */
    memcpy(id, "pl_", 4);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(id + 3 + 2 * i, 3, "%02x", random[i]);
}

static void drop_oldest(struct plan_shelf *shelf)
{
    shelf->bytes -= bytes_of(&shelf->places[0].plan);
    arena_fini(&shelf->places[0].arena);
    shelf->count--;
    memmove(shelf->places, shelf->places + 1, shelf->count * sizeof *shelf->places);
}

static void copy_texts(struct shelved_plan *plan, struct arena *arena)
{
    struct text *const texts[] = {&plan->document, &plan->overlays};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i]->ptr)
            *texts[i] = arena_text(arena, *texts[i]);
}

void plan_shelf_put(struct plan_shelf *shelf, const struct shelved_plan *plan, int64_t now_ms)
{
    pthread_mutex_lock(&shelf->lock);
    while (shelf->count &&
           (shelf->places[0].until_ms <= now_ms || shelf->count == PLAN_SHELF_MAX_PLANS ||
            shelf->bytes + bytes_of(plan) > PLAN_SHELF_MAX_BYTES))
        drop_oldest(shelf);
    struct place *place = &shelf->places[shelf->count++];
    *place = (struct place){.plan = *plan, .until_ms = now_ms + PLAN_SHELF_KEPT_MS};
    copy_texts(&place->plan, &place->arena);
    shelf->bytes += bytes_of(plan);
    pthread_mutex_unlock(&shelf->lock);
}

bool plan_shelf_get(struct plan_shelf *shelf, struct text id, int64_t now_ms, struct arena *arena,
                    struct shelved_plan *plan)
{
    bool is_found = false;
    pthread_mutex_lock(&shelf->lock);
    for (size_t i = 0; i < shelf->count && !is_found; i++) {
        const struct place *place = &shelf->places[i];
        if (place->until_ms <= now_ms || !text_is(id, place->plan.id))
            continue;
        *plan = place->plan;
        copy_texts(plan, arena);
        is_found = true;
    }
    pthread_mutex_unlock(&shelf->lock);
    return is_found;
}
