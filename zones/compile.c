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
    /* Names that later names of the set may point at: more would cost more time than they save. */
    KNOWN_MAX = 256,
};

/* What a record may point at as its owner. */
struct owner {
    enum {
        OWNER_QUESTION,
        OWNER_APEX,
        OWNER_BODY
    } kind;
    uint32_t at;     /* in the body */
    uint8_t skipped; /* of the apex */
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
    struct record { /* of the set: where its RDATA starts, and what points at the name in it */
        uint32_t rdata_at;
        struct owner name;
    } * records;
    struct compiled_cut *cuts; /* room for one behind each additional set */
};

/* Additional data comes in two parts. */
enum part {
    PART_GLUE, /* what a referral cannot do without */
    PART_OPTIONAL,
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

/* Writes a template name, compressed against those written before (RFC 1035 section 4.1.4).
 * Returns what points at it best. */
static struct owner put_name(struct work *work, const uint8_t *name, size_t len)
{
    struct owner owner = {.kind = OWNER_BODY, .at = (uint32_t)work->out.len};
    const struct known *whole = find_known(work, name, len);
    if (whole)
        owner.at = whole->at;
    else if (name[0] == CONTENT_AT_APEX)
        owner = (struct owner){.kind = OWNER_APEX, .skipped = name[1]};
    while (name[0] != 0 && name[0] != CONTENT_AT_APEX) {
        const struct known *known = find_known(work, name, len);
        if (known) {
            put_body_pointer(work, known->at);
            return owner;
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
    return owner;
}

static void put_owner(struct work *work, struct owner owner)
{
    switch (owner.kind) {
    case OWNER_QUESTION:
        write_u16(&work->out, POINTER | HEADER_BYTES);
        return;
    case OWNER_APEX:
        put_apex_pointer(work, owner.skipped);
        return;
    case OWNER_BODY:
        put_body_pointer(work, owner.at);
        return;
    }
}

/* RDATA with its length before it. The names that may be compressed are (RFC 3597 section 4), the
 * rest is copied. Returns what points at the first of them. */
static struct owner put_rdata(struct work *work, uint16_t type, struct bytes rdata)
{
    struct content_name_places names = content_names_in(type);
    size_t length_at = work->out.len, at = names.first_at;
    struct owner first = {0};
    write_u16(&work->out, (uint16_t)rdata.len);
    write_bytes(&work->out, rdata.ptr, at);
    for (size_t i = 0; i < names.count; i++) {
        size_t len = template_len(rdata.ptr + at);
        struct owner owner = put_name(work, rdata.ptr + at, len);
        if (i == 0)
            first = owner;
        at += len;
    }
    write_bytes(&work->out, rdata.ptr + at, rdata.len - at);
    if (!writer_ok(&work->out))
        return first;
    size_t written = work->out.len - length_at - 2;
    work->out.start[length_at] = (uint8_t)(written >> 8);
    work->out.start[length_at + 1] = (uint8_t)written;
    return first;
}

static void put_type_class_ttl(struct work *work, uint16_t type, uint32_t ttl_s)
{
    write_u16(&work->out, type);
    write_u16(&work->out, RRCLASS_IN);
    write_u32(&work->out, ttl_s);
}

/* The CNAMEs in front; returns the owner of what follows. At most 16 links of 267 bytes: all
 * within reach of a pointer. */
static struct owner put_chain(struct work *work, const struct content_set *set)
{
    struct owner owner = {.kind = OWNER_QUESTION};
    for (uint32_t i = 0; i < set->chain_count; i++) {
        put_owner(work, owner);
        put_type_class_ttl(work, RRTYPE_CNAME, set->chain[i].ttl_s);
        owner = put_rdata(work, RRTYPE_CNAME, set->chain[i].rdata);
    }
    return owner;
}

/* The chain and the set's own records. */
static void put_records(struct work *work, const struct content_set *set)
{
    struct owner owner = put_chain(work, set);
    if (set->section != CONTENT_ANSWER)
        owner = (struct owner){.kind = OWNER_APEX};
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->cut.len)
            put_name(work, set->cut.ptr, set->cut.len);
        else
            put_owner(work, owner);
        put_type_class_ttl(work, set->type, set->ttl_s);
        work->records[i].rdata_at = (uint32_t)work->out.len + 2;
        work->records[i].name = put_rdata(work, set->type, set->rdata[i]);
    }
}

static struct bytes additional_name(const struct content_set *set,
                                    const struct content_additional *additional)
{
    const uint8_t *name = set->rdata[additional->record].ptr + additional->name_at;
    return (struct bytes){name, template_len(name)};
}

/* Glue that only we can give: the name server is within what it serves, or in a referral, whose
 * templates end where the cut begins. */
static bool is_glue(const struct content_set *set, const struct content_additional *additional)
{
    static const uint8_t at_cut[] = {CONTENT_AT_APEX, 0};
    struct bytes cut = set->cut.len ? set->cut : (struct bytes){at_cut, sizeof at_cut};
    struct bytes name = additional_name(set, additional);
    if (set->section != CONTENT_REFERRAL)
        return false;
    while (name.len > cut.len && name.ptr[0] != CONTENT_AT_APEX && name.ptr[0] != 0) {
        size_t label = name.ptr[0] + 1u;
        name = (struct bytes){name.ptr + label, name.len - label};
    }
    return bytes_equal(name, cut);
}

/* What points best at the host of an additional set: its name in the RDATA, or what that points
 * at. Behind the reach of pointers: nothing, the name is written out. */
static void put_host(struct work *work, const struct content_set *set,
                     const struct content_additional *additional)
{
    const struct record *record = &work->records[additional->record];
    struct owner owner = {.kind = OWNER_BODY, .at = record->rdata_at + additional->name_at};
    if (content_names_in(set->type).count)
        owner = record->name;
    struct bytes name = additional_name(set, additional);
    if (owner.kind == OWNER_BODY && owner.at > TARGET_MAX)
        put_name(work, name.ptr, name.len);
    else
        put_owner(work, owner);
}

/* One address set behind the answer. False when it does not fit: nothing is written then. */
static bool put_additional(struct work *work, const struct content_set *set,
                           const struct content_additional *additional,
                           const struct content_set *addresses)
{
    size_t len = work->out.len, body = work->body_count, apex = work->apex_count;
    for (uint32_t i = 0; i < addresses->count; i++) {
        put_host(work, set, additional);
        put_type_class_ttl(work, addresses->type, addresses->ttl_s);
        put_rdata(work, addresses->type, addresses->rdata[i]);
    }
    if (writer_ok(&work->out))
        return true;
    work->out.len = len;
    work->out.failed = false;
    work->body_count = body;
    work->apex_count = apex;
    return false;
}

/* A host with two ports has two records, but its addresses once. */
static bool is_repeated(const struct content_set *set, uint32_t index)
{
    const struct content_additional *additional = &set->additional[index];
    for (uint32_t j = 0; j < index; j++)
        if (set->additional[j].set == additional->set &&
            bytes_equal(additional_name(set, &set->additional[j]),
                        additional_name(set, additional)))
            return true;
    return false;
}

/* All additional sets that are glue or are not, each host once, a cut behind each. */
static void put_additionals(struct work *work, const struct content_sets *sets,
                            const struct content_set *set, enum part part,
                            struct compiled *compiled)
{
    uint32_t arcount = compiled->required_arcount, count = 0;
    for (uint32_t i = 0; i < set->additional_count; i++) {
        const struct content_additional *additional = &set->additional[i];
        const struct content_set *addresses = &sets->sets[additional->set];
        if (is_glue(set, additional) != (part == PART_GLUE) || addresses->count == 0 ||
            is_repeated(set, i))
            continue;
        if (!put_additional(work, set, additional, addresses))
            break;
        arcount += addresses->count;
        work->cuts[count++] = (struct compiled_cut){.length = (uint32_t)work->out.len,
                                                    .arcount = (uint16_t)arcount,
                                                    .body_places = (uint16_t)work->body_count,
                                                    .apex_places = (uint16_t)work->apex_count};
    }
    if (part == PART_GLUE)
        compiled->required_arcount = (uint16_t)arcount;
    else
        compiled->cut_count = count;
}

struct compiled_size compile_size_max(const struct content_sets *sets,
                                      const struct content_set *set)
{
    uint64_t bytes = 0;
    struct compiled_size size = {0};
    for (uint32_t i = 0; i < set->chain_count; i++)
        bytes += RECORD_HEAD_BYTES + set->chain[i].rdata.len;
    if (set->chain_count)
        size.places = 2 * set->chain_count + set->count;
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
    work->records = arena_array(arena, struct record, set->count);
    work->cuts = arena_array(arena, struct compiled_cut, set->additional_count);
    put_records(work, set);
    if (!writer_ok(&work->out))
        return error_set(err, ERROR_INVALID,
                         "a set of %u %s records does not fit the 65,535 bytes of a DNS message; "
                         "give the domain fewer nodes",
                         set->count, text_type_print(arena, set->type));
    bool is_answer = set->section == CONTENT_ANSWER;
    *compiled = (struct compiled){
        .ancount = (uint16_t)(set->chain_count + (is_answer ? set->count : 0)),
        .nscount = is_answer ? 0 : (uint16_t)set->count,
        .rendered_for = work->owner_bytes,
        .serial_at = IMAGE_NO_PLACE,
        .cuts = work->cuts,
    };
    if (set->type == RRTYPE_SOA) /* the serial is the first of the five numbers at the end */
        compiled->serial_at = (uint16_t)(work->out.len - 20);
    put_additionals(work, sets, set, PART_GLUE, compiled);
    compiled->required_length = (uint32_t)work->out.len;
    compiled->required_body_places = (uint16_t)work->body_count;
    compiled->required_apex_places = (uint16_t)work->apex_count;
    put_additionals(work, sets, set, PART_OPTIONAL, compiled);
    compiled->body = (struct bytes){work->out.start, work->out.len};
    compiled->body_places = work->body_places;
    compiled->apex_places = work->apex_places;
    return true;
}
