/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From records to the view: sorted, grouped into sets and domains, hosts with what is known. */
#include <stdlib.h>
#include <string.h>

#include "srvplan/lint_view.h"

/* ---- names ---- */

static const struct {
    const char *wire; /* both labels, without a root */
    size_t len;
} kinds[LINT_XMPP_KINDS] = {
#define LABELS(text)                                                                               \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }
    [LINT_CLIENT] = LABELS("\14_xmpp-client\4_tcp"),
    [LINT_CLIENT_TLS] = LABELS("\15_xmpps-client\4_tcp"),
    [LINT_SERVER] = LABELS("\14_xmpp-server\4_tcp"),
    [LINT_SERVER_TLS] = LABELS("\15_xmpps-server\4_tcp"),
#undef LABELS
};

static bool begins_with(struct name name, const char *labels, size_t len)
{
    if (name.len <= len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (name_lower_byte(name.wire[i]) != (uint8_t)labels[i])
            return false;
    return true;
}

enum lint_kind lint_kind_of(struct name owner, struct name *domain)
{
    for (int kind = 0; kind < LINT_XMPP_KINDS; kind++) {
        size_t len = kinds[kind].len;
        if (!begins_with(owner, kinds[kind].wire, len))
            continue;
        *domain = (struct name){owner.wire + len, owner.len - len};
        return (enum lint_kind)kind;
    }
    *domain = name_parent(name_parent(owner));
    return LINT_OTHER;
}

/* ---- sorted records ---- */

static int record_compare(const struct lint_record *a, const struct lint_record *b)
{
    int order = name_compare(a->owner, b->owner);
    return order ? order : (a->type > b->type) - (a->type < b->type);
}

struct ordered {
    struct lint_record record;
    uint32_t at; /* keeps equals in the order of the text */
};

static int by_owner_and_type(const void *left, const void *right)
{
    const struct ordered *a = left, *b = right;
    int order = record_compare(&a->record, &b->record);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

static const struct lint_record *records_sorted(struct lint *lint, const struct lint_record *items,
                                                uint32_t count)
{
    bool is_sorted = true;
    for (uint32_t i = 1; i < count && is_sorted; i++)
        is_sorted = record_compare(&items[i - 1], &items[i]) <= 0;
    if (is_sorted)
        return items;
    struct arena temporary = {0};
    struct ordered *order = arena_array(&temporary, struct ordered, count);
    struct lint_record *sorted = arena_array(&lint->scratch, struct lint_record, count);
    for (uint32_t i = 0; i < count; i++)
        order[i] = (struct ordered){items[i], i};
    qsort(order, count, sizeof *order, by_owner_and_type);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = order[i].record;
    arena_fini(&temporary);
    return sorted;
}

/* The first record that does not stand before that owner and type, or the end. */
static uint32_t lower_bound(const struct lint *lint, struct name owner, uint16_t type)
{
    const struct lint_record wanted = {.owner = owner, .type = type};
    uint32_t low = 0, high = lint->record_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (record_compare(&lint->records[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct lint_record *lint_record_find(const struct lint *lint, struct name owner,
                                           uint16_t type)
{
    uint32_t at = lower_bound(lint, owner, type);
    if (at == lint->record_count)
        return NULL;
    const struct lint_record *record = &lint->records[at];
    bool is_there = name_equal(record->owner, owner) && (type == 0 || record->type == type);
    return is_there ? record : NULL;
}

/* The name of the plan that is this one, or the first one below; or NULL. */
static const struct content_name *plan_name_within(const struct plan *plan, struct name name)
{
    const struct content_names *names = &plan->input.layout->names;
    uint32_t index = inventory_zone_of(plan->input.layout->inventory, name);
    if (index == INVENTORY_NONE)
        return NULL;
    const struct content_zone *zone = &names->zones[index];
    uint32_t low = 0, high = zone->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(names->names[zone->first_name + middle].owner, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct content_name *found = &names->names[zone->first_name + low];
    return low < zone->name_count && name_is_within(found->owner, name) ? found : NULL;
}

bool lint_name_exists(const struct lint *lint, struct name name)
{
    uint32_t at = lower_bound(lint, name, 0);
    if (at < lint->record_count && name_is_within(lint->records[at].owner, name))
        return true;
    return lint->plan && plan_name_within(lint->plan, name);
}

bool lint_plan_publishes(const struct lint *lint, struct name name)
{
    const struct content_name *found = lint->plan ? plan_name_within(lint->plan, name) : NULL;
    if (!found || !name_equal(found->owner, name) || found->types == CONTENT_NONE)
        return false;
    const struct content_types *types = &lint->plan->input.layout->names.types[found->types];
    for (uint32_t i = 0; i < types->count; i++)
        if (types->entries[i].type != RRTYPE_CNAME)
            return true;
    return false;
}

/* ---- hosts ---- */

uint32_t lint_host_add(struct lint *lint, struct name name, const struct lint_place *place)
{
    struct name lower = name_lower(&lint->scratch, name);
    uint32_t known = lint->host_names.count;
    uint32_t number = intern_add(&lint->host_names, (struct bytes){lower.wire, lower.len});
    if (number < known)
        return number;
    lint->hosts = arena_grow(&lint->scratch, lint->hosts, &lint->host_capacity, (size_t)number + 1,
                             sizeof *lint->hosts);
    lint->hosts[number] = (struct lint_host){.name = lower, .place = *place};
    return number;
}

static bool is_below_a_cut(const struct lint *lint, struct name name, struct name apex)
{
    for (struct name at = name; at.len > apex.len; at = name_parent(at))
        if (lint_record_find(lint, at, RRTYPE_NS))
            return true;
    return false;
}

uint32_t lint_zone_of(const struct lint *lint, struct name name)
{
    if (lint->plan)
        return inventory_zone_of(lint->plan->input.layout->inventory, name);
    for (struct name at = name;; at = name_parent(at)) {
        uint32_t low = 0, high = lint->apex_count;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (name_compare(lint->apexes[middle], at) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < lint->apex_count && name_equal(lint->apexes[low], at))
            return low;
        if (at.len == 1)
            return LINT_NONE;
    }
}

bool lint_apex_of(const struct lint *lint, struct name name, struct name *apex)
{
    uint32_t zone = lint_zone_of(lint, name);
    if (zone == LINT_NONE)
        return false;
    *apex = lint->plan ? lint->plan->input.layout->inventory->zones[zone].apex : lint->apexes[zone];
    return true;
}

/* "a CNAME", "below the DNAME at x.", "within the wildcard CNAME *.x.": or NULL. */
static const char *alias_of(struct lint *lint, struct name name)
{
    struct arena *arena = &lint->scratch;
    if (lint_record_find(lint, name, RRTYPE_CNAME))
        return "a CNAME";
    bool exists = lint_name_exists(lint, name), is_encloser_found = exists;
    for (struct name at = name_parent(name); at.len > 1; at = name_parent(at)) {
        if (lint_record_find(lint, at, RRTYPE_DNAME))
            return arena_printf(arena, "below the DNAME at %s", name_print(arena, at));
        struct name wildcard;
        bool is_encloser = !is_encloser_found && lint_name_exists(lint, at);
        if (is_encloser &&
            name_join(arena, (struct bytes){(const uint8_t *)"\1*", 2}, at, &wildcard) &&
            lint_record_find(lint, wildcard, RRTYPE_CNAME))
            return arena_printf(arena, "within the wildcard CNAME %s", name_print(arena, wildcard));
        is_encloser_found |= is_encloser; /* only the closest one counts: RFC 4592 section 3.3.1 */
    }
    return NULL;
}

/* Adds the addresses that the records give the host to those that it has. */
static void addresses_take(struct lint *lint, struct lint_host *host)
{
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_AAAA};
    uint32_t have = host->ipv4_count + host->ipv6_count, added[COUNT_OF(types)] = {0};
    const struct lint_record *first[COUNT_OF(types)];
    const struct lint_record *end = lint->records + lint->record_count;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        first[i] = lint_record_find(lint, host->name, types[i]);
        for (const struct lint_record *record = first[i];
             record && record < end && record->type == types[i] &&
             name_equal(record->owner, host->name);
             record++)
            added[i]++;
    }
    if (added[0] + added[1] == 0)
        return;
    struct bytes *all = arena_array(&lint->scratch, struct bytes, have + added[0] + added[1]);
    if (have)
        memcpy(all, host->addresses, have * sizeof *all);
    for (size_t i = 0; i < COUNT_OF(types); i++)
        for (uint32_t j = 0; j < added[i]; j++)
            all[have++] = first[i][j].rdata;
    host->addresses = all;
    host->ipv4_count += added[0];
    host->ipv6_count += added[1];
}

void lint_hosts_settle(struct lint *lint)
{
    for (uint32_t i = 0; i < lint->host_names.count; i++) {
        struct lint_host *host = &lint->hosts[i];
        struct name apex = {0};
        bool is_within = lint_apex_of(lint, host->name, &apex);
        bool is_cut = is_within && !lint->plan && is_below_a_cut(lint, host->name, apex);
        host->alias = lint->record_count ? alias_of(lint, host->name) : NULL;
        host->is_outside = (lint->apex_count > 0 || lint->plan) && (!is_within || is_cut);
        host->is_known = lint->input == LINT_LIVE || (is_within && !is_cut);
        addresses_take(lint, host);
    }
}

/* ---- sets ---- */

static bool is_root(struct name name)
{
    return name.len == 1;
}

static int by_priority(const void *left, const void *right)
{
    const struct lint_srv *a = left, *b = right;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    return (a->place.line > b->place.line) - (a->place.line < b->place.line);
}

static struct lint_srv srv_of(struct lint *lint, const struct lint_record *record)
{
    struct reader r = reader_over(record->rdata);
    struct lint_srv srv = {
        .priority = read_u16(&r),
        .weight = read_u16(&r),
        .port = read_u16(&r),
        .ttl_s = record->ttl_s,
        .host = LINT_NONE,
        .node = INVENTORY_NONE,
        .weight_is_said = true,
        .place = lint_place_of(record),
    };
    srv.target = (struct name){r.next, reader_left(&r)};
    if (!is_root(srv.target)) {
        srv.host = lint_host_add(lint, srv.target, &srv.place);
        lint->hosts[srv.host].is_target = true;
    }
    return srv;
}

/* The SRV records of one owner, records[first..end). */
static void set_take(struct lint *lint, uint32_t first, uint32_t end)
{
    const struct lint_record *records = &lint->records[first];
    struct lint_set set = {
        .owner = records->owner,
        .label = name_print(&lint->scratch, records->owner),
        .domain_count = 1,
        .longest_owner_bytes = (uint32_t)records->owner.len,
        .count = end - first,
        .ttl_s = records->ttl_s,
        .service = INVENTORY_NONE,
        .place = lint_place_of(records),
    };
    struct lint_srv *items = arena_array(&lint->scratch, struct lint_srv, set.count);
    for (uint32_t i = 0; i < set.count; i++) {
        items[i] = srv_of(lint, &records[i]);
        set.ttl_s = items[i].ttl_s < set.ttl_s ? items[i].ttl_s : set.ttl_s;
    }
    qsort(items, set.count, sizeof *items, by_priority);
    set.items = items;
    set.is_null = set.count == 1 && is_root(items[0].target);
    set.kind = lint_kind_of(set.owner, &set.domain);
    lint->sets = arena_grow(&lint->scratch, lint->sets, &lint->set_capacity,
                            (size_t)lint->set_count + 1, sizeof *lint->sets);
    lint->sets[lint->set_count++] = set;
}

void lint_take_records(struct lint *lint, const struct lint_record *items, uint32_t count)
{
    struct name *apexes = arena_array(&lint->scratch, struct name, (size_t)count + 1);
    lint->records = records_sorted(lint, items, count);
    lint->record_count = count;
    for (uint32_t i = 0, end; i < count; i = end) {
        const struct lint_record *record = &lint->records[i];
        for (end = i + 1; end < count && record_compare(record, &lint->records[end]) == 0; end++)
            ;
        if (record->type == RRTYPE_SRV)
            set_take(lint, i, end);
        else if (record->type == RRTYPE_SOA)
            apexes[lint->apex_count++] = record->owner;
        else if (record->type == RRTYPE_DNSKEY || record->type == RRTYPE_RRSIG)
            lint->is_signed = true;
    }
    lint->apexes = apexes;
}

/* ---- domains ---- */

struct domain_set {
    struct name domain;
    enum lint_kind kind;
    uint32_t set;
};

static int by_domain(const void *left, const void *right)
{
    const struct domain_set *a = left, *b = right;
    int order = name_compare(a->domain, b->domain);
    return order ? order : (a->kind > b->kind) - (a->kind < b->kind);
}

void lint_take_domains(struct lint *lint)
{
    struct domain_set *order = arena_array(&lint->scratch, struct domain_set, lint->set_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < lint->set_count; i++)
        if (lint->sets[i].kind != LINT_OTHER)
            order[count++] = (struct domain_set){lint->sets[i].domain, lint->sets[i].kind, i};
    if (count)
        qsort(order, count, sizeof *order, by_domain);
    lint->domains = arena_array(&lint->scratch, struct lint_domain, count);
    for (uint32_t i = 0; i < count; i++) {
        bool is_new = i == 0 || !name_equal(order[i].domain, order[i - 1].domain);
        if (is_new)
            lint->domains[lint->domain_count++] = (struct lint_domain){
                .name = order[i].domain,
                .label = name_print(&lint->scratch, order[i].domain),
                .domain_count = 1,
                .sets = {LINT_NONE, LINT_NONE, LINT_NONE, LINT_NONE},
                .place = lint->sets[order[i].set].place,
            };
        lint->domains[lint->domain_count - 1].sets[order[i].kind] = order[i].set;
    }
}

static uint32_t plan_domain_find(const struct inventory *inventory, struct name name)
{
    uint32_t low = 0, high = inventory->domain_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(inventory->domains[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < inventory->domain_count && name_equal(inventory->domains[low].name, name);
    return is_found ? low : INVENTORY_NONE;
}

const struct lint_domain *lint_domain_find(const struct lint *lint, struct name name)
{
    if (lint->plan) {
        uint32_t at = plan_domain_find(lint->plan->input.layout->inventory, name);
        return at == INVENTORY_NONE ? NULL : &lint->domains[lint->domain_of[at]];
    }
    uint32_t low = 0, high = lint->domain_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (name_compare(lint->domains[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_found = low < lint->domain_count && name_equal(lint->domains[low].name, name);
    return is_found ? &lint->domains[low] : NULL;
}
