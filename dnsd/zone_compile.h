/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_compile: zone files → the two files of an image; the whole life of the child that compiles.
 *
 * What --zone names is a file, or a directory whose *.zone files are all read, in order of their
 * names. One file is one zone. "ZONE=FILE" says which zone a file must hold; otherwise its SOA
 * record says so. Names are relative to that zone, or, before the first $ORIGIN of a file without
 * "ZONE=", to the file's own name: example.org.zone begins in example.org. */
#pragma once
#include "dnsd/options.h"

enum zone_compiled {
    ZONE_COMPILED,
    ZONE_COMPILE_REFUSED, /* the files are at fault: said on stderr, one a line */
    ZONE_COMPILE_FAILED,  /* *err says why */
};

/* Files to write, empty, and what an earlier compilation wrote, or -1. */
struct zone_compile_files {
    int answers_fd, names_fd; /* the image */
    int versions_fd;          /* for the next compilation */
    int earlier_fd;
};

/* Writes the image of `generation`. */
enum zone_compiled zone_compile(const struct options *options, uint64_t generation,
                                const struct zone_compile_files *files, struct error *err);
