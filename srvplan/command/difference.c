/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/difference.h"

#include <string.h>

#include "srvplan/report/report_compare.h"

/* --format's words: which format, and what -o calls it. */
static const struct {
    const char *name;
    enum difference_format format;
    enum output_format output;
} formats[] = {
    {"text", DIFFERENCE_TEXT, OUTPUT_TABLE}, {"json", DIFFERENCE_TREE, OUTPUT_JSON},
    {"yaml", DIFFERENCE_TREE, OUTPUT_YAML},  {"csv", DIFFERENCE_CSV, OUTPUT_CSV},
    {"md", DIFFERENCE_MD, OUTPUT_MD},        {"html", DIFFERENCE_HTML, OUTPUT_TABLE},
};

bool difference_format_find(const struct invocation *invocation, struct output *output,
                            enum difference_format *format, struct error *err)
{
    const char *wanted = invocation_value(invocation, OPTION_FORMAT, NULL);
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        if (wanted ? strcmp(formats[i].name, wanted) != 0 : formats[i].output != output->format)
            continue;
        bool is_same =
            !invocation_has(invocation, OPTION_OUTPUT) ||
            (formats[i].output == output->format && formats[i].format != DIFFERENCE_HTML);
        if (!is_same)
            return error_set(err, ERROR_USAGE,
                             "--format %s and -o %s: only one can be; leave -o away", wanted,
                             invocation_value(invocation, OPTION_OUTPUT, ""));
        output->format = formats[i].output;
        output->is_json = formats[i].format == DIFFERENCE_TREE;
        *format = formats[i].format;
        return true;
    }
    return error_set(err, ERROR_USAGE, "--format %.20s: not known", wanted ? wanted : "");
}

enum compare_scope difference_scope(const struct invocation *invocation)
{
    return invocation_has(invocation, OPTION_ALL) ? COMPARE_ALL : COMPARE_OURS;
}

struct report_style difference_style(const struct output *output)
{
    return (struct report_style){
        .colour = output->colors_out, .utf8 = output->is_utf8, .is_verbose = output->is_verbose};
}

void difference_write(const struct output *output, const struct sheet *sheet,
                      enum difference_format format)
{
    switch (format) {
    case DIFFERENCE_TEXT:
        sheet_write_text(output->out, sheet, difference_style(output));
        return;
    case DIFFERENCE_CSV:
        sheet_write_csv(output->out, sheet);
        return;
    case DIFFERENCE_MD:
        sheet_write_md(output->out, sheet);
        return;
    case DIFFERENCE_HTML:
        sheet_write_html(output->out, sheet);
        return;
    case DIFFERENCE_TREE: /* is no sheet */
        return;
    }
}

void difference_add(json_t *document, const struct comparison *comparison)
{
    json_object_set_new(document, "against", json_string(comparison->before->label));
    json_object_set_new(document, "changes", report_changes_json(comparison));
    json_object_set_new(document, "summary", report_summary_json(comparison));
}
