/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_of_zones ZONES OUT: an image with the content of a directory of zone files, for the bench.
 *
 * The files are world.py's, which the other servers read, too: one a zone, `OWNER TTL IN TYPE
 * RDATA` with absolute names, types SOA, NS, SRV, A and AAAA, the records of a set in a row. Sets
 * of equal records are shared, as the planner shares them, and SRV targets get the addresses that
 * stand anywhere in the directory. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "zones/base/file.h"
#include "zones/image.h"
#include "zones/image_write.h"
#include "zones/rrtype.h"
#include "zones/text.h"

enum {
    MAX_FILE_BYTES = 64 << 20,
    MAX_RECORDS = 1024, /* of a set */
    MAP_SLOTS = 1 << 22,
};

/* From text to a number; the texts stay with the caller. */
struct map {
    struct map_entry {
        struct text key;
        uint32_t value;
    } * entries;
};

struct world {
    struct arena arena;
    struct map sets_by_records; /* the lines of a set, without the owner */
    struct map sets_by_owner;   /* "OWNER TYPE", of addresses */
    struct map types_by_sets;
    struct content_set *sets;
    struct content_types *types;
    struct content_name *names;
    struct content_zone *zones;
    size_t set_count, sets_room, types_count, types_room;
    size_t name_count, names_room, zone_count, zones_room;
};

static void must(bool ok, const struct error *err)
{
    if (ok)
        return;
    fprintf(stderr, "image_of_zones: %s\n", err->message);
    exit(EXIT_FAILURE);
}

/* The entry of a key; a new one has an empty text. */
static struct map_entry *map_at(struct map *map, struct text key)
{
    uint64_t hash = 0xCBF29CE484222325ull;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (uint8_t)key.ptr[i]) * 0x100000001B3ull;
    if (!map->entries && !(map->entries = calloc(MAP_SLOTS, sizeof *map->entries)))
        abort();
    for (size_t i = hash % MAP_SLOTS;; i = (i + 1) % MAP_SLOTS)
        if (!map->entries[i].key.len || text_equal(map->entries[i].key, key))
            return &map->entries[i];
}

/* -- sets --------------------------------------------------------------------------------------
 */

static struct name parse_name(struct world *world, const char *text)
{
    struct error err = {0};
    struct name name;
    must(text_name_parse(&world->arena, text_from(text), &name, &err), &err);
    return name;
}

static struct bytes parse_address(struct world *world, int family, const char *text)
{
    uint8_t address[16];
    if (inet_pton(family, text, address) != 1)
        abort();
    return text_rdata_address(&world->arena, (struct bytes){address, family == AF_INET ? 4 : 16});
}

static struct bytes parse_template(struct world *world, const char *text, struct name apex)
{
    return content_template(&world->arena, parse_name(world, text), apex);
}

/* SOA and NS as the planner has them: names below the apex say so, and shrink to pointers. */
static struct bytes parse_rdata(struct world *world, uint16_t type, const char *text,
                                struct name apex)
{
    struct soa_numbers soa;
    unsigned priority, weight, port;
    char one[256], two[256];
    if (type == RRTYPE_A || type == RRTYPE_AAAA)
        return parse_address(world, type == RRTYPE_A ? AF_INET : AF_INET6, text);
    if (type == RRTYPE_NS)
        return text_rdata_ns(&world->arena, parse_template(world, text, apex));
    if (type == RRTYPE_SRV && sscanf(text, "%u %u %u %255s", &priority, &weight, &port, one) == 4)
        return text_rdata_srv(&world->arena, (uint16_t)priority, (uint16_t)weight, (uint16_t)port,
                              parse_name(world, one));
    if (type != RRTYPE_SOA ||
        sscanf(text, "%255s %255s %u %u %u %u %u", one, two, &soa.serial, &soa.refresh_s,
               &soa.retry_s, &soa.expire_s, &soa.minimum_s) != 7) {
        fprintf(stderr, "image_of_zones: \"%s\" is not as expected\n", text);
        exit(EXIT_FAILURE);
    }
    return text_rdata_soa(&world->arena, parse_template(world, one, apex),
                          parse_template(world, two, apex), &soa);
}

static uint32_t add_set(struct world *world, const struct content_set *set)
{
    world->sets = arena_grow(&world->arena, world->sets, &world->sets_room, world->set_count + 1,
                             sizeof *world->sets);
    world->sets[world->set_count] = *set;
    return (uint32_t)world->set_count++;
}

/* Targets are known by their text until all addresses have been read. */
static void add_addresses(struct world *world, struct content_set *set)
{
    struct content_additional *additional =
        arena_array(&world->arena, struct content_additional, 2 * set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        struct name target = {set->rdata[i].ptr + 6, set->rdata[i].len - 6};
        const char *text = name_print(&world->arena, target);
        for (unsigned j = 0; j < 2; j++) {
            const char *key =
                arena_printf(&world->arena, "%s %u", text, j ? RRTYPE_AAAA : RRTYPE_A);
            const struct map_entry *entry = map_at(&world->sets_by_owner, text_from(key));
            if (entry->key.len)
                additional[set->additional_count++] =
                    (struct content_additional){.record = i, .name_at = 6, .set = entry->value};
        }
    }
    set->additional = additional;
}

/* -- files -------------------------------------------------------------------------------------
 */

struct line {
    char *owner, *ttl, *type, *rdata;
};

/* Cuts the line at `text`; returns where the next one starts, NULL at the end. */
static char *cut_line(char *text, struct line *line)
{
    char *rest = text, *end = strchr(text, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    line->owner = strsep(&rest, " ");
    line->ttl = strsep(&rest, " ");
    (void)strsep(&rest, " ");
    line->type = strsep(&rest, " ");
    line->rdata = rest;
    if (!rest) {
        fprintf(stderr, "image_of_zones: \"%s\" is no record\n", text);
        exit(EXIT_FAILURE);
    }
    return end + 1;
}

/* A set of `count` lines, or the one that has the same records. */
static uint32_t set_of(struct world *world, const struct line *lines, uint32_t count,
                       struct name apex)
{
    static uint8_t key[65536];
    struct writer writer = writer_over(key, sizeof key);
    struct bytes *rdata = arena_array(&world->arena, struct bytes, count);
    uint32_t ttl_s = (uint32_t)strtoul(lines->ttl, NULL, 10);
    uint16_t type;
    if (!text_type_parse(text_from(lines->type), &type))
        abort();
    write_u16(&writer, type);
    write_u32(&writer, ttl_s);
    for (uint32_t i = 0; i < count; i++) {
        rdata[i] = parse_rdata(world, type, lines[i].rdata, apex);
        write_u16(&writer, (uint16_t)rdata[i].len);
        write_bytes(&writer, rdata[i].ptr, rdata[i].len);
    }
    if (!writer_ok(&writer))
        abort();
    struct text text = {(const char *)key, writer.len};
    struct map_entry *entry = map_at(&world->sets_by_records, text);
    if (entry->key.len)
        return entry->value;
    entry->key = arena_text(&world->arena, text);
    return entry->value = add_set(
               world,
               &(struct content_set){.type = type,
                                     .order = type == RRTYPE_SRV ? CONTENT_ORDER_WEIGHTED
                                                                 : CONTENT_ORDER_FIXED,
                                     .ttl_s = ttl_s,
                                     .count = count,
                                     .rdata = rdata,
                                     .usual_owner_bytes = (uint32_t)strlen(lines->owner) + 1});
}

static int by_type(const void *a, const void *b)
{
    return ((const struct content_type *)a)->type - ((const struct content_type *)b)->type;
}

static uint32_t types_of(struct world *world, struct content_type *entries, uint32_t count)
{
    char key[256];
    int length = 0;
    qsort(entries, count, sizeof *entries, by_type);
    for (uint32_t i = 0; i < count; i++)
        length += snprintf(key + length, sizeof key - (size_t)length, "%u:%u ", entries[i].type,
                           entries[i].set);
    struct map_entry *entry = map_at(&world->types_by_sets, text_from(key));
    if (entry->key.len)
        return entry->value;
    struct content_type *kept = arena_array(&world->arena, struct content_type, count);
    memcpy(kept, entries, count * sizeof *kept);
    world->types = arena_grow(&world->arena, world->types, &world->types_room,
                              world->types_count + 1, sizeof *world->types);
    world->types[world->types_count] = (struct content_types){.entries = kept, .count = count};
    entry->key = arena_text(&world->arena, text_from(key));
    return entry->value = (uint32_t)world->types_count++;
}

static void add_name(struct world *world, struct name owner, uint32_t types)
{
    world->names = arena_grow(&world->arena, world->names, &world->names_room,
                              world->name_count + 1, sizeof *world->names);
    world->names[world->name_count++] = (struct content_name){.owner = owner, .types = types};
}

static int by_owner(const void *a, const void *b)
{
    return name_compare(((const struct content_name *)a)->owner,
                        ((const struct content_name *)b)->owner);
}

/* Adds the empty non-terminals, and sorts. */
static void finish_names(struct world *world, uint32_t first, struct name apex)
{
    size_t count = world->name_count;
    for (size_t i = first; i < count; i++)
        for (struct name up = world->names[i].owner; !name_equal(up, apex);) {
            up = name_parent(up);
            add_name(world, up, CONTENT_NONE);
        }
    qsort(world->names + first, world->name_count - first, sizeof *world->names, by_owner);
    size_t kept = first;
    for (size_t i = first; i < world->name_count; i++) {
        if (kept > first && name_equal(world->names[kept - 1].owner, world->names[i].owner)) {
            if (world->names[i].types != CONTENT_NONE)
                world->names[kept - 1].types = world->names[i].types;
            continue;
        }
        world->names[kept++] = world->names[i];
    }
    world->name_count = kept;
}

/* The SOA as a negative answer has it. */
static uint32_t negative_of(struct world *world, uint32_t soa)
{
    char key[32];
    snprintf(key, sizeof key, "negative %u", soa);
    struct map_entry *entry = map_at(&world->sets_by_records, text_from(key));
    if (entry->key.len)
        return entry->value;
    struct content_set set = world->sets[soa];
    struct bytes rdata = set.rdata[0];
    struct reader minimum = reader_over((struct bytes){rdata.ptr + rdata.len - 4, 4});
    uint32_t minimum_s = read_u32(&minimum);
    set.section = CONTENT_AUTHORITY;
    set.ttl_s = set.ttl_s < minimum_s ? set.ttl_s : minimum_s; /* RFC 2308 section 5 */
    entry->key = arena_text(&world->arena, text_from(key));
    return entry->value = add_set(world, &set);
}

static void read_zone(struct world *world, const char *name, char *text)
{
    static struct line lines[MAX_RECORDS];
    struct content_zone zone = {.apex = parse_name(world, name),
                                .first_name = (uint32_t)world->name_count,
                                .parent = CONTENT_NONE};
    struct content_type entries[8];
    uint32_t entry_count = 0;
    char *next = cut_line(text, &lines[0]);
    while (next) {
        uint32_t count = 1;
        while ((next = cut_line(next, &lines[count])) &&
               strcmp(lines[count].owner, lines->owner) == 0 &&
               strcmp(lines[count].type, lines->type) == 0)
            if (++count == MAX_RECORDS)
                abort();
        uint32_t set = set_of(world, lines, count, zone.apex);
        uint16_t type = world->sets[set].type;
        entries[entry_count++] = (struct content_type){type, set};
        if (type == RRTYPE_SOA)
            zone.soa_set = set;
        if (type == RRTYPE_A || type == RRTYPE_AAAA) {
            struct text key = text_from(arena_printf(&world->arena, "%s %u", lines->owner, type));
            *map_at(&world->sets_by_owner, key) = (struct map_entry){key, set};
        }
        if (!next || strcmp(lines[count].owner, lines->owner) != 0 || entry_count == 8) {
            add_name(world, parse_name(world, lines->owner), types_of(world, entries, entry_count));
            entry_count = 0;
        }
        lines[0] = lines[count];
    }
    finish_names(world, zone.first_name, zone.apex);
    zone.name_count = (uint32_t)world->name_count - zone.first_name;
    zone.negative_set = negative_of(world, zone.soa_set);
    world->zones = arena_grow(&world->arena, world->zones, &world->zones_room,
                              world->zone_count + 1, sizeof *world->zones);
    world->zones[world->zone_count++] = zone;
}

static void read_zones(struct world *world, const char *directory)
{
    struct error err = {0};
    DIR *listing = opendir(directory);
    if (!listing)
        must(error_system(&err, directory, NULL, "cannot list"), &err);
    for (const struct dirent *entry; (entry = readdir(listing));) {
        struct bytes text;
        if (entry->d_name[0] == '.')
            continue;
        const char *path = arena_printf(&world->arena, "%s/%s", directory, entry->d_name);
        must(file_read(path, MAX_FILE_BYTES, &text, &err), &err);
        read_zone(world, entry->d_name, (char *)text.ptr);
        free((void *)text.ptr);
    }
    closedir(listing);
}

static int by_apex(const void *a, const void *b)
{
    return name_compare(((const struct content_zone *)a)->apex,
                        ((const struct content_zone *)b)->apex);
}

/* -- the image ---------------------------------------------------------------------------------
 */

static void put(int directory, const char *name, const struct image_buffer *buffer)
{
    const struct bytes part = {buffer->ptr, buffer->len};
    struct error err = {0};
    must(file_stage(directory, "staged", &part, 1, 0644, &err) &&
             file_publish(directory, "staged", name, &err),
         &err);
}

static void write_image(struct world *world, int directory)
{
    struct image_buffer names_file = {0}, answers_file = {0};
    struct digest digest;
    struct error err = {0};
    char name[IMAGE_FILE_NAME_SIZE];
    uint32_t *serials = arena_array(&world->arena, uint32_t, world->zone_count);
    for (uint32_t i = 0; i < world->zone_count; i++) {
        serials[i] = 1;
        world->zones[i].slot = i;
    }
    const struct content_names names = {.zones = world->zones,
                                        .zone_count = (uint32_t)world->zone_count,
                                        .names = world->names,
                                        .name_count = (uint32_t)world->name_count,
                                        .types = world->types,
                                        .types_count = (uint32_t)world->types_count,
                                        .set_count = (uint32_t)world->set_count,
                                        .slot_count = (uint32_t)world->zone_count};
    const struct content_sets sets = {world->sets, (uint32_t)world->set_count};
    must(image_build_names(&names, &names_file, &digest, &err), &err);
    must(image_build_answers(&sets, serials, names.slot_count, &digest, 1, &answers_file, &err),
         &err);
    put(directory, image_names_file(digest.byte, name), &names_file);
    put(directory, IMAGE_ANSWERS_FILE, &answers_file);
    printf("{\"zones\": %zu, \"names\": %zu, \"sets\": %zu, \"names_bytes\": %zu, "
           "\"answers_bytes\": %zu}\n",
           world->zone_count, world->name_count, world->set_count, names_file.len,
           answers_file.len);
    image_buffer_fini(&names_file);
    image_buffer_fini(&answers_file);
}

int main(int argc, char **argv)
{
    struct world world = {0};
    int directory = argc == 3 ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (directory < 0) {
        fputs("usage: image_of_zones ZONES OUT\n", stderr);
        return 64;
    }
    read_zones(&world, argv[1]);
    qsort(world.zones, world.zone_count, sizeof *world.zones, by_apex);
    for (uint32_t i = 0; i < world.set_count; i++)
        if (world.sets[i].type == RRTYPE_SRV)
            add_addresses(&world, &world.sets[i]);
    write_image(&world, directory);
    free(world.sets_by_records.entries);
    free(world.sets_by_owner.entries);
    free(world.types_by_sets.entries);
    arena_fini(&world.arena);
    close(directory);
    return 0;
}
