/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of inventory_source that reads files: directories, includes, zone files. */
#include "srvplan/inventory_source_build.h"

#include "zones/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct place document_place = {0};

/* Reads a file within what is left of the limit of all. */
static bool bytes_read(struct inventory_source *source, const char *path, struct bytes *bytes,
                       struct error *err)
{
    if (source->count + source->fragment_count == INVENTORY_MAX_FILES)
        return error_set(err, ERROR_INVALID, "%s: an inventory has at most %d files", path,
                         INVENTORY_MAX_FILES);
    if (!file_read(path, INVENTORY_MAX_BYTES, bytes, err))
        return false;
    if (bytes->len <= INVENTORY_MAX_BYTES - source->total_bytes) {
        source->total_bytes += bytes->len;
        return true;
    }
    free((void *)(uintptr_t)bytes->ptr);
    return error_set(err, ERROR_INVALID, "%s: all files together are larger than %d bytes", path,
                     INVENTORY_MAX_BYTES);
}

/* `path` as seen from the directory of `file`. */
static const char *path_from(struct arena *arena, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    if (path[0] == '/' || !slash)
        return arena_cstr(arena, text_from(path));
    return arena_printf(arena, "%.*s/%s", (int)(slash - file), file, path);
}

/* ---- documents ---- */

/* Adds a document; its text is parsed by source_take. */
static struct document *document_add(struct inventory_source *source, const char *file,
                                     const struct source_origin *origin)
{
    source->documents = arena_grow(&source->arena, source->documents, &source->document_capacity,
                                   source->count + 1u, sizeof *source->documents);
    source->origins = arena_grow(&source->arena, source->origins, &source->origin_capacity,
                                 source->count + 1u, sizeof *source->origins);
    source->origins[source->count] = *origin;
    struct document *document = &source->documents[source->count++];
    *document = (struct document){
        .file = arena_cstr(&source->arena, text_from(file)),
        .format = document_format_of(file),
    };
    return document;
}

/* "a.jsonc → b.jsonc → a.jsonc": how `path` was reached, by the names of the files. Of a long chain
 * the middle is left out. */
static const char *chain_print(struct inventory_source *source, uint32_t parent, const char *path)
{
    enum {
        SHOWN_MAX = 3 /* besides the first */
    };
    const char *chain = "";
    for (uint32_t at = parent, length = 0;; length++) {
        bool is_first = at == DOCUMENT_ANY;
        const char *slash = strrchr(path, '/');
        if (length < SHOWN_MAX || is_first)
            chain = arena_printf(&source->arena, "%s%s%s%s", slash ? slash + 1 : path,
                                 length ? " → " : "", is_first && length > SHOWN_MAX ? "… → " : "",
                                 chain);
        if (is_first)
            return chain;
        path = source->documents[at].file;
        at = source->origins[at].parent;
    }
}

static bool is_same_file(const struct source_origin *origin, const struct stat *info)
{
    return origin->device == info->st_dev && origin->inode == info->st_ino;
}

static bool is_above(const struct inventory_source *source, uint32_t document, uint32_t below)
{
    while (below != DOCUMENT_ANY && below != document)
        below = source->origins[below].parent;
    return below == document;
}

static bool file_read_in(struct inventory_source *source, uint32_t parent, const char *path,
                         struct error *err)
{
    struct stat info;
    struct bytes text;
    if (stat(path, &info) != 0)
        return error_system(err, path, NULL, "cannot open");
    for (uint32_t i = 0; i < source->count; i++) {
        if (!is_same_file(&source->origins[i], &info))
            continue;
        const char *chain = chain_print(source, parent, path);
        if (is_above(source, i, parent))
            return error_set(err, ERROR_CONFLICT, "%s: the file includes itself: %s", path, chain);
        return error_set(err, ERROR_CONFLICT, "%s: the file is read already, as %s", path,
                         chain_print(source, source->origins[i].parent, source->documents[i].file));
    }
    uint32_t depth = parent == DOCUMENT_ANY ? 0 : source->origins[parent].depth + 1;
    if (depth > INVENTORY_MAX_INCLUDES)
        return error_set(err, ERROR_INVALID, "more than %d files include each other: %s",
                         INVENTORY_MAX_INCLUDES, chain_print(source, parent, path));
    if (!bytes_read(source, path, &text, err))
        return false;
    struct source_origin origin = {.parent = parent,
                                   .depth = depth,
                                   .device = info.st_dev,
                                   .inode = info.st_ino,
                                   .is_read = true};
    document_add(source, path, &origin)->text = text;
    source_take(source);
    return true;
}

/* ---- directories ---- */

static int is_inventory(const struct dirent *entry)
{
    static const char *const suffixes[] = {".jsonc", ".json", ".yaml", ".yml"};
    const char *dot = strrchr(entry->d_name, '.');
    for (size_t i = 0; i < COUNT_OF(suffixes); i++)
        if (dot && entry->d_name[0] != '.' && strcasecmp(dot, suffixes[i]) == 0)
            return 1;
    return 0;
}

