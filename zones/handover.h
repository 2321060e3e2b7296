/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handover: what srvpland and dnsd say to each other, and the memory they share.
 *
 * srvpland listens on a SOCK_SEQPACKET socket (DIR/dnsd.sock); dnsd connects, and reconnects for as
 * long as it lives. One message is one packet of one fixed size; a packet of any other size, magic
 * or version ends the connection. Descriptors ride along as SCM_RIGHTS.
 *
 *   dnsd → srvpland   HELLO     once per connection: pid, workers, listen addresses, the generation
 *                               served now (0: none); with the memory of its statistics and, if
 *                               there is a generation, its last-served memory
 *   srvpland → dnsd   LOAD      a generation, with two descriptors: the answers and the names file
 *   dnsd → srvpland   SERVED    every worker answers from that generation, none from an older one;
 *                               with its last-served memory
 *   dnsd → srvpland   REFUSED   the generation was not taken, and why; the old one goes on
 *   dnsd → srvpland   ASK       somebody wants the newest image served (SIGHUP): LOAD it, even if
 * it is served already dnsd → srvpland   RETIRED   no byte of that older generation is left to
 * send: its last-served memory is final
 *
 * Last-served memory: one memfd a generation. dnsd writes, per worker and set, the second (UTC,
 * rounded up) in which the worker last sent an answer that held the set; srvpland reads it after
 * RETIRED, and takes the maximum over the workers. 0 means never.
 *
 * Memory of statistics: one memfd a process, see statistics.h. Each memory says by its first word
 * what it is. */
#pragma once
#include "zones/base/error.h"
#include <stdint.h>
#include <sys/types.h>

enum {
    HANDOVER_MAGIC = 0x48525653, /* "SVRH" */
    HANDOVER_VERSION = 1,
    HANDOVER_TEXT_BYTES = 896,
    HANDOVER_MAX_FDS = 2,
    /* How long a TCP connection may hold bytes of an older generation before it is closed. */
    HANDOVER_STREAM_GRACE_MS = 5000,
    /* Responses a second for one prefix and class, unless told otherwise: what NSD has had. */
    HANDOVER_RATE_LIMIT = 200,
};

enum handover_kind {
    HANDOVER_HELLO = 1,
    HANDOVER_LOAD,
    HANDOVER_SERVED,
    HANDOVER_REFUSED,
    HANDOVER_RETIRED,
    HANDOVER_ASK,
};

struct handover_message {
    uint32_t magic;
    uint16_t version;
    uint16_t kind;
    uint64_t generation;
    uint32_t pid;
    uint32_t workers;
    char text[HANDOVER_TEXT_BYTES]; /* HELLO: addresses as given, in order, one space between;
                                       REFUSED: the reason; NUL-terminated */
};

/* What arrived: the message and its descriptors, which are the caller's to close. */
struct handover_packet {
    struct handover_message message;
    int fds[HANDOVER_MAX_FDS];
    int fd_count;
    pid_t sender; /* who sent it, if the socket or its listener has SO_PASSCRED; else 0 */
};

/* Sends one message (magic and version are filled in) with up to two descriptors, which stay the
 * caller's. ERROR_UNREACHABLE: the other side is gone. */
NODISCARD bool handover_send(int socket, const struct handover_message *message, const int *fds,
                             int fd_count, struct error *err);

enum handover_received {
    HANDOVER_GOT,   /* *packet is filled */
    HANDOVER_LATER, /* nothing there (the socket is non-blocking) */
    HANDOVER_GONE,  /* closed, or not speaking our language: *err says which */
};
enum handover_received handover_receive(int socket, struct handover_packet *packet,
                                        struct error *err);
void handover_packet_close(struct handover_packet *packet); /* closes the descriptors left in it */

/* The last-served memory of one generation, mapped. Zeroed is closed. */
struct served_memory {
    struct served_header *header;
    size_t len;
};

struct served_header { /* one line, then workers × stride seconds */
    uint32_t magic;
    uint32_t workers;
    uint32_t sets;
    uint32_t stride; /* sets rounded up to a cache line's worth */
    uint64_t generation;
    uint8_t reserved[40];
};

/* Makes it (dnsd): returns a sealed-size memfd in *fd, the caller's, and maps it for writing. */
NODISCARD bool served_memory_make(struct served_memory *memory, int *fd, uint64_t generation,
                                  uint32_t workers, uint32_t sets, struct error *err);

/* Maps one that came from dnsd, for reading, after checking its size against its header. */
NODISCARD bool served_memory_open(struct served_memory *memory, int fd, struct error *err);
void served_memory_close(struct served_memory *memory);

/* The row of one worker: seconds by set index. */
uint32_t *served_memory_row(const struct served_memory *memory, uint32_t worker);

/* The latest second in which any worker served `set`; 0: never. */
uint32_t served_memory_latest(const struct served_memory *memory, uint32_t set);
