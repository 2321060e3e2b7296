/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/scheduler.h"

#include "zones/base/file.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct scheduler {
    int timer, knocks;
};

struct scheduler *scheduler_open(struct error *err)
{
    struct scheduler *scheduler = calloc(1, sizeof *scheduler);
    if (!scheduler)
        abort();
    scheduler->timer = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    scheduler->knocks = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (scheduler->timer >= 0 && scheduler->knocks >= 0)
        return scheduler;
    error_system(err, "timer", "raise the limit of open files", "cannot make a timer");
    scheduler_close(scheduler);
    return NULL;
}

void scheduler_close(struct scheduler *scheduler)
{
    if (!scheduler)
        return;
    fd_close(&scheduler->timer);
    fd_close(&scheduler->knocks);
    free(scheduler);
}

void scheduler_read(const struct scheduler *scheduler, struct clock_reading *reading)
{
    (void)scheduler;
    clock_read(reading);
}

/* An instant that is over fires at once; 0 would disarm. False: the clock was set since the last
 * time (ECANCELED; the timer is armed all the same), perhaps after our caller looked at it. */
static bool set_timer(const struct scheduler *scheduler, int64_t real_ms)
{
    if (real_ms < 1)
        real_ms = 1;
    struct itimerspec at = {
        .it_value = {.tv_sec = real_ms / 1000, .tv_nsec = real_ms % 1000 * 1000000}};
    return timerfd_settime(scheduler->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at,
                           NULL) == 0;
}

static void empty(int fd)
{
    uint64_t ignored;
    /* A timer that was cancelled reads as ECANCELED, and is not ready from then on. */
    if (read(fd, &ignored, sizeof ignored) < 0)
        return;
}

void scheduler_wait(struct scheduler *scheduler, int64_t real_ms, int longest_ms)
{
    struct pollfd ready[] = {{.fd = scheduler->timer, .events = POLLIN},
                             {.fd = scheduler->knocks, .events = POLLIN}};
    if (!set_timer(scheduler, real_ms) || poll(ready, COUNT_OF(ready), longest_ms) <= 0)
        return;
    for (size_t i = 0; i < COUNT_OF(ready); i++)
        if (ready[i].revents)
            empty(ready[i].fd);
}

void scheduler_knock(struct scheduler *scheduler)
{
    uint64_t one = 1;
    /* Fails only when 2^64-1 knocks have not been heard yet. */
    if (write(scheduler->knocks, &one, sizeof one) < 0)
        return;
}
