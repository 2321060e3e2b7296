/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load_text: inventories for tests that are about what a text means. */
#pragma once
#include "srvplan/inventory_load.h"

/* A domain and a node, for texts that are about something else. */
#define A_NODE "\"nodes\": {\"n\": {\"addresses\": [\"192.0.2.1\"]}}"
#define A_DOMAIN "\"domains\": {\"a.example\": {}}"

/* Loads "{"srvplan": 1, MEMBERS}", which must be good; inventory_free. */
struct inventory *load_text(const char *members);
