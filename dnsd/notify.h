/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify: tells the service manager how we are (sd_notify(3)): one datagram a message.
 *
 * The protocol is stable and small, so it is written out here: libsystemd opens a socket for every
 * message, which the sandbox forbids. The socket is opened once, at the start. */
#pragma once
#include "zones/base/attributes.h"
#include "zones/base/error.h"
#include <stdint.h>

struct notify {
    int fd;              /* -1: nobody listens */
    int64_t watchdog_ms; /* how long the manager waits for a sign of life; 0: it does not */
    int64_t said_at_ms;  /* the last sign, monotonic */
};

/* Looks for NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment.
 * No manager is fine. */
NODISCARD bool notify_open(struct notify *notify, struct error *err);
void notify_close(struct notify *notify);

/* Sends assignments with newlines between: "READY=1\nSTATUS=…". A manager that does not listen is
 * not waited for. */
void notify_say(const struct notify *notify, const char *format, ...) PRINTF_LIKE(2, 3);

/* Gives a sign of life when half of the time is over. */
void notify_watchdog(struct notify *notify, int64_t now_ms);
