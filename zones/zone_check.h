/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_check: what a zone must be before we serve it, and what it should be.
 *
 * Refused: no or two SOA, no NS at the apex (RFC 1035 section 5.2), a CNAME beside other data or
 * another CNAME (RFC 2181 section 10.1), CNAMEs in a circle, also through wildcards; DNAME, NS at a
 * wildcard (RFC 4592 section 4.2), DS at the apex, and the records of a signed zone, because we
 * would answer from it without its signatures. Said: data that a cut hides, name servers of the
 * zone without an address. */
#pragma once
#include "zones/zone_tree.h"

/* The zone's SOA record. NULL: it is not there once; *faults says so. */
const struct zonefile_record *zone_find_soa(const struct zonefile_reading *reading,
                                            const char *path, struct zone_faults *faults);

/* Adds all other faults of a zone. The arena is scratch. */
void zone_check(const struct zone_tree *tree, struct arena *arena, const char *path,
                struct zone_faults *faults);
