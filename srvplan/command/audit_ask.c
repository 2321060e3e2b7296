/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an audit asks, and of whom. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "srvplan/command/audit.h"
#include "zones/base/clock.h"
#include "zones/rrtype.h"

enum {
    SRV_TARGET_AT = 6,
    AUTHORITY_MS = 1000, /* of a first try: an authority that needs longer is out of reach */
};

const char *const audit_services[AUDIT_KINDS] = {"xmpp-client", "xmpps-client", "xmpp-server",
                                                 "xmpps-server"};

void audit_remark(struct audit *audit, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    audit->remarks = arena_grow(&audit->arena, audit->remarks, &audit->remark_capacity,
                                audit->remark_count + 1, sizeof *audit->remarks);
    audit->remarks[audit->remark_count++] = arena_cstr(&audit->arena, text_from(text));
}

/* ---- names ---- */

/* "_LABEL._tcp.PARENT"; a name without length when it is too long. */
static struct name service_name(struct audit *audit, const char *label, struct name parent)
{
    uint8_t labels[2 + LABEL_MAX_BYTES + 5];
    struct writer w = writer_over(labels, sizeof labels);
    struct name name = {0};
    write_u8(&w, (uint8_t)(strlen(label) + 1));
    write_u8(&w, '_');
    write_bytes(&w, label, strlen(label));
    write_bytes(&w, "\4_tcp", 5);
    if (!name_join(&audit->arena, (struct bytes){labels, w.len}, parent, &name))
        return (struct name){0};
    return name;
}

struct name audit_owner(struct audit *audit, int kind)
{
    return service_name(audit, audit_services[kind], audit->domain);
}

/* ---- records ---- */

/* Each record once, as it came first: asked again, a cache gives another TTL. */
static void record_add(struct audit *audit, struct name owner, const struct answer_record *record)
{
    for (size_t i = 0; i < audit->record_count; i++) {
        const struct lint_record *known = &audit->records[i];
        if (known->type == record->type && name_equal(known->owner, owner) &&
            bytes_equal(known->rdata, record->rdata))
            return;
    }
    audit->records = arena_grow(&audit->arena, audit->records, &audit->record_capacity,
                                audit->record_count + 1, sizeof *audit->records);
    audit->records[audit->record_count++] = (struct lint_record){
        .owner = owner, .type = record->type, .ttl_s = record->ttl_s, .rdata = record->rdata};
}

/* What was looked up. Records of a set stand at the name that was asked, wherever aliases led: it
 * is what clients get there; addresses stand where they are, behind an alias. */
static void lookup_add(struct audit *audit, struct name asked, const struct lookup *lookup)
{
    for (uint32_t i = 0; i < lookup->alias_count; i++)
        record_add(audit, lookup->aliases[i].owner, &lookup->aliases[i]);
    for (uint32_t i = 0; i < lookup->count; i++) {
        uint16_t type = lookup->records[i].type;
        bool is_address = type == RRTYPE_A || type == RRTYPE_AAAA;
        record_add(audit, is_address ? lookup->name : asked, &lookup->records[i]);
    }
    for (uint32_t i = 0; i < lookup->signature_count; i++)
        record_add(audit, asked, &lookup->signatures[i]);
}

/* Looks up and keeps; what fails is a remark. */
static bool take(struct audit *audit, struct name name, uint16_t type, struct lookup *lookup)
{
    struct error err = {0};
    if (stub_look_up(&audit->stub, &audit->arena, name, type, lookup, &err)) {
        lookup_add(audit, name, lookup);
        return true;
    }
    audit_remark(audit, "%s %s: %s", name_print(&audit->arena, name), rrtype_mnemonic(type),
                 err.message);
    return false;
}

/* ---- the sets ---- */

static bool ask_sets(struct audit *audit, struct error *err)
{
    audit->has_whole_ttls = true;
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        struct name owner = audit_owner(audit, kind);
        struct lookup lookup;
        if (owner.len == 0) {
            audit_remark(audit, "_%s._tcp.%s is too long a name to ask for", audit_services[kind],
                         audit->domain_text);
            continue;
        }
        if (!stub_look_up(&audit->stub, &audit->arena, owner, RRTYPE_SRV, &lookup, err))
            return error_within(err, "%s", name_print(&audit->arena, owner));
        lookup_add(audit, owner, &lookup);
        audit->srv_count += lookup.count;
        audit->has_whole_ttls &= lookup.is_authoritative || lookup.count == 0;
    }
    return true;
}

