/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drain_wait: stays until drains are clear: on a terminal with a bar for each (drain_bar.h),
 * elsewhere with a line for every state that one enters.
 *
 * Leaving early (Ctrl-C, SIGTERM) ends the watching, never the drain, and says how to follow it
 * again. A server that is away for less than half a minute (a restart) is waited for. */
#pragma once
#include "srvplan/command/remote.h"

/* `drains` are documents of the server. EXIT_FINE: all are clear. EXIT_CONFLICT: one ended, or is
 * blocked. EXIT_INTERRUPTED, EXIT_UNREACHABLE: we left, the drains go on. */
NODISCARD int drain_wait(struct remote *remote, const json_t *drains);
