/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/events.h"

#include "zones/base/clock.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An event as it is sent; counted by reference, because a listener may stand in the middle of it
 * when the ring forgets it. */
struct event_bytes {
    unsigned refs; /* atomic */
    size_t len;
    char bytes[];
};

struct event {
    enum event_kind kind;
    uint64_t revision;
    struct event_bytes *bytes;
};

struct events {
    pthread_mutex_t lock;
    struct event ring[EVENTS_MAX]; /* sequence s lies at s % EVENTS_MAX */
    size_t count, total_bytes;
    uint64_t newest; /* sequence of the last event, or what the first one follows */
    uint64_t newest_revision;
    struct event_moment moment; /* the newest state */

    pthread_mutex_t watcher_lock;
    events_watcher *watcher;
    void *watcher_context;
};

/* -- kinds ---------------------------------------------------------------------------------------
 */

static const char *const kind_names[EVENT_KINDS] = {
    [EVENT_REVISION] = "revision", [EVENT_SERVED] = "served", [EVENT_DRAIN] = "drain",
    [EVENT_WEIGHT] = "weight",     [EVENT_WINDOW] = "window", [EVENT_INVENTORY] = "inventory",
    [EVENT_DNSD] = "dnsd",         [EVENT_READY] = "ready",
};

const char *event_kind_print(enum event_kind kind)
{
    return kind_names[kind];
}

bool event_kind_parse(struct text text, enum event_kind *kind)
{
    for (unsigned i = 0; i < EVENT_KINDS; i++) {
        if (!text_is(text, kind_names[i]))
            continue;
        *kind = (enum event_kind)i;
        return true;
    }
    return false;
}

/* -- bytes ---------------------------------------------------------------------------------------
 */

static struct event_bytes *bytes_print(const char *format, ...) PRINTF_LIKE(1, 2);
static struct event_bytes *bytes_print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    struct event_bytes *made = len < 0 ? NULL : malloc(sizeof *made + (size_t)len + 1);
    if (!made)
        abort();
    *made = (struct event_bytes){.refs = 1, .len = (size_t)len};
    va_start(args, format);
    vsnprintf(made->bytes, made->len + 1, format, args);
    va_end(args);
    return made;
}

