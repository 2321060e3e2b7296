/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/stream.h"

#include "zones/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_BYTES = 4096 /* of the library, for each stream */
};

struct stream {
    struct stream_options options;
    struct MHD_Connection *connection;
    struct events_cursor cursor;
    struct bell_sleeper sleeper;
    int64_t heartbeat_at_ms;
};

static void wake(void *context)
{
    MHD_resume_connection(context);
}

/* Suspends until there is news, or it is time for a heartbeat. `count`: of the bell, from before it
 * was looked for. */
static void doze(struct stream *stream, uint64_t count)
{
    stream->sleeper = (struct bell_sleeper){
        .wake = wake, .context = stream->connection, .until_ms = stream->heartbeat_at_ms};
    MHD_suspend_connection(stream->connection);
    if (!bell_sleep(stream->options.bell, &stream->sleeper, count))
        MHD_resume_connection(stream->connection);
}

static ssize_t read_next(void *context, uint64_t position, char *out, size_t room)
{
    static const char heartbeat[] = ": \n\n";
    struct stream *stream = context;
    (void)position;
    if (!stream->options.may_go_on(stream->options.context))
        return MHD_CONTENT_READER_END_OF_STREAM;
    uint64_t count = bell_count(stream->options.bell);
    bool has_ended = bell_has_ended(stream->options.bell);
    size_t len = events_read(stream->options.events, &stream->cursor, out, room);
    int64_t now_ms = clock_monotonic_ms();
    if (len == 0 && (has_ended || events_is_over(&stream->cursor)))
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (len == 0 && now_ms < stream->heartbeat_at_ms) {
        doze(stream, count);
        return 0;
    }
    if (len == 0 && room >= sizeof heartbeat - 1) {
        len = sizeof heartbeat - 1;
        memcpy(out, heartbeat, len);
    }
    stream->heartbeat_at_ms = now_ms + stream->options.heartbeat_ms;
    return (ssize_t)len;
}

static void free_stream(void *context)
{
    struct stream *stream = context;
    events_cursor_fini(&stream->cursor);
    free(stream);
}

struct MHD_Response *stream_response(const struct stream_options *options,
                                     struct MHD_Connection *connection,
                                     const struct events_wish *wish)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        abort();
    stream->options = *options;
    stream->connection = connection;
    stream->heartbeat_at_ms = clock_monotonic_ms() + options->heartbeat_ms;
    events_begin(options->events, &stream->cursor, wish);
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_next, stream, free_stream);
    if (!response)
        free_stream(stream);
    return response;
}
