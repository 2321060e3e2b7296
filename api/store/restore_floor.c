/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/restore_floor.h"

#include "zones/base/file.h"
#include "zones/base/log.h"
#include "zones/image.h"
#include "zones/text.h"

#include <fcntl.h>
#include <stdlib.h>

static void add(struct restore_floor *floor, struct text name, uint32_t serial)
{
    floor->zones = arena_grow(&floor->arena, floor->zones, &floor->capacity, floor->count + 1,
                              sizeof *floor->zones);
    floor->zones[floor->count++] =
        (struct restore_zone){.name = arena_text(&floor->arena, name), .serial = serial};
}

void restore_floor_take_store(struct restore_floor *floor, const struct store_state *state)
{
    if (state->revision.number > floor->revision)
        floor->revision = state->revision.number;
    for (size_t i = 0; i < state->zone_count; i++)
        add(floor, state->zones[i].name, state->zones[i].serial);
    for (size_t i = 0; i < state->retired_count; i++)
        add(floor, state->retired[i].name, state->retired[i].serial);
}

/* Every name of a zone stands at or below its apex, so the one with as many labels is the apex. */
static void take_names(struct restore_floor *floor, const struct image *image)
{
    struct arena scratch = {0};
    for (uint32_t i = 0; i < image->names_header->table.count; i++) {
        const struct image_name *line = &image->table[i];
        if (line->tag == 0)
            continue;
        const struct image_zone *zone = &image->zones[line->zone];
        uint8_t wire[IMAGE_NAME_MAX_BYTES];
        if (line->labels != zone->apex_labels || line->length != zone->apex_length)
            continue;
        struct name apex = {wire, image_name_read(image, line, wire)};
        add(floor, text_from(text_name_print(&scratch, apex)), image->slots[zone->slot]);
    }
    arena_fini(&scratch);
}

void restore_floor_take_image(struct restore_floor *floor, int directory, const char *path)
{
    struct image image = {0};
    struct error err = {0};
    int fd = openat(directory, "image", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (image_open(&image, fd, path, &err)) {
        if (image.answers_header->generation > floor->revision)
            floor->revision = image.answers_header->generation;
        take_names(floor, &image);
    } else {
        log_warning("the image cannot be read, and so does not say which serials were served",
                    log_string("reason", err.message));
    }
    image_close(&image);
    fd_close(&fd);
}

/* Of one name the furthest serial comes first. */
static int by_name(const void *a, const void *b)
{
    const struct restore_zone *x = a, *y = b;
    int order = text_compare(x->name, y->name);
    if (order == 0 && x->serial != y->serial)
        order = restore_serial_is_ahead(x->serial, y->serial) ? -1 : 1;
    return order;
}

void restore_floor_sort(struct restore_floor *floor)
{
    size_t kept = 0;
    if (floor->count)
        qsort(floor->zones, floor->count, sizeof *floor->zones, by_name);
    for (size_t i = 0; i < floor->count; i++)
        if (kept == 0 || !text_equal(floor->zones[i].name, floor->zones[kept - 1].name))
            floor->zones[kept++] = floor->zones[i];
    floor->count = kept;
}

static int name_to_zone(const void *key, const void *zone)
{
    return text_compare(*(const struct text *)key, ((const struct restore_zone *)zone)->name);
}

const struct restore_zone *restore_floor_find(const struct restore_floor *floor, struct text name)
{
    return floor->count
               ? bsearch(&name, floor->zones, floor->count, sizeof *floor->zones, name_to_zone)
               : NULL;
}

void restore_floor_fini(struct restore_floor *floor)
{
    arena_fini(&floor->arena);
}
