/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/zone_compile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "zones/base/file.h"
#include "zones/base/log.h"
#include "zones/image_write.h"
#include "zones/text.h"
#include "zones/zone_content.h"

enum {
    MAX_FILE_BYTES = 1 << 28 /* a typing error, a device: not a zone */
};

#define SUFFIX ".zone"

/* -- which files --------------------------------------------------------------------------------
 */

struct files {
    struct arena *arena;
    struct zone_file {
        const char *path;
        struct name apex; /* len 0: the file says it */
    } * items;
    size_t count, capacity;
};

static void add_file(struct files *files, const char *path, struct name apex)
{
    files->items = arena_grow(files->arena, files->items, &files->capacity, files->count + 1,
                              sizeof *files->items);
    files->items[files->count++] = (struct zone_file){path, apex};
}

static bool has_suffix(const char *name)
{
    size_t len = strlen(name), suffix = strlen(SUFFIX);
    return len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

static int is_zone_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && has_suffix(entry->d_name);
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* in no locale's order */
}

static bool add_directory(struct files *files, const char *path, struct error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_zone_file, compare_entries);
    if (count < 0)
        return error_system(err, path, "let our user read it", "cannot read the directory");
    for (int i = 0; i < count; i++) {
        add_file(files, arena_printf(files->arena, "%s/%s", path, entries[i]->d_name),
                 (struct name){0});
        free(entries[i]);
    }
    free(entries);
    return count > 0 || error_set(err, ERROR_INVALID,
                                  "%s: no zone file in the directory; name them *" SUFFIX, path);
}

static bool add_argument(struct files *files, const char *argument, struct error *err)
{
    const char *path = argument, *equals = strchr(argument, '='), *slash = strchr(argument, '/');
    struct name apex = {0};
    struct stat status;
    if (equals && (!slash || equals < slash)) {
        struct text text = {argument, (size_t)(equals - argument)};
        if (!text_name_parse(files->arena, text, &apex, err))
            return error_within(err, "--zone %.100s", argument);
        path = equals + 1;
    }
    if (stat(path, &status) != 0)
        return error_system(err, path, "give a zone file, or a directory of them",
                            "cannot look at it");
    if (S_ISDIR(status.st_mode) && apex.len == 0)
        return add_directory(files, path, err);
    add_file(files, path, apex);
    return true;
}

/* "/etc/zones/example.org.zone" → example.org; len 0: it is no name. */
static struct name name_of_file(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    struct error ignored = {0};
    struct name name = {0};
    if (!has_suffix(base))
        return name;
    struct text stem = {base, strlen(base) - strlen(SUFFIX)};
    return text_name_parse(arena, stem, &name, &ignored) ? name : (struct name){0};
}

/* -- reading ------------------------------------------------------------------------------------
 */

static void read_zone(struct zone_content *content, const struct zone_file *file)
{
    struct bytes bytes = {0};
    struct error why = {0};
    if (!file_read(file->path, MAX_FILE_BYTES, &bytes, &why)) {
        zone_error(&content->faults, &(struct zone_spot){.path = file->path},
                   "let our user read it, or leave it out", "%s", why.message);
        return;
    }
    zone_content_add(content, &(struct zone_source){
                                  .path = file->path,
                                  .text = {(const char *)bytes.ptr, bytes.len},
                                  .apex = file->apex,
                                  .origin = name_of_file(content->arena, file->path),
                              });
    free((void *)(uintptr_t)bytes.ptr);
}

/* As compilers do, so that editors find the place. */
static void print_faults(const struct zone_faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct zone_fault *fault = &faults->items[i];
        const char *severity = fault->severity == ZONE_WARNING ? "warning: " : "";
        if (fault->line)
            fprintf(stderr, "%s:%u:%u: %s%s; %s\n", fault->path, fault->line, fault->column,
                    severity, fault->message, fault->mend);
        else
            fprintf(stderr, "%s: %s%s; %s\n", fault->path, severity, fault->message, fault->mend);
    }
    if (faults->errors + faults->warnings > faults->count)
        fprintf(stderr, "… and %llu more\n",
                (unsigned long long)(faults->errors + faults->warnings - faults->count));
}

/* -- writing ------------------------------------------------------------------------------------
 */

static bool write_all(int fd, struct bytes bytes, struct error *err)
{
    for (size_t at = 0; at < bytes.len;) {
        ssize_t written = write(fd, bytes.ptr + at, bytes.len - at);
        if (written < 0 && errno != EINTR)
            return error_system(err, "image", "free memory", "cannot write it");
        at += written > 0 ? (size_t)written : 0;
    }
    return true;
}

static bool write_image(const struct zone_content *content, uint64_t generation,
                        const struct zone_compile_files *to, struct error *err)
{
    struct image_buffer names = {0}, answers = {0};
    struct digest digest;
    bool done = image_build_names(&content->names, &names, &digest, err) &&
                write_all(to->names_fd, (struct bytes){names.ptr, names.len}, err) &&
                image_build_answers(&content->sets, content->serials, content->names.slot_count,
                                    &digest, generation, &answers, err) &&
                write_all(to->answers_fd, (struct bytes){answers.ptr, answers.len}, err) &&
                write_all(to->versions_fd,
                          (struct bytes){(const uint8_t *)content->versions,
                                         sizeof *content->versions * content->names.zone_count},
                          err);
    image_buffer_fini(&names);
    image_buffer_fini(&answers);
    return done;
}

static void compare_with(struct zone_content *content, int earlier_fd)
{
    struct mapping earlier = {0};
    struct error ignored = {0}; /* it is for warnings */
    if (earlier_fd >= 0 && mapping_open(&earlier, earlier_fd, "versions", &ignored))
        zone_content_compare(content, (const struct zone_version *)(const void *)earlier.ptr,
                             earlier.len / sizeof(struct zone_version));
    mapping_close(&earlier);
}

static enum zone_compiled compile_files(struct arena *arena, const struct options *options,
                                        uint64_t generation, const struct zone_compile_files *to,
                                        struct error *err)
{
    struct files files = {.arena = arena};
    struct zone_content content = {.arena = arena, .order = options->zone_order};
    content.faults.arena = arena;
    for (uint32_t i = 0; i < options->zone_count; i++)
        if (!add_argument(&files, options->zones[i], err))
            return ZONE_COMPILE_FAILED;
    for (size_t i = 0; i < files.count; i++)
        read_zone(&content, &files.items[i]);
    bool is_good = zone_content_finish(&content);
    if (is_good)
        compare_with(&content, to->earlier_fd);
    print_faults(&content.faults);
    if (!is_good)
        return ZONE_COMPILE_REFUSED;
    if (!write_image(&content, generation, to, err))
        return ZONE_COMPILE_FAILED;
    log_info("zone files compiled", log_number("zones", content.names.zone_count),
             log_number("names", content.names.name_count),
             log_number("sets", content.names.set_count),
             log_number("generation", (int64_t)generation));
    return ZONE_COMPILED;
}

enum zone_compiled zone_compile(const struct options *options, uint64_t generation,
                                const struct zone_compile_files *files, struct error *err)
{
    struct arena arena = {0};
    enum zone_compiled result = compile_files(&arena, options, generation, files, err);
    arena_fini(&arena);
    return result;
}