/* A name that nobody publishes: what answers is a wildcard. */
static void ask_wildcard(struct audit *audit)
{
    char label[16];
    uint32_t random;
    struct lookup lookup;
    struct error err = {0};
    struct name parent;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        abort();
    snprintf(label, sizeof label, "none-%08x", random); /* RFC 6335: up to 15 characters */
    struct name probe = service_name(audit, label, audit->domain);
    if (probe.len == 0 ||
        !stub_look_up(&audit->stub, &audit->arena, probe, RRTYPE_SRV, &lookup, &err) ||
        lookup.count + lookup.alias_count == 0 ||
        !name_join(&audit->arena, (struct bytes){(const uint8_t *)"\1*", 2}, name_parent(probe),
                   &parent))
        return;
    const struct answer_record *record =
        lookup.alias_count ? &lookup.aliases[0] : &lookup.records[0];
    record_add(audit, parent, record);
}

/* ---- targets ---- */

static struct name target_of(const struct lint_record *record)
{
    return (struct name){record->rdata.ptr + SRV_TARGET_AT, record->rdata.len - SRV_TARGET_AT};
}

static uint16_t port_of(const struct lint_record *record)
{
    struct reader r = reader_over(record->rdata);
    read_u32(&r);
    return read_u16(&r);
}

/* True when an SRV record before this one has the same target, and port unless that is 0. */
static bool is_asked(const struct audit *audit, size_t index, uint16_t port)
{
    const struct lint_record *record = &audit->records[index];
    for (size_t i = 0; i < index; i++) {
        const struct lint_record *other = &audit->records[i];
        if (other->type == RRTYPE_SRV && name_equal(target_of(other), target_of(record)) &&
            (port == 0 || port_of(other) == port))
            return true;
    }
    return false;
}

static void ask_tlsa(struct audit *audit, struct name target, uint16_t port)
{
    char label[8];
    struct lookup lookup;
    snprintf(label, sizeof label, "%u", port);
    struct name owner = service_name(audit, label, target);
    if (owner.len)
        (void)take(audit, owner, RRTYPE_TLSA, &lookup);
}

static void ask_targets(struct audit *audit)
{
    size_t count = audit->record_count; /* what is added has no targets of XMPP */
    uint32_t asked = 0;
    struct lookup lookup;
    for (size_t i = 0; i < count; i++) {
        if (audit->records[i].type != RRTYPE_SRV)
            continue;
        struct name target = target_of(&audit->records[i]);
        uint16_t port = port_of(&audit->records[i]);
        if (target.len == 1 || is_asked(audit, i, port ? port : 0))
            continue;
        if (asked++ == AUDIT_MAX_TARGETS) {
            audit_remark(audit, "of more than %d targets, the first ones were asked for only",
                         AUDIT_MAX_TARGETS);
            return;
        }
        if (!is_asked(audit, i, 0)) {
            (void)take(audit, target, RRTYPE_A, &lookup);
            (void)take(audit, target, RRTYPE_AAAA, &lookup);
        }
        if (port)
            ask_tlsa(audit, target, port);
    }
}

/* ---- the zone ---- */

/* The SOA of the zone that the domain is in: in the answer at its apex, else beside a "no". */
static void ask_apex(struct audit *audit)
{
    struct answer answer;
    struct error err = {0};
    if (!stub_ask(&audit->stub, &audit->arena, audit->domain, RRTYPE_SOA, &answer, &err)) {
        audit_remark(audit, "%s SOA: %s", audit->domain_text, err.message);
        return;
    }
    for (uint32_t i = 0; i < answer.count; i++) {
        const struct answer_record *record = &answer.records[i];
        if (record->type != RRTYPE_SOA || !name_is_within(audit->domain, record->owner))
            continue;
        audit->apex = record->owner;
        record_add(audit, record->owner, record);
        return;
    }
    audit_remark(audit, "%s: the zone that holds it did not show (no SOA record)",
                 audit->domain_text);
}

/* ---- authorities ---- */

/* The serial of the zone by that server. */
static bool serial_read(const struct answer *answer, struct name apex, uint32_t *serial)
{
    enum {
        NUMBERS_BYTES = 20
    };
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct answer_record *record = &answer->records[i];
        if (record->type != RRTYPE_SOA || !name_equal(record->owner, apex))
            continue;
        struct reader r = reader_over(record->rdata);
        read_bytes(&r, record->rdata.len - NUMBERS_BYTES);
        *serial = read_u32(&r);
        return reader_ok(&r);
    }
    return false;
}

