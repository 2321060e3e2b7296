/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sheet_write: a sheet in each of its formats, a file of source each.
 *
 *   text      for a terminal: the symbols of terraform plan, labelled fields, one line at the end
 *   Markdown  for merge requests: GitHub's tables
 *   HTML      a page of its own without scripts and without anything to fetch; light, dark, paper
 *   CSV       a line a record (RFC 4180), with a heading */
#pragma once
#include "srvplan/report/report_text.h"
#include "srvplan/report/sheet.h"

void sheet_write_text(FILE *out, const struct sheet *sheet, struct report_style style);
void sheet_write_md(FILE *out, const struct sheet *sheet);
void sheet_write_html(FILE *out, const struct sheet *sheet);
void sheet_write_csv(FILE *out, const struct sheet *sheet);
