/* SPDX-License-Identifier: GPL-3.0-or-later */
/* handlers/windows: what the handlers of windows share; nobody else includes it. windows.c has the
 * windows themselves, window_openings.c their openings, view/calendar.c the feed for calendars. */
#pragma once
#include "api/handlers/handlers.h"
#include "api/view/json_windows.h"
#include "api/world/window.h"

extern const char window_etag_prefix[]; /* "w" */

/* The window that the path names; false: the response says that there is none. */
bool window_find(struct request *request, struct window_view *window, struct response *response);

/* Reads If-Match; false: it is missing, or not the current version. The world looks once more. */
NODISCARD bool window_is_fresh(struct request *request, const struct window_view *window,
                               struct response *response);
