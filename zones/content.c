/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/content.h"

#include "zones/rrtype.h"

#include <string.h>

bool content_set_equal(const struct content_set *a, const struct content_set *b)
{
    if (a->type != b->type || a->ttl_s != b->ttl_s || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!bytes_equal(a->rdata[i], b->rdata[i]))
            return false;
    return true;
}

struct bytes content_rdata(struct arena *arena, uint16_t type, struct bytes rdata, struct name apex)
{
    size_t names = type == RRTYPE_NS ? 1 : type == RRTYPE_SOA ? 2 : 0, at = 0;
    size_t room = rdata.len + names * NAME_MAX_BYTES;
    struct writer w = writer_over(arena_alloc(arena, room), room);
    for (size_t i = 0; i < names; i++) {
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
