/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/zonefile.h"

#include "zones/rrtype.h"
#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

struct output {
    FILE *file;
    struct arena arena; /* text of the record at hand */
    const struct content_names *names;
    const struct content_sets *sets;
    const struct content_zone *zone;
    struct name apex; /* what templates end at: of the zone, or of a delegated child */
    struct name cut;  /* the last delegation to others; len 0: none yet */
    uint32_t serial;
};

/* RDATA for the zone at hand, with its serial. */
static struct bytes expand(struct output *out, uint16_t type, struct bytes rdata)
{
    struct bytes whole = content_rdata(&out->arena, type, rdata, out->apex);
    if (type != RRTYPE_SOA)
        return whole;
    /* The serial is the first of the five numbers at the end. */
    struct writer w = writer_over(arena_alloc(&out->arena, whole.len), whole.len);
    write_bytes(&w, whole.ptr, whole.len - 20);
    write_u32(&w, out->serial);
    write_bytes(&w, whole.ptr + whole.len - 16, 16);
    return (struct bytes){w.start, w.len};
}

static void put_set(struct output *out, struct name owner, uint32_t index)
{
    const struct content_set *set = &out->sets->sets[index];
    const char *name = text_name_print(&out->arena, owner);
    for (uint32_t i = 0; i < set->count; i++) {
        struct bytes rdata = expand(out, set->type, set->rdata[i]);
        fprintf(out->file, "%s %u IN %s %s\n", name, set->ttl_s,
                text_type_print(&out->arena, set->type),
                text_rdata_print(&out->arena, set->type, rdata));
    }
}

static void put_name(struct output *out, const struct content_name *name,
                     enum zonefile_extent extent)
{
    if (name->types == CONTENT_NONE)
        return;
    if (name->kind == CONTENT_CUT)
        out->cut = name->owner;
    bool is_ours = content_is_served(name) || (name->kind == CONTENT_GLUE && out->cut.len &&
                                               name_is_within(name->owner, out->cut));
    if (extent == ZONEFILE_FRAGMENT && !is_ours)
        return;
    const struct content_types *types = &out->names->types[name->types];
    /* Templates of NS at a cut are relative to it: the set may be the child's own. */
    out->apex = content_apex(out->zone, name);
    for (uint32_t i = 0; i < types->count; i++) {
        bool is_of_zone = name->kind == CONTENT_NAME && (types->entries[i].type == RRTYPE_SOA ||
                                                         types->entries[i].type == RRTYPE_NS);
        if (types->entries[i].type == RRTYPE_SOA || (extent == ZONEFILE_FRAGMENT && is_of_zone))
            continue; /* the SOA stands first in a whole file */
        put_set(out, name->owner, types->entries[i].set);
    }
}

bool zonefile_write(FILE *file, const struct content_names *names, const struct content_sets *sets,
                    uint32_t zone, uint32_t serial, enum zonefile_extent extent, struct error *err)
{
    struct output out = {.file = file,
                         .names = names,
                         .sets = sets,
                         .zone = &names->zones[zone],
                         .apex = names->zones[zone].apex,
                         .serial = serial};
    fprintf(file, "$ORIGIN %s\n", text_name_print(&out.arena, out.zone->apex));
    if (extent == ZONEFILE_WHOLE)
        put_set(&out, out.zone->apex, out.zone->soa_set);
    for (uint32_t i = 0; i < out.zone->name_count; i++) {
        put_name(&out, &names->names[out.zone->first_name + i], extent);
        arena_fini(&out.arena);
    }
    arena_fini(&out.arena);
    if (ferror(file))
        return error_system(err, "zone file", "free some space", "cannot write");
    return true;
}
