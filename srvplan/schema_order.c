/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/schema_order.h"

#include <string.h>

enum {
    REFERENCES_MAX = 16 /* of one after the other; ours has two */
};

static bool is_about(const json_t *part, json_type type)
{
    return type == JSON_OBJECT ? json_object_get(part, "properties") ||
                                     json_object_get(part, "additionalProperties")
                               : json_object_get(part, "items") != NULL;
}

/* "#/$defs/node" */
static const json_t *reference_follow(const json_t *schema, const json_t *part)
{
    const char *reference = json_string_value(json_object_get(part, "$ref"));
    static const char defs[] = "#/$defs/";
    if (!reference || strncmp(reference, defs, strlen(defs)) != 0)
        return NULL;
    return json_object_get(json_object_get(schema, "$defs"), reference + strlen(defs));
}

static const json_t *resolve_within(const json_t *schema, const json_t *part, json_type type,
                                    int depth)
{
    static const char *const choices[] = {"oneOf", "anyOf"};
    if (!part || depth == REFERENCES_MAX)
        return NULL;
    if (is_about(part, type))
        return part;
    const json_t *referred = reference_follow(schema, part);
    if (referred)
        return resolve_within(schema, referred, type, depth + 1);
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        const json_t *branches = json_object_get(part, choices[i]);
        for (size_t k = 0; k < json_array_size(branches); k++) {
            const json_t *found =
                resolve_within(schema, json_array_get(branches, k), type, depth + 1);
            if (found)
                return found;
        }
    }
    return NULL;
}

const json_t *schema_resolve(const json_t *schema, const json_t *part, json_type type)
{
    return resolve_within(schema, part, type, 0);
}

size_t schema_rank(const json_t *part, const char *key)
{
    json_t *properties = json_object_get(part, "properties"), *value;
    const char *name;
    size_t rank = 0;
    if (!json_object_get(properties, key))
        return SIZE_MAX;
    json_object_foreach(properties, name, value)
    {
        if (strcmp(name, key) == 0)
            break;
        rank++;
    }
    return rank;
}

const json_t *schema_member(const json_t *part, const char *key)
{
    const json_t *found = json_object_get(json_object_get(part, "properties"), key);
    return found ? found : json_object_get(part, "additionalProperties");
}

const json_t *schema_items(const json_t *part)
{
    return json_object_get(part, "items");
}
