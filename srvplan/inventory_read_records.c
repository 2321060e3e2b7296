/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_records_build.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SET_MAX_BYTES = 60000 /* what one message holds, with a margin for the rest of it */
};

void records_mistake(const struct records *records, struct spot spot, const char *code,
                     const char *mend, const char *format, ...)
{
    struct mistakes *mistakes = &records->load->mistakes;
    struct place item = place_item(&records->place, spot.line - 1);
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_end_whole(message);
    if (records->fragment)
        mistake_add_at(mistakes, &(struct mistake){
                                     .code = code,
                                     .spot = {.pointer = records->pointer,
                                              .document = records->fragment->document,
                                              .offset = JSONC_NOWHERE,
                                              .file = records->fragment->file,
                                              .line = spot.line,
                                              .column = spot.column},
                                     .message = arena_cstr(&mistakes->arena, text_from(message)),
                                     .mend = arena_cstr(&mistakes->arena, text_from(mend)),
                                 });
    else
        mistake_add(mistakes, &item, code, mend, "%s", message);
}

/* ---- the text ---- */

/* The items of a list as lines, so that $ORIGIN and parentheses reach over them. */
static bool lines_join(struct records *records, json_t *list, struct text *text)
{
    struct load *load = records->load;
    size_t size = 0, errors = load->mistakes.errors;
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *line = json_array_get(list, i);
        struct place item = place_item(&records->place, i);
        if (!json_is_string(line))
            expected(load, &item, "a line of a zone file in quotes", line);
        else if (memchr(json_string_value(line), '\n', json_string_length(line)))
            mistake_add(&load->mistakes, &item, "record-syntax", "make an item of each line",
                        "expected one line of a zone file, found several");
        else
            size += json_string_length(line) + 1;
    }
    if (load->mistakes.errors != errors)
        return false;
    char *room = arena_alloc(&load->scratch, size + 1), *at = room;
    for (size_t i = 0; i < json_array_size(list); i++)
        at = stpcpy(stpcpy(at, json_string_value(json_array_get(list, i))), "\n");
    *text = (struct text){room, size};
    return true;
}

/* The zone file or the lines; false: there are none, which is reported. */
static bool text_take(struct records *records, struct text *text)
{
    json_t *value = records->declared->settings.records;
    if (json_is_array(value))
        return lines_join(records, value, text);
    if (!json_is_string(value))
        return expected(records->load, &records->place,
                        "the path of a zone file, or a list of its lines", value);
    records->fragment = source_fragment_find(records->load->source, records->declared->key);
    if (records->fragment)
        *text = records->fragment->text;
    return records->fragment != NULL;
}

/* ---- what a zone's records may be ---- */

/* Types that need more of a server than to be answered. */
static const struct {
    uint16_t type;
    const char *what, *mend;
} later_rows[] = {
    {RRTYPE_DNAME, "an alias for all names below (DNAME)",
     "write a CNAME record for each of the names, or a wildcard"},
    {RRTYPE_RRSIG, "DNSSEC (RRSIG)", "remove it"},
    {47, "DNSSEC (NSEC)", "remove it"},
    {RRTYPE_DNSKEY, "DNSSEC (DNSKEY)", "remove it"},
    {50, "DNSSEC (NSEC3)", "remove it"},
    {51, "DNSSEC (NSEC3PARAM)", "remove it"},
    {59, "DNSSEC (CDS)", "remove it"},
    {60, "DNSSEC (CDNSKEY)", "remove it"},
};

/* Whether it belongs into this zone, and into this place. */
static bool owner_check(const struct records *records, const struct zonefile_record *record)
{
    const struct inventory *inventory = records->load->inventory;
    const char *owner = name_shown(records, record->owner);
    uint32_t zone = inventory_zone_of(inventory, record->owner);
    if (!name_is_within(record->owner, records->zone->apex)) {
        records_mistake(records, spot_of(record), "record-outside-zone",
                        "end names with a dot only when they are whole; or put it into the records "
                        "of its own zone",
                        "expected an owner in the zone %s, found %s",
                        name_shown(records, records->zone->apex), owner);
        return false;
    }
    if (zone != records->number) {
        records_mistake(records, spot_of(record), "record-outside-zone",
                        "put it into the records of that zone",
                        "expected an owner in the zone %s, found %s, which is in the zone %s",
                        name_shown(records, records->zone->apex), owner,
                        name_shown(records, inventory->zones[zone].apex));
        return false;
    }
    return true;
}

