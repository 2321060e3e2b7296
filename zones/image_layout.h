/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_layout: the bytes of an image, and how a name is found in it.
 *
 * An image is two files of 64-byte lines, little-endian, position-independent: indices instead of
 * pointers, bounds in the headers. They are two because they change at two rates:
 *
 *   names-DIGEST.img   header · table (one line a name, open addressing) · overflow (the rest of
 *                      long names) · zones (a line each) · types (which sets stand at a name) ·
 *                      order (each zone's names in canonical order)
 *   answers.img        header · serial slots · sets (a line each) · answers (records of one size)
 *                      · long (whole answers that only a stream can carry)
 *
 * answers.img names the digest of its names file; its rename is the only commit point.
 *
 * An answer is the body of a response behind the question and without OPT. What differs per query
 * is patched: compression pointers move with the length of the question (to things in the body) or
 * with how far the question is below the apex (to the apex inside the question; in a referral, the
 * cut), and the SOA serial comes from a slot. Aliases are followed when the image is made: the
 * answers at the owner of a CNAME begin with the chain. The places to patch are listed, with the
 * folded one's complement sum of the body as rendered (RFC 1071), so that a path that makes its own
 * UDP checksums need not read the body again.
 *
 * This header is for two compilers: no libc, no recursion, no 128-bit products, bounded loops, so
 * that a kernel path can include it too. Who maps and checks the files is image.h. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_NONE UINT32_MAX
#define IMAGE_NO_PLACE UINT16_MAX

enum {
    IMAGE_VERSION = 2,
    IMAGE_LINE_BYTES = 64,
    IMAGE_MAX_PROBES = 24, /* the compiler grows the table until nobody needs more */
    IMAGE_NAME_INLINE_BYTES = 48,
    IMAGE_NAME_HEAD_BYTES = 44, /* of a longer name; then the index of its overflow lines */
    IMAGE_TYPES_PER_LINE = 7,
    IMAGE_MAX_CUTS = 16,
    IMAGE_MAX_PATCHES = 80, /* as many records as a body holds, and a few for their RDATA */
    IMAGE_OTHER_TYPES = 0,  /* an entry that stands for all types that a list does not have */
    /* A UDP answer is at most 1,232 bytes (DNS flag day 2020: IPv6 minimum MTU less headers), of
     * which header, OPT and the shortest question that matters leave this much for the body. */
    IMAGE_UDP_MAX_BYTES = 1232,
    IMAGE_BODY_BYTES = 1200,
    IMAGE_STREAM_MAX_BYTES = 65535,
};

#define IMAGE_NAMES_MAGIC "SRVPNAM1"
#define IMAGE_ANSWERS_MAGIC "SRVPANS1"

struct image_section {
    uint32_t first; /* line in the file */
    uint32_t count; /* elements */
};

struct image_names_header { /* 4 lines */
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t file_bytes;
    uint64_t checksum;  /* image_checksum of the file with this field 0 */
    uint8_t digest[32]; /* SHA-256 of the file with digest and checksum 0: its identity */
    uint64_t hash_seed;
    struct image_section table;    /* struct image_name, free ones too */
    struct image_section overflow; /* lines */
    struct image_section zones;    /* struct image_zone */
    struct image_section types;    /* struct image_types */
    struct image_section order;    /* uint32_t: index in the table */
    uint32_t names;                /* used lines of the table */
    uint32_t max_labels;           /* of the deepest name: no look-up goes deeper */
    uint32_t max_probes;
    uint32_t sets;  /* how many sets the answers hold */
    uint32_t slots; /* how many serials */
    uint8_t reserved[124];
};

struct image_name { /* one line */
    uint16_t tag;   /* image_tag of the hash; 0: free */
    uint8_t length; /* of the name in wire form, 1..255 */
    uint8_t labels;
    uint32_t zone;
    uint32_t types; /* first line in the section; IMAGE_NONE: an empty non-terminal, no more */
    uint32_t own;   /* spare: answers of this owner alone (signatures); IMAGE_NONE */
    uint8_t name[IMAGE_NAME_INLINE_BYTES]; /* lower case, zero-padded */
};

struct image_zone { /* one line */
    uint32_t slot;
    uint32_t negative_set;
    uint32_t parent;      /* the zone above that we serve too, or IMAGE_NONE */
    uint32_t order_first; /* its names: elements of the order section */
    uint32_t name_count;
    uint32_t ds_set; /* DS that the zone above has for this one, or IMAGE_NONE */
    uint8_t apex_length;
    uint8_t apex_labels;
    uint8_t reserved[38];
};

enum image_types_flag {
    /* The name is delegated to others: it and all below it get its NS set as a referral, but DS. */
    IMAGE_TYPES_CUT = 1,
};

/* What stands at a name, shared by all names that have the same. One line; a name with more than 7
 * types has several in a row, of which the first has flags and wildcard. */
struct image_types {
    uint16_t count; /* entries from here on, over all its lines */
    uint16_t flags; /* enum image_types_flag */
    /* What the wildcard right below the name has (RFC 4592): first line in the section, or
     * IMAGE_NONE: there is no wildcard. */
    uint32_t wildcard;
    struct image_type {
        uint16_t type;
        uint16_t reserved;
        uint32_t set;
    } entry[IMAGE_TYPES_PER_LINE];
};

struct image_answers_header { /* 4 lines */
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint64_t file_bytes;
    uint64_t checksum;            /* image_checksum of the file with this field 0 */
    uint8_t names_digest[32];     /* the names file that this belongs to */
    uint64_t generation;          /* of the plan: the revision's number */
    struct image_section slots;   /* uint32_t, host order of the value: a serial */
    struct image_section sets;    /* struct image_set */
    struct image_section answers; /* struct image_answer */
    struct image_section longs;   /* lines */
    uint32_t sets_capacity;       /* room that a kernel map gets, so that it is made once */
    uint32_t answers_capacity;
    uint8_t reserved[144];
};

struct image_set { /* one line */
    uint32_t answer_first;
    uint32_t answer_count; /* its orders; 0: nobody is there, NODATA */
    uint32_t ttl_s;
    uint16_t type;
    uint16_t flags; /* enum image_set_flag */
    uint32_t shown; /* the set whose records its answers show: itself, or what aliases lead to */
    uint8_t reserved[44];
};

enum image_set_flag {
    IMAGE_SET_NXDOMAIN = 1, /* aliases that end at a name which does not exist (RFC 6604) */
};

struct image_cut {
    uint16_t length;  /* of the body up to here */
    uint16_t arcount; /* additional records up to here */
};

struct image_answer { /* 23 lines */
    uint32_t set;
    uint32_t long_line;       /* the whole for streams, in the longs section; or IMAGE_NONE */
    uint16_t body_length;     /* what body[] holds */
    uint16_t required_length; /* answer, authority and glue: less is TC, and then nothing */
    uint16_t rendered_for;    /* owner length of which pointers into the body were made */
    uint16_t ancount, nscount, arcount; /* of body[]; an/ns also of the required part */
    uint16_t serial_at;             /* where the SOA serial stands in the body, or IMAGE_NO_PLACE */
    uint16_t sum;                   /* of body[], folded, as rendered */
    uint8_t body_patches, body_odd; /* places that move with the owner's length; how many odd */
    uint8_t apex_patches, apex_odd; /* … with the owner's distance from the apex */
    uint8_t cut_count;
    uint8_t reserved;
    uint16_t required_arcount;            /* glue within the required part (RFC 9471) */
    struct image_cut cut[IMAGE_MAX_CUTS]; /* ascending; the last is the whole body */
    uint16_t patch[IMAGE_MAX_PATCHES];    /* body patches first, then apex patches */
    uint8_t body[IMAGE_BODY_BYTES + 16];
};

struct image_long { /* whole answers beyond body[]: this, uint16_t places, then the bytes */
    uint32_t length;
    uint16_t ancount, nscount, arcount;
    uint16_t rendered_for;
    uint16_t serial_at;
    uint16_t body_patches, apex_patches;
    uint16_t reserved;
};

_Static_assert(sizeof(struct image_names_header) == 256, "layout");
_Static_assert(sizeof(struct image_name) == IMAGE_LINE_BYTES, "layout");
_Static_assert(sizeof(struct image_zone) == IMAGE_LINE_BYTES, "layout");
_Static_assert(sizeof(struct image_types) == IMAGE_LINE_BYTES, "layout");
_Static_assert(sizeof(struct image_answers_header) == 256, "layout");
_Static_assert(sizeof(struct image_set) == IMAGE_LINE_BYTES, "layout");
_Static_assert(sizeof(struct image_answer) == 23 * IMAGE_LINE_BYTES, "layout");
_Static_assert(offsetof(struct image_answer, body) % IMAGE_LINE_BYTES == 0, "layout");
_Static_assert(sizeof(struct image_long) == 20, "layout");

/* The folded one's complement sum of a body (RFC 1071). */
static inline uint16_t image_sum(const uint8_t *bytes, unsigned len)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < len; i++)
        sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
    for (unsigned i = 0; i < 2; i++)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint16_t)sum;
}

