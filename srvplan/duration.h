/* SPDX-License-Identifier: GPL-3.0-or-later */
/* duration: spans of time as people write them: "1h30m", "5m", "45s".
 *
 * A row of whole numbers, each with its unit: w, d, h, m or s; they add up. A bare number is not a
 * duration here, since nobody knows its unit (JSON numbers are seconds). */
#pragma once
#include "zones/base/bytes.h"
#include "zones/base/error.h"

/* RFC 2181 section 8: a TTL has 31 bits. Every duration we publish fits one. */
#define DURATION_MAX_S 2147483647u

/* Parses at most max_s seconds. ERROR_INVALID says what was expected; *seconds stays untouched. */
NODISCARD bool duration_parse(struct text text, uint32_t max_s, uint32_t *seconds,
                              struct error *err);
