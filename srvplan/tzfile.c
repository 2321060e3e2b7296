/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/tzfile.h"

#include "srvplan/civil.h"
#include "srvplan/tzrule.h"
#include "zones/base/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FILE_MAX_BYTES = 64 * 1024, /* the largest of tzdata has 4 KiB */
    NAME_MAX_BYTES = 64,        /* the longest has 32 */
    OFFSET_MAX_S = 26 * 3600,   /* RFC 9636 section 3.2: -25:59:59 to +26:00 */
};

struct tzfile {
    const int64_t *changes_s; /* ascending */
    const int32_t *offsets_s; /* from that change on */
    uint32_t change_count;
    int32_t first_offset_s; /* before the first change */
    bool has_rule;          /* after the last one; else its offset stays */
    struct tzrule rule;
};

/* -- reading ------------------------------------------------------------------------------------
 */

struct header {
    uint8_t version;
    uint32_t utc_count, standard_count, leap_count, time_count, type_count, char_count;
};

static struct header read_header(struct reader *r)
{
    struct header header = {0};
    struct bytes magic = read_bytes(r, 4), rest = read_bytes(r, 16);
    if (!reader_ok(r) || memcmp(magic.ptr, "TZif", 4) != 0) {
        r->failed = true;
        return header;
    }
    header.version = rest.ptr[0];
    header.utc_count = read_u32(r);
    header.standard_count = read_u32(r);
    header.leap_count = read_u32(r);
    header.time_count = read_u32(r);
    header.type_count = read_u32(r);
    header.char_count = read_u32(r);
    return header;
}

/* Skips the block behind a header of version 1, whose times have 32 bits. */
static void skip_block(struct reader *r, const struct header *header)
{
    read_bytes(r, (size_t)header->time_count * 5 + (size_t)header->type_count * 6 +
                      header->char_count + (size_t)header->leap_count * 8 + header->standard_count +
                      header->utc_count);
}

static int64_t read_i64(struct reader *r)
{
    uint64_t high = read_u32(r), low = read_u32(r);
    return (int64_t)(high << 32 | low);
}

/* The block of 64-bit times. */
static bool read_block(struct reader *r, const struct header *header, struct arena *arena,
                       struct tzfile *zone)
{
    uint32_t count = header->time_count, types = header->type_count;
    if (header->leap_count || types == 0 || types > 256 || count > FILE_MAX_BYTES / 9)
        return false;
    int64_t *changes_s = arena_array(arena, int64_t, count);
    int32_t *offsets_s = arena_array(arena, int32_t, count);
    int32_t type_offsets_s[256];
    for (uint32_t i = 0; i < count; i++) {
        changes_s[i] = read_i64(r);
        if (i && changes_s[i] <= changes_s[i - 1])
            return false;
    }
    struct bytes type_of = read_bytes(r, count);
    for (uint32_t i = 0; i < types; i++) {
        type_offsets_s[i] = (int32_t)read_u32(r);
        read_u16(r); /* whether it is daylight time, and its name */
        if (type_offsets_s[i] < -OFFSET_MAX_S || type_offsets_s[i] > OFFSET_MAX_S)
            return false;
    }
    for (uint32_t i = 0; reader_ok(r) && i < count; i++) {
        if (type_of.ptr[i] >= types)
            return false;
        offsets_s[i] = type_offsets_s[type_of.ptr[i]];
    }
    read_bytes(r, (size_t)header->char_count + header->standard_count + header->utc_count);
    zone->changes_s = changes_s;
    zone->offsets_s = offsets_s;
    zone->change_count = count;
    zone->first_offset_s = type_offsets_s[0];
    return reader_ok(r);
}

/* "\nCET-1CEST,M3.5.0,M10.5.0/3\n", or nothing between the line ends. */
static bool read_footer(struct reader *r, struct tzfile *zone)
{
    struct bytes footer = read_bytes(r, reader_left(r));
    if (footer.len < 2 || footer.ptr[0] != '\n' || footer.ptr[footer.len - 1] != '\n')
        return false;
    if (footer.len == 2)
        return true;
    zone->has_rule = true;
    return tzrule_parse((struct text){(const char *)footer.ptr + 1, footer.len - 2}, &zone->rule);
}

