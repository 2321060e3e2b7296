/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock: the only reader of time, and times as text (RFC 3339, UTC).
 *
 * Instants are milliseconds since 1970 in UTC, int64_t, named *_at_ms or now_ms. Everything that
 * decides takes its "now" as an argument, so that tests choose it; only loops call these. */
#pragma once
#include "zones/base/bytes.h"

int64_t clock_realtime_ms(void);
int64_t clock_monotonic_ms(void); /* for deadlines: does not jump */
int64_t clock_monotonic_us(void); /* for how long something took */

/* One instant on both clocks. Whoever sets the clock moves real_ms alone: what it gains on boot_ms
 * between two readings is how far it was set. A computer that sleeps moves both. */
struct clock_reading {
    int64_t real_ms;
    int64_t boot_ms;      /* since the computer started, sleep included: nobody sets it */
    int64_t monotonic_ms; /* the same without sleep */
};
void clock_read(struct clock_reading *reading);

enum {
    CLOCK_TEXT_SIZE = 32
};

/* "2026-12-06T01:17:30Z", with .NNN only when the milliseconds are not zero. */
const char *clock_print(int64_t at_ms, char text[static CLOCK_TEXT_SIZE]);

/* Parses RFC 3339 with Z or a numeric offset; also a bare "@SECONDS". False leaves *at_ms alone. */
NODISCARD bool clock_parse(struct text text, int64_t *at_ms);
