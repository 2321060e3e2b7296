/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/responder.h"

#include <stdlib.h>

struct responder {
    unsigned refs; /* atomic */
    struct statistics_memory memory;
};

struct responder *responder_open(int fd, struct error *err)
{
    struct responder *responder = calloc(1, sizeof *responder);
    if (!responder)
        abort();
    responder->refs = 1;
    if (statistics_memory_open(&responder->memory, fd, err))
        return responder;
    free(responder);
    return NULL;
}

struct responder *responder_ref(struct responder *responder)
{
    if (responder)
        __atomic_add_fetch(&responder->refs, 1, __ATOMIC_RELAXED);
    return responder;
}

void responder_unref(struct responder *responder)
{
    if (!responder || __atomic_sub_fetch(&responder->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    statistics_memory_close(&responder->memory);
    free(responder);
}

void responder_read(const struct responder *responder, struct statistics *sums)
{
    static const struct statistics_memory none;
    statistics_read(responder ? &responder->memory : &none, sums);
}
