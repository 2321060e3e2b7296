/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ratelimit_table: makes what ratelimit.h works on, and reads what the operator exempts. */
#pragma once
#include "dnsd/ratelimit.h"
#include "zones/base/error.h"

/* Makes the table with a random key, when limit->per_second is not 0; once, before the workers. */
NODISCARD bool ratelimit_open(struct ratelimit *limit, struct error *err);
void ratelimit_close(struct ratelimit *limit);

/* Adds "192.0.2.0/24", "2001:db8::/32" or a single address to those that are never limited. */
NODISCARD bool ratelimit_exempt(struct ratelimit *limit, const char *prefix, struct error *err);
