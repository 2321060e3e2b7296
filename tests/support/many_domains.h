/* SPDX-License-Identifier: GPL-3.0-or-later */
/* many_domains: an image of any number of domains that point at one pool, for tests and benches.
 *
 * Each domain is a zone dNNNNNN.example: the apex, an empty _tcp, and the SRV sets of
 * _xmpp-client._tcp and _xmpp-server._tcp, three targets with addresses in a zone of ours. All
 * share one serial slot. */
#pragma once
#include "zones/content.h"
#include "zones/image.h"
#include "zones/image_write.h"

struct many_domains {
    struct arena arena;
    struct image_buffer names_file, answers_file;
    struct digest digest;
    struct image image; /* open over both */
};

NODISCARD bool many_domains_build(struct many_domains *many, uint32_t domains, struct error *err);
void many_domains_fini(struct many_domains *many);

enum {
    MANY_DOMAINS_NAME_BYTES = 64
};

/* The name of domain `index`, or of its clients' SRV, in wire form; returns its length. */
size_t many_domains_name(uint32_t index, bool is_srv, uint8_t to[static MANY_DOMAINS_NAME_BYTES]);
