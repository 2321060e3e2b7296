/* SPDX-License-Identifier: GPL-3.0-or-later */
/* responder: srvplan-dnsd over the pool's image, led as srvpland leads it (zones/handover.h).
 *
 * Any failure ends the program with a message: there is nothing to measure then. */
#pragma once
#include "pool.h"
#include "zones/handover.h"

struct responder {
    const struct pool *pool;
    char directory[64]; /* image and control socket; removed at the end */
    int directory_fd, listener, socket;
    int pid;
    uint16_t port;
    uint32_t generation; /* the last that was SERVED */
    int answers_fd, names_fd;
    uint64_t retired; /* how many were */
};

struct responder_options {
    const char *program;
    const char *where; /* a directory for its directory */
    unsigned workers;
    int cpu; /* that it is bound to; -1: none */
};

/* Starts it with generation 1 on the disk, and waits for HELLO. */
void responder_start(struct responder *responder, const struct pool *pool,
                     const struct responder_options *options);
void responder_stop(struct responder *responder);

/* Writes the answers of a generation beside the old ones, as srvpland does; not sent yet. */
void responder_stage(struct responder *responder, uint32_t generation, enum pool_fault fault);

/* Publishes what is staged and sends LOAD. */
void responder_load(struct responder *responder, uint32_t generation);

/* Reads what it says; true when generation is SERVED now. Waits for at most so long. */
bool responder_is_served(struct responder *responder, uint32_t generation, int wait_ms);

/* Nanoseconds, monotonic. */
int64_t now_ns(void);

/* Binds this process (or thread) to a CPU; -1: does nothing. */
void bind_cpu(int cpu);

/* A TCP port of the loopback that nobody holds now. */
uint16_t free_port(void);
