/* SPDX-License-Identifier: GPL-3.0-or-later */
/* complete_names: the ids that an inventory or a server knows, for complete.c. */
#pragma once
#include "srvplan/command/options.h"

enum complete_kind {
    COMPLETE_NODES,
    COMPLETE_DOMAINS,
    COMPLETE_SERVICES,
    COMPLETE_DOMAIN_SERVICES, /* "example.org/xmpp-client" */
    COMPLETE_ZONES,
    COMPLETE_DRAINED, /* nodes that have a drain in force */
    COMPLETE_OBJECTS, /* what `srvplan show` shows: nodes, drains, domains, zones, windows */
    COMPLETE_WINDOWS,
    COMPLETE_TOKENS,
    COMPLETE_CONTEXTS, /* of the file of contexts */
    COMPLETE_MODELS,   /* of clients: in the program itself */
};

/* Called for each; `about` may be NULL. */
typedef void complete_take(void *context, const char *name, const char *about);

/* `invocation` has the options that were typed so far, and the command. */
void complete_names(const struct invocation *invocation, enum complete_kind kind,
                    complete_take *take, void *context);
