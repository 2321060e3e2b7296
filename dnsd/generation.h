/* SPDX-License-Identifier: GPL-3.0-or-later */
/* generation: which image the workers answer from, and how it is swapped under them.
 *
 * A generation is an image with what belongs to it: the turns of its orders and its last-served
 * memory. All workers see a new one at once, through one pointer. There is no lock and no atomic
 * read-modify-write per query: a worker announces in a word of its own what it uses, and the
 * control thread waits until no word says "old" any more (quiescent-state reclamation, as in
 * McKenney, "What is RCU, Fundamentally?").
 *
 *     worker                                     control thread
 *     1. word = UNSURE                           1. exchange current
 *     2. read current                            2. until no word is UNSURE or older: wait
 *     3. word = its sequence; answers; sends     3. unmap the old image
 *     4. word = NONE                             4. until no stream holds old bytes: wait
 *                                                5. its last-served memory is final: retire
 *
 * Streams keep copies of the bytes, not the image, so they delay step 4 alone: what is mapped is
 * the current image and at most the one before it. A slot is what such a generation occupies until
 * step 5; there are a few, so that quick changes need not wait for slow readers. */
#pragma once
#include "zones/handover.h"
#include "zones/image.h"
#include <stdatomic.h>

enum {
    GENERATION_SLOTS = 8,
    CACHE_LINE_BYTES = 64,
};

enum using_word {
    USING_NONE = 0,   /* may block now, holds nothing */
    USING_UNSURE = 1, /* about to look at the pointer */
    USING_EMPTY = 2,  /* looked, and there was no generation yet */
    USING_FIRST = 3,  /* from here on: sequence numbers */
};

enum generation_state {
    GENERATION_FREE,
    GENERATION_CURRENT,
    GENERATION_LEAVING, /* replaced; workers may still read the image */
    GENERATION_DRAINED, /* no worker reads it; streams may still hold bytes */
};

struct generation {
    struct image image;
    uint64_t number;   /* as the control plane counts; may repeat */
    uint64_t sequence; /* as we count; never repeats */
    struct served_memory served;
    int served_fd;
    uint32_t *turns; /* a row a worker */
    enum generation_state state;
    int64_t replaced_at_ms;      /* monotonic */
    _Atomic uint32_t in_streams; /* answers that have not left; written by the stream thread */
};

struct generation_word {
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t using;
    _Atomic uint64_t entered; /* how often; who is in and does not count on is stuck */
};

struct generations {
    struct generation slot[GENERATION_SLOTS];
    _Atomic(struct generation *) current;
    struct generation_word *words;
    uint32_t workers; /* every thread that answers, the stream thread last */
    uint64_t next_sequence;
};

NODISCARD bool generations_init(struct generations *all, uint32_t workers, struct error *err);
void generations_fini(struct generations *all);

/* -- workers ------------------------------------------------------------------------------------
 */

/* Announces and returns the current generation; NULL when there is none yet. */
static inline struct generation *generation_enter(struct generations *all, uint32_t worker)
{
    _Atomic uint64_t *using = &all->words[worker].using;
    _Atomic uint64_t *entered = &all->words[worker].entered;
    atomic_store_explicit(entered, atomic_load_explicit(entered, memory_order_relaxed) + 1,
                          memory_order_relaxed); /* nobody else writes it */
    atomic_store(using, USING_UNSURE);
    struct generation *current = atomic_load(&all->current);
    atomic_store_explicit(using, current ? current->sequence : USING_EMPTY, memory_order_release);
    return current;
}

/* After this nothing of it may be touched. */
static inline void generation_leave(struct generations *all, uint32_t worker)
{
    atomic_store_explicit(&all->words[worker].using, USING_NONE, memory_order_release);
}

/* This worker's turns, by set. */
uint32_t *generation_turns(const struct generation *generation, uint32_t worker);

/* Notes that this worker's last answer with `set` left at `now_ms` (UTC); rounds up. */
void generation_note_served(const struct generation *generation, uint32_t worker, uint32_t set,
                            int64_t now_ms);

/* -- the control thread -------------------------------------------------------------------------
 */

/* False: every slot is occupied; collect first. */
bool generations_have_room(const struct generations *all);

/* Makes the image the current generation; takes it over, also on failure. The old one goes on when
 * this fails. */
NODISCARD bool generations_take(struct generations *all, struct image *image, int64_t now_ms,
                                struct error *err);

/* True when every worker answers from the current generation, and none from an older one. */
bool generations_settled(const struct generations *all);

/* Closes what nobody reads any more. True when a generation is retired: *number is its number.
 * Call until false. */
bool generations_collect(struct generations *all, uint64_t *number);

/* The generations replaced before `at_ms` of which streams still hold bytes have smaller sequences
 * than this; 0: there is none. */
uint64_t generations_overdue(const struct generations *all, int64_t at_ms);

/* True while an older generation is not retired. */
bool generations_are_retiring(const struct generations *all);
