/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/content.h"

#include "zones/rrtype.h"

#include <string.h>

enum { /* obsolete, but compressible (RFC 1035 section 3.3) */
    TYPE_MD = 3,
    TYPE_MF = 4,
    TYPE_MB = 7,
    TYPE_MG = 8,
    TYPE_MR = 9,
    TYPE_MINFO = 14,
};

bool content_set_equal(const struct content_set *a, const struct content_set *b)
{
    if (a->type != b->type || a->ttl_s != b->ttl_s || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!bytes_equal(a->rdata[i], b->rdata[i]))
            return false;
    return true;
}

struct content_name_places content_names_in(uint16_t type)
{
    switch (type) {
    case RRTYPE_NS:
    case RRTYPE_CNAME:
    case RRTYPE_PTR:
    case TYPE_MD:
    case TYPE_MF:
    case TYPE_MB:
    case TYPE_MG:
    case TYPE_MR:
        return (struct content_name_places){.count = 1};
    case RRTYPE_SOA:
    case TYPE_MINFO:
        return (struct content_name_places){.count = 2};
    case RRTYPE_MX:
        return (struct content_name_places){.count = 1, .first_at = 2};
    default:
        return (struct content_name_places){0};
    }
}

struct bytes content_rdata(struct arena *arena, uint16_t type, struct bytes rdata, struct name apex)
{
    struct content_name_places names = content_names_in(type);
    size_t room = rdata.len + names.count * (size_t)NAME_MAX_BYTES, at = names.first_at;
    struct writer w = writer_over(arena_alloc(arena, room), room);
    write_bytes(&w, rdata.ptr, at);
    for (size_t i = 0; i < names.count; i++) {
        size_t start = at;
        while (rdata.ptr[at] != 0 && rdata.ptr[at] != CONTENT_AT_APEX)
            at += rdata.ptr[at] + 1u;
        write_bytes(&w, rdata.ptr + start, at - start);
        if (rdata.ptr[at] == 0) {
            write_u8(&w, 0);
            at += 1;
        } else {
            size_t skipped = rdata.ptr[at + 1];
            write_bytes(&w, apex.wire + skipped, apex.len - skipped);
            at += 2;
        }
    }
    write_bytes(&w, rdata.ptr + at, rdata.len - at);
    return (struct bytes){w.start, w.len};
}

struct bytes content_template_rdata(struct arena *arena, uint16_t type, struct bytes rdata,
                                    struct name apex)
{
    struct content_name_places names = content_names_in(type);
    if (names.count == 0)
        return rdata;
    size_t room = rdata.len + names.count, at = names.first_at; /* C0 N may be longer than "." */
    struct writer w = writer_over(arena_alloc(arena, room), room);
    write_bytes(&w, rdata.ptr, at);
    for (size_t i = 0; i < names.count; i++) {
        struct name name = {rdata.ptr + at, 1};
        while (name.wire[name.len - 1] != 0)
            name.len += name.wire[name.len - 1] + 1u;
        struct bytes template = content_template(arena, name, apex);
        write_bytes(&w, template.ptr, template.len);
        at += name.len;
    }
    write_bytes(&w, rdata.ptr + at, rdata.len - at);
    return (struct bytes){w.start, w.len};
}

uint32_t content_tail(const struct content_sets *sets, uint32_t index)
{
    const struct content_set *set = &sets->sets[index];
    if (set->chain_count == 0)
        return index;
    bool is_empty = set->tail_set != CONTENT_NONE && sets->sets[set->tail_set].count == 0;
    return is_empty ? set->negative_set : set->tail_set;
}

struct content_set content_whole(const struct content_sets *sets, uint32_t index)
{
    const struct content_set *set = &sets->sets[index];
    uint32_t tail = content_tail(sets, index);
    if (tail == index || tail == CONTENT_NONE)
        return *set;
    struct content_set whole = sets->sets[tail];
    whole.chain = set->chain;
    whole.chain_count = set->chain_count;
    whole.is_nxdomain = set->is_nxdomain;
    whole.usual_owner_bytes = set->usual_owner_bytes;
    return whole;
}

struct bytes content_template(struct arena *arena, struct name name, struct name apex)
{
    struct name suffix = apex;
    while (suffix.len > 1 && !name_is_within(name, suffix))
        suffix = name_parent(suffix);
    if (suffix.len == 1)
        return (struct bytes){name.wire, name.len};
    struct bytes labels = name_labels_before(name, suffix);
    uint8_t *template = arena_alloc(arena, labels.len + 2);
    memcpy(template, labels.ptr, labels.len);
    template[labels.len] = CONTENT_AT_APEX;
    template[labels.len + 1] = (uint8_t)(apex.len - suffix.len);
    return (struct bytes){template, labels.len + 2};
}
