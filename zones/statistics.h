/* SPDX-License-Identifier: GPL-3.0-or-later */
/* statistics: what dnsd counts, in memory that srvpland reads without asking.
 *
 * One memfd a process of dnsd, which it hands over with HELLO (handover.h): a header, then a row of
 * counters a worker, each on cache lines of its own. A worker writes its row alone, with plain
 * stores; a reader adds up the rows. Counters only grow, from 0 at the start of the process, over
 * all generations. */
#pragma once
#include "zones/base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum statistic {
#define STATISTIC(id, metric, label) STATISTIC_##id,
#include "zones/statistics.def"
#undef STATISTIC
    STATISTIC_COUNT
};

enum {
    STATISTICS_LINE = 64,
    STATISTICS_SLOTS = 48, /* counters and room for some, in whole lines */
};

struct statistics_row {
    _Alignas(STATISTICS_LINE) uint64_t counter[STATISTICS_SLOTS];
};

struct statistics_header { /* one line */
    uint32_t magic;
    uint32_t version;
    uint32_t workers;
    uint32_t counters;
    int64_t started_at_ms; /* UTC */
    uint32_t pid;
    uint32_t rate_limit; /* responses a second; 0: none */
    uint8_t reserved[32];
};

/* Mapped. Zeroed is closed. */
struct statistics_memory {
    struct statistics_header *header;
    struct statistics_row *rows;
    uint32_t workers;
    size_t len;
};

/* The sums over all workers at an instant. */
struct statistics {
    int64_t started_at_ms;
    uint64_t counter[STATISTIC_COUNT];
};

/* Makes it (dnsd): returns a memfd of sealed size in *fd, the caller's, and maps it for writing.
 * Of `header` workers, started_at_ms, pid and rate_limit are taken. */
NODISCARD bool statistics_memory_make(struct statistics_memory *memory, int *fd,
                                      const struct statistics_header *header, struct error *err);

/* Reads the header of a descriptor that came from dnsd; false: it is no such memory. */
NODISCARD bool statistics_memory_look(int fd, struct statistics_header *header);

/* Maps one that came from dnsd, for reading, after checking its size against its header. */
NODISCARD bool statistics_memory_open(struct statistics_memory *memory, int fd, struct error *err);
void statistics_memory_close(struct statistics_memory *memory);

void statistics_read(const struct statistics_memory *memory, struct statistics *sums);

/* -- workers ------------------------------------------------------------------------------------
 */

/* Only the row's worker calls it: no read-modify-write that others could see half of. */
static inline void statistics_add(struct statistics_row *row, enum statistic which, uint64_t more)
{
    uint64_t *at = &row->counter[which];
    __atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}
