/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/compile.h"

#include "zones/image_layout.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER_BYTES = 12,
    QUESTION_TAIL_BYTES = 4, /* type and class behind the name */
    OPT_BYTES = 11,
    RECORD_HEAD_BYTES = 12, /* a pointer, type, class, TTL, length of RDATA */
    POINTER = 0xC000,
    POINTER_MAX = 0x3FFF,
    /* What a body may measure in a stream, whatever the owner. */
    BODY_MAX =
        IMAGE_STREAM_MAX_BYTES - HEADER_BYTES - NAME_MAX_BYTES - QUESTION_TAIL_BYTES - OPT_BYTES,
    /* The last place in a body that a pointer reaches even behind the longest owner. */
    TARGET_MAX = POINTER_MAX - HEADER_BYTES - NAME_MAX_BYTES - QUESTION_TAIL_BYTES,
    /* Names that later names of the set may point at; NS and SOA sets are small. */
    KNOWN_MAX = 256,
};

/* The work on one body. */
struct work {
    struct arena *arena;
    struct writer out;
    uint16_t owner_bytes;
    uint16_t *body_places, *apex_places;
    size_t body_count, body_capacity, apex_count, apex_capacity;
    struct known { /* a (part of a) template name that stands in the body at `at` */
        const uint8_t *name;
        size_t len;
        uint16_t at;
    } known[KNOWN_MAX];
    size_t known_count;
};

static void place_add(struct work *work, uint16_t **places, size_t *count, size_t *capacity)
{
    *places = arena_grow(work->arena, *places, capacity, *count + 1, sizeof **places);
    (*places)[(*count)++] = (uint16_t)work->out.len;
}

/* A pointer to `at` in the body, as it is for the owner that we render for. */
static void put_body_pointer(struct work *work, uint32_t at)
{
    place_add(work, &work->body_places, &work->body_count, &work->body_capacity);
    uint32_t question_bytes = HEADER_BYTES + QUESTION_TAIL_BYTES + (uint32_t)work->owner_bytes;
    write_u16(&work->out, (uint16_t)(POINTER | (question_bytes + at)));
}

/* A pointer to the apex in the question, less its first bytes, as it is when the owner is the
 * apex. */
static void put_apex_pointer(struct work *work, uint8_t skipped)
{
    place_add(work, &work->apex_places, &work->apex_count, &work->apex_capacity);
    write_u16(&work->out, (uint16_t)(POINTER | (HEADER_BYTES + skipped)));
}

static const struct known *find_known(const struct work *work, const uint8_t *name, size_t len)
{
    for (size_t i = 0; i < work->known_count; i++)
        if (work->known[i].len == len && memcmp(work->known[i].name, name, len) == 0)
            return &work->known[i];
    return NULL;
}

/* The bytes of a template name: to the root label, or to C0 N. */
static size_t template_len(const uint8_t *name)
{
    size_t at = 0;
    while (name[at] != 0 && name[at] != CONTENT_AT_APEX)
        at += name[at] + 1u;
    return at + (name[at] == 0 ? 1 : 2);
}

/* Writes a template name, compressed against those written before (RFC 1035 section 4.1.4). */
static void put_name(struct work *work, const uint8_t *name, size_t len)
{
    while (name[0] != 0 && name[0] != CONTENT_AT_APEX) {
        const struct known *known = find_known(work, name, len);
        if (known) {
            put_body_pointer(work, known->at);
            return;
        }
        if (work->known_count < KNOWN_MAX && work->out.len <= TARGET_MAX)
            work->known[work->known_count++] = (struct known){name, len, (uint16_t)work->out.len};
        size_t label = name[0] + 1u;
        write_bytes(&work->out, name, label);
        name += label;
        len -= label;
    }
    if (name[0] == 0)
        write_u8(&work->out, 0);
    else
        put_apex_pointer(work, name[1]);
}

/* RDATA with its length before it. NS and SOA carry names that may be compressed (RFC 3597
 * section 4); every other type is copied. */
static void put_rdata(struct work *work, uint16_t type, struct bytes rdata)
{
    size_t names = type == RRTYPE_NS ? 1 : type == RRTYPE_SOA ? 2 : 0;
    size_t length_at = work->out.len, at = 0;
    write_u16(&work->out, (uint16_t)rdata.len);
    for (size_t i = 0; i < names; i++) {
        size_t len = template_len(rdata.ptr + at);
        put_name(work, rdata.ptr + at, len);
        at += len;
    }
    write_bytes(&work->out, rdata.ptr + at, rdata.len - at);
    if (!writer_ok(&work->out))
        return;
    size_t written = work->out.len - length_at - 2;
    work->out.start[length_at] = (uint8_t)(written >> 8);
    work->out.start[length_at + 1] = (uint8_t)written;
}

static void put_type_class_ttl(struct work *work, const struct content_set *set)
{
    write_u16(&work->out, set->type);
    write_u16(&work->out, RRCLASS_IN);
    write_u32(&work->out, set->ttl_s);
}

/* The set's own records; rdata_at[i] becomes where the RDATA of record i starts. */
static void put_required(struct work *work, const struct content_set *set, uint32_t *rdata_at)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->section == CONTENT_AUTHORITY)
            put_apex_pointer(work, 0);
        else
            write_u16(&work->out, POINTER | HEADER_BYTES);
        put_type_class_ttl(work, set);
        rdata_at[i] = (uint32_t)work->out.len + 2;
        put_rdata(work, set->type, set->rdata[i]);
    }
}

