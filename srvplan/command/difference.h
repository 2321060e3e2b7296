/* SPDX-License-Identifier: GPL-3.0-or-later */
/* difference: what plan and diff share: their formats, and how a difference is written. */
#pragma once
#include "srvplan/command/source.h"
#include "srvplan/report/sheet_write.h"

enum difference_format {
    DIFFERENCE_TEXT,
    DIFFERENCE_TREE, /* JSON or YAML, by the output */
    DIFFERENCE_CSV,
    DIFFERENCE_MD,
    DIFFERENCE_HTML,
};

/* By --format and -o, which may not contradict each other; also makes *output write that. */
NODISCARD bool difference_format_find(const struct invocation *invocation, struct output *output,
                                      enum difference_format *format, struct error *err);

/* By --all. */
enum compare_scope difference_scope(const struct invocation *invocation);

struct report_style difference_style(const struct output *output);

/* Writes a sheet as text, CSV, Markdown or HTML. */
void difference_write(const struct output *output, const struct sheet *sheet,
                      enum difference_format format);

/* Puts "against", "changes" and "summary" into a document. */
void difference_add(json_t *document, const struct comparison *comparison);
