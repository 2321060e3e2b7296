/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "srvplan/command/remote.h"
#include "srvplan/command/source_read.h"
#include "srvplan/published_json.h"
#include "zones/base/file.h"

/* A stored plan of 100,000 domains is some 200 MB. */
enum {
    SOURCE_MAX_BYTES = 512 * 1024 * 1024
};

/* -- which kind ---------------------------------------------------------------------------------
 */

static const struct {
    const char *prefix;
    enum source_kind kind;
    bool is_optional; /* what follows the colon */
} prefixes[] = {
    {"inventory", SOURCE_INVENTORY, false}, {"plan", SOURCE_PLAN, false},
    {"zone", SOURCE_ZONE, false},           {"dns", SOURCE_DNS, true},
    {"rev", SOURCE_REVISION, true},
};

static bool has_suffix(const char *file, const char *suffix)
{
    size_t len = strlen(file), suffix_len = strlen(suffix);
    return len > suffix_len && strcasecmp(file + len - suffix_len, suffix) == 0;
}

/* The first character that is no space. Zone files begin with a name, `$` or `;`, JSON and JSONC
 * with a bracket or a comment. */
static char first_character(struct bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (!memchr(" \t\r\n", bytes.ptr[i], 4))
            return (char)bytes.ptr[i];
    return '\0';
}

/* A plan is written by machines, so that strict JSON reads it; whatever else begins like JSON is an
 * inventory, and the loader says what is wrong with it. */
static enum source_kind kind_of_text(struct bytes bytes)
{
    char first = first_character(bytes);
    if (first != '{' && first != '/' && first != '[')
        return SOURCE_ZONE;
    json_t *document = json_loadb((const char *)bytes.ptr, bytes.len, 0, NULL);
    bool is_plan = published_json_is_plan(document);
    json_decref(document);
    return is_plan ? SOURCE_PLAN : SOURCE_INVENTORY;
}

static bool kind_of_file(const char *file, enum source_kind *kind, struct error *err)
{
    struct stat info;
    struct bytes bytes;
    *kind = SOURCE_INVENTORY;
    if (has_suffix(file, ".jsonc") || has_suffix(file, ".yaml") || has_suffix(file, ".yml") ||
        (stat(file, &info) == 0 && S_ISDIR(info.st_mode)))
        return true;
    if (!file_read(file, SOURCE_MAX_BYTES, &bytes, err))
        return false;
    *kind = kind_of_text(bytes);
    free((void *)(uintptr_t)bytes.ptr);
    return true;
}

bool source_parse(struct source *source, const char *spec, struct error *err)
{
    *source = (struct source){.what = spec};
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        size_t len = strlen(prefixes[i].prefix);
        if (strncmp(spec, prefixes[i].prefix, len) != 0 || (spec[len] && spec[len] != ':'))
            continue;
        source->kind = prefixes[i].kind;
        source->what = spec[len] ? spec + len + 1 : "";
        if (source->what[0] == '\0' && !prefixes[i].is_optional)
            return error_set(err, ERROR_USAGE,
                             "%s: of which file? write %s:FILE (or ./%s for a "
                             "file of that name)",
                             spec, prefixes[i].prefix, spec);
        uint64_t number;
        if (source->kind == SOURCE_REVISION && source->what[0] &&
            !text_to_u64(text_from(source->what), 0, INT64_MAX, &number))
            return error_set(err, ERROR_USAGE,
                             "rev:%.60s: expected a number; `srvplan history` "
                             "lists the revisions",
                             source->what);
        return true;
    }
    return kind_of_file(spec, &source->kind, err);
}

/* -- opening ------------------------------------------------------------------------------------
 */

static int inventory_open(struct source *source, const struct context *context)
{
    struct error err = {0};
    struct offline *offline = &source->offline;
    if (!offline_open_file(offline, context, source->what, LAYOUT_FOR_PLAN, &err))
        return output_fail(&context->output, &err);
    if (!context->output.is_json || !offline->plan)
        offline_print_findings(offline, &context->output);
    if (!offline->plan || offline->findings.errors > 0)
        return EXIT_FAILED;
    source->published = published_of_plan(offline->plan, source->what, &source->arena);
    return EXIT_FINE;
}

static int plan_open(struct source *source, const struct context *context)
{
    struct error err = {0};
    struct bytes bytes;
    json_error_t where;
    if (!file_read(source->what, SOURCE_MAX_BYTES, &bytes, &err))
        return output_fail(&context->output, &err);
    json_t *document = json_loadb((const char *)bytes.ptr, bytes.len, 0, &where);
    free((void *)(uintptr_t)bytes.ptr);
    if (!document)
        error_set(&err, ERROR_INVALID, "%.200s:%d:%d: no JSON: %s", source->what, where.line,
                  where.column, where.text);
    bool is_fine = document && published_of_json(document, source->what, &source->arena,
                                                 &source->published, &err);
    json_decref(document);
    return is_fine ? EXIT_FINE : output_fail(&context->output, &err);
}

static int revision_open(struct source *source, const struct context *context)
{
    struct remote remote;
    struct remote_reply reply = {0};
    struct error err = {0};
    bool is_now = strspn(source->what, "0") == strlen(source->what);
    const char *path = is_now ? "/api/v1/plan"
                              : arena_printf(&source->arena, "/api/v1/revisions/%s", source->what);
    int code = remote_open(&remote, context);
    if (code == EXIT_FINE)
        code = remote_get(&remote, path, &reply);
    if (code == EXIT_FINE) {
        const char *label = arena_printf(&source->arena, "revision %lld",
                                         (long long)member_number(reply.document, "revision", 0));
        if (!published_of_json(reply.document, label, &source->arena, &source->published, &err))
            code = output_fail(&context->output, &err);
    }
    remote_reply_fini(&reply);
    remote_close(&remote);
    return code;
}

int source_open(struct source *source, const struct context *context, const struct published *names)
{
    struct error err = {0};
    bool is_fine = false;
    switch (source->kind) {
    case SOURCE_INVENTORY:
        return inventory_open(source, context);
    case SOURCE_PLAN:
        return plan_open(source, context);
    case SOURCE_REVISION:
        return revision_open(source, context);
    case SOURCE_ZONE:
        is_fine = source_read_zone(source->what, &source->arena, &source->published, &err);
        break;
    case SOURCE_DNS:
        is_fine =
            names ? source_read_dns(source->what, names, &source->arena, &source->published, &err)
                  : error_set(&err, ERROR_USAGE,
                              "dns on both sides: one of them must say which names to ask "
                              "for: an inventory, a plan, or a revision");
        break;
    }
    return is_fine ? EXIT_FINE : output_fail(&context->output, &err);
}

void source_close(struct source *source)
{
    if (!source)
        return;
    offline_close(&source->offline);
    arena_fini(&source->arena);
}
