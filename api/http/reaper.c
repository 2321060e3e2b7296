/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/reaper.h"

#include "zones/base/clock.h"
#include "zones/base/file.h"

#include <stdlib.h>
#include <string.h>

enum {
    TURNED_AWAY_MAX = 32
}; /* beyond the limit, to be told so; the next are just closed */

void reaper_init(struct reaper *reaper, const struct door_limits *limits)
{
    memset(reaper, 0, sizeof *reaper);
    reaper->limits = *limits;
    reaper->room = limits->connections + TURNED_AWAY_MAX;
    reaper->entries = calloc(reaper->room, sizeof(struct reaper_entry *));
    if (!reaper->entries)
        abort();
    pthread_mutex_init(&reaper->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&reaper->removed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void free_entry(struct reaper_entry *entry)
{
    free(entry->connection.bytes);
    tls_peer_unref(entry->connection.tls);
    free(entry);
}

void reaper_fini(struct reaper *reaper)
{
    for (size_t i = 0; i < reaper->count; i++)
        free_entry(reaper->entries[i]);
    free(reaper->entries);
    pthread_mutex_destroy(&reaper->lock);
    pthread_cond_destroy(&reaper->removed);
}

/* -- with the lock held -- */

static bool owes_request(const struct reaper_entry *entry)
{
    return entry->phase == REAPER_HEAD || entry->phase == REAPER_BODY;
}

static bool is_ours(const struct reaper_entry *entry)
{
    return entry->phase == REAPER_HEAD || entry->phase == REAPER_LINGER;
}

static bool is_same_source(const struct reaper_entry *entry, const struct reaper_entry *other)
{
    return !entry->connection.is_unix && !other->connection.is_unix &&
           strcmp(entry->connection.source, other->connection.source) == 0;
}

/* Connections that count; of one address when `like` is given. */
static unsigned count(const struct reaper *reaper, const struct reaper_entry *like)
{
    unsigned sum = 0;
    for (size_t i = 0; i < reaper->count; i++) {
        const struct reaper_entry *entry = reaper->entries[i];
        bool counts = entry->phase != REAPER_LINGER && entry->phase != REAPER_EVICTED;
        sum += counts && (!like || is_same_source(entry, like));
    }
    return sum;
}

static void take_out(struct reaper *reaper, size_t i)
{
    free_entry(reaper->entries[i]);
    reaper->entries[i] = reaper->entries[--reaper->count];
    pthread_cond_broadcast(&reaper->removed);
}

/* Ours is closed and gone, and true; the library's is shut down, which makes the library close
 * it. */
static bool end(struct reaper *reaper, size_t i)
{
    struct reaper_entry *entry = reaper->entries[i];
    if (is_ours(entry)) {
        fd_close(&entry->connection.fd); /* leaves the epoll by itself */
        take_out(reaper, i);
        return true;
    }
    shutdown(entry->connection.fd, SHUT_RDWR);
    entry->phase = REAPER_EVICTED;
    return false;
}

enum evict_from {
    EVICT_ANY,
    EVICT_SAME_SOURCE,
};

static bool evict(struct reaper *reaper, const struct reaper_entry *newcomer, enum evict_from from)
{
    size_t oldest = reaper->count;
    for (size_t i = 0; i < reaper->count; i++) {
        const struct reaper_entry *entry = reaper->entries[i];
        if (!owes_request(entry) || entry == newcomer ||
            (from == EVICT_SAME_SOURCE && !is_same_source(entry, newcomer)))
            continue;
        if (oldest == reaper->count || entry->accepted_ms < reaper->entries[oldest]->accepted_ms)
            oldest = i;
    }
    if (oldest == reaper->count)
        return false;
    (void)end(reaper, oldest);
    return true;
}

/* -- for the door -- */

bool reaper_add(struct reaper *reaper, struct reaper_entry *entry)
{
    pthread_mutex_lock(&reaper->lock);
    bool fits = reaper->count < reaper->room;
    if (fits)
        reaper->entries[reaper->count++] = entry;
    pthread_mutex_unlock(&reaper->lock);
    return fits;
}

void reaper_remove(struct reaper *reaper, struct reaper_entry *entry)
{
    pthread_mutex_lock(&reaper->lock);
    for (size_t i = 0; i < reaper->count; i++) {
        if (reaper->entries[i] == entry) {
            take_out(reaper, i);
            break;
        }
    }
    pthread_mutex_unlock(&reaper->lock);
}

void reaper_drop(struct reaper *reaper, struct reaper_entry *entry)
{
    fd_close(&entry->connection.fd);
    reaper_remove(reaper, entry);
}

void reaper_drop_ours(struct reaper *reaper)
{
    pthread_mutex_lock(&reaper->lock);
    for (size_t i = 0; i < reaper->count;) {
        if (is_ours(reaper->entries[i]))
            (void)end(reaper, i);
        else
            i++;
    }
    pthread_mutex_unlock(&reaper->lock);
}

bool reaper_is_ours(struct reaper *reaper, const struct reaper_entry *entry)
{
    bool is_there = false;
    pthread_mutex_lock(&reaper->lock);
    for (size_t i = 0; i < reaper->count && !is_there; i++)
        is_there = reaper->entries[i] == entry && is_ours(entry);
    pthread_mutex_unlock(&reaper->lock);
    return is_there;
}

void reaper_set_phase(struct reaper *reaper, struct reaper_entry *entry, enum reaper_phase phase,
                      int64_t deadline_ms)
{
    pthread_mutex_lock(&reaper->lock);
    if (entry->phase != REAPER_EVICTED) {
        entry->phase = phase;
        entry->deadline_ms = deadline_ms;
    }
    pthread_mutex_unlock(&reaper->lock);
}

struct reaper_entry *reaper_find(struct reaper *reaper, int fd)
{
    struct reaper_entry *found = NULL;
    pthread_mutex_lock(&reaper->lock);
    for (size_t i = 0; i < reaper->count && !found; i++) {
        if (!is_ours(reaper->entries[i]) && reaper->entries[i]->connection.fd == fd)
            found = reaper->entries[i];
    }
    pthread_mutex_unlock(&reaper->lock);
    return found;
}

bool reaper_make_room(struct reaper *reaper, const struct reaper_entry *newcomer)
{
    bool has_room = true;
    pthread_mutex_lock(&reaper->lock);
    if (!newcomer->connection.is_unix && count(reaper, newcomer) > reaper->limits.per_address)
        has_room = evict(reaper, newcomer, EVICT_SAME_SOURCE);
    else if (count(reaper, NULL) > reaper->limits.connections)
        has_room = evict(reaper, newcomer, EVICT_ANY);
    pthread_mutex_unlock(&reaper->lock);
    return has_room;
}

int64_t reaper_reap(struct reaper *reaper, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    pthread_mutex_lock(&reaper->lock);
    for (size_t i = 0; i < reaper->count; i++) {
        const struct reaper_entry *entry = reaper->entries[i];
        if (entry->phase == REAPER_EVICTED)
            continue;
        if (now_ms < entry->deadline_ms)
            next_ms = entry->deadline_ms < next_ms ? entry->deadline_ms : next_ms;
        else if (end(reaper, i))
            i--; /* another took its place */
    }
    pthread_mutex_unlock(&reaper->lock);
    return next_ms;
}

bool reaper_wait_empty(struct reaper *reaper, unsigned wait_ms)
{
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    int failed = 0;
    pthread_mutex_lock(&reaper->lock);
    while (reaper->count > 0 && failed == 0)
        failed = pthread_cond_timedwait(&reaper->removed, &reaper->lock, &until);
    bool is_empty = reaper->count == 0;
    pthread_mutex_unlock(&reaper->lock);
    return is_empty;
}
