/* SPDX-License-Identifier: GPL-3.0-or-later */
/* takeover: a new process takes the place of a running one, and no query is lost.
 *
 * Who answers listens on a UNIX socket (--takeover). A new process that is started with the same
 * path connects there first:
 *
 *   new → old   ASK
 *   old → new   GIVE      the sockets, in as many messages as it takes; the first begins with this
 *                         listener and, if there is one, the socket of the service manager; the
 *                         secret of cookies, unless it is in a file
 *   new → old   READY     it answers on them now: the old one ends, after what it has under way
 *
 * From GIVE to READY both or the old one alone answer from the same queues. If the new one fails,
 * its connection ends, and the old one goes on as if nothing had been. Only root and the user
 * that started the old one may ask. When nobody listens there, the new one starts as usual. */
#pragma once
#include "dnsd/cookie.h"
#include "dnsd/notify.h"
#include "dnsd/sockets.h"

struct takeover {
    const char *path; /* NULL: none */
    uid_t owner;      /* of the one that may ask */
    int listener;     /* -1: none */
    int successor;    /* who has asked us; -1: nobody */
    int predecessor;  /* whom we asked, until we are ready; -1: nobody */
};

/* -- the new one --------------------------------------------------------------------------------
 */

/* Asks whoever listens at takeover->path for all it has: sockets (those of addresses that are not
 * among the options are let go), the place at the service manager, the secret of cookies. Nobody
 * there is fine. */
NODISCARD bool takeover_ask(struct takeover *takeover, struct sockets *sockets,
                            struct options *options, struct notify *notify, struct error *err);

/* Listens at takeover->path, if there is one and nothing was taken over. */
NODISCARD bool takeover_listen(struct takeover *takeover, struct error *err);

/* Tells the old one that we answer now. */
void takeover_say_ready(struct takeover *takeover);
void takeover_close(struct takeover *takeover);

/* -- the old one --------------------------------------------------------------------------------
 */

/* What it gives away; copies are made, nothing is closed. */
struct takeover_gift {
    const int *sockets;
    uint32_t count;
    const struct notify *notify;
    const struct cookie_secrets *secrets; /* NULL: they are in a file */
};

/* Accepts who connected to the listener. */
void takeover_accept(struct takeover *takeover);

/* Reads what the successor said. True: it has taken over, and *pid is it. */
bool takeover_receive(struct takeover *takeover, const struct takeover_gift *gift, pid_t *pid);