static bool kind_check(const struct records *records, const struct zonefile_record *record)
{
    if (record->type == RRTYPE_SOA) {
        records_mistake(
            records, spot_of(record), "record-soa", "set \"soa\" of the zone",
            "expected no SOA record, since the zone has one made of \"soa\"; found one");
        return false;
    }
    if (record->type == RRTYPE_NS && is_at_apex(records, record)) {
        records_mistake(records, spot_of(record), "record-ns", "set \"name_servers\" of the zone",
                        "expected no NS record of the zone itself, since those are made of "
                        "\"name_servers\"; found one");
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(later_rows); i++) {
        if (later_rows[i].type != record->type)
            continue;
        records_mistake(records, spot_of(record), "not-supported-yet", later_rows[i].mend,
                        "%s at %s is not supported yet by this version", later_rows[i].what,
                        name_shown(records, record->owner));
        return false;
    }
    return true;
}

/* ---- what the plan makes itself ---- */

uint32_t records_domain_from(const struct load *load, struct name name)
{
    uint32_t low = 0, high = load->domain_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(load->domains[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The domain of that name, or NULL. */
static const struct domain_entry *domain_find(const struct load *load, struct name name)
{
    uint32_t at = records_domain_from(load, name);
    bool is_there = at < load->domain_count && name_equal(load->domains[at].name, name);
    return is_there ? &load->domains[at] : NULL;
}

static bool has_service(const struct load *load, const struct domain_entry *domain,
                        uint32_t service)
{
    const struct index_list *list =
        domain->services.given ? &domain->services : &load->default_services;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i] == service)
            return true;
    return load->inventory->services[service].is_absent;
}

bool records_service_at(const struct load *load, struct name owner,
                        const struct domain_entry **domain, uint32_t *service)
{
    for (uint32_t i = 0; i < load->inventory->service_count; i++) {
        struct bytes labels = load->inventory->services[i].srv_labels;
        if (owner.len <= labels.len || memcmp(owner.wire, labels.ptr, labels.len) != 0)
            continue;
        struct name rest = {owner.wire + labels.len, owner.len - labels.len};
        *domain = domain_find(load, rest);
        *service = i;
        if (*domain && has_service(load, *domain, i))
            return true;
    }
    return false;
}

static bool srv_check(const struct records *records, const struct zonefile_record *record)
{
    const struct load *load = records->load;
    const struct domain_entry *domain;
    uint32_t service;
    if (!records_service_at(load, record->owner, &domain, &service))
        return true;
    records_mistake(records, spot_of(record), "record-made-twice",
                    "remove it here, or the service there",
                    "expected no %s record at %s, since the domain %s has the service "
                    "%s, which makes it; found one",
                    type_shown(records, record->type), name_shown(records, record->owner),
                    name_shown(records, domain->name), load->inventory->services[service].id.ptr);
    return false;
}

size_t records_host_from(const struct load *load, struct name name)
{
    size_t low = 0, high = load->host_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(load->hosts[middle].host, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The uses of a host, which stand side by side; NULL: it is none. */
static const struct host_use *host_find(const struct load *load, struct name name)
{
    size_t low = records_host_from(load, name);
    bool is_host = low < load->host_count && name_equal(load->hosts[low].host, name);
    return is_host ? &load->hosts[low] : NULL;
}

static bool address_check(const struct records *records, const struct zonefile_record *record)
{
    const struct load *load = records->load;
    const struct host_use *use = host_find(load, record->owner);
    const struct host_use *end = load->hosts + load->host_count;
    for (; use && use < end && name_equal(use->host, record->owner); use++) {
        uint32_t count = record->type == RRTYPE_CNAME ? 1
                         : record->type == RRTYPE_A   ? use->addresses.ipv4_count
                                                      : use->addresses.ipv6_count;
        if (count == 0)
            continue;
        records_mistake(records, spot_of(record), "record-made-twice",
                        "remove it here, or rename one of them",
                        "expected no %s record at %s, since %s has that host with its "
                        "addresses; found one",
                        type_shown(records, record->type), name_shown(records, record->owner),
                        use->place.pointer);
        return false;
    }
    return true;
}

static bool record_check(const struct records *records, const struct zonefile_record *record)
{
    if (!owner_check(records, record) || !kind_check(records, record))
        return false;
    switch (record->type) {
    case RRTYPE_SRV:
        return srv_check(records, record);
    case RRTYPE_A:
    case RRTYPE_AAAA:
        return address_check(records, record);
    case RRTYPE_CNAME: /* beside which nothing may stand (RFC 2181 section 10.1) */
        return srv_check(records, record) && address_check(records, record);
    default:
        return true;
    }
}

/* ---- sets ---- */

static int record_order(const void *a, const void *b)
{
    const struct zonefile_record *left = a, *right = b;
    int order = name_compare(left->owner, right->owner);
    if (order == 0)
        order = (int)left->type - (int)right->type;
    if (order == 0)
        order = text_compare((struct text){(const char *)left->rdata.ptr, left->rdata.len},
                             (struct text){(const char *)right->rdata.ptr, right->rdata.len});
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

static bool is_same_set(const struct zonefile_record *a, const struct zonefile_record *b)
{
    return a->type == b->type && name_equal(a->owner, b->owner);
}

/* Records of a set differ, have one TTL (RFC 2181 section 5.2), and fit a message together. */
static void sets_check_each(const struct records *records)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < records->count; i++) {
        const struct zonefile_record *record = &records->items[i], *before = record - 1;
        bool goes_on = i > 0 && is_same_set(before, record);
        bool was_small = goes_on && bytes <= SET_MAX_BYTES;
        bytes = (goes_on ? bytes : 0) + record->rdata.len + 12;
        if (goes_on && bytes_equal(before->rdata, record->rdata))
            records_mistake(records, spot_of(record), "duplicate-record", "remove one of them",
                            "expected each record once, found this one again; the first is in "
                            "line %u",
                            before->line);
        else if (goes_on && before->ttl_s != record->ttl_s)
            records_mistake(records, spot_of(record), "record-ttls-differ",
                            "give all records of one owner and type the same TTL",
                            "expected the TTL %u of the other %s records at %s, found %u",
                            before->ttl_s, type_shown(records, record->type),
                            name_shown(records, record->owner), record->ttl_s);
        else if (bytes > SET_MAX_BYTES && (was_small || !goes_on))
            records_mistake(records, spot_of(record), "record-set-too-large", "remove some of them",
                            "expected at most %d bytes of %s records at %s, found more",
                            SET_MAX_BYTES, type_shown(records, record->type),
                            name_shown(records, record->owner));
    }
}

static void records_keep(const struct records *records)
{
    struct arena *arena = records->load->arena;
    struct inventory_record *kept = arena_array(arena, struct inventory_record, records->count);
    for (uint32_t i = 0; i < records->count; i++) {
        const struct zonefile_record *record = &records->items[i];
        kept[i] = (struct inventory_record){
            .owner = name_lower(arena, record->owner),
            .type = record->type,
            .ttl_s = record->ttl_s,
            .rdata = arena_bytes(arena, record->rdata.ptr, record->rdata.len),
        };
    }
    records->zone->records = kept;
    records->zone->record_count = records->count;
}

static void zone_records_read(struct records *records)
{
    struct text text;
    if (!text_take(records, &text))
        return;
    const struct zonefile_terms terms = {records->zone->apex, records->zone->ttl_s};
    struct arena *scratch = &records->load->scratch;
    struct zonefile_reading reading = zonefile_read(scratch, text, &terms);
    for (uint32_t i = 0; i < reading.fault_count; i++) {
        const struct zonefile_fault *fault = &reading.faults[i];
        records_mistake(records, (struct spot){fault->line, fault->column}, fault->code,
                        fault->mend, "%s", fault->message);
    }
    struct zonefile_record *items =
        arena_array(scratch, struct zonefile_record, reading.record_count);
    for (uint32_t i = 0; i < reading.record_count; i++)
        if (record_check(records, &reading.records[i]))
            items[records->count++] = reading.records[i];
    if (records->count > 1)
        qsort(items, records->count, sizeof *items, record_order);
    records->items = items;
    sets_check_each(records);
    records_keep(records);
    records_check_tree(records);
}

void records_read(struct load *load, const struct place *zones)
{
    for (uint32_t i = 0; i < load->zone_count; i++) {
        const struct declared_zone *declared = &load->zones[i];
        struct place zone = place_value(zones, declared->key);
        uint32_t number = inventory_zone_of(load->inventory, declared->apex);
        if (!declared->settings.records)
            continue;
        struct records records = {
            .load = load,
            .declared = declared,
            .zone = &load->inventory->zones[number],
            .number = number,
            .place = place_value(&zone, "records"),
        };
        records.pointer = place_pointer(&load->mistakes.arena, &records.place);
        zone_records_read(&records);
    }
}