/* By byte, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool directory_read(struct inventory_source *source, uint32_t parent, const char *path,
                           struct error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_inventory, by_name);
    bool done = true;
    uint32_t read = 0;
    if (count < 0)
        return error_system(err, path, NULL, "cannot read the directory");
    for (int i = 0; i < count; i++) {
        size_t len = strlen(path);
        const char *slash = len && path[len - 1] == '/' ? "" : "/";
        const char *file = arena_printf(&source->arena, "%s%s%s", path, slash, entries[i]->d_name);
        struct stat info;
        bool is_directory = stat(file, &info) == 0 && S_ISDIR(info.st_mode);
        if (done && !is_directory) {
            done = file_read_in(source, parent, file, err);
            read++;
        }
        free(entries[i]);
    }
    free(entries);
    if (done && read == 0)
        return error_set(err, ERROR_INVALID,
                         "%s: no inventory in this directory; its files are *.jsonc, *.json, "
                         "*.yaml and *.yml",
                         path);
    return done;
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool source_read(struct inventory_source *source, const char *path, struct error *err)
{
    source->is_directory = is_directory(path);
    return source->is_directory ? directory_read(source, DOCUMENT_ANY, path, err)
                                : file_read_in(source, DOCUMENT_ANY, path, err);
}

/* ---- include ---- */

static void include_read(struct inventory_source *source, uint32_t number,
                         const struct place *place, const json_t *value)
{
    struct error err = {0};
    const struct place at = place_in(place, number);
    if (!json_is_string(value) || json_string_length(value) == 0) {
        source->is_broken = true;
        mistake_add(&source->mistakes, &at, "bad-type", "write for example \"nodes.jsonc\"",
                    "expected the path of a file");
        return;
    }
    if (source->is_text) {
        source->is_broken = true;
        mistake_add(&source->mistakes, &at, "include-failed",
                    "send the whole inventory as one text",
                    "expected an inventory in one text, found an include of %s",
                    mistakes_quote(&source->mistakes, text_from(json_string_value(value))));
        return;
    }
    const char *path =
        path_from(&source->arena, source->documents[number].file, json_string_value(value));
    bool done = is_directory(path) ? directory_read(source, number, path, &err)
                                   : file_read_in(source, number, path, &err);
    source->is_broken |= !done;
    if (!done)
        mistake_add(&source->mistakes, &at, "include-failed",
                    err.kind == ERROR_SYSTEM     ? "paths are relative to this file"
                    : err.kind == ERROR_CONFLICT ? "include each file once"
                                                 : "see \"Several files\" of "
                                                   "srvplan-inventory(5)",
                    "expected a file to include: %s", err.message);
}

static void includes_read(struct inventory_source *source, uint32_t number)
{
    json_t *include = json_object_get(source->documents[number].tree, "include");
    struct place place = place_value(&document_place, "include");
    if (json_is_array(include)) {
        for (size_t i = 0; i < json_array_size(include); i++) {
            struct place item = place_item(&place, i);
            include_read(source, number, &item, json_array_get(include, i));
        }
    } else if (include) {
        include_read(source, number, &place, include);
    }
}

/* ---- zone files ---- */

/* Text in UTF-8, so that findings can quote it and the one text can hold it. */
static bool fragment_check(struct inventory_source *source, const struct source_fragment *fragment,
                           const char *pointer)
{
    struct jsonc_fault fault;
    struct bytes bytes = {(const uint8_t *)fragment->text.ptr, fragment->text.len};
    if (jsonc_encoding_check(bytes, &fault))
        return true;
    struct jsonc_position at = {.offset = fault.offset};
    jsonc_positions(bytes, &at, 1);
    mistake_add_at(&source->mistakes,
                   &(struct mistake){
                       .code = fault.code,
                       .spot = {.pointer = pointer,
                                .document = fragment->document,
                                .offset = JSONC_NOWHERE,
                                .file = fragment->file,
                                .line = at.line,
                                .column = at.column},
                       .message = arena_cstr(&source->mistakes.arena, text_from(fault.message)),
                       .mend = fault.mend,
                   });
    return false;
}

static void fragment_read(struct inventory_source *source, uint32_t number,
                          const struct place *place, const char *zone, const char *path)
{
    struct error err = {0};
    const struct place at = place_in(place, number);
    struct bytes bytes;
    if (source->is_text) {
        mistake_add(&source->mistakes, &at, "records-failed",
                    "write the lines of the file as a list",
                    "expected records in the text itself, found the path of a file");
        return;
    }
    const char *file = path_from(&source->arena, source->documents[number].file, path);
    if (!bytes_read(source, file, &bytes, &err)) {
        mistake_add(&source->mistakes, &at, "records-failed", "paths are relative to this file",
                    "expected a zone file: %s", err.message);
        return;
    }
    source->fragments = arena_grow(&source->arena, source->fragments, &source->fragment_capacity,
                                   source->fragment_count + 1u, sizeof *source->fragments);
    struct source_fragment *fragment = &source->fragments[source->fragment_count++];
    *fragment = (struct source_fragment){
        .zone = zone,
        .document = number,
        .file = file,
        .text = {(const char *)bytes.ptr, bytes.len},
    };
    if (!fragment_check(source, fragment, place_pointer(&source->arena, place))) {
        free((void *)(uintptr_t)bytes.ptr);
        source->fragment_count--;
    }
}

static void fragments_read(struct inventory_source *source, uint32_t number)
{
    const char *key;
    json_t *zone, *zones = json_object_get(source->documents[number].tree, "zones");
    struct place at_zones = place_value(&document_place, "zones");
    json_object_foreach(zones, key, zone)
    {
        json_t *records = json_object_get(zone, "records");
        struct place at_zone = place_value(&at_zones, key);
        struct place place = place_value(&at_zone, "records");
        if (json_is_string(records))
            fragment_read(source, number, &place, key, json_string_value(records));
    }
}

/* ---- what one document brings in ---- */

void source_take(struct inventory_source *source)
{
    uint32_t number = source->count - 1;
    document_parse(source->documents, number, INVENTORY_MAX_BYTES, &source->mistakes);
    source->is_broken |= !source->documents[number].tree;
    includes_read(source, number);
    fragments_read(source, number);
}
