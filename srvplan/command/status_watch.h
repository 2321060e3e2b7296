/* SPDX-License-Identifier: GPL-3.0-or-later */
/* status_watch: the status, shown again whenever something changes, until one leaves.
 *
 * On a terminal the screen is drawn anew, also every few seconds, because times pass; elsewhere a
 * status follows the other, with a line between, and only when it differs; as JSON one a line. */
#pragma once
#include "srvplan/command/remote.h"

typedef void status_show(const struct output *output, const json_t *status);

/* Exit code; EXIT_INTERRUPTED is the usual one. */
int status_watch(struct remote *remote, status_show *show);
