/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan diff: what differs between two sides, whatever each is. */
#include "srvplan/command/difference.h"

/* Opens both, live DNS behind the other, which says what to ask for. */
static int sides_open(struct source sides[2], const struct context *context)
{
    uint32_t first = sides[0].kind == SOURCE_DNS;
    int code = source_open(&sides[first], context, NULL);
    if (code != EXIT_FINE)
        return code;
    const struct published *names = sides[first].published;
    return source_open(&sides[!first], context, names->is_plan ? names : NULL);
}

static void show(const struct output *output, const struct comparison *comparison,
                 enum difference_format format)
{
    struct arena arena = {0};
    if (output->is_json) {
        json_t *document = json_object();
        json_object_set_new(document, "with", json_string(comparison->after->label));
        difference_add(document, comparison);
        output_tree(output, document);
        json_decref(document);
    } else {
        difference_write(output, sheet_of_comparison(comparison, "Diff", &arena), format);
    }
    arena_fini(&arena);
}

int command_diff(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct context with_format = *context;
    struct source sides[2] = {0};
    struct arena arena = {0};
    struct error err = {0};
    enum difference_format format;
    int code;
    if (!difference_format_find(invocation, &with_format.output, &format, &err) ||
        !source_parse(&sides[0], invocation->operands[0], &err) ||
        !source_parse(&sides[1], invocation->operands[1], &err)) {
        code = output_fail(&context->output, &err);
        goto out;
    }
    code = sides_open(sides, &with_format);
    if (code == EXIT_FINE) {
        const struct comparison *comparison =
            compare(sides[0].published, sides[1].published, difference_scope(invocation), &arena);
        show(&with_format.output, comparison, format);
        code = comparison->change_count > 0 ? EXIT_DIFFERENT : EXIT_FINE;
    }
out:
    source_close(&sides[0]);
    source_close(&sides[1]);
    arena_fini(&arena);
    return code;
}
