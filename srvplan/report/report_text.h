/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_text: a plan as tables for people.
 *
 * A set that many domains share is printed once. Text of operators (reasons, actors) is printed
 * without control characters, so that nobody's reason moves another's cursor. */
#pragma once
#include "srvplan/plan_text.h"

#include <stdio.h>

struct report_style {
    bool colour;
    bool utf8;       /* false: ASCII only */
    bool is_verbose; /* every owner is named */
};

/* Tables, then one line with the totals; who calls prints the messages of findings and guards. */
void report_plan_text(FILE *out, const struct plan *plan, struct report_style style);
