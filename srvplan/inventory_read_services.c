/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_read.h"

#include <stdlib.h>
#include <string.h>

struct service_settings {
    struct text srv, pool;
    struct optional port, priority_offset, absent, mux;
};

static key_reader read_srv, read_pool;

static const struct key_row service_rows[] = {
    {"srv", read_srv, offsetof(struct service_settings, srv), 0, 0, NULL, NULL},
    {"port", read_integer, offsetof(struct service_settings, port), 1, 65535, NULL, NULL},
    {"priority_offset", read_integer, offsetof(struct service_settings, priority_offset), -65535,
     65535, NULL, NULL},
    {"absent", read_boolean, offsetof(struct service_settings, absent), 0, 0, NULL, NULL},
    {.key = "pool", .read = read_pool, .field = offsetof(struct service_settings, pool)},
    {.key = "mux", .read = read_boolean, .field = offsetof(struct service_settings, mux)},
    {.key = "$comment", .read = read_comment},
    {0},
};

static const struct {
    const char *id, *srv;
    uint16_t port;
    const char *pool;
} builtin[] = {
#define SERVICE(id, srv, port, pool) {id, srv, port, pool},
#include "srvplan/builtin_services.def"
#undef SERVICE
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* "_NAME._tcp": RFC 2782, NAME by RFC 6335 section 5.1, at most 15 long. */
static bool srv_is_valid(struct text srv)
{
    static const char *const protocols[] = {"._tcp", "._udp", "._sctp", "._dccp"};
    const char *dot = srv.len ? memchr(srv.ptr, '.', srv.len) : NULL;
    if (!dot)
        return false;
    struct text name = {srv.ptr, (size_t)(dot - srv.ptr)};
    struct text protocol = {dot, srv.len - name.len};
    if (name.len < 2 || name.len > 16 || name.ptr[0] != '_' || !is_alnum(name.ptr[1]) ||
        !is_alnum(name.ptr[name.len - 1]))
        return false;
    for (size_t i = 1; i < name.len; i++)
        if (!is_alnum(name.ptr[i]) && name.ptr[i] != '-')
            return false;
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        if (text_is(protocol, protocols[i]))
            return true;
    return false;
}

static void read_srv(struct load *load, const struct place *place, json_t *value,
                     const struct key_row *row, void *field)
{
    struct text *srv = field;
    (void)row;
    if (!json_is_string(value))
        expected(load, place, "a string such as \"_mumble._tcp\"", value);
    else if (srv_is_valid(json_text(value)))
        *srv = json_text(value);
    else
        mistake_add(&load->mistakes, place, "bad-srv", "write for example \"_mumble._tcp\"",
                    "expected \"_NAME.\" with a NAME of at most 15 letters, digits and inner "
                    "\"-\", then _tcp, _udp, _sctp or _dccp; found %s",
                    mistakes_quote(&load->mistakes, json_text(value)));
}

static void read_pool(struct load *load, const struct place *place, json_t *value,
                      const struct key_row *row, void *field)
{
    struct text *pool = field;
    (void)row;
    if (!json_is_string(value))
        expected(load, place, "the name of a pool in quotes, such as \"c2s\"", value);
    else if (id_check(load, place, json_string_value(value)))
        *pool = arena_text(load->arena, json_text(value));
}

/* Sets srv and the wire form of its two labels, lower-cased. */
static void srv_set(struct load *load, struct inventory_service *service, struct text srv)
{
    char *lower = arena_cstr(load->arena, srv);
    for (size_t i = 0; i < srv.len; i++)
        lower[i] = (char)name_lower_byte((uint8_t)lower[i]);
    service->srv = (struct text){lower, srv.len};

    uint8_t *wire = arena_alloc(load->arena, srv.len + 1);
    struct writer w = writer_over(wire, srv.len + 1);
    size_t first = strcspn(lower, ".");
    write_u8(&w, (uint8_t)first);
    write_bytes(&w, lower, first);
    write_u8(&w, (uint8_t)(srv.len - first - 1));
    write_bytes(&w, lower + first + 1, srv.len - first - 1);
    service->srv_labels = (struct bytes){wire, w.len};
}

static void service_read(struct load *load, const struct place *place, json_t *value,
                         struct inventory_service *service)
{
    struct service_settings settings = {0};
    bool is_new = service->srv.len == 0;
    uint32_t index = (uint32_t)(service - load->inventory->services);
    size_t errors = load->mistakes.errors;
    bool is_object = object_read(load, place, value, service_rows, &settings);
    service->is_absent = settings.absent.value;
    if (is_object && is_new && !json_object_get(value, "srv"))
        mistake_add(&load->mistakes, place, "missing-key",
                    "add for example \"srv\": \"_mumble._tcp\"",
                    "expected the key \"srv\", since %s is not a built-in service",
                    mistakes_quote(&load->mistakes, service->id));
    if (is_object && is_new && !service->is_absent && !json_object_get(value, "port"))
        mistake_add(&load->mistakes, place, "missing-key", "add the port",
                    "expected the key \"port\", since %s is not a built-in service",
                    mistakes_quote(&load->mistakes, service->id));
    if (settings.srv.len)
        srv_set(load, service, settings.srv);
    if (settings.port.given)
        service->port = (uint16_t)settings.port.value;
    load->service_has_port[index] = settings.port.given;
    if (settings.pool.len)
        service->pool = settings.pool;
    service->is_mux = settings.mux.value;
    service->priority_offset = (int32_t)settings.priority_offset.value;
    load->service_is_uncertain[index] = load->mistakes.errors != errors;
}

static int srv_order(const void *a, const void *b)
{
    const struct inventory_service *const *left = a, *const *right = b;
    int order = text_compare((*left)->srv, (*right)->srv);
    return order ? order : (*left > *right) - (*left < *right);
}

/* Two services at one owner name would be one set with two meanings. */
static void srv_check(struct load *load, const struct place *place, json_t *declared)
{
    uint32_t count = load->inventory->service_count;
    const struct inventory_service **by_srv =
        arena_alloc_array(&load->scratch, count, sizeof *by_srv);
    for (uint32_t i = 0; i < count; i++)
        by_srv[i] = &load->inventory->services[i];
    qsort(by_srv, count, sizeof *by_srv, srv_order);
    for (uint32_t i = 1; i < count; i++) {
        const struct inventory_service *other = by_srv[i - 1], *service = by_srv[i];
        if (service->srv.len == 0 || !text_equal(service->srv, other->srv))
            continue;
        json_t *entry = json_object_get(declared, service->id.ptr);
        if (!json_object_get(entry, "srv")) {
            const struct inventory_service *swap = service;
            service = other;
            other = swap;
        }
        struct place of_service = place_value(place, service->id.ptr);
        struct place of_srv = place_value(&of_service, "srv");
        mistake_add(&load->mistakes, &of_srv, "duplicate-srv",
                    "change that service instead of adding one",
                    "expected an owner of its own, found %s, which service %s has",
                    mistakes_quote(&load->mistakes, service->srv),
                    mistakes_quote(&load->mistakes, other->id));
    }
}

static int service_order(const void *a, const void *b)
{
    const struct inventory_service *left = a, *right = b;
    return text_compare(left->id, right->id);
}

static bool is_builtin(const char *id)
{
    for (size_t i = 0; i < COUNT_OF(builtin); i++)
        if (strcmp(builtin[i].id, id) == 0)
            return true;
    return false;
}

void services_read(struct load *load, const struct place *place, json_t *services)
{
    struct inventory *inventory = load->inventory;
    struct entry *entries = NULL;
    uint32_t count = 0;
    if (services && !object_expected(load, place, services)) {
        load->services_are_uncertain = true;
    } else if (services) {
        entries = entries_sorted(load, services, &count);
    }
    if (count > SERVICES_MAX - COUNT_OF(builtin)) {
        mistake_add(&load->mistakes, place, "too-many-services", "split the inventory",
                    "expected at most %zu services of your own, found %u",
                    SERVICES_MAX - COUNT_OF(builtin), count);
        load->services_are_uncertain = true;
        count = SERVICES_MAX - COUNT_OF(builtin);
    }
    inventory->services =
        arena_array(load->arena, struct inventory_service, COUNT_OF(builtin) + count);
    load->service_is_uncertain = arena_array(&load->scratch, bool, COUNT_OF(builtin) + count);
    load->service_has_port = arena_array(&load->scratch, bool, COUNT_OF(builtin) + count);
    for (size_t i = 0; i < COUNT_OF(builtin); i++) {
        struct inventory_service *service = &inventory->services[inventory->service_count++];
        service->id = text_from(builtin[i].id);
        service->port = builtin[i].port;
        service->pool = text_from(builtin[i].pool);
        service->is_s2s = strcmp(builtin[i].pool, "s2s") == 0;
        srv_set(load, service, text_from(builtin[i].srv));
    }
    for (uint32_t i = 0; i < count; i++)
        if (!is_builtin(entries[i].key))
            inventory->services[inventory->service_count++].id =
                arena_text(load->arena, text_from(entries[i].key));
    qsort(inventory->services, inventory->service_count, sizeof *inventory->services,
          service_order);
    for (uint32_t i = 0; i < count; i++) {
        struct place at_key = place_key(place, entries[i].key);
        struct place at_value = place_value(place, entries[i].key);
        uint32_t index = inventory_find_service(inventory, text_from(entries[i].key));
        id_check(load, &at_key, entries[i].key);
        service_read(load, &at_value, entries[i].value, &inventory->services[index]);
    }
    srv_check(load, place, services);
}

uint32_t service_get(struct load *load, const struct place *place, struct text id)
{
    const struct inventory *inventory = load->inventory;
    uint32_t index = inventory_find_service(inventory, id);
    if (index != INVENTORY_NONE || load->services_are_uncertain)
        return index;
    struct nearest nearest = nearest_to(id);
    for (uint32_t i = 0; i < inventory->service_count && hints_wanted(load); i++)
        nearest_consider(&nearest, inventory->services[i].id);
    unknown_id(load, place, "service", &nearest);
    return INVENTORY_NONE;
}

void read_service_list(struct load *load, const struct place *place, json_t *value,
                       const struct key_row *row, void *field)
{
    struct index_list *list = field;
    uint32_t total = load->inventory->service_count, count = 0;
    (void)row;
    if (!list_expected(load, place, value, 0))
        return;
    bool listed[SERVICES_MAX] = {false};
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct place item = place_item(place, i);
        json_t *id = json_array_get(value, i);
        if (!json_is_string(id)) {
            expected(load, &item, "the id of a service in quotes", id);
            continue;
        }
        uint32_t index = service_get(load, &item, json_text(id));
        if (index == INVENTORY_NONE)
            continue;
        if (listed[index])
            mistake_warn(&load->mistakes, &item, "duplicate-item", "remove one of them",
                         "the service %s is listed twice",
                         mistakes_quote(&load->mistakes, json_text(id)));
        count += !listed[index];
        listed[index] = true;
    }
    uint32_t *items = arena_array(load->arena, uint32_t, count);
    *list = (struct index_list){.given = true, .items = items};
    for (uint32_t i = 0; i < total; i++)
        if (listed[i])
            items[list->count++] = i;
}

