/* SPDX-License-Identifier: GPL-3.0-or-later */
/* complete: what may stand at the cursor of a shell: `srvplan __complete WORD...`, which the
 * scripts of `srvplan completion` call with the words up to the cursor, the last one as far as it
 * is typed.
 *
 * It prints a candidate a line, a tab and a description behind it where there is one; each replaces
 * the last word as a whole. A line ":files" means that there are names of files among them.
 * Commands, options, their values and operands come from the tables of options.h, so that there is
 * no second list. Ids of nodes, services and domains come from the inventory (-f), for commands
 * that talk to a server from it, if it answers within COMPLETE_WAIT_MS. Nothing is ever written to
 * stderr: somebody is typing there. */
#pragma once
#include "srvplan/command/options.h"

enum {
    COMPLETE_WAIT_MS = 300 /* longer, and a key press feels broken */
};

/* `words` are those behind the program's name, at least one. Returns the exit code. */
int complete_run(FILE *out, int count, char *const *words);
