/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source: a side of a comparison by its name on the command line.
 *
 *   FILE             an inventory, a stored plan, or a zone file: told apart by suffix and content
 *   inventory:FILE, plan:FILE, zone:FILE
 *   dns[:ADDR]       live DNS: what the resolver, or the server at ADDR, answers for the names of
 *                    the other side
 *   rev[:N]          revision N of the server; without N, or 0, what is in force now
 *
 * It is found out once what is asked for; then it is opened, live DNS last, because only the other
 * side knows which names to ask for. */
#pragma once
#include "srvplan/command/offline.h"
#include "srvplan/published.h"

enum source_kind {
    SOURCE_INVENTORY,
    SOURCE_PLAN,
    SOURCE_ZONE,
    SOURCE_DNS,
    SOURCE_REVISION,
};

struct source {
    enum source_kind kind;
    const char *what; /* the file, address or number; "" for none. Borrowed */
    struct arena arena;
    struct offline offline; /* SOURCE_INVENTORY: what was made of it */
    const struct published *published;
};

/* Finds the kind; reads a file whose kind its name does not tell. False: *err says why. */
NODISCARD bool source_parse(struct source *source, const char *spec, struct error *err);

/* Opens it. `names` is the other side, for SOURCE_DNS; else it may be NULL. EXIT_FINE, or the exit
 * code of what has been told. source_close in either case. */
NODISCARD int source_open(struct source *source, const struct context *context,
                          const struct published *names);
void source_close(struct source *source);
