/* SPDX-License-Identifier: GPL-3.0-or-later */
/* object_view: any object of the server as text for people: names and values line up, lists of
 * objects become tables, instants say how far away they are. It knows no kind of object, so that
 * what a newer server adds is shown, too. */
#pragma once
#include "srvplan/command/context.h"

enum {
    OBJECT_ROWS_MAX = 200 /* of a list; the rest is counted */
};

void object_view(const struct output *output, const json_t *object, int64_t now_ms);
