/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fake_dnsd: a dnsd that needs no process: it stands in for api/dnsd_link and answers as the
 * handover says, at once and on the caller's thread. */
#pragma once
#include "zones/handover.h"

struct fake_dnsd {
    bool is_away;        /* it takes nothing */
    bool refuses;        /* it says no to what it gets */
    bool is_asked;       /* every set of a new generation is served once, when it is taken */
    uint64_t generation; /* survives a restart of the world, as a process would */
    uint32_t set_count;
    struct served_memory memory; /* of that generation, as it writes it */
    int64_t (*now_ms)(void);     /* NULL: the clock */
};
extern struct fake_dnsd fake_dnsd;
