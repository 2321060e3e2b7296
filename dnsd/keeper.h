/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keeper: the parent that serves plain zone files (--zone).
 *
 * It holds the sockets and never reads a byte from them. A child compiles the files into an image
 * and ends; only then a server child is started (keeper_child.h). So who parses our files never
 * sees a stranger's bytes, and who sees those has neither files nor a parser of them.
 *
 * SIGHUP: compile anew; if the files are good, start a second server on the same sockets, and when
 * it is ready, end the first, which answers what it has: nothing is lost. Bad files: the old
 * server goes on. A server that dies is started again from the last good image, at once and then
 * ever more slowly. SIGTERM and SIGINT end all. To the service manager the keeper is the service:
 * readiness, status and signs of life of the server pass through it. */
#pragma once
#include "dnsd/notify.h"
#include "dnsd/sockets.h"

/* Runs until a signal ends it. False: nothing could be served. `argv` is ours. */
NODISCARD bool keeper_run(const struct options *options, const struct sockets *sockets,
                          const struct notify *notify, char *const *argv, struct error *err);
