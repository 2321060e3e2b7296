/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/bell.h"

#include "zones/base/clock.h"

#include <pthread.h>
#include <stdlib.h>

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_ended;
    uint64_t count, woken_count; /* rings, and those that the sleepers were woken for */
    int64_t next_ms;             /* the earliest end of a sleep; INT64_MAX: none */
    struct bell_sleeper *sleepers;
};

/* With the lock held. */
static void wake(struct bell_sleeper *sleeper)
{
    *sleeper->link = sleeper->next;
    if (sleeper->next)
        sleeper->next->link = sleeper->link;
    sleeper->link = NULL;
    sleeper->wake(sleeper->context); /* it may be asleep again before we look at the next one */
}

/* With the lock held: wakes all when it has rung, else those whose time is over. New sleepers come
 * in front, so each of them is looked at once. */
static void wake_due(struct bell *bell)
{
    bool is_all = bell->has_ended || bell->woken_count != bell->count;
    int64_t now_ms = clock_monotonic_ms(), next_ms = INT64_MAX;
    bell->woken_count = bell->count;
    for (struct bell_sleeper *sleeper = bell->sleepers, *next; sleeper; sleeper = next) {
        next = sleeper->next;
        if (is_all || sleeper->until_ms <= now_ms)
            wake(sleeper);
        else if (sleeper->until_ms < next_ms)
            next_ms = sleeper->until_ms;
    }
    bell->next_ms = next_ms;
}

static void *run(void *context)
{
    struct bell *bell = context;
    pthread_mutex_lock(&bell->lock);
    while (!bell->has_ended) {
        if (bell->next_ms == INT64_MAX) {
            pthread_cond_wait(&bell->changed, &bell->lock);
        } else if (bell->next_ms > clock_monotonic_ms()) {
            struct timespec until = {.tv_sec = bell->next_ms / 1000,
                                     .tv_nsec = bell->next_ms % 1000 * 1000000};
            pthread_cond_clockwait(&bell->changed, &bell->lock, CLOCK_MONOTONIC, &until);
        }
        if (bell->has_ended || bell->woken_count != bell->count ||
            bell->next_ms <= clock_monotonic_ms())
            wake_due(bell);
    }
    wake_due(bell);
    pthread_mutex_unlock(&bell->lock);
    return NULL;
}

struct bell *bell_new(void)
{
    struct bell *bell = calloc(1, sizeof *bell);
    if (!bell)
        abort();
    bell->next_ms = INT64_MAX;
    pthread_mutex_init(&bell->lock, NULL);
    pthread_cond_init(&bell->changed, NULL);
    if (pthread_create(&bell->thread, NULL, run, bell) != 0)
        abort();
    return bell;
}

void bell_end(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    bool is_first = !bell->has_ended;
    bell->has_ended = true;
    pthread_cond_signal(&bell->changed);
    pthread_mutex_unlock(&bell->lock);
    if (is_first)
        pthread_join(bell->thread, NULL);
}

void bell_free(struct bell *bell)
{
    if (!bell)
        return;
    bell_end(bell);
    pthread_mutex_destroy(&bell->lock);
    pthread_cond_destroy(&bell->changed);
    free(bell);
}

void bell_ring(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    bell->count++;
    pthread_cond_signal(&bell->changed);
    pthread_mutex_unlock(&bell->lock);
}

uint64_t bell_count(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    uint64_t count = bell->count;
    pthread_mutex_unlock(&bell->lock);
    return count;
}

bool bell_has_ended(struct bell *bell)
{
    pthread_mutex_lock(&bell->lock);
    bool has_ended = bell->has_ended;
    pthread_mutex_unlock(&bell->lock);
    return has_ended;
}

bool bell_sleep(struct bell *bell, struct bell_sleeper *sleeper, uint64_t count)
{
    pthread_mutex_lock(&bell->lock);
    bool sleeps =
        !bell->has_ended && bell->count == count && sleeper->until_ms > clock_monotonic_ms();
    if (sleeps) {
        sleeper->next = bell->sleepers;
        sleeper->link = &bell->sleepers;
        if (sleeper->next)
            sleeper->next->link = &sleeper->next;
        bell->sleepers = sleeper;
        if (sleeper->until_ms < bell->next_ms) {
            bell->next_ms = sleeper->until_ms;
            pthread_cond_signal(&bell->changed);
        }
    }
    pthread_mutex_unlock(&bell->lock);
    return sleeps;
}
