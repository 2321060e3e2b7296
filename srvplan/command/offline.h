/* SPDX-License-Identifier: GPL-3.0-or-later */
/* offline: from an inventory's files to its plan, without a server, for plan, zone and check.
 *
 * All findings of all steps come together in one list, in the order of the steps, so that one run
 * shows every mistake. */
#pragma once
#include <jansson.h>

#include "srvplan/command/context.h"
#include "srvplan/inventory_load.h"
#include "srvplan/plan.h"

struct offline {
    const char *file; /* or directory */
    int64_t at_ms;
    struct inventory_source *source;
    struct findings findings; /* of loader, layout and plan */
    struct inventory *inventory;
    struct layout *layout;
    struct plan *plan; /* NULL when there is an error among the findings of loader or layout */
};

/* Reads --file and plans for --at, as far as the findings allow. False: the file could not be
 * read. offline_close in either case. */
NODISCARD bool offline_open(struct offline *offline, const struct context *context,
                            enum layout_need need, struct error *err);

/* The same for another file. */
NODISCARD bool offline_open_file(struct offline *offline, const struct context *context,
                                 const char *file, enum layout_need need, struct error *err);
void offline_close(struct offline *offline);

/* Gives findings that were added since, and know a pointer only, their file, line and column. */
void offline_locate(struct offline *offline);

/* "FILE:LINE:COL: error: message; mend [code] (pointer)", a line each, on stderr. Errors come also
 * with --quiet. */
void offline_print_findings(const struct offline *offline, const struct output *output);

/* What guards refuse, on stderr. */
void offline_print_refusals(const struct offline *offline, const struct output *output);

/* A document on stdout; takes it. */
void offline_print_json(const struct output *output, json_t *document);

/* {"findings":[…]} on stdout. */
void offline_print_findings_json(const struct offline *offline, const struct output *output);
