/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Components: names below a domain where its server offers group chat and the like. Each becomes a
 * domain of its own with the server-to-server services of its parent (RFC 6120 section 3.2.4:
 * clients never look for them), and is like its parent in all else. */
#include "srvplan/inventory_read.h"

#include <stdlib.h>
#include <string.h>

/* "conference.example.org" below example.org: the part in front was wanted. */
static bool repeats_domain(struct text text, const char *key)
{
    struct text domain = text_from(key);
    if (domain.len && domain.ptr[domain.len - 1] == '.')
        domain.len--;
    return text.len > domain.len + 1 && text.ptr[text.len - domain.len - 1] == '.' &&
           text_equal((struct text){text.ptr + text.len - domain.len, domain.len}, domain);
}

static struct name component_read(struct load *load, const struct place *place, json_t *value,
                                  const char *key)
{
    struct name name = {0};
    struct text text = json_is_string(value) ? json_text(value) : (struct text){0};
    if (!json_is_string(value)) {
        expected(load, place, "labels below the domain in quotes, such as \"conference\"", value);
    } else if (text.len == 0) {
        mistake_add(&load->mistakes, place, "bad-component",
                    "write for example \"conference\", or remove it",
                    "expected labels below the domain, found nothing");
    } else if (text.ptr[text.len - 1] == '.') {
        mistake_add(&load->mistakes, place, "bad-component", "remove the dot at the end",
                    "expected labels below the domain, found the whole name %s",
                    mistakes_quote(&load->mistakes, text));
    } else if (repeats_domain(text, key)) {
        const char *mend = arena_printf(&load->mistakes.arena, "write \"%.*s\"",
                                        (int)(text.len - strlen(key) - 1), text.ptr);
        mistake_add(&load->mistakes, place, "bad-component", mend,
                    "expected labels below the domain, found %s, which has the domain in it",
                    mistakes_quote(&load->mistakes, text));
    } else {
        (void)name_read(load, place, text, &name);
    }
    return name;
}

void read_components(struct load *load, const struct place *place, json_t *value,
                     const struct key_row *row, void *field)
{
    struct domain_entry *domain = field;
    (void)row;
    if (!list_expected(load, place, value, 0))
        return;
    size_t count = json_array_size(value);
    if (count > COMPONENTS_MAX) {
        mistake_add(&load->mistakes, place, "too-many-components", "declare some as domains",
                    "expected at most %d components, found %zu", COMPONENTS_MAX, count);
        return;
    }
    domain->components = arena_array(&load->scratch, struct name, count);
    for (size_t i = 0; i < count; i++) {
        struct place item = place_item(place, i);
        domain->components[i] = component_read(load, &item, json_array_get(value, i), domain->key);
    }
    domain->component_count = (uint32_t)count;
}

/* The server-to-server services of the parent; reports when there is none. */
static struct index_list services_of(struct load *load, const struct domain_entry *parent)
{
    const struct inventory *inventory = load->inventory;
    const struct index_list *own =
        parent->services.given ? &parent->services : &load->default_services;
    uint32_t *items = arena_array(load->arena, uint32_t, own->count);
    struct index_list list = {.given = true, .items = items};
    for (uint32_t i = 0; i < own->count; i++)
        if (inventory->services[own->items[i]].is_s2s)
            items[list.count++] = own->items[i];
    if (list.count > 0 || parent->is_uncertain)
        return list;
    struct place document = {0}, domains = place_value(&document, "domains");
    struct place domain = place_value(&domains, parent->key);
    struct place place = place_value(&domain, "components");
    mistake_add(&load->mistakes, &place, "component-without-service",
                "add \"xmpp-server\" to the domain's \"services\", or remove the components",
                "expected a domain that offers xmpp-server or xmpps-server, since components "
                "offer nothing else; found neither");
    return list;
}

static void components_of(struct load *load, uint32_t parent_index, const struct place *domains)
{
    const struct domain_entry *parent = &load->domains[parent_index];
    struct index_list services = {0};
    if (parent->component_count)
        services = services_of(load, parent);
    for (uint32_t i = 0; i < parent->component_count; i++) {
        struct domain_entry *component = &load->domains[load->domain_count];
        struct name labels = parent->components[i];
        if (labels.len == 0)
            continue;
        *component = *parent;
        component->number = load->domain_count;
        component->component_of = parent_index;
        component->component = i;
        component->services = services;
        component->components = NULL;
        component->component_count = 0;
        component->bosh = component->websocket = (struct text){0};
        if (name_join(load->arena, (struct bytes){labels.wire, labels.len - 1}, parent->name,
                      &component->name)) {
            const json_t *list = json_object_get(parent->value, "components");
            component->key = arena_printf(&load->scratch, "%s.%s",
                                          json_string_value(json_array_get(list, i)), parent->key);
            load->domain_count++;
            continue;
        }
        struct place place = domain_place(load, component, domains);
        mistake_add(&load->mistakes, &place, "bad-name", "use a shorter one",
                    "expected a name of at most 255 octets, found a longer one");
    }
}

/* What a name is there as, for a message: "a domain", "a component of example.org". */
static const char *what_it_is(struct load *load, const struct domain_entry *domain)
{
    if (domain->component_of == INVENTORY_NONE)
        return "a domain of its own";
    return arena_printf(
        &load->mistakes.arena, "a component of the domain %s",
        mistakes_quote(&load->mistakes, text_from(load->domains[domain->component_of].key)));
}

static void twins_report(struct load *load, const struct place *domains)
{
    for (uint32_t i = 1; i < load->domain_count; i++) {
        const struct domain_entry *first = &load->domains[i - 1];
        struct domain_entry *again = &load->domains[i];
        if (again->component_of == INVENTORY_NONE || !name_equal(first->name, again->name))
            continue;
        struct place place = domain_place(load, again, domains);
        again->is_uncertain = true;
        mistake_add(
            &load->mistakes, &place, "duplicate-name",
            first->component_of == INVENTORY_NONE ? "remove it here, or remove the domain"
                                                  : "keep one of them",
            "expected a name that is not there yet, found the component %s of %s, which is "
            "also %s",
            mistakes_quote(&load->mistakes, text_from(again->key)),
            mistakes_quote(&load->mistakes, text_from(load->domains[again->component_of].key)),
            what_it_is(load, first));
    }
}

void components_add(struct load *load, const struct place *domains)
{
    uint32_t declared = load->domain_count;
    size_t room = declared;
    load->declared_domain_count = declared;
    for (uint32_t i = 0; i < declared; i++)
        room += load->domains[i].component_count;
    if (room == declared)
        return;
    struct domain_entry *parents = load->domains;
    load->domains = arena_array(&load->scratch, struct domain_entry, room);
    memcpy(load->domains, parents, declared * sizeof *parents);
    for (uint32_t i = 0; i < declared; i++)
        components_of(load, i, domains);
    domains_sort(load);
    uint32_t *index = arena_array(&load->scratch, uint32_t, load->domain_count);
    for (uint32_t i = 0; i < load->domain_count; i++)
        index[load->domains[i].number] = i;
    for (uint32_t i = 0; i < load->domain_count; i++)
        if (load->domains[i].component_of != INVENTORY_NONE)
            load->domains[i].component_of = index[parents[load->domains[i].component_of].number];
    twins_report(load, domains);
}
