/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schema: the JSON Schema of inventories, embedded when srvplan is built. */
#pragma once
#include <stddef.h>

extern const unsigned char inventory_schema[];
extern const size_t inventory_schema_bytes;
