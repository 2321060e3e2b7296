/* SPDX-License-Identifier: GPL-3.0-or-later */
/* event_stream: server-sent events out of bytes as they come (HTML standard, section 9.2.6).
 *
 * Fields other than id, event and data are passed over, as are comments and fields without a value;
 * lines end with LF or CR LF. An event longer than EVENT_STREAM_MAX_BYTES is left out: ours have a
 * few hundred. Pure: bytes in, events out. */
#pragma once
#include "zones/base/bytes.h"

enum {
    EVENT_STREAM_MAX_BYTES = 256 * 1024,
    EVENT_STREAM_ID_SIZE = 64,
    EVENT_STREAM_KIND_SIZE = 32,
};

struct event_stream {
    char id[EVENT_STREAM_ID_SIZE]; /* of the last event that came whole; stays */
    char next_id[EVENT_STREAM_ID_SIZE];
    char kind[EVENT_STREAM_KIND_SIZE];
    char *line, *data; /* heap */
    size_t line_len, line_room, data_len, data_room;
    bool is_too_long;
    /* Called for every event; `data` has a NUL behind it and lives for the call. */
    void (*on_event)(void *context, const char *kind, struct text data);
    void *context;
};

/* Takes what has come. The rest of an event may come later, or never. */
void event_stream_feed(struct event_stream *stream, struct text piece);

/* The connection is another one: what was half told is forgotten; the id stays. */
void event_stream_restart(struct event_stream *stream);

void event_stream_fini(struct event_stream *stream);
