/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_yaml: a JSON tree as YAML 1.2 for people who read that better.
 *
 * Block style, keys in their order, texts plain where every YAML reader takes them for the same
 * text, else in double quotes with JSON's escapes, which YAML has too. So `no`, `1.0` and
 * `2026-12-06T01:17:30Z` stay texts, also for readers of YAML 1.1. */
#pragma once
#include <jansson.h>
#include <stdio.h>

void report_yaml(FILE *out, const json_t *document);
