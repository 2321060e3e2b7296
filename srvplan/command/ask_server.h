/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask_server: zone, simulate and explain of what a server serves, drains and weights included,
 * instead of what an inventory alone would make; plan also what an inventory would change there.
 * Each gives the exit code. */
#pragma once
#include "srvplan/command/context.h"

int plan_of_server(const struct context *context);
int zone_of_server(const struct context *context);
int simulation_of_server(const struct context *context);
int explanation_of_server(const struct context *context);

/* Runs `remote` or `local`, by remote_is_wanted. */
int ask_server_or(const struct context *context, int (*remote)(const struct context *context),
                  int (*local)(const struct context *context));

/* False, with *err: the option given is one of `ids` (OPTION_COUNT ends them), which a server does
 * not take. */
NODISCARD bool ask_server_check(const struct context *context, const enum option_id *ids,
                                struct error *err);
