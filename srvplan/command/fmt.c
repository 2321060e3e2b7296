/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan fmt: inventories in their canonical form. A file is replaced whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "srvplan/command/context.h"
#include "srvplan/command/findings_print.h"
#include "srvplan/command/schema.h"
#include "srvplan/inventory_source.h"
#include "srvplan/jsonc_format.h"
#include "srvplan/mistakes.h"
#include "zones/base/file.h"

struct formatter {
    const struct context *context;
    json_t *schema;
    bool is_check;
    int code; /* the worst of all files */
};

static void code_raise(struct formatter *formatter, int code)
{
    if (formatter->code != EXIT_FAILED)
        formatter->code = code;
}

/* Puts the text in the file's place. `path` is no symbolic link. */
static bool file_replace(const char *path, struct text text, struct error *err)
{
    struct arena arena = {0};
    const char *folder = dirname(arena_cstr(&arena, text_from(path)));
    const char *name = basename(arena_cstr(&arena, text_from(path)));
    const char *staged = arena_printf(&arena, ".%s.%ld.tmp", name, (long)getpid());
    const struct bytes part = {(const uint8_t *)text.ptr, text.len};
    struct stat info;
    bool done = false;
    int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0 || fstatat(directory, name, &info, 0) != 0) {
        error_system(err, path, NULL, "cannot look at");
        goto out;
    }
    if (!file_stage(directory, staged, &part, 1, info.st_mode & 0777, err))
        goto out;
    if ((info.st_uid != geteuid() || info.st_gid != getegid()) &&
        fchownat(directory, staged, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
        error_system(err, path, "run it as the owner", "cannot keep the owner and group");
        unlinkat(directory, staged, 0);
        goto out;
    }
    done = file_publish(directory, staged, name, err);
    if (!done)
        unlinkat(directory, staged, 0);
out:
    fd_close(&directory);
    arena_fini(&arena);
    return done;
}

/* What comes out of a file that is not as it should be. */
static bool difference_handle(struct formatter *formatter, const char *file, struct text formatted,
                              struct error *err)
{
    const struct output *output = &formatter->context->output;
    struct arena arena = {0};
    if (formatter->is_check) {
        fprintf(output->out, "%s\n", output_text(output, file, &arena));
        code_raise(formatter, EXIT_DIFFERENT);
        arena_fini(&arena);
        return true;
    }
    char *path = realpath(file, NULL); /* what a link leads to, and not the link */
    bool done =
        path ? file_replace(path, formatted, err) : error_system(err, file, NULL, "cannot look at");
    if (done)
        output_say(output, "%s: formatted", output_text(output, file, &arena));
    free(path);
    arena_fini(&arena);
    return done;
}

/* False, with code raised or *err: it is not good enough to be formatted. */
static bool text_format(struct formatter *formatter, const char *file, struct bytes text,
                        struct arena *arena, struct text *formatted, struct error *err)
{
    struct document document = {.file = file, .format = DOCUMENT_JSONC, .text = text};
    struct mistakes mistakes = {0};
    struct findings findings = {0};
    struct jsonc_fault fault;
    document_parse(&document, 0, INVENTORY_MAX_BYTES, &mistakes);
    mistakes_publish(&mistakes, &document, 1, &findings);
    bool is_good = findings.errors == 0;
    if (!is_good) {
        findings_print(&findings, file, &formatter->context->output);
        code_raise(formatter, EXIT_FAILED);
    } else if (!jsonc_format(text, formatter->schema, arena, formatted, &fault)) {
        is_good = error_set(err, ERROR_INVALID, "%.200s: %s; %s", file, fault.message, fault.mend);
    }
    findings_fini(&findings);
    mistakes_fini(&mistakes);
    document_fini(&document);
    return is_good;
}

static bool file_format(struct formatter *formatter, const char *file, struct error *err)
{
    struct bytes text = {0};
    struct text formatted;
    struct arena arena = {0};
    if (document_format_of(file) == DOCUMENT_YAML)
        return error_set(err, ERROR_UNSUPPORTED,
                         "%.200s: YAML is not formatted, since its comments would be lost; only "
                         "JSONC is",
                         file);
    if (!file_read(file, INVENTORY_MAX_BYTES, &text, err))
        return false;
    if (text_format(formatter, file, text, &arena, &formatted, err) &&
        !bytes_equal(text, (struct bytes){(const uint8_t *)formatted.ptr, formatted.len}))
        (void)difference_handle(formatter, file, formatted, err);
    arena_fini(&arena);
    free((void *)(uintptr_t)text.ptr);
    return err->kind == ERROR_NONE;
}

static bool stdin_format(struct formatter *formatter, struct error *err)
{
    const struct output *output = &formatter->context->output;
    struct bytes text = {0};
    struct text formatted;
    struct arena arena = {0};
    if (!file_read("/dev/stdin", INVENTORY_MAX_BYTES, &text, err))
        return false;
    if (text_format(formatter, "stdin", text, &arena, &formatted, err)) {
        struct bytes bytes = {(const uint8_t *)formatted.ptr, formatted.len};
        if (!formatter->is_check)
            (void)!fwrite(formatted.ptr, 1, formatted.len, output->out); /* output_finish tells */
        else if (!bytes_equal(text, bytes))
            (void)difference_handle(formatter, "stdin", formatted, err);
    }
    arena_fini(&arena);
    free((void *)(uintptr_t)text.ptr);
    return err->kind == ERROR_NONE;
}

int command_fmt(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    const char *only = invocation_value(invocation, OPTION_FILE, "-");
    const char *const *files =
        invocation->operand_count ? (const char *const *)invocation->operands : &only;
    uint32_t count = invocation->operand_count ? invocation->operand_count : 1;
    struct formatter formatter = {
        .context = context,
        .schema = json_loadb((const char *)inventory_schema, inventory_schema_bytes, 0, NULL),
        .is_check = invocation_has(invocation, OPTION_CHECK),
        .code = EXIT_FINE,
    };
    for (uint32_t i = 0; i < count; i++) {
        struct error err = {0};
        bool done = strcmp(files[i], "-") == 0 ? stdin_format(&formatter, &err)
                                               : file_format(&formatter, files[i], &err);
        if (!done)
            code_raise(&formatter, output_fail(&context->output, &err));
    }
    json_decref(formatter.schema);
    return formatter.code;
}
