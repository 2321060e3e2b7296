/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host_meta: what a host-meta file tells clients about where to connect: the XRD of RFC 6415 with
 * the links of XEP-0156, or the JSON of XEP-0156 with what XEP-0487 adds.
 *
 * Of the XRD, only its <Link> elements and their attributes are looked at; it is no validator. */
#pragma once
#include "zones/base/arena.h"
#include "zones/base/error.h"

#define HOST_META_PREFIX "urn:xmpp:alt-connections:" /* of the rels */

enum {
    HOST_META_MAX_BYTES = 1 << 20, /* a client takes far less */
    HOST_META_MAX_LINKS = 10000,
};

struct host_meta_link {
    const char *rel;  /* behind HOST_META_PREFIX: "websocket", "xbosh", "tls", "s2s-tls", … */
    const char *href; /* "" when there is none */
    uint32_t line;
    /* Of XEP-0487: */
    bool has_numbers; /* priority and weight */
    uint16_t priority, weight, port;
    const struct bytes *addresses; /* of 4 or 16 bytes: "ips" */
    uint32_t address_count;
};

struct host_meta {
    const char *file; /* as given */
    bool is_json;
    bool has_ttl; /* "xmpp": {"ttl": …}, XEP-0487 */
    uint32_t ttl_s;
    const struct host_meta_link *links; /* those of XMPP, in the order of the text */
    uint32_t link_count;
};

/* Text that begins with "<" is an XRD, else it is JSON. ERROR_INVALID says what is wrong; the
 * caller adds the file. What is parsed lives in the arena; `file` is borrowed. */
NODISCARD bool host_meta_parse(struct arena *arena, struct bytes text, const char *file,
                               struct host_meta *host_meta, struct error *err);
