/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/vigil.h"

#include <stdlib.h>

struct vigil_worker {
    uint64_t entered; /* at the last look */
    unsigned looks;   /* in a row that found it in the same batch */
};

bool vigil_init(struct vigil *vigil, const struct generations *generations, struct error *err)
{
    vigil->generations = generations;
    vigil->looked_at_ms = 0;
    vigil->workers = calloc(generations->workers, sizeof *vigil->workers);
    return vigil->workers ||
           error_set(err, ERROR_SYSTEM, "no memory to watch %u workers", generations->workers);
}

void vigil_fini(struct vigil *vigil)
{
    free(vigil->workers);
    vigil->workers = NULL;
}

int vigil_look(struct vigil *vigil, int64_t now_ms)
{
    int stuck = -1;
    if (now_ms - vigil->looked_at_ms < VIGIL_LOOK_MS)
        return -1;
    vigil->looked_at_ms = now_ms;
    for (uint32_t i = 0; i < vigil->generations->workers; i++) {
        struct vigil_worker *worker = &vigil->workers[i];
        const struct generation_word *word = &vigil->generations->words[i];
        uint64_t entered = atomic_load(&word->entered);
        if (atomic_load(&word->using) == USING_NONE || entered != worker->entered)
            worker->looks = 0;
        else if (++worker->looks >= VIGIL_LOOKS)
            stuck = (int)i;
        worker->entered = entered;
    }
    return stuck;
}
