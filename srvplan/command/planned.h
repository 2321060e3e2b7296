/* SPDX-License-Identifier: GPL-3.0-or-later */
/* planned: what the commands that look into a plan have in common: read the inventory, say what is
 * wrong with it, and go on only with a plan. */
#pragma once
#include "srvplan/command/offline.h"

/* Calls `run` with a plan, and gives its exit code. Without a plan all findings come on stderr
 * (with -o json on stdout) and the code is EXIT_FAILED. What is wrong with a plan (findings that
 * are errors, refusals of guards) is said on stderr, and does not stop it: to look at what is wrong
 * is what these commands are for. */
int planned_run(const struct context *context,
                int (*run)(const struct offline *offline, const struct context *context,
                           struct error *err));
