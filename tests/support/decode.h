/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode: an independent reader of DNS messages for tests: follows every pointer, checks every
 * length, and gives records with all names written out. Shares no code with the responder. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DECODE_MAX_RECORDS = 4096
};

struct decoded_name {
    uint8_t wire[256];
    size_t len;
};

struct decoded_record {
    struct decoded_name owner;
    uint16_t type, class;
    uint32_t ttl;
    uint8_t rdata[600]; /* names in it written out */
    size_t rdata_len;
};

struct decoded {
    uint16_t id, flags, count[4];
    struct decoded_name question;
    uint16_t question_type, question_class;
    size_t required_end;            /* offset behind the authority section */
    struct decoded_record *records; /* answer, authority, additional in a row; OPT is not in it */
    size_t record_count, capacity;
    bool has_opt;
    uint16_t opt_size, opt_flags;
    uint8_t opt_extended_rcode, opt_version;
    const uint8_t *opt_data; /* its options, in the message */
    size_t opt_data_len;
    const char *mistake; /* NULL: the message is whole, with no byte left over */
};

/* Free with decoded_free. */
struct decoded *decode(const uint8_t *bytes, size_t len);
void decoded_free(struct decoded *decoded);

/* The data of the first option with that code; NULL: there is none. */
const uint8_t *decoded_option(const struct decoded *decoded, unsigned code, size_t *len);

/* Equal but for the case of letters. */
bool decoded_name_equal(const struct decoded_name *a, const uint8_t *wire, size_t len);
