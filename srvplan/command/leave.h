/* SPDX-License-Identifier: GPL-3.0-or-later */
/* leave: a command that goes on until it is told to leave: Ctrl-C, SIGTERM, SIGHUP.
 *
 * The signals become a descriptor, so that one between two looks is not lost, and a request that is
 * under way can be given up (client_cancel_on). */
#pragma once
#include <signal.h>

#include "srvplan/command/context.h"

struct leave {
    int fd; /* readable: leave */
    sigset_t before;
};

/* False: it was complained about. */
NODISCARD bool leave_open(struct leave *leave, const struct output *output);
void leave_close(struct leave *leave);

/* True when we should leave, within wait_ms. */
bool leave_within(const struct leave *leave, int wait_ms);
