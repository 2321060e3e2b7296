/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on the names that records stand at: N01 to N04, N12, N13. */
#include <string.h>
#include <strings.h>

#include "srvplan/lint_view.h"

/* ---- N01 to N04: the labels of SRV owners ---- */

static bool label_is(const uint8_t *label, const char *text)
{
    return *label == strlen(text) && strncasecmp((const char *)label + 1, text, *label) == 0;
}

/* A label that somebody means as a service of XMPP, with or without its underscore. */
static bool is_service(const uint8_t *label)
{
    static const char *const services[] = {"_xmpp-client", "_xmpps-client", "_xmpp-server",
                                           "_xmpps-server", "_jabber"};
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (label_is(label, services[i]) || label_is(label, services[i] + 1))
            return i < COUNT_OF(services) - 1 || label[1] == '_'; /* jabber.example.org is a host */
    return false;
}

static bool begins_with_underscore(const uint8_t *label)
{
    return *label > 0 && label[1] == '_';
}

/* N01, N02 and N03 on the owner of one set. */
static void owner_check(struct lint *lint, const struct lint_set *set)
{
    const uint8_t *first = set->owner.wire, *second = name_parent(set->owner).wire;
    bool is_transport = label_is(first, "_tcp") || label_is(first, "_udp");
    if (is_transport && begins_with_underscore(second)) {
        lint_find(lint, LINT_N01, &set->place,
                  "%s: the protocol stands before the service, so that nobody finds it",
                  set->label);
        return;
    }
    if (!is_service(first)) {
        for (struct name at = name_parent(set->owner); at.len > 1; at = name_parent(at))
            if (is_service(at.wire)) {
                lint_find(lint, LINT_N01, &set->place,
                          "%s: something stands before the service, so that nobody finds it",
                          set->label);
                return;
            }
        return;
    }
    bool is_tcp = label_is(second, "_tcp");
    if (!begins_with_underscore(first) || (!is_tcp && !begins_with_underscore(second)))
        lint_find(lint, LINT_N01, &set->place,
                  "%s: service and protocol must be the first two labels, with an underscore each",
                  set->label);
    else if (!is_tcp)
        lint_find(lint, LINT_N02, &set->place, "%s: the protocol is %.*s, and nobody looks there",
                  set->label, *second, (const char *)second + 1);
    else if (label_is(first, "_jabber"))
        lint_find(lint, LINT_N03, &set->place, "%s: nobody looks for _jabber any more", set->label);
}

/* What the longest of the four labels needs, for the longest domain that has the set. */
static void length_check(struct lint *lint, const struct lint_set *set)
{
    static const uint32_t label_bytes[] = {
        [LINT_CLIENT] = 18, [LINT_CLIENT_TLS] = 19, [LINT_SERVER] = 18, [LINT_SERVER_TLS] = 19};
    enum {
        LONGEST_LABELS = 19
    };
    if (set->kind == LINT_OTHER)
        return;
    uint32_t domain_bytes = set->longest_owner_bytes - label_bytes[set->kind];
    if (domain_bytes + LONGEST_LABELS > NAME_MAX_BYTES)
        lint_find(lint, LINT_N04, &set->place,
                  "%s: the domain has %u octets, and at most %u leave room for _xmpps-client._tcp",
                  set->label, domain_bytes, NAME_MAX_BYTES - LONGEST_LABELS);
}

/* ---- N12: aliases at owners ---- */

/* Types that may stand beside a CNAME (RFC 4034 section 2.5, RFC 2181 section 10.1, RFC 3007). */
static bool is_allowed_beside(uint16_t type)
{
    enum {
        TYPE_KEY = 25,
        TYPE_NSEC = 47
    };
    return type == RRTYPE_CNAME || type == RRTYPE_RRSIG || type == TYPE_NSEC || type == TYPE_KEY;
}

