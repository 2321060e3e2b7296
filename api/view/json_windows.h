/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json_windows: maintenance windows as the JSON that the API answers. Keys and shapes are part of
 * the API (srvplan-api(7)). Pure, as view/json_view.h. */
#pragma once
#include "api/view/json_view.h"
#include "api/view/window_view.h"

/* A window, with the turns that are under way or come next. */
json_t *json_window(const struct plan *plan, const struct window_view *view);

/* One opening with its verdict, its turns, and what operators did to it. */
json_t *json_window_opening(const struct plan *plan, const struct plan_opening *opening);

/* {"id", "state", "because", "opens_at"} of every opening that is under way or blocked, and of
 * every window that waits. */
json_t *json_windows_at_work(const struct plan *plan);
