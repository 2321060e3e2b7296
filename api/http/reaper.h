/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reaper: the table of open connections: who is here, since when, and who must leave.
 *
 * The door's thread adds entries and owns those whose request is still coming or was refused
 * (reaper_is_ours); the others are the library's, on whose thread they are removed. A descriptor of
 * the library's may be shut down here, never closed: it stays open until it is removed, and
 * it is removed before it is closed. */
#pragma once
#include "api/http/door.h"
#include <pthread.h>

enum reaper_phase {
    REAPER_HEAD,    /* ours: the head is coming */
    REAPER_LINGER,  /* ours: refused, told so; what comes is thrown away */
    REAPER_BODY,    /* the library's: the body is coming */
    REAPER_ANSWER,  /* the library's: the request is whole */
    REAPER_EVICTED, /* the library's: shut down, not closed yet; not counted any more */
};

struct reaper_entry {
    struct door_connection connection; /* first: one pointer is both */
    enum reaper_phase phase;
    int64_t accepted_ms, deadline_ms; /* clock_monotonic_ms */
    size_t lingered_bytes;
    const struct door_listener *listener;
};

struct reaper {
    pthread_mutex_t lock;
    pthread_cond_t removed;
    struct door_limits limits;
    struct reaper_entry **entries;
    size_t count, room;
};

void reaper_init(struct reaper *reaper, const struct door_limits *limits);
void reaper_fini(struct reaper *reaper); /* frees the entries that are left */

/* False: the table is full, even with those that are turned away. */
NODISCARD bool reaper_add(struct reaper *reaper, struct reaper_entry *entry);

/* Takes the entry out and frees it, unless that was done before; its socket is the caller's. */
void reaper_remove(struct reaper *reaper, struct reaper_entry *entry);

/* Closes the socket of an entry of ours and removes it. */
void reaper_drop(struct reaper *reaper, struct reaper_entry *entry);
void reaper_drop_ours(struct reaper *reaper); /* all of them */

bool reaper_is_ours(struct reaper *reaper, const struct reaper_entry *entry);

/* Moves an entry on, with a new deadline. */
void reaper_set_phase(struct reaper *reaper, struct reaper_entry *entry, enum reaper_phase phase,
                      int64_t deadline_ms);

/* The library's entry with that descriptor; NULL: none. */
struct reaper_entry *reaper_find(struct reaper *reaper, int fd);

/* True when there is room for the newcomer, who is in the table already; if need be the oldest that
 * still owes us its request leaves, one of the same address when that has too many. */
NODISCARD bool reaper_make_room(struct reaper *reaper, const struct reaper_entry *newcomer);

/* Ends what is over its time. The next deadline, or INT64_MAX. */
int64_t reaper_reap(struct reaper *reaper, int64_t now_ms);

/* Waits until the table is empty, at most wait_ms. False: it is not. */
bool reaper_wait_empty(struct reaper *reaper, unsigned wait_ms);
