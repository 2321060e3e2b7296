/* SPDX-License-Identifier: GPL-3.0-or-later */
/* findings_print: findings for people and for programs, the same from every command. */
#pragma once
#include "srvplan/command/context.h"
#include "srvplan/finding.h"

/* "FILE:LINE:COL: error: message; mend [code] (pointer)", a line each, on stderr: errors first,
 * then warnings, then notes. Errors come also with --quiet. `otherwise` stands for the file of
 * those that name none. */
void findings_print(const struct findings *findings, const char *otherwise,
                    const struct output *output);

/* {"findings":[…]} on stdout. */
void findings_print_json(const struct findings *findings, const struct output *output);
