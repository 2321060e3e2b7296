/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/statistics.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "zones/base/file.h"

enum {
    STATISTICS_MAGIC = 0x53565253, /* "SRVS" */
    STATISTICS_VERSION = 1,
    STATISTICS_MAX_WORKERS = 1 << 16, /* more than any machine has */
};

_Static_assert(sizeof(struct statistics_header) == STATISTICS_LINE, "rows start on a line");
_Static_assert((int)STATISTIC_COUNT <= (int)STATISTICS_SLOTS, "there is a slot for each");
_Static_assert(sizeof(struct statistics_row) == STATISTICS_SLOTS * sizeof(uint64_t), "whole lines");

static const char thing[] = "memory of statistics";

static size_t size_for(uint32_t workers)
{
    return sizeof(struct statistics_header) + (size_t)workers * sizeof(struct statistics_row);
}

static struct statistics_memory memory_at(void *at, uint32_t workers)
{
    struct statistics_header *header = at;
    return (struct statistics_memory){.header = header,
                                      .rows = (struct statistics_row *)(void *)(header + 1),
                                      .workers = workers,
                                      .len = size_for(workers)};
}

bool statistics_memory_make(struct statistics_memory *memory, int *fd,
                            const struct statistics_header *header, struct error *err)
{
    static const char mend[] = "free some memory, or raise the limit of the service";
    void *at = MAP_FAILED;
    if (header->workers > STATISTICS_MAX_WORKERS)
        return error_set(err, ERROR_INVALID, "%s: %" PRIu32 " workers", thing, header->workers);
    size_t len = size_for(header->workers);
    int made = memfd_create("srvplan-statistics", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0)
        return error_system(err, thing, mend, "cannot make it");
    if (ftruncate(made, (off_t)len) == 0)
        at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, made, 0);
    /* The reader maps it too: it must not shrink under its feet. */
    if (at == MAP_FAILED ||
        fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        error_system(err, thing, mend, "cannot make it");
        if (at != MAP_FAILED)
            munmap(at, len);
        fd_close(&made);
        return false;
    }
    *memory = memory_at(at, header->workers);
    *memory->header = *header;
    memory->header->magic = STATISTICS_MAGIC;
    memory->header->version = STATISTICS_VERSION;
    memory->header->counters = STATISTIC_COUNT;
    *fd = made;
    return true;
}

bool statistics_memory_look(int fd, struct statistics_header *header)
{
    return pread(fd, header, sizeof *header, 0) == (ssize_t)sizeof *header &&
           header->magic == STATISTICS_MAGIC;
}

bool statistics_memory_open(struct statistics_memory *memory, int fd, struct error *err)
{
    struct stat status;
    struct statistics_header header;
    int seals = fcntl(fd, F_GET_SEALS);
    if (fstat(fd, &status) != 0)
        return error_system(err, thing, NULL, "cannot read its size");
    if (seals < 0 || !(seals & F_SEAL_SHRINK))
        return error_set(err, ERROR_INVALID, "%s: its size is not sealed", thing);
    if (!statistics_memory_look(fd, &header))
        return error_set(err, ERROR_INVALID, "%s: %lld bytes that are something else", thing,
                         (long long)status.st_size);
    if (header.version != STATISTICS_VERSION || header.counters != STATISTIC_COUNT)
        return error_set(err, ERROR_INVALID,
                         "%s: of another release (version %" PRIu32 ", %" PRIu32
                         " counters); start both programs from one release",
                         thing, header.version, header.counters);
    if (header.workers > STATISTICS_MAX_WORKERS ||
        (uint64_t)status.st_size != size_for(header.workers))
        return error_set(err, ERROR_INVALID, "%s: %lld bytes do not fit %" PRIu32 " workers", thing,
                         (long long)status.st_size, header.workers);
    void *at = mmap(NULL, size_for(header.workers), PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return error_system(err, thing, "free some memory", "cannot map it");
    *memory = memory_at(at, header.workers);
    return true;
}

void statistics_memory_close(struct statistics_memory *memory)
{
    if (!memory || !memory->header)
        return;
    munmap(memory->header, memory->len);
    *memory = (struct statistics_memory){0};
}

void statistics_read(const struct statistics_memory *memory, struct statistics *sums)
{
    *sums = (struct statistics){0};
    if (!memory->header)
        return;
    sums->started_at_ms = memory->header->started_at_ms;
    for (uint32_t worker = 0; worker < memory->workers; worker++)
        for (uint32_t i = 0; i < STATISTIC_COUNT; i++)
            sums->counter[i] += __atomic_load_n(&memory->rows[worker].counter[i], __ATOMIC_RELAXED);
}
