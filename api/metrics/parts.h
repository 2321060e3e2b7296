/* SPDX-License-Identifier: GPL-3.0-or-later */
/* parts: what the page of metrics.h is made of; for api/metrics alone. Each part writes whole
 * families. */
#pragma once
#include "api/http/counts.h"
#include "api/metrics/page.h"
#include "api/world/world.h"

void metrics_put_responder(struct page *page, const struct world_view *view);
void metrics_put_plan(struct page *page, const struct world_view *view);
void metrics_put_overlays(struct page *page, const struct world_view *view, int64_t now_ms);
void metrics_put_requests(struct page *page, const struct http_counts *counts);
void metrics_put_process(struct page *page);
