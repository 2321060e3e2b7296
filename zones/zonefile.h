/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zonefile: a zone as a file that BIND, NSD, Knot and PowerDNS load (RFC 1035 section 5): $ORIGIN,
 * then one record a line, absolute names, `owner TTL IN TYPE RDATA` with single spaces. */
#pragma once
#include "zones/base/error.h"
#include "zones/content.h"
#include <stdio.h>

enum zonefile_extent {
    ZONEFILE_WHOLE,
    ZONEFILE_FRAGMENT, /* for $INCLUDE: without SOA and NS of the zone, and without what
                        * delegates zones of ours */
};

/* Writes zone `zone` to *out. `serial` stands in the SOA. ERROR_SYSTEM: *out took no more. */
NODISCARD bool zonefile_write(FILE *out, const struct content_names *names,
                              const struct content_sets *sets, uint32_t zone, uint32_t serial,
                              enum zonefile_extent extent, struct error *err);
