/* SPDX-License-Identifier: GPL-3.0-or-later */
/* text: names, types and RDATA between text and wire form, made by ldns.
 *
 * ldns builds what we say and prints what we publish; it never sees bytes of a stranger. Names are
 * absolute whether or not they end with a dot, A-labels only, and come out lower-cased; RDATA is
 * in wire form, uncompressed, in the arena. */
#pragma once
#include "zones/base/error.h"
#include "zones/name.h"

/* Parses "xmpp1.example.org" or "xmpp1.example.org.". ERROR_INVALID says what is wrong with it. */
NODISCARD bool text_name_parse(struct arena *arena, struct text text, struct name *name,
                               struct error *err);

/* Absolute text with the final dot, NUL-terminated, in the arena. */
const char *text_name_print(struct arena *arena, struct name name);

struct bytes text_rdata_srv(struct arena *arena, uint16_t priority, uint16_t weight, uint16_t port,
                            struct name target);
struct bytes text_rdata_address(struct arena *arena, struct bytes address); /* 4 or 16 bytes */

struct soa_numbers {
    uint32_t serial, refresh_s, retry_s, expire_s, minimum_s;
};
/* Names may be templates (content.h): then they end with C0 00. */
struct bytes text_rdata_ns(struct arena *arena, struct bytes template_name);
struct bytes text_rdata_soa(struct arena *arena, struct bytes mname, struct bytes rname,
                            const struct soa_numbers *numbers);

/* "SRV", or "TYPE65280" for a type without a name (RFC 3597 section 5). In the arena. */
const char *text_type_print(struct arena *arena, uint16_t type);

/* Reads either, in any case. False leaves *type alone. */
NODISCARD bool text_type_parse(struct text text, uint16_t *type);

/* The presentation form of RDATA in wire form: "10 256 5222 xmpp1.example.org."; what is not as its
 * type wants it comes out as "\# 3 000102". */
const char *text_rdata_print(struct arena *arena, uint16_t type, struct bytes rdata);
