/* SPDX-License-Identifier: GPL-3.0-or-later */
/* planned_text: an inventory as text, read and planned, for tests of what comes behind a plan. A
 * mistake in the text ends the test program with its findings. */
#pragma once
#include "srvplan/plan.h"

struct planned_text {
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan;
    struct findings findings;
};

struct planned_text planned_text_from(const char *text);
void planned_text_fini(struct planned_text *planned);

/* An inventory of example.org: three nodes, 50:30:20, for xmpp-client, xmpps-client and
 * xmpp-server; users and peers as in the worked example: 45 % Conversations and seven more, four
 * servers. */
extern const char planned_text_cluster[];
