/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/audience.h"

#include "srvplan/nearest.h"

const struct client_profile client_profiles[] = {
#define PROFILE(...) {__VA_ARGS__},
#include "srvplan/client_profiles.def"
#undef PROFILE
};
const size_t client_profile_count = COUNT_OF(client_profiles);

static const char rest_model[] = "plackett-luce";

static bool profile_has_role(const struct client_profile *profile, enum client_role role)
{
    return role == (profile->is_server ? CLIENT_OF_SERVERS : CLIENT_OF_USERS);
}

const struct client_profile *client_profile_find(struct text id, enum client_role role)
{
    for (size_t i = 0; i < client_profile_count; i++)
        if (text_is(id, client_profiles[i].id) && profile_has_role(&client_profiles[i], role))
            return &client_profiles[i];
    return NULL;
}

/* A program of any role. */
static bool is_profile(struct text id)
{
    return client_profile_find(id, CLIENT_OF_USERS) || client_profile_find(id, CLIENT_OF_SERVERS);
}

bool audience_name_is_known(struct text name)
{
    return is_profile(name) || client_model_find(name);
}

/* An algorithm that is the name of a program stands there once. */
const char *audience_name_at(size_t index)
{
    if (index < client_profile_count)
        return client_profiles[index].id;
    index -= client_profile_count;
    for (size_t i = 0; i < client_model_count; i++)
        if (!is_profile(text_from(client_models[i].id)) && index-- == 0)
            return client_models[i].id;
    return NULL;
}

struct text audience_name_nearest(struct text name)
{
    struct nearest nearest = nearest_to(name);
    const char *known;
    for (size_t i = 0; (known = audience_name_at(i)); i++)
        nearest_consider(&nearest, text_from(known));
    return nearest.best;
}

static struct audience_part part_of_profile(const struct client_profile *profile)
{
    return (struct audience_part){
        .name = text_from(profile->id),
        .profile = profile,
        .model = profile->model ? client_model_find(text_from(profile->model)) : NULL,
        .merge = profile->merge,
    };
}

static struct audience_part part_of_model(const struct client_model *model)
{
    return (struct audience_part){
        .name = text_from(model->id), .model = model, .merge = SHARE_MERGE_MIXED};
}

/* A program of the role, or an algorithm that is the name of no program. False: it says nothing
 * about this role. */
static bool part_find(struct text name, enum client_role role, struct audience_part *part)
{
    const struct client_profile *profile = client_profile_find(name, role);
    if (profile) {
        *part = part_of_profile(profile);
        return true;
    }
    const struct client_model *model = client_model_find(name);
    if (!model || is_profile(name))
        return false;
    *part = part_of_model(model);
    return true;
}

const char *audience_part_model(const struct audience_part *part)
{
    return part->model ? part->model->id : "all-at-once";
}

uint64_t audience_declared_ppb(const struct inventory_audience *declared, enum client_role role)
{
    struct audience_part part;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < declared->count; i++)
        if (part_find(declared->parts[i].model, role, &part))
            sum += declared->parts[i].part_ppb;
    return sum;
}

struct audience audience_of(const struct inventory_audience *declared, enum client_role role,
                            struct arena *arena)
{
    struct audience_part *parts =
        arena_array(arena, struct audience_part, (size_t)declared->count + 1);
    uint32_t count = 0, left = RATIO_ONE;
    for (uint32_t i = 0; i < declared->count; i++) {
        struct audience_part *part = &parts[count];
        if (!part_find(declared->parts[i].model, role, part))
            continue;
        uint32_t ppb = declared->parts[i].part_ppb;
        part->part_ppb = ppb < left ? ppb : left; /* the loader refuses more than all */
        left -= part->part_ppb;
        count += part->part_ppb > 0;
    }
    struct audience audience = {.parts = parts, .is_declared = count > 0};
    if (left > 0) {
        parts[count] = part_of_model(client_model_find(text_from(rest_model)));
        parts[count].part_ppb = left;
        parts[count++].is_rest = true;
    }
    audience.count = count;
    return audience;
}

struct audience audience_of_all(enum client_role role, struct arena *arena)
{
    struct audience_part *parts =
        arena_array(arena, struct audience_part, client_profile_count + client_model_count);
    uint32_t count = 0;
    for (size_t i = 0; i < client_profile_count; i++)
        if (profile_has_role(&client_profiles[i], role))
            parts[count++] = part_of_profile(&client_profiles[i]);
    for (size_t i = 0; i < client_model_count && role == CLIENT_OTHER; i++)
        parts[count++] = part_of_model(&client_models[i]);
    return (struct audience){.parts = parts, .count = count};
}
