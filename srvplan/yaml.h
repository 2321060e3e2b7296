/* SPDX-License-Identifier: GPL-3.0-or-later */
/* yaml: the YAML that an inventory may be written in, turned into plain JSON.
 *
 * One model needs one reader: YAML becomes the JSON text of the same value, with a list of marks
 * that say where in the YAML each token of it stood. Whatever is said about the JSON later, also
 * by limits and checks that know nothing of YAML, finds its line and column through them.
 *
 * It is the part of YAML 1.2 that means the same to everybody: the core schema (so `no`, `yes` and
 * `on` are texts, and 0o17 and 0x1f are numbers), comments, block and flow style, anchors and
 * aliases. Tags, merge keys ("<<"), keys that are no texts, several documents in one file, infinite
 * numbers and %YAML 1.1 are refused. What an alias brings stands where the alias stands. Aliases
 * multiply: the JSON is limited, so that nine lines cannot fill the memory. */
#pragma once
#include "zones/base/arena.h"

struct yaml_mark {
    size_t at;             /* offset in the JSON; the mark holds up to the next one */
    uint32_t line, column; /* from 1, in characters */
};

struct yaml_json {
    struct text json;              /* NUL-terminated */
    const struct yaml_mark *marks; /* ascending */
    size_t mark_count;
};

/* The first thing that is wrong. */
struct yaml_fault {
    const char *code; /* "syntax", "yaml-tag", "yaml-alias", … */
    uint32_t line, column;
    char message[256];
    const char *mend;
};

/* `text` is UTF-8 without NUL (text_check of jsonc.h). `max` bytes of JSON at most. Everything
 * lives in the arena. */
NODISCARD bool yaml_to_json(struct bytes text, size_t max, struct arena *arena,
                            struct yaml_json *json, struct yaml_fault *fault);

/* The mark that holds at an offset of the JSON. */
struct yaml_mark yaml_mark_at(const struct yaml_json *json, size_t at);