/* Puts the authority's TTL to every record of that owner and type. */
static void ttl_put(struct audit *audit, struct name owner, uint16_t type, uint32_t ttl_s)
{
    for (size_t i = 0; i < audit->record_count; i++)
        if (audit->records[i].type == type && name_equal(audit->records[i].owner, owner))
            audit->records[i].ttl_s = ttl_s;
}

/* Whole TTLs of the sets and the SOA, where a cache has counted them down. */
static void ttls_take(struct audit *audit, struct stub *authority, const struct answer *soa)
{
    bool all = true;
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        struct name owner = audit_owner(audit, kind);
        struct answer answer;
        if (owner.len == 0)
            continue;
        if (!stub_ask(authority, &audit->arena, owner, RRTYPE_SRV, &answer, NULL)) {
            all = false;
            continue;
        }
        for (uint32_t i = 0; i < answer.count && answer.is_authoritative; i++)
            if (answer.records[i].type == RRTYPE_SRV && name_equal(answer.records[i].owner, owner))
                ttl_put(audit, owner, RRTYPE_SRV, answer.records[i].ttl_s);
        all &= answer.is_authoritative;
    }
    for (uint32_t i = 0; i < soa->count; i++)
        if (soa->records[i].type == RRTYPE_SOA && name_equal(soa->records[i].owner, audit->apex))
            ttl_put(audit, audit->apex, RRTYPE_SOA, soa->records[i].ttl_s);
    audit->has_whole_ttls = all;
}

static void ask_authority(struct audit *audit, struct name server, struct bytes address)
{
    struct stub stub;
    struct answer answer;
    struct error err = {0};
    if (audit->authority_count == AUDIT_MAX_AUTHORITIES)
        return;
    struct lint_authority *authority = &audit->authorities[audit->authority_count++];
    stub_init_authority(&stub, address, audit->authority_port);
    stub.timeout_ms = AUTHORITY_MS;
    stub.deadline_at_ms = audit->stub.deadline_at_ms;
    *authority = (struct lint_authority){
        .name = server, .address = arena_cstr(&audit->arena, text_from(stub.servers[0].text))};
    authority->has_answered =
        stub_ask(&stub, &audit->arena, audit->apex, RRTYPE_SOA, &answer, &err) &&
        serial_read(&answer, audit->apex, &authority->serial);
    if (!authority->has_answered)
        audit_remark(audit, "name server %s: %s", name_print(&audit->arena, server),
                     err.kind ? err.message : "does not know the zone");
    else if (!audit->has_whole_ttls)
        ttls_take(audit, &stub, &answer);
}

static void ask_authorities(struct audit *audit)
{
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_AAAA};
    struct lookup servers, addresses;
    if (audit->apex.len == 0 || !take(audit, audit->apex, RRTYPE_NS, &servers))
        return;
    for (uint32_t i = 0; i < servers.count; i++) {
        struct name server = {servers.records[i].rdata.ptr, servers.records[i].rdata.len};
        for (size_t j = 0; j < COUNT_OF(types); j++) {
            struct error err = {0};
            if (!stub_look_up(&audit->stub, &audit->arena, server, types[j], &addresses, &err))
                audit_remark(audit, "name server %s: %s", name_print(&audit->arena, server),
                             err.message);
            else if (addresses.count > 0)
                ask_authority(audit, server, addresses.records[0].rdata);
        }
    }
    if (!audit->has_whole_ttls)
        audit_remark(audit, "no name server of the zone could be asked: TTLs are what a cache had "
                            "left of them");
}

bool audit_ask(struct audit *audit, struct error *err)
{
    struct lookup lookup;
    audit->stub.deadline_at_ms = clock_monotonic_ms() + AUDIT_MS;
    audit->stub.wants_signatures = true;
    if (!ask_sets(audit, err))
        return false;
    ask_targets(audit);
    (void)take(audit, audit->domain, RRTYPE_A, &lookup);
    (void)take(audit, audit->domain, RRTYPE_AAAA, &lookup);
    struct name txt;
    if (name_join(&audit->arena, (struct bytes){(const uint8_t *)"\14_xmppconnect", 13},
                  audit->domain, &txt))
        (void)take(audit, txt, RRTYPE_TXT, &lookup);
    ask_wildcard(audit);
    ask_apex(audit);
    if (audit->apex.len)
        (void)take(audit, audit->apex, RRTYPE_DNSKEY, &lookup);
    ask_authorities(audit);
    return true;
}
