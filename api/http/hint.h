/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hint: what to say of an id that the inventory does not have: the nearest one, or where they are
 * listed. In the arena. */
#pragma once
#include "srvplan/inventory.h"

const char *hint_node(const struct inventory *inventory, struct text id, struct arena *arena);
const char *hint_service(const struct inventory *inventory, struct text id, struct arena *arena);
const char *hint_domain(const struct inventory *inventory, struct text name, struct arena *arena);