static struct bytes additional_name(const struct content_set *set,
                                    const struct content_additional *additional)
{
    const uint8_t *name = set->rdata[additional->record].ptr + additional->name_at;
    return (struct bytes){name, template_len(name)};
}

/* One address set behind the answer. False when it does not fit: nothing is written then. */
static bool put_additional(struct work *work, const struct content_set *addresses,
                           struct bytes owner, uint32_t owner_at)
{
    size_t len = work->out.len, places = work->body_count;
    for (uint32_t i = 0; i < addresses->count; i++) {
        if (owner_at <= TARGET_MAX)
            put_body_pointer(work, owner_at);
        else
            put_name(work, owner.ptr, owner.len);
        put_type_class_ttl(work, addresses);
        put_rdata(work, addresses->type, addresses->rdata[i]);
    }
    if (writer_ok(&work->out))
        return true;
    work->out.len = len;
    work->out.failed = false;
    work->body_count = places;
    return false;
}

/* All additional sets, each host once, a cut behind each. */
static void put_additionals(struct work *work, const struct content_sets *sets,
                            const struct content_set *set, const uint32_t *rdata_at,
                            struct compiled *compiled)
{
    struct compiled_cut *cuts =
        arena_array(work->arena, struct compiled_cut, set->additional_count);
    uint32_t arcount = 0, count = 0;
    for (uint32_t i = 0; i < set->additional_count; i++) {
        const struct content_additional *additional = &set->additional[i];
        const struct content_set *addresses = &sets->sets[additional->set];
        struct bytes owner = additional_name(set, additional);
        bool is_repeated = false; /* a host with two ports has two records, one address set */
        for (uint32_t j = 0; j < i && !is_repeated; j++)
            is_repeated = set->additional[j].set == additional->set;
        if (is_repeated || addresses->count == 0)
            continue;
        uint32_t owner_at = rdata_at[additional->record] + additional->name_at;
        if (!put_additional(work, addresses, owner, owner_at))
            break;
        arcount += addresses->count;
        cuts[count++] = (struct compiled_cut){.length = (uint32_t)work->out.len,
                                              .arcount = (uint16_t)arcount,
                                              .body_places = (uint16_t)work->body_count};
    }
    compiled->cuts = cuts;
    compiled->cut_count = count;
}

struct compiled_size compile_size_max(const struct content_sets *sets,
                                      const struct content_set *set)
{
    uint64_t bytes = 0;
    struct compiled_size size = {0};
    for (uint32_t i = 0; i < set->count; i++)
        bytes += RECORD_HEAD_BYTES + set->rdata[i].len;
    bool has_pointers = bytes <= TARGET_MAX; /* each host's name is within reach */
    for (uint32_t i = 0; i < set->additional_count; i++) {
        const struct content_set *addresses = &sets->sets[set->additional[i].set];
        size_t owner = has_pointers ? 0 : additional_name(set, &set->additional[i]).len;
        for (uint32_t j = 0; j < addresses->count; j++)
            bytes += RECORD_HEAD_BYTES + owner + addresses->rdata[j].len;
        size.places += addresses->count;
    }
    size.body_bytes = (uint32_t)(bytes < BODY_MAX ? bytes : BODY_MAX);
    return size;
}

bool compile_set(struct arena *arena, const struct content_sets *sets,
                 const struct content_set *set, struct compiled *compiled, struct error *err)
{
    struct work *work = arena_new(arena, struct work);
    work->arena = arena;
    work->owner_bytes = (uint16_t)set->usual_owner_bytes;
    /* SRV sets are compiled many times over: no more room than they need. */
    size_t room = set->type == RRTYPE_SRV ? compile_size_max(sets, set).body_bytes : BODY_MAX;
    work->out = writer_over(arena_alloc(arena, room), room);
    uint32_t *rdata_at = arena_array(arena, uint32_t, set->count);
    put_required(work, set, rdata_at);
    if (!writer_ok(&work->out))
        return error_set(err, ERROR_INVALID,
                         "a set of %u %s records does not fit the 65,535 bytes of a DNS message; "
                         "give the domain fewer nodes",
                         set->count, text_type_print(arena, set->type));
    *compiled = (struct compiled){
        .required_length = (uint32_t)work->out.len,
        .ancount = set->section == CONTENT_ANSWER ? (uint16_t)set->count : 0,
        .nscount = set->section == CONTENT_AUTHORITY ? (uint16_t)set->count : 0,
        .rendered_for = work->owner_bytes,
        .serial_at = IMAGE_NO_PLACE,
        .required_body_places = (uint16_t)work->body_count,
    };
    if (set->type == RRTYPE_SOA) /* the serial is the first of the five numbers at the end */
        compiled->serial_at = (uint16_t)(work->out.len - 20);
    put_additionals(work, sets, set, rdata_at, compiled);
    compiled->body = (struct bytes){work->out.start, work->out.len};
    compiled->body_places = work->body_places;
    compiled->apex_places = work->apex_places;
    compiled->apex_place_count = (uint16_t)work->apex_count;
    return true;
}