/* The records of one owner, records[first..end). */
static void alias_check(struct lint *lint, uint32_t first, uint32_t end)
{
    const struct lint_record *alias = NULL, *other = NULL;
    struct name domain;
    for (uint32_t i = first; i < end; i++) {
        const struct lint_record *record = &lint->records[i];
        if (record->type == RRTYPE_CNAME && alias)
            other = record;
        else if (record->type == RRTYPE_CNAME)
            alias = record;
        else if (!is_allowed_beside(record->type))
            other = record;
    }
    if (!alias)
        return;
    const struct lint_place place = lint_place_of(alias);
    struct name owner = name_lower(&lint->scratch, alias->owner);
    const char *name = name_print(&lint->scratch, owner);
    bool is_shared = lint->input != LINT_LIVE && (other || lint_plan_publishes(lint, owner));
    if (is_shared)
        lint_find(lint, LINT_N12, &place, "%s has a CNAME and other records beside it", name);
    else if (lint_kind_of(owner, &domain) != LINT_OTHER)
        lint_find(lint, LINT_N12_OWNER, &place, "%s is an alias of %s", name,
                  name_print(&lint->scratch, (struct name){alias->rdata.ptr, alias->rdata.len}));
}

static void aliases_check(struct lint *lint)
{
    for (uint32_t i = 0, end; i < lint->record_count; i = end) {
        for (end = i + 1; end < lint->record_count &&
                          name_equal(lint->records[i].owner, lint->records[end].owner);
             end++)
            ;
        alias_check(lint, i, end);
    }
}

/* ---- N13: wildcards ---- */

/* The wildcard record that answers for a name which is not there: below the closest name that is
 * (RFC 4592 section 3.3.1). NULL: the answer is that there is none. */
static const struct lint_record *wildcard_for(struct lint *lint, struct name name)
{
    struct name wildcard;
    if (lint_name_exists(lint, name))
        return NULL;
    struct name encloser = name_parent(name);
    while (encloser.len > 1 && !lint_name_exists(lint, encloser))
        encloser = name_parent(encloser);
    if (!name_join(&lint->scratch, (struct bytes){(const uint8_t *)"\1*", 2}, encloser, &wildcard))
        return NULL;
    const struct lint_record *record = lint_record_find(lint, wildcard, RRTYPE_SRV);
    return record ? record : lint_record_find(lint, wildcard, RRTYPE_CNAME);
}

/* Names that clients and servers may ask for: the services of the domain, and of its room service,
 * which nearly every domain has. */
static void wildcards_check(struct lint *lint, const struct lint_domain *domain)
{
#define LABELS(text)                                                                               \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
    static const struct bytes labels[] = {
        LABELS("\14_xmpp-client\4_tcp"),
        LABELS("\15_xmpps-client\4_tcp"),
        LABELS("\14_xmpp-server\4_tcp"),
        LABELS("\15_xmpps-server\4_tcp"),
        LABELS("\14_xmpp-server\4_tcp\12conference"),
    };
#undef LABELS
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        struct name name;
        if (!name_join(&lint->scratch, labels[i], domain->name, &name))
            continue;
        const struct lint_record *wildcard = wildcard_for(lint, name);
        if (!wildcard)
            continue;
        const struct lint_place place = lint_place_of(wildcard);
        lint_find(lint, LINT_N13, &place, "%s answers for %s, which is not there",
                  name_print(&lint->scratch, wildcard->owner), name_print(&lint->scratch, name));
        return;
    }
}

/* Live, names that a wildcard answers for look as if they were there; but the wildcard was asked
 * for by a name that nobody publishes. */
static void live_wildcard_check(struct lint *lint, const struct lint_domain *domain)
{
    struct name wildcard;
    if (!name_join(&lint->scratch, (struct bytes){(const uint8_t *)"\1*\4_tcp", 7}, domain->name,
                   &wildcard))
        return;
    const struct lint_record *record = lint_record_find(lint, wildcard, 0);
    if (!record)
        return;
    const struct lint_place place = lint_place_of(record);
    lint_find(lint, LINT_N13, &place, "%s answers for every service that is not there",
              name_print(&lint->scratch, wildcard));
}

void lint_owners(struct lint *lint)
{
    for (uint32_t i = 0; i < lint->set_count; i++) {
        if (lint->sets[i].service == INVENTORY_NONE)
            owner_check(lint, &lint->sets[i]);
        length_check(lint, &lint->sets[i]);
    }
    if (lint->record_count == 0)
        return;
    aliases_check(lint);
    for (uint32_t i = 0; i < lint->domain_count; i++)
        (lint->input == LINT_LIVE ? live_wildcard_check : wildcards_check)(lint, &lint->domains[i]);
}
