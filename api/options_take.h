/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options_take: how the values of the table are read, from words and from the file; for options.c
 * alone. */
#pragma once
#include "api/options.h"

/* Reads a word into the row's place; `list_count` counts the items of a list. False: *why says what
 * was expected, in the arena of the options or for good. */
NODISCARD bool options_take(struct options *options, const struct options_row *row,
                            const char *value, uint32_t *list_count, const char **why);

/* Reads options->config, or the usual file if there is one. False: *findings or *err say why. */
NODISCARD bool options_read_file(struct options *options, struct findings *findings,
                                 struct error *err);
