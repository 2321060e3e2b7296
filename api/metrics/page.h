/* SPDX-License-Identifier: GPL-3.0-or-later */
/* page: the text exposition format 0.0.4 of Prometheus, written line by line.
 *
 * A family is a head (HELP, TYPE) and its samples; the caller keeps them together. Label values are
 * escaped here: they may hold what an inventory says. */
#pragma once
#include "zones/base/arena.h"

struct page {
    struct arena *arena;
    char *text; /* NUL-terminated; NULL: empty */
    size_t len, capacity;
};

void page_put(struct page *page, const char *format, ...) PRINTF_LIKE(2, 3);

/* `name` is without "srvplan_"; type "counter", "gauge" or "histogram". */
void page_head(struct page *page, const char *name, const char *type, const char *help);
void page_gauge(struct page *page, const char *name, const char *help, int64_t value);

/* Instants in seconds, to the millisecond. */
void page_instant(struct page *page, const char *name, const char *help, int64_t at_ms);

/* A label value with \, " and line feeds escaped, in the arena. */
const char *page_label(struct page *page, struct text value);
