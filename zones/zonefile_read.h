/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zonefile_read: the text of a zone file, or of a part of one, as records in wire form.
 *
 * The format is that of RFC 1035 section 5 with $TTL of RFC 2308 section 4: owners that are left
 * out, relative names and "@", TTL and class in either order, parentheses over several lines,
 * comments, quoted strings, \# of RFC 3597. Every mistake comes with line and column, and reading
 * goes on behind it. $INCLUDE and $GENERATE are refused: one text is the whole.
 *
 * This file takes the text apart and understands owner, TTL, class and type; the data of a record
 * are ldns' matter. It is for our operators' files: what strangers send never comes here. */
#pragma once
#include "zones/name.h"

struct zonefile_record {
    struct name owner;
    uint16_t type; /* enum rrtype, or any other */
    uint32_t ttl_s;
    struct bytes rdata; /* uncompressed, names in it lower-cased */
    uint32_t line;      /* where it begins, from 1 */
    uint32_t column;    /* likewise */
};

struct zonefile_fault {
    const char *code; /* "record-syntax", "record-unknown-type", "record-include", "bad-utf8", … */
    uint32_t line, column; /* as editors count: from 1, in characters */
    const char *message, *mend;
};

enum {
    ZONEFILE_MAX_FAULTS = 1000 /* beyond them nobody reads on */
};

struct zonefile_reading {
    const struct zonefile_record *records; /* in the order of the text */
    uint32_t record_count;
    const struct zonefile_fault *faults; /* likewise */
    uint32_t fault_count;
    uint32_t guessed_line; /* of the first record that has its TTL from the terms; 0: none */
};

/* What holds until the text says otherwise. */
struct zonefile_terms {
    struct name origin; /* what names are relative to; $ORIGIN changes it */
    uint32_t ttl_s;     /* of records without one; $TTL changes it */
};

/* Everything lives in the arena; the text may go. */
struct zonefile_reading zonefile_read(struct arena *arena, struct text text,
                                      const struct zonefile_terms *terms);
