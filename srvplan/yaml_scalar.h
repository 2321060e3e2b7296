/* SPDX-License-Identifier: GPL-3.0-or-later */
/* yaml_scalar: what a plain scalar means by the core schema (YAML 1.2.2 section 10.3.2); for
 * yaml.c. Numbers come out as JSON writes them. */
#pragma once
#include "zones/base/bytes.h"

enum yaml_kind {
    YAML_TEXT,
    YAML_NULL,
    YAML_TRUE,
    YAML_FALSE,
    YAML_NUMBER,
    YAML_TOO_LARGE,  /* a whole number beyond 64 bits, or of very many digits */
    YAML_NOT_FINITE, /* .inf, .nan: JSON has no such number */
};

enum {
    YAML_NUMBER_SIZE = 64
};

enum yaml_kind yaml_scalar_kind(struct text text, char number[static YAML_NUMBER_SIZE]);

/* "the number", "the word": for a message. */
const char *yaml_kind_print(enum yaml_kind kind);