/* Listing an absent service would say "offered" and "not offered" at once. */
void absent_check(struct load *load, const struct place *place, json_t *listed)
{
    const struct inventory *inventory = load->inventory;
    for (size_t i = 0; json_is_array(listed) && i < json_array_size(listed); i++) {
        struct place item = place_item(place, i);
        const json_t *id = json_array_get(listed, i);
        if (!json_is_string(id))
            continue;
        uint32_t index = inventory_find_service(inventory, json_text(id));
        if (index != INVENTORY_NONE && inventory->services[index].is_absent)
            mistake_add(&load->mistakes, &item, "absent-service",
                        "remove it here, or \"absent\" from the service",
                        "expected services that are offered, found %s, which is absent",
                        mistakes_quote(&load->mistakes, json_text(id)));
    }
}

/* ---- tiers ---- */

struct tier_settings {
    struct optional priority;
    struct text label;
};

static const struct key_row tier_rows[] = {
    {"priority", read_integer, offsetof(struct tier_settings, priority), 0, 65535, NULL, "10"},
    {.key = "label", .read = read_string, .field = offsetof(struct tier_settings, label)},
    {.key = "$comment", .read = read_comment},
    {0},
};

/* Without `tiers` there is one. */
static void tiers_default(struct load *load)
{
    struct inventory *inventory = load->inventory;
    inventory->tiers = arena_new(load->arena, struct inventory_tier);
    inventory->tiers[0] = (struct inventory_tier){.id = text_from("primary"), .priority = 10};
    inventory->tier_count = 1;
    load->tier_is_uncertain = arena_new(&load->scratch, bool);
}