static void bytes_unref(struct event_bytes *bytes)
{
    if (bytes && __atomic_sub_fetch(&bytes->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(bytes);
}

static struct event_bytes *event_print(const char *kind, uint64_t revision, uint64_t sequence,
                                       const json_t *data)
{
    char *text = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(6)); /* no line feeds in it */
    if (!text)
        abort();
    struct event_bytes *bytes = bytes_print("id: %" PRIu64 ".%" PRIu64 "\nevent: %s\ndata: %s\n\n",
                                            revision, sequence, kind, text);
    free(text);
    return bytes;
}

static void add_moment(json_t *data, const struct event_moment *moment)
{
    char at[CLOCK_TEXT_SIZE];
    json_object_set_new(data, "at", json_string(clock_print(moment->at_ms, at)));
    json_object_set_new(data, "revision", json_integer((json_int_t)moment->revision));
    json_object_set_new(data, "index", json_integer((json_int_t)moment->index));
}

/* -- the ring ------------------------------------------------------------------------------------
 */

struct events *events_new(uint64_t first)
{
    struct events *events = calloc(1, sizeof *events);
    if (!events)
        abort();
    events->newest = first;
    pthread_mutex_init(&events->lock, NULL);
    pthread_mutex_init(&events->watcher_lock, NULL);
    return events;
}

static uint64_t oldest(const struct events *events)
{
    return events->newest - events->count + 1;
}

/* With the lock held. */
static void forget_oldest(struct events *events)
{
    struct event *event = &events->ring[oldest(events) % EVENTS_MAX];
    events->total_bytes -= event->bytes->len;
    bytes_unref(event->bytes);
    event->bytes = NULL;
    events->count--;
}

void events_free(struct events *events)
{
    if (!events)
        return;
    while (events->count)
        forget_oldest(events);
    pthread_mutex_destroy(&events->lock);
    pthread_mutex_destroy(&events->watcher_lock);
    free(events);
}

void events_publish(struct events *events, enum event_kind kind, const struct event_moment *moment,
                    json_t *data)
{
    add_moment(data, moment);
    pthread_mutex_lock(&events->lock);
    if (events->count == EVENTS_MAX)
        forget_oldest(events);
    uint64_t sequence = ++events->newest;
    struct event *event = &events->ring[sequence % EVENTS_MAX];
    event->kind = kind;
    event->revision = events->newest_revision = moment->revision;
    event->bytes = event_print(kind_names[kind], moment->revision, sequence, data);
    events->count++;
    events->total_bytes += event->bytes->len;
    while (events->total_bytes > EVENTS_MAX_BYTES && events->count > 1)
        forget_oldest(events);
    pthread_mutex_unlock(&events->lock);
    json_decref(data);
}

void events_renew(struct events *events, const struct event_moment *moment)
{
    pthread_mutex_lock(&events->lock);
    events->moment = *moment;
    if (events->count == 0)
        events->newest_revision = moment->revision;
    pthread_mutex_unlock(&events->lock);
    pthread_mutex_lock(&events->watcher_lock);
    if (events->watcher)
        events->watcher(events->watcher_context);
    pthread_mutex_unlock(&events->watcher_lock);
}

void events_watch(struct events *events, events_watcher *watcher, void *context)
{
    pthread_mutex_lock(&events->watcher_lock);
    events->watcher = watcher;
    events->watcher_context = context;
    pthread_mutex_unlock(&events->watcher_lock);
}

/* -- listeners -----------------------------------------------------------------------------------
 */

/* With the lock held. */
static uint64_t revision_of(const struct events *events, uint64_t sequence)
{
    bool is_there = sequence >= oldest(events) && sequence <= events->newest;
    return is_there ? events->ring[sequence % EVENTS_MAX].revision : events->newest_revision;
}

/* With the lock held: where the cursor stands, told as an event of no kind of the world's. */
static void cursor_tell(const struct events *events, struct events_cursor *cursor, const char *kind,
                        json_t *data)
{
    uint64_t before = cursor->next - 1;
    add_moment(data, &events->moment);
    struct event_bytes *event = event_print(kind, revision_of(events, before), before, data);
    bytes_unref(cursor->bytes);
    cursor->bytes = bytes_print("retry: %d\n%s", EVENTS_RETRY_MS, event->bytes);
    cursor->offset = 0;
    bytes_unref(event);
    json_decref(data);
}

/* With the lock held. */
static void cursor_reset(const struct events *events, struct events_cursor *cursor,
                         const char *reason)
{
    cursor->next = events->newest + 1;
    cursor_tell(events, cursor, "reset", json_pack("{s:s}", "reason", reason));
}

/* "42.1796515200017" */
static bool id_parse(struct text id, uint64_t *revision, uint64_t *sequence)
{
    const char *dot = id.len ? memchr(id.ptr, '.', id.len) : NULL;
    if (!dot)
        return false;
    struct text before = {id.ptr, (size_t)(dot - id.ptr)};
    struct text behind = {dot + 1, id.len - before.len - 1};
    return text_to_u64(before, 0, UINT64_MAX, revision) &&
           text_to_u64(behind, 0, UINT64_MAX, sequence);
}

/* With the lock held: is that the id of an event of the ring, or of the place before it? */
static bool id_is_known(const struct events *events, uint64_t revision, uint64_t sequence)
{
    if (sequence > events->newest || sequence + 1 < oldest(events))
        return false;
    if (sequence == events->newest) /* also of `hello` before any event */
        return revision == events->newest_revision;
    /* What the ring has just forgotten was before its oldest: nothing is missing. */
    return sequence + 1 == oldest(events) || revision == revision_of(events, sequence);
}

/* With the lock held: where the last `wanted` events of those kinds begin. */
static uint64_t go_back(const struct events *events, uint32_t kinds, uint32_t wanted)
{
    uint64_t sequence = events->newest + 1;
    while (wanted > 0 && sequence > oldest(events))
        wanted -= kinds >> events->ring[--sequence % EVENTS_MAX].kind & 1;
    return sequence;
}

void events_begin(struct events *events, struct events_cursor *cursor,
                  const struct events_wish *wish)
{
    uint64_t revision = 0, sequence = 0;
    bool is_id = wish->last_id.ptr && id_parse(wish->last_id, &revision, &sequence);
    uint32_t kinds = wish->kinds ? wish->kinds : UINT32_MAX;
    pthread_mutex_lock(&events->lock);
    *cursor = (struct events_cursor){
        .kinds = kinds,
        .next = go_back(events, kinds, wish->last),
        .until = wish->is_once ? events->newest : UINT64_MAX,
    };
    if (is_id && id_is_known(events, revision, sequence))
        cursor->next = sequence + 1;
    else if (wish->last_id.ptr)
        cursor_reset(events, cursor, is_id ? "gone" : "unknown-id");
    else
        cursor_tell(events, cursor, "hello", json_object());
    pthread_mutex_unlock(&events->lock);
}

/* With the lock held: the next event that is wanted becomes the one that is read. */
static void cursor_advance(const struct events *events, struct events_cursor *cursor)
{
    if (cursor->next < oldest(events))
        cursor_reset(events, cursor, "too-slow");
    while (!cursor->bytes && cursor->next <= events->newest && cursor->next <= cursor->until) {
        const struct event *event = &events->ring[cursor->next++ % EVENTS_MAX];
        if (!(cursor->kinds >> event->kind & 1))
            continue;
        cursor->bytes = event->bytes;
        cursor->offset = 0;
        __atomic_add_fetch(&cursor->bytes->refs, 1, __ATOMIC_RELAXED);
    }
}

size_t events_read(struct events *events, struct events_cursor *cursor, char *out, size_t room)
{
    size_t len = 0;
    while (len < room) {
        if (!cursor->bytes) {
            pthread_mutex_lock(&events->lock);
            cursor_advance(events, cursor);
            pthread_mutex_unlock(&events->lock);
        }
        if (!cursor->bytes)
            break;
        size_t left = cursor->bytes->len - cursor->offset;
        size_t piece = left < room - len ? left : room - len;
        memcpy(out + len, cursor->bytes->bytes + cursor->offset, piece);
        len += piece;
        cursor->offset += piece;
        if (piece == left) {
            bytes_unref(cursor->bytes);
            cursor->bytes = NULL;
        }
    }
    return len;
}

bool events_is_over(const struct events_cursor *cursor)
{
    return !cursor->bytes && cursor->next > cursor->until;
}

void events_cursor_fini(struct events_cursor *cursor)
{
    bytes_unref(cursor->bytes);
    *cursor = (struct events_cursor){0};
}
