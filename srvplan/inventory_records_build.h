/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory_records_build: what the files that read a zone's `records` share while they do; nobody
 * else includes it. inventory_read_records takes the text apart and looks at each record;
 * inventory_records_tree at how they stand together: aliases, delegations. */
#pragma once
#include "srvplan/inventory_read.h"
#include "srvplan/inventory_source_build.h"
#include "zones/text.h"
#include "zones/zonefile_read.h"

/* The records of one zone while they are read. */
struct records {
    struct load *load;
    const struct declared_zone *declared;
    struct inventory_zone *zone;
    uint32_t number;                        /* of the zone */
    struct place place;                     /* of `records` */
    const struct source_fragment *fragment; /* NULL: a list of lines */
    const char *pointer;
    const struct zonefile_record *items; /* in canonical order */
    uint32_t count;
};

/* Where a mistake is in the zone file, or in the list: there a line is an item. */
struct spot {
    uint32_t line, column;
};

static inline struct spot spot_of(const struct zonefile_record *record)
{
    return (struct spot){record->line, 1};
}

void records_mistake(const struct records *records, struct spot spot, const char *code,
                     const char *mend, const char *format, ...) PRINTF_LIKE(5, 6);

static inline const char *name_shown(const struct records *records, struct name name)
{
    return text_name_print(&records->load->mistakes.arena, name);
}

static inline const char *type_shown(const struct records *records, uint16_t type)
{
    return text_type_print(&records->load->mistakes.arena, type);
}

static inline bool is_at_apex(const struct records *records, const struct zonefile_record *record)
{
    return name_equal(record->owner, records->zone->apex);
}

/* Whether a service of a domain makes SRV records at a name; *service is which. */
bool records_service_at(const struct load *load, struct name owner,
                        const struct domain_entry **domain, uint32_t *service);

/* The first host of the file that does not stand before that name; host_count: all do. */
size_t records_host_from(const struct load *load, struct name name);

/* The first domain that does not stand before that name; domain_count: all do. */
uint32_t records_domain_from(const struct load *load, struct name name);

/* Mistakes that the records of a zone make together. */
void records_check_tree(const struct records *records);
