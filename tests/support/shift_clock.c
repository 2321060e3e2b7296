/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shift_clock: preloaded, it moves the realtime clock of a program by as many milliseconds as the
 * first eight bytes of the file SHIFT_CLOCK say, at any moment; timers on that clock, too, which
 * libfaketime leaves alone. Nobody else's clock is touched. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const int64_t *shift_ms;

__attribute__((constructor)) static void open_shift(void)
{
    const char *path = getenv("SHIFT_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift_ms, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED)
        shift_ms = mapped;
    if (fd >= 0)
        close(fd);
}

static int64_t shift(void)
{
    return shift_ms ? __atomic_load_n(shift_ms, __ATOMIC_RELAXED) : 0;
}

static void move(struct timespec *at, int64_t by_ms)
{
    int64_t ns = at->tv_nsec + by_ms % 1000 * 1000000;
    at->tv_sec += by_ms / 1000;
    at->tv_sec += ns < 0 ? -1 : ns / 1000000000;
    at->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    static int (*next)(clockid_t, struct timespec *);
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = next(id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        move(now, shift());
    return failed;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *at = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

/* Of a timer for an instant. One that waits while the shift changes is not woken: the test does. */
int timerfd_settime(int fd, int flags, const struct itimerspec *at, struct itimerspec *old)
{
    static int (*next)(int, int, const struct itimerspec *, struct itimerspec *);
    struct itimerspec moved = *at;
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "timerfd_settime");
    if (flags & TFD_TIMER_ABSTIME) {
        move(&moved.it_value, -shift());
        if (moved.it_value.tv_sec < 0)
            moved.it_value = (struct timespec){.tv_nsec = 1};
    }
    return next(fd, flags, &moved, old);
}