void tiers_read(struct load *load, const struct place *place, json_t *tiers)
{
    struct inventory *inventory = load->inventory;
    uint32_t count = 0;
    if (tiers && !object_expected(load, place, tiers)) {
        load->tiers_are_uncertain = true;
    }
    struct entry *entries = json_is_object(tiers) ? entries_sorted(load, tiers, &count) : NULL;
    if (count == 0) {
        tiers_default(load);
        return;
    }
    inventory->tiers = arena_array(load->arena, struct inventory_tier, count);
    inventory->tier_count = count;
    load->tier_is_uncertain = arena_array(&load->scratch, bool, count);
    for (uint32_t i = 0; i < count; i++) {
        struct place at_key = place_key(place, entries[i].key);
        struct place at_value = place_value(place, entries[i].key);
        struct tier_settings settings = {0};
        size_t errors = load->mistakes.errors;
        id_check(load, &at_key, entries[i].key);
        object_read(load, &at_value, entries[i].value, tier_rows, &settings);
        load->tier_is_uncertain[i] = load->mistakes.errors != errors;
        inventory->tiers[i] = (struct inventory_tier){
            .id = arena_text(load->arena, text_from(entries[i].key)),
            .priority = (uint16_t)settings.priority.value,
            .label = settings.label,
        };
    }
}

uint32_t tier_get(struct load *load, const struct place *place, struct text id)
{
    const struct inventory *inventory = load->inventory;
    struct nearest nearest = nearest_to(id);
    for (uint32_t i = 0; i < inventory->tier_count; i++) {
        if (text_equal(inventory->tiers[i].id, id))
            return i;
        if (hints_wanted(load))
            nearest_consider(&nearest, inventory->tiers[i].id);
    }
    if (!load->tiers_are_uncertain)
        unknown_id(load, place, "tier", &nearest);
    return INVENTORY_NONE;
}
