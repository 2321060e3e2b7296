/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_compare: a difference as JSON, for `plan --against`, `plan --out` and `diff`. */
#pragma once
#include "srvplan/compare.h"

#include <jansson.h>

/* Changes, each {action, name, names, type, owners, before, after, because, records}. `names` are
 * all owners, so that the changes, applied to the one side, give the other. `records` tells each
 * record alone, with its shares before and after. */
json_t *report_changes_json(const struct comparison *comparison);

/* {add, change, remove, no_op} in sets, and records: {add, change, remove}. */
json_t *report_summary_json(const struct comparison *comparison);
