/* SPDX-License-Identifier: GPL-3.0-or-later */
/* escape: text as text in formats that have marks: whatever an operator or a stranger wrote, the
 * reader sees it and nothing else happens. All of them clean it first (clean.h). */
#pragma once
#include <stdio.h>

void escape_html(FILE *out, const char *text); /* for elements and quoted attributes */
void escape_md(FILE *out, const char *text);   /* within a paragraph or a cell of a table */

/* In code type: within it no mark counts but the bar of a table and the backtick. */
void escape_md_code(FILE *out, const char *text);

/* A field: quoted where needed (RFC 4180 section 2). */
void escape_csv(FILE *out, const char *text);
