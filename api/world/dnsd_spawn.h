/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dnsd_spawn: how srvplan-dnsd is started: its command line, signals and process group. */
#pragma once
#include "api/world/dnsd_link.h"
#include <sys/types.h>

/* Its process id, or -1. */
pid_t dnsd_spawn(const struct dnsd_link_options *options, struct error *err);