/* -- finding a name ----------------------------------------------------------------------------
 * The hash runs over the labels from the right, so that one pass gives the hash of every suffix:
 * start with image_hash_start, then image_hash_label for each label, the last one first. */

#define IMAGE_HASH_MULTIPLIER 0x9E3779B97F4A7C15ull /* 2^64 / golden ratio, odd */

static inline uint64_t image_hash_start(uint64_t seed)
{
    return seed;
}

static inline uint64_t image_load_word(const uint8_t *at)
{
    uint64_t word;
    __builtin_memcpy(&word, at, sizeof word);
    return word; /* little-endian machines only; image_open checks */
}

/* Adds one lower-cased label, length byte included; 8 readable bytes must follow `label + len`. */
static inline uint64_t image_hash_label(uint64_t hash, const uint8_t *label, unsigned len)
{
    for (unsigned at = 0; at < len; at += 8) {
        uint64_t word = image_load_word(label + at);
        if (len - at < 8)
            word &= (1ull << (8 * (len - at))) - 1;
        hash = (hash ^ word) * IMAGE_HASH_MULTIPLIER;
        hash ^= hash >> 29;
    }
    return hash;
}

static inline uint16_t image_tag(uint64_t hash)
{
    uint16_t tag = (uint16_t)(hash >> 48);
    return tag ? tag : 1;
}

/* Where the search starts. It goes up from there, at most IMAGE_MAX_PROBES lines, and does not
 * wrap: the table has that many lines more than homes. */
static inline uint32_t image_home(uint64_t hash, uint32_t table_count)
{
    return (uint32_t)(((hash & 0xFFFFFFFFull) * (table_count - IMAGE_MAX_PROBES)) >> 32);
}
