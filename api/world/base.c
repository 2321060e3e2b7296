/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/base.h"

#include "srvplan/inventory_load.h"
#include "srvplan/lint.h"
#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

static void *checked_calloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

struct base *base_ref(struct base *base)
{
    __atomic_add_fetch(&base->refs, 1, __ATOMIC_RELAXED);
    return base;
}

void base_unref(struct base *base)
{
    if (!base || __atomic_sub_fetch(&base->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    image_buffer_fini(&base->names_image);
    layout_free(base->layout);
    inventory_free(base->inventory);
    arena_fini(&base->arena);
    free(base);
}

/* What checks call an error is not served. */
static bool is_publishable(const struct layout *layout, struct findings *findings)
{
    static const struct overlays none = {0};
    size_t before = findings->errors;
    struct plan *plan = plan_compute(&(struct plan_input){.layout = layout, .overlays = &none});
    lint_plan(plan, LAYOUT_FOR_ZONES, LINT_ERRORS, findings);
    plan_free(plan);
    return findings->errors == before;
}

struct base *base_load(const struct store_inventory *source, struct inventory_source *files,
                       struct findings *findings)
{
    struct bytes text = {(const uint8_t *)source->text.ptr, source->text.len};
    struct inventory_source *alone =
        files ? NULL : inventory_source_of(text, "the stored inventory", DOCUMENT_JSONC);
    struct inventory_source *read = files ? files : alone;
    struct inventory *inventory = inventory_load_source(read, findings);
    struct layout *layout = inventory ? layout_build(inventory, LAYOUT_FOR_ZONES, findings) : NULL;
    bool is_good = layout && is_publishable(layout, findings);
    inventory_source_locate(read, findings);
    inventory_source_free(alone);
    if (!is_good) {
        layout_free(layout);
        inventory_free(inventory);
        return NULL;
    }
    struct base *base = checked_calloc(1, sizeof *base);
    *base = (struct base){.refs = 1, .inventory = inventory, .layout = layout, .source = *source};
    base->source.text = arena_text(&base->arena, source->text);
    base->text_digest = digest_of(text);
    base->source.file = arena_text(&base->arena, source->file);
    base->source.actor = arena_text(&base->arena, source->actor);
    base->names = layout->names;
    return base;
}

const struct inventory_soa *base_soa(const struct base *base, uint32_t zone)
{
    uint32_t index = inventory_zone_of(base->inventory, base->names.zones[zone].apex);
    return &base->inventory->zones[index].soa;
}

/* -- slots --------------------------------------------------------------------------------------
 */

/* Zones with the same row of this share a slot. */
struct slot_key {
    struct digest class;
    uint32_t serial, scheme, at_least;
    uint32_t zone; /* orders equals */
};

static int compare_slot_keys(const void *a, const void *b)
{
    const struct slot_key *left = a, *right = b;
    int order = memcmp(left->class.byte, right->class.byte, DIGEST_SIZE);
    if (order == 0)
        order = (left->serial > right->serial) - (left->serial < right->serial);
    if (order == 0)
        order = (left->scheme > right->scheme) - (left->scheme < right->scheme);
    if (order == 0)
        order = (left->at_least > right->at_least) - (left->at_least < right->at_least);
    return order ? order : (left->zone > right->zone) - (left->zone < right->zone);
}

static bool shares_slot(const struct slot_key *a, const struct slot_key *b)
{
    return digest_equal(&a->class, &b->class) && a->serial == b->serial && a->scheme == b->scheme &&
           a->at_least == b->at_least;
}

/* Puts slots[zone] into the names, and finds a zone for each slot. */
static void use_slots(struct base *base, const uint32_t *slots, uint32_t slot_count)
{
    uint32_t count = base->names.zone_count;
    struct content_zone *zones = arena_array(&base->arena, struct content_zone, count);
    base->slot_zone = arena_array(&base->arena, uint32_t, slot_count);
    for (uint32_t i = count; i-- > 0;) {
        zones[i] = base->layout->names.zones[i];
        zones[i].slot = slots[i];
        base->slot_zone[slots[i]] = i;
    }
    base->names.zones = zones;
    base->names.slot_count = slot_count;
    if (base->names_image.len)
        image_names_set_slots(&base->names_image, &base->names, &base->names_digest);
}

void base_assign_slots(struct base *base, const uint32_t *previous, const bool *is_changed,
                       int64_t at_ms, uint32_t **serials)
{
    uint32_t count = base->names.zone_count, slot = 0;
    struct slot_key *keys = checked_calloc(count, sizeof *keys);
    uint32_t *slots = checked_calloc(count, sizeof *slots);
    for (uint32_t i = 0; i < count; i++) {
        const struct inventory_soa *soa = base_soa(base, i);
        keys[i] = (struct slot_key){
            .class = base->layout->zone_class[i],
            .serial = is_changed[i]
                          ? plan_serial_next(soa->serial, previous[i], soa->at_least, at_ms)
                          : previous[i],
            .scheme = (uint32_t)soa->serial,
            .at_least = soa->at_least,
            .zone = i,
        };
    }
    qsort(keys, count, sizeof *keys, compare_slot_keys);
    *serials = checked_calloc(count, sizeof **serials);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0 && !shares_slot(&keys[i - 1], &keys[i]))
            slot++;
        slots[keys[i].zone] = slot;
        (*serials)[slot] = keys[i].serial;
    }
    use_slots(base, slots, count ? slot + 1 : 0);
    free(keys);
    free(slots);
}

