/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schema_order: in which order a JSON Schema names the keys of an object.
 *
 * Only what orders keys is read: properties, additionalProperties, items, $ref within the
 * schema, and oneOf or anyOf, of which the branch counts that speaks of the kind of value. */
#pragma once
#include "zones/base/bytes.h"

#include <jansson.h>

/* The part of `schema` that says what `part` does: references followed, and the branch chosen that
 * is about objects or lists. NULL in, or nothing there: NULL. */
const json_t *schema_resolve(const json_t *schema, const json_t *part, json_type type);

/* Where a key stands among the properties of a resolved part; SIZE_MAX: it is none of them. */
size_t schema_rank(const json_t *part, const char *key);

/* What a resolved part says of a member, or of the items of a list; not resolved; or NULL. */
const json_t *schema_member(const json_t *part, const char *key);
const json_t *schema_items(const json_t *part);
