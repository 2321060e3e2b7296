/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/tls/peer.h"

#include <stdio.h>
#include <stdlib.h>

struct tls_peer *tls_peer_new(void)
{
    struct tls_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        abort();
    peer->refs = 1;
    return peer;
}

struct tls_peer *tls_peer_ref(struct tls_peer *peer)
{
    __atomic_add_fetch(&peer->refs, 1, __ATOMIC_RELAXED);
    return peer;
}

void tls_peer_unref(struct tls_peer *peer)
{
    if (peer && __atomic_sub_fetch(&peer->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(peer);
}

void tls_peer_name(struct tls_peer *peer, enum role role, const char *name, const char *mark)
{
    peer->role = role;
    snprintf(peer->name, sizeof peer->name, "%s", name);
    snprintf(peer->mark, sizeof peer->mark, "%s", mark);
    __atomic_store_n(&peer->is_named, true, __ATOMIC_RELEASE);
}

bool tls_peer_is_named(const struct tls_peer *peer)
{
    return peer && __atomic_load_n(&peer->is_named, __ATOMIC_ACQUIRE);
}
