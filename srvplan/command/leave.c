/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/leave.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "zones/base/file.h"

bool leave_open(struct leave *leave, const struct output *output)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &leave->before);
    leave->fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (leave->fd >= 0)
        return true;
    output_complain(output, "cannot wait: signalfd: %s", strerror(errno));
    sigprocmask(SIG_SETMASK, &leave->before, NULL);
    return false;
}

void leave_close(struct leave *leave)
{
    /* What came stays taken: it must not strike when it is unblocked. */
    struct signalfd_siginfo taken;
    while (leave_within(leave, 0) && read(leave->fd, &taken, sizeof taken) > 0)
        continue;
    fd_close(&leave->fd);
    sigprocmask(SIG_SETMASK, &leave->before, NULL);
}

bool leave_within(const struct leave *leave, int wait_ms)
{
    struct pollfd ready = {.fd = leave->fd, .events = POLLIN};
    return poll(&ready, 1, wait_ms) > 0;
}
