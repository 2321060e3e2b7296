/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source_read: zone files and live DNS as sides of a comparison; for source.c. */
#pragma once
#include "srvplan/published.h"
#include "zones/base/error.h"

/* A zone file, or a fragment of one. It speaks for the zones whose SOA it holds, without what they
 * delegate; a fragment for what is below its origin. */
NODISCARD bool source_read_zone(const char *file, struct arena *arena,
                                const struct published **published, struct error *err);

/* What live DNS has for the names of `names`. `server`: whom to ask ("" the system's resolvers). A
 * cache counts TTLs down, so that one below the expected TTL is taken for it unless an authority
 * gave it. */
NODISCARD bool source_read_dns(const char *server, const struct published *names,
                               struct arena *arena, const struct published **published,
                               struct error *err);
