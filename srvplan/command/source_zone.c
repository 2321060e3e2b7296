/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/source_read.h"

#include <stdlib.h>
#include <string.h>

#include "srvplan/intern.h"
#include "zones/base/file.h"
#include "zones/rrtype.h"
#include "zones/text.h"
#include "zones/zonefile_read.h"

enum {
    ZONE_MAX_BYTES = 256 * 1024 * 1024, /* 100,000 domains are about 50 MB */
    TTL_DEFAULT_S = 3600,               /* of a file that gives none */
};

/* The zone that a file is named after, as by `srvplan-dnsd --zone`: its name less ".zone"; BIND's
 * habit "db.NAME" counts, too. Names are relative to it until $ORIGIN says otherwise. */
static struct name origin_of_file(const char *file, struct arena *arena)
{
    const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    size_t len = strlen(base);
    struct name origin;
    if (strncmp(base, "db.", 3) == 0) {
        base += 3;
        len -= 3;
    } else if (len > 5 && strcmp(base + len - 5, ".zone") == 0) {
        len -= 5;
    } else {
        return name_root;
    }
    return text_name_parse(arena, (struct text){base, len}, &origin, NULL) ? origin : name_root;
}

/* -- extents ------------------------------------------------------------------------------------
 */

/* A fragment has no SOA to say which zone it is of: its $ORIGIN lines do. */
static void extents_of_origins(struct publisher *publisher, struct text text)
{
    static const char word[] = "$ORIGIN";
    size_t word_len = sizeof word - 1, len;
    for (size_t at = 0; at < text.len; at += len + 1) {
        const char *line = text.ptr + at, *end = memchr(line, '\n', text.len - at);
        len = end ? (size_t)(end - line) : text.len - at;
        if (len <= word_len || strncasecmp(line, word, word_len) != 0)
            continue;
        size_t from = word_len + strspn(line + word_len, " \t");
        size_t to = from + strcspn(line + from, " \t\r\n;");
        struct name origin;
        if (to > from && line[to - 1] == '.' &&
            text_name_parse(publisher->arena, (struct text){line + from, to - from}, &origin, NULL))
            publisher_add_extent(publisher, origin, true);
    }
}

/* The file speaks for the zones whose SOA it has. What it delegates is another's to say. */
static void extents_add(struct publisher *publisher, const struct zonefile_reading *reading)
{
    for (uint32_t i = 0; i < reading->record_count; i++)
        if (reading->records[i].type == RRTYPE_SOA)
            publisher_add_extent(publisher, reading->records[i].owner, true);
    uint32_t zones = publisher->published.extent_count;
    for (uint32_t i = 0; i < reading->record_count && zones > 0; i++) {
        const struct zonefile_record *record = &reading->records[i];
        bool is_cut = record->type == RRTYPE_NS;
        for (uint32_t j = 0; is_cut && j < zones; j++)
            is_cut = !name_equal(publisher->extents[j].apex, record->owner);
        if (is_cut)
            publisher_add_extent(publisher, record->owner, false);
    }
}

/* -- sets ---------------------------------------------------------------------------------------
 */

/* The records of one owner and type, in the order of the file. */
struct gathered {
    const struct zonefile_record *first;
    uint32_t count, ttl_s, ttl_max_s;
    const char **records; /* as many as `count`, once all are counted */
    uint32_t filled;
};

static uint32_t number_of(struct intern *owners, const struct zonefile_record *record)
{
    uint8_t key[NAME_MAX_BYTES + sizeof record->type];
    memcpy(key, record->owner.wire, record->owner.len);
    memcpy(key + record->owner.len, &record->type, sizeof record->type);
    return intern_add(owners, (struct bytes){key, record->owner.len + sizeof record->type});
}

static bool has_record(const struct gathered *set, const char *text)
{
    for (uint32_t i = 0; i < set->filled; i++)
        if (strcmp(set->records[i], text) == 0)
            return true;
    return false;
}

static void sets_add(struct publisher *publisher, const struct zonefile_reading *reading)
{
    struct arena scratch = {0};
    struct intern owners = intern_over(&scratch);
    struct gathered *sets = arena_array(&scratch, struct gathered, reading->record_count);
    for (uint32_t i = 0; i < reading->record_count; i++) {
        const struct zonefile_record *record = &reading->records[i];
        struct gathered *set = &sets[number_of(&owners, record)];
        if (set->count++ == 0)
            *set = (struct gathered){record, 1, record->ttl_s, record->ttl_s, NULL, 0};
        set->ttl_s = record->ttl_s < set->ttl_s ? record->ttl_s : set->ttl_s;
        set->ttl_max_s = record->ttl_s > set->ttl_max_s ? record->ttl_s : set->ttl_max_s;
    }
    for (uint32_t i = 0; i < reading->record_count; i++) {
        const struct zonefile_record *record = &reading->records[i];
        struct gathered *set = &sets[number_of(&owners, record)];
        if (!set->records)
            set->records = arena_array(&scratch, const char *, set->count);
        const char *text = text_rdata_print(publisher->arena, record->type, record->rdata);
        if (!has_record(set, text)) /* a record that stands there twice is one */
            set->records[set->filled++] = text;
    }
    for (uint32_t i = 0; i < owners.count; i++) {
        const char *type = text_type_print(publisher->arena, sets[i].first->type);
        struct published_set set = {.type = type,
                                    .ttl_s = sets[i].ttl_s,
                                    .ttl_max_s = sets[i].ttl_max_s,
                                    .records = sets[i].records,
                                    .record_count = sets[i].filled};
        if (!published_is_left_out(type))
            publisher_add_entry(publisher, sets[i].first->owner,
                                publisher_add_set(publisher, &set));
    }
    arena_fini(&scratch);
}

bool source_read_zone(const char *file, struct arena *arena, const struct published **published,
                      struct error *err)
{
    struct publisher publisher = {.arena = arena, .published.label = file};
    struct arena scratch = {0};
    struct bytes bytes;
    if (!file_read(file, ZONE_MAX_BYTES, &bytes, err))
        return false;
    struct text text = {(const char *)bytes.ptr, bytes.len};
    struct zonefile_terms terms = {.origin = origin_of_file(file, &scratch),
                                   .ttl_s = TTL_DEFAULT_S};
    struct zonefile_reading reading = zonefile_read(&scratch, text, &terms);
    bool is_fine = reading.fault_count == 0;
    if (!is_fine) {
        const struct zonefile_fault *fault = &reading.faults[0];
        const char *more =
            reading.fault_count == 1
                ? ""
                : arena_printf(&scratch, " (and %u more mistakes)", reading.fault_count - 1);
        error_set(err, ERROR_INVALID, "%.120s:%u:%u: %s; %s%s", file, fault->line, fault->column,
                  fault->message, fault->mend, more);
    } else {
        extents_add(&publisher, &reading);
        if (publisher.published.extent_count == 0)
            extents_of_origins(&publisher, text);
        if (publisher.published.extent_count == 0 && terms.origin.len > 1)
            publisher_add_extent(&publisher, terms.origin, true);
        sets_add(&publisher, &reading);
        *published = publisher_end(&publisher);
    }
    arena_fini(&scratch);
    free((void *)(uintptr_t)bytes.ptr);
    return is_fine;
}
