/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vigil: sees a worker that is stuck: inside a batch, and the same one, for two seconds.
 *
 * A batch takes well under a millisecond. Counted are looks, not time, so that a process that was
 * stopped or a machine that was suspended is not taken for a stuck one. */
#pragma once
#include "dnsd/generation.h"

enum {
    VIGIL_LOOK_MS = 250,
    VIGIL_LOOKS = 8,
};

struct vigil {
    const struct generations *generations;
    struct vigil_worker *workers;
    int64_t looked_at_ms;
};

NODISCARD bool vigil_init(struct vigil *vigil, const struct generations *generations,
                          struct error *err);
void vigil_fini(struct vigil *vigil);

/* Looks when it is time. The index of a stuck worker, or -1. */
int vigil_look(struct vigil *vigil, int64_t now_ms);
