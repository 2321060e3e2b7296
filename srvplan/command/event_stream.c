/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/event_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Appends to one of the two buffers; false: it would be too long. */
static bool append(char **buffer, size_t *len, size_t *room, struct text text)
{
    if (text.len > EVENT_STREAM_MAX_BYTES - *len)
        return false;
    if (*len + text.len + 1 > *room) {
        *room = 2 * (*len + text.len + 1);
        *buffer = realloc(*buffer, *room);
        if (!*buffer)
            abort();
    }
    if (text.len)
        memcpy(*buffer + *len, text.ptr, text.len);
    *len += text.len;
    (*buffer)[*len] = '\0';
    return true;
}

static void begin_event(struct event_stream *stream)
{
    stream->kind[0] = '\0';
    stream->data_len = 0;
    stream->is_too_long = false;
}

static void end_event(struct event_stream *stream)
{
    memcpy(stream->id, stream->next_id, sizeof stream->id);
    if (stream->data_len && !stream->is_too_long)
        stream->on_event(stream->context, stream->kind[0] ? stream->kind : "message",
                         (struct text){stream->data, stream->data_len});
    begin_event(stream);
}

static void take_field(struct event_stream *stream, struct text name, struct text value)
{
    if (text_is(name, "id")) {
        if (value.len < sizeof stream->next_id)
            snprintf(stream->next_id, sizeof stream->next_id, "%.*s", (int)value.len, value.ptr);
    } else if (text_is(name, "event")) {
        snprintf(stream->kind, sizeof stream->kind, "%.*s",
                 (int)(value.len < 1000 ? value.len : 1000), value.ptr);
    } else if (text_is(name, "data")) {
        bool fits = (stream->data_len == 0 || append(&stream->data, &stream->data_len,
                                                     &stream->data_room, (struct text){"\n", 1})) &&
                    append(&stream->data, &stream->data_len, &stream->data_room, value);
        stream->is_too_long = stream->is_too_long || !fits;
    }
}

static void take_line(struct event_stream *stream, struct text line)
{
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0) {
        end_event(stream);
        return;
    }
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon || colon == line.ptr)
        return;
    struct text name = {line.ptr, (size_t)(colon - line.ptr)};
    struct text value = {colon + 1, line.len - name.len - 1};
    if (value.len && value.ptr[0] == ' ')
        value = (struct text){value.ptr + 1, value.len - 1};
    take_field(stream, name, value);
}

void event_stream_feed(struct event_stream *stream, struct text piece)
{
    while (piece.len) {
        const char *end = memchr(piece.ptr, '\n', piece.len);
        struct text part = {piece.ptr, end ? (size_t)(end - piece.ptr) : piece.len};
        if (!append(&stream->line, &stream->line_len, &stream->line_room, part)) {
            stream->is_too_long = true;
            stream->line_len = 0;
        }
        size_t taken = part.len + (end != NULL);
        piece = (struct text){piece.ptr + taken, piece.len - taken};
        if (!end)
            return;
        take_line(stream, (struct text){stream->line ? stream->line : "", stream->line_len});
        stream->line_len = 0;
    }
}

void event_stream_restart(struct event_stream *stream)
{
    stream->line_len = 0;
    memcpy(stream->next_id, stream->id, sizeof stream->next_id);
    begin_event(stream);
}

void event_stream_fini(struct event_stream *stream)
{
    free(stream->line);
    free(stream->data);
    *stream = (struct event_stream){0};
}