static int compare_zone_rows(const void *a, const void *b)
{
    return text_compare(((const struct store_zone *)a)->name, ((const struct store_zone *)b)->name);
}

bool base_restore_slots(struct base *base, const struct store_state *state, uint32_t **serials)
{
    uint32_t count = base->names.zone_count, slot_count = 0;
    if (state->zone_count != count || state->slot_count == 0)
        return false;
    struct store_zone *rows = checked_calloc(state->zone_count, sizeof *rows);
    memcpy(rows, state->zones, sizeof *rows * state->zone_count);
    qsort(rows, state->zone_count, sizeof *rows, compare_zone_rows);
    uint32_t *slots = checked_calloc(count, sizeof *slots);
    struct arena scratch = {0};
    bool fits = true;
    for (size_t i = 0; i < state->slot_count; i++)
        if (state->slots[i].slot >= slot_count)
            slot_count = state->slots[i].slot + 1;
    fits = slot_count == state->slot_count;
    for (uint32_t i = 0; fits && i < count; i++) {
        struct store_zone wanted = {
            .name = text_from(text_name_print(&scratch, base->names.zones[i].apex))};
        const struct store_zone *row =
            bsearch(&wanted, rows, state->zone_count, sizeof *rows, compare_zone_rows);
        fits = row && row->slot < slot_count;
        slots[i] = fits ? row->slot : 0;
    }
    if (fits) {
        *serials = checked_calloc(slot_count, sizeof **serials);
        for (size_t i = 0; i < state->slot_count; i++)
            (*serials)[state->slots[i].slot] = state->slots[i].serial;
        use_slots(base, slots, slot_count);
    }
    arena_fini(&scratch);
    free(slots);
    free(rows);
    return fits;
}

bool base_build_names(struct base *base, struct error *err)
{
    image_buffer_fini(&base->names_image);
    return image_build_names(&base->names, &base->names_image, &base->names_digest, err);
}

/* -- digests of content -------------------------------------------------------------------------
 */

struct digest *base_set_digests(const struct content_sets *content)
{
    struct digest *digests = checked_calloc(content->count, sizeof *digests);
    for (uint32_t i = 0; i < content->count; i++) {
        const struct content_set *set = &content->sets[i];
        struct bytes *parts = checked_calloc(2 * (size_t)set->count + 1, sizeof *parts);
        uint64_t *lengths = checked_calloc(set->count, sizeof *lengths);
        uint32_t head[] = {set->type, set->ttl_s, set->count, set->section};
        parts[0] = (struct bytes){(const uint8_t *)head, sizeof head};
        for (uint32_t j = 0; j < set->count; j++) {
            lengths[j] = set->rdata[j].len;
            parts[2 * j + 1] = (struct bytes){(const uint8_t *)&lengths[j], sizeof lengths[j]};
            parts[2 * j + 2] = set->rdata[j];
        }
        digests[i] = digest_of_parts(parts, 2 * (size_t)set->count + 1);
        free(lengths);
        free(parts);
    }
    return digests;
}

struct digest base_zone_digest(const struct base *base, const struct content_sets *content,
                               const struct digest *set_digests, uint32_t zone)
{
    const struct content_zone *z = &base->names.zones[zone];
    size_t count = 1, capacity = 0;
    struct bytes *parts = NULL;
    struct arena scratch = {0};
    parts = arena_grow(&scratch, parts, &capacity, 64, sizeof *parts);
    parts[0] = (struct bytes){set_digests[z->soa_set].byte, DIGEST_SIZE};
    for (uint32_t i = z->first_name; i < z->first_name + z->name_count; i++) {
        const struct content_name *name = &base->names.names[i];
        if (name->types == CONTENT_NONE)
            continue;
        const struct content_types *types = &base->names.types[name->types];
        parts = arena_grow(&scratch, parts, &capacity, count + 1 + types->count, sizeof *parts);
        parts[count++] = (struct bytes){name->owner.wire, name->owner.len};
        for (uint32_t j = 0; j < types->count; j++)
            if (content->sets[types->entries[j].set].count)
                parts[count++] =
                    (struct bytes){set_digests[types->entries[j].set].byte, DIGEST_SIZE};
    }
    struct digest digest = digest_of_parts(parts, count);
    arena_fini(&scratch);
    return digest;
}
