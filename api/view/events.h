/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events: what has happened, in order, for those who follow it (GET /events).
 *
 * One ring for all listeners: an event is rendered once, as server-sent event of the HTML standard
 * (section 9.2), and each listener copies bytes from where it stands. The ring keeps the last
 * EVENTS_MAX events or EVENTS_MAX_BYTES, whichever is less; a listener that fell out of it, or
 * comes back with the id of an event that is not there, is told `reset`: read the state again, and
 * go on from here. So a listener never misses an event without knowing it, and a slow one costs
 * nobody anything.
 *
 * An id is REVISION.SEQUENCE. The sequence grows by one an event, and begins at the start's
 * milliseconds, so that an id of an earlier life of the server is not taken for one of this.
 *
 * Any thread; the world's publishes. */
#pragma once
#include "zones/base/bytes.h"
#include <jansson.h>

enum {
    EVENTS_MAX = 4096,                  /* a drain of 1,000 nodes is 1,000 events and a few */
    EVENTS_MAX_BYTES = 2 * 1024 * 1024, /* an event has about 300 bytes */
    EVENTS_RETRY_MS = 2000,             /* how long browsers wait before they come back */
};

enum event_kind {
    EVENT_REVISION,  /* a revision is published: stored, and handed to dnsd */
    EVENT_SERVED,    /* dnsd serves it */
    EVENT_DRAIN,     /* a drain is there, or has another state */
    EVENT_WEIGHT,    /* an operator's weight is set, changed or gone */
    EVENT_WINDOW,    /* a window is there, changed, gone, or in another state */
    EVENT_INVENTORY, /* another inventory is in force */
    EVENT_DNSD,      /* dnsd came, left, fell behind or caught up */
    EVENT_READY,     /* readiness or its reasons changed */
    EVENT_KINDS,
};
const char *event_kind_print(enum event_kind kind);
bool event_kind_parse(struct text text, enum event_kind *kind);

/* When something happened, and to what state of the world it belongs. */
struct event_moment {
    int64_t at_ms;
    uint64_t revision, index; /* of the view */
};

struct events;

/* `first` is the sequence that the first event follows. */
struct events *events_new(uint64_t first);
void events_free(struct events *events); /* NULL is fine */

/* Adds "at", "revision" and "index" to the data, which it takes, and appends the event. */
void events_publish(struct events *events, enum event_kind kind, const struct event_moment *moment,
                    json_t *data);

/* The state moved on, with events or without; tells the watcher. */
void events_renew(struct events *events, const struct event_moment *moment);

/* Calls back after every events_renew, on its thread, with no lock of ours but the watcher's held.
 * NULL: no more; then the last call is over. */
typedef void events_watcher(void *context);
void events_watch(struct events *events, events_watcher *watcher, void *context);

/* What a listener wants, and where it stands. */
struct events_cursor {
    uint32_t kinds;            /* a bit a kind */
    uint64_t next;             /* sequence of the event to be read next */
    uint64_t until;            /* ends behind that one; UINT64_MAX: never */
    struct event_bytes *bytes; /* what is half read; a reference */
    size_t offset;             /* in it */
};

struct events_wish {
    struct text last_id; /* Last-Event-ID; ptr NULL: did not come */
    uint32_t kinds;      /* a bit a kind; 0: all */
    uint32_t last;       /* without last_id: begin with that many of those kinds */
    bool is_once;        /* end with what is there now */
};

/* Begins behind wish->last_id, or with `reset` when that is gone; without one with `hello`. */
void events_begin(struct events *events, struct events_cursor *cursor,
                  const struct events_wish *wish);

/* Copies what comes next, at most `room` bytes; 0: nothing now. */
size_t events_read(struct events *events, struct events_cursor *cursor, char *out, size_t room);

/* True when nothing will come any more. */
bool events_is_over(const struct events_cursor *cursor);

void events_cursor_fini(struct events_cursor *cursor);