static bool parse(struct bytes bytes, struct arena *arena, struct tzfile *zone)
{
    struct reader r = reader_over(bytes);
    struct header header = read_header(&r);
    if (!reader_ok(&r) || header.version < '2')
        return false;
    skip_block(&r, &header);
    header = read_header(&r);
    return reader_ok(&r) && read_block(&r, &header, arena, zone) && read_footer(&r, zone);
}

/* -- files --------------------------------------------------------------------------------------
 */

/* A name must not lead out of the directory. */
static bool is_name(struct text name)
{
    bool is_fine = name.len > 0 && name.len <= NAME_MAX_BYTES && name.ptr[0] != '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        is_fine &= is_word || c == '/' || c == '_' || c == '-' || c == '+';
    }
    return is_fine;
}

static bool is_kind(const char *path, mode_t kind)
{
    struct stat status;
    return stat(path, &status) == 0 && (status.st_mode & S_IFMT) == kind;
}

static bool unknown(const char *directory, struct text name, struct error *err)
{
    if (!is_kind(directory, S_IFDIR))
        return error_set(err, ERROR_SYSTEM,
                         "expected the file of time zone \"%.*s\" in %s; this machine has no time "
                         "zones at all",
                         (int)name.len, name.ptr, directory);
    return error_set(err, ERROR_INVALID,
                     "expected a time zone that this machine knows, as Europe/Amsterdam or UTC; "
                     "found \"%.*s\", which %s does not have",
                     (int)(name.len < NAME_MAX_BYTES ? name.len : NAME_MAX_BYTES), name.ptr,
                     directory);
}

const struct tzfile *tzfile_load(struct arena *arena, const char *directory, struct text name,
                                 struct error *err)
{
    struct tzfile *zone = arena_new(arena, struct tzfile);
    struct arena scratch = {0};
    struct bytes bytes = {0};
    bool is_fine = false;
    if (text_is(name, "UTC"))
        return zone;
    const char *path =
        is_name(name) ? arena_printf(&scratch, "%s/%.*s", directory, (int)name.len, name.ptr) : "";
    if (!is_kind(path, S_IFREG)) {
        unknown(directory, name, err);
    } else if (file_read(path, FILE_MAX_BYTES, &bytes, err)) {
        is_fine = parse(bytes, arena, zone);
        if (!is_fine)
            error_set(err, ERROR_INVALID,
                      "%s is no time zone that srvplan can use; it wants files of version 2 or "
                      "later without leap seconds, as the package tzdata has them",
                      path);
    }
    free((void *)(uintptr_t)bytes.ptr);
    arena_fini(&scratch);
    return is_fine ? zone : NULL;
}

/* -- asking -------------------------------------------------------------------------------------
 */

int32_t tzfile_offset_s(const struct tzfile *zone, int64_t utc_s)
{
    uint32_t low = 0, high = zone->change_count; /* the first change after it */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->changes_s[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->change_count && zone->has_rule)
        return tzrule_offset_s(&zone->rule, utc_s);
    return low ? zone->offsets_s[low - 1] : zone->first_offset_s;
}

int64_t tzfile_utc_s(const struct tzfile *zone, int64_t local_s)
{
    /* Offsets are less than a day, so these two lie on either side of a change near by. */
    int32_t before_s = tzfile_offset_s(zone, local_s - CIVIL_DAY_S);
    int32_t after_s = tzfile_offset_s(zone, local_s + CIVIL_DAY_S);
    int64_t early_s = local_s - before_s, late_s = local_s - after_s;
    bool is_early = tzfile_offset_s(zone, early_s) == before_s;
    bool is_late = tzfile_offset_s(zone, late_s) == after_s;
    if (is_early && is_late)
        return early_s < late_s ? early_s : late_s;
    return is_late ? late_s : early_s; /* neither: skipped, counted on by the old clock */
}
