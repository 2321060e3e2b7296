/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/generation.h"

#include <stdlib.h>

#define GOLDEN_RATIO 0x9E3779B9u /* of 2^32 */

bool generations_init(struct generations *all, uint32_t workers, struct error *err)
{
    *all = (struct generations){.workers = workers, .next_sequence = USING_FIRST};
    for (int i = 0; i < GENERATION_SLOTS; i++)
        all->slot[i].served_fd = -1;
    all->words = aligned_alloc(CACHE_LINE_BYTES, workers * sizeof *all->words);
    if (!all->words)
        return error_set(err, ERROR_SYSTEM, "no memory for %u workers; ask for fewer", workers);
    for (uint32_t i = 0; i < workers; i++) {
        atomic_init(&all->words[i].using, USING_NONE);
        atomic_init(&all->words[i].entered, 0);
    }
    return true;
}

/* What only readers of the image need. */
static void close_image(struct generation *generation)
{
    image_close(&generation->image);
    free(generation->turns);
    generation->turns = NULL;
}

static void free_slot(struct generation *generation)
{
    close_image(generation);
    served_memory_close(&generation->served);
    fd_close(&generation->served_fd);
    generation->state = GENERATION_FREE;
}

void generations_fini(struct generations *all)
{
    if (!all)
        return;
    atomic_store(&all->current, NULL);
    for (int i = 0; i < GENERATION_SLOTS; i++)
        if (all->slot[i].state != GENERATION_FREE)
            free_slot(&all->slot[i]);
    free(all->words);
    all->words = NULL;
}

uint32_t *generation_turns(const struct generation *generation, uint32_t worker)
{
    return generation->turns + (size_t)worker * generation->served.header->stride;
}

void generation_note_served(const struct generation *generation, uint32_t worker, uint32_t set,
                            int64_t now_ms)
{
    uint32_t *at = &served_memory_row(&generation->served, worker)[set];
    uint32_t now_s = (uint32_t)((now_ms + 999) / 1000);
    /* The line is shared with a reader elsewhere: dirty it once a second, not once a query. */
    if (__atomic_load_n(at, __ATOMIC_RELAXED) != now_s)
        __atomic_store_n(at, now_s, __ATOMIC_RELAXED);
}

static struct generation *find_free(struct generations *all)
{
    for (int i = 0; i < GENERATION_SLOTS; i++)
        if (all->slot[i].state == GENERATION_FREE)
            return &all->slot[i];
    return NULL;
}

bool generations_have_room(const struct generations *all)
{
    for (int i = 0; i < GENERATION_SLOTS; i++)
        if (all->slot[i].state == GENERATION_FREE)
            return true;
    return false;
}

/* Where each worker begins in the orders of each set. Not at the same one: workers would answer in
 * step, and so would each generation begin anew with the heaviest record, however soon it follows.
 * Multiples of the golden ratio lie evenly apart (Knuth, "The Art of Computer Programming", 6.4),
 * however many they are. */
static void begin_turns(const struct generations *all, const struct generation *next)
{
    const struct image *image = &next->image;
    for (uint32_t worker = 0; worker < all->workers; worker++) {
        uint32_t *turns = generation_turns(next, worker);
        uint32_t at = (uint32_t)(next->sequence * all->workers + worker) * GOLDEN_RATIO;
        for (uint32_t set = 0; set < image->answers_header->sets.count; set++)
            if (image->sets[set].answer_count > 1)
                turns[set] = (uint32_t)((uint64_t)at * image->sets[set].answer_count >> 32);
    }
}

bool generations_take(struct generations *all, struct image *image, int64_t now_ms,
                      struct error *err)
{
    struct generation *next = find_free(all);
    uint32_t sets = image->answers_header->sets.count;
    uint64_t number = image->answers_header->generation;

    if (!next) {
        image_close(image);
        return error_set(err, ERROR_UNAVAILABLE,
                         "streams still hold answers of %d older generations; try again",
                         GENERATION_SLOTS - 1);
    }
    next->image = *image;
    *image = (struct image){0};
    next->number = number;
    next->sequence = all->next_sequence;
    atomic_store(&next->in_streams, 0);
    if (!served_memory_make(&next->served, &next->served_fd, number, all->workers, sets, err)) {
        free_slot(next);
        return false;
    }
    next->turns = calloc((size_t)all->workers * next->served.header->stride + 1, sizeof(uint32_t));
    if (!next->turns) {
        free_slot(next);
        return error_set(err, ERROR_SYSTEM, "no memory for the orders of %u sets; free some", sets);
    }
    begin_turns(all, next);
    all->next_sequence++;
    next->state = GENERATION_CURRENT;
    struct generation *old = atomic_exchange(&all->current, next);
    if (old) {
        old->state = GENERATION_LEAVING;
        old->replaced_at_ms = now_ms;
    }
    return true;
}

/* No worker uses anything of a smaller sequence, or is about to find out. */
static bool workers_passed(const struct generations *all, uint64_t sequence)
{
    for (uint32_t i = 0; i < all->workers; i++) {
        uint64_t using = atomic_load(&all->words[i].using);
        if (using != USING_NONE && using < sequence)
            return false;
    }
    return true;
}

bool generations_settled(const struct generations *all)
{
    const struct generation *current = atomic_load(&all->current);
    return !current || workers_passed(all, current->sequence);
}

bool generations_collect(struct generations *all, uint64_t *number)
{
    for (int i = 0; i < GENERATION_SLOTS; i++) {
        struct generation *old = &all->slot[i];
        if (old->state == GENERATION_LEAVING && workers_passed(all, old->sequence + 1)) {
            close_image(old);
            old->state = GENERATION_DRAINED;
        }
        if (old->state == GENERATION_DRAINED && atomic_load(&old->in_streams) == 0) {
            *number = old->number;
            free_slot(old);
            return true;
        }
    }
    return false;
}

uint64_t generations_overdue(const struct generations *all, int64_t at_ms)
{
    uint64_t before = 0;
    for (int i = 0; i < GENERATION_SLOTS; i++) {
        const struct generation *old = &all->slot[i];
        if ((old->state == GENERATION_LEAVING || old->state == GENERATION_DRAINED) &&
            old->replaced_at_ms <= at_ms && atomic_load(&old->in_streams) > 0 &&
            old->sequence >= before)
            before = old->sequence + 1;
    }
    return before;
}

bool generations_are_retiring(const struct generations *all)
{
    for (int i = 0; i < GENERATION_SLOTS; i++)
        if (all->slot[i].state == GENERATION_LEAVING || all->slot[i].state == GENERATION_DRAINED)
            return true;
    return false;
}
