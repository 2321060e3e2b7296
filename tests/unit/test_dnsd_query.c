/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is answered, compared with a slow model that walks the content, not the image. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "decode.h"
#include "dnsd/emit.h"
#include "dnsd/query.h"
#include "fixture.h"
#include "zones/rrtype.h"
#include "zones/set_orders.h"
#include "zones/text.h"

enum {
    NO_EDNS = 0
};

static struct fixture fixture;
static uint32_t turns[FIXTURE_SETS];
static struct query_state state;
static uint8_t buffer[65536];

static void build(void)
{
    fixture_build(&fixture, 7, 100);
}

static void set_up(void)
{
    memset(turns, 0, sizeof turns);
    state = (struct query_state){.decide = {.image = &fixture.image, .turns = turns}};
}

static void tear_down(void)
{
    fixture_fini(&fixture);
}

struct asked {
    const char *name; /* with the letters as they shall be sent */
    uint16_t type, class, flags, edns_size, edns_flags;
    uint8_t edns_version;
    enum transport transport;
};

static void put_u16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static size_t put_query(uint8_t *to, const struct asked *asked)
{
    memset(to, 0, 12);
    put_u16(to, 0xBEEF);
    put_u16(to + 2, asked->flags);
    to[5] = 1;
    size_t at = 12 + fixture_put_name(to + 12, asked->name);
    put_u16(to + at, asked->type);
    put_u16(to + at + 2, asked->class ? asked->class : RRCLASS_IN);
    at += 4;
    if (asked->edns_size == NO_EDNS)
        return at;
    to[11] = 1;
    memset(to + at, 0, 11);
    to[at + 2] = RRTYPE_OPT;
    put_u16(to + at + 3, asked->edns_size);
    to[at + 6] = asked->edns_version;
    put_u16(to + at + 7, asked->edns_flags);
    return at + 11;
}

static size_t ask(const struct asked *asked)
{
    struct query query = {.bytes = buffer,
                          .length = put_query(buffer, asked),
                          .transport = asked->transport,
                          .now_ms = 1};
    return query_answer(&query, &state);
}

static struct decoded *ask_decoded(const struct asked *asked, size_t *len)
{
    *len = ask(asked);
    ck_assert_msg(*len >= 12, "%s: no answer", asked->name);
    struct decoded *decoded = decode(buffer, *len);
    ck_assert_msg(!decoded->mistake, "%s type %u: %s", asked->name, asked->type, decoded->mistake);
    ck_assert_uint_eq(decoded->id, 0xBEEF);
    return decoded;
}

/* -- the model ----------------------------------------------------------------------------------
 */

struct expected {
    unsigned rcode;
    const struct content_zone *zone; /* NULL: REFUSED */
    uint32_t set;
};

static const struct content_name *model_find(struct name name)
{
    for (uint32_t i = 0; i < fixture.names.name_count; i++)
        if (name_equal(fixture.names.names[i].owner, name))
            return &fixture.names.names[i];
    return NULL;
}

static const struct content_zone *model_zone(const struct content_name *name)
{
    uint32_t index = (uint32_t)(name - fixture.names.names);
    for (uint32_t i = 0; i < fixture.names.zone_count; i++) {
        const struct content_zone *zone = &fixture.names.zones[i];
        if (index >= zone->first_name && index < zone->first_name + zone->name_count)
            return zone;
    }
    return NULL;
}

static uint32_t model_set(const struct content_name *name, uint16_t type)
{
    if (name->types == CONTENT_NONE)
        return CONTENT_NONE;
    const struct content_types *types = &fixture.names.types[name->types];
    for (uint32_t i = 0; i < types->count; i++)
        if (types->entries[i].type == type || type == RRTYPE_ANY)
            return fixture.sets.sets[types->entries[i].set].count ? types->entries[i].set
                                                                  : CONTENT_NONE;
    return CONTENT_NONE;
}

static struct expected model(struct name name, uint16_t type)
{
    const struct content_name *found = model_find(name);
    bool is_exact = found != NULL;
    while (!found && name.len > 1) {
        name = name_parent(name);
        found = model_find(name);
    }
    if (!found)
        return (struct expected){.rcode = DNS_REFUSED};
    const struct content_zone *zone = model_zone(found);
    struct expected expected = {.zone = zone, .set = CONTENT_NONE};
    if (!is_exact)
        expected.rcode = DNS_NXDOMAIN;
    else if (type == RRTYPE_DS && name_equal(zone->apex, found->owner) &&
             zone->parent != CONTENT_NONE)
        expected.zone = &fixture.names.zones[zone->parent];
    else
        expected.set = model_set(found, type);
    if (expected.set == CONTENT_NONE)
        expected.set = expected.zone->negative_set;
    return expected;
}

/* RDATA with the template's names written out for the zone, and its serial. */
static size_t model_rdata(const struct content_set *set, uint32_t record,
                          const struct content_zone *zone, uint8_t *to)
{
    struct bytes from = set->rdata[record];
    size_t at = 0, len = 0;
    unsigned names = set->type == RRTYPE_SOA ? 2 : set->type == RRTYPE_NS ? 1 : 0;
    while (names && at < from.len) {
        if (from.ptr[at] == 0xC0) {
            size_t skipped = from.ptr[at + 1];
            memcpy(to + len, zone->apex.wire + skipped, zone->apex.len - skipped);
            len += zone->apex.len - skipped;
            at += 2;
            names--;
        } else {
            memcpy(to + len, from.ptr + at, from.ptr[at] + 1u);
            len += from.ptr[at] + 1u;
            at += from.ptr[at] + 1u;
        }
    }
    memcpy(to + len, from.ptr + at, from.len - at);
    len += from.len - at;
    if (set->type == RRTYPE_SOA) {
        uint32_t serial = fixture.serials[zone->slot];
        put_u16(to + len - 20, serial >> 16);
        put_u16(to + len - 18, serial & 0xFFFF);
    }
    return len;
}

/* Every record of the set stands in records[0..count), owner and all. */
static void check_set(const struct decoded *decoded, size_t first, const struct content_set *set,
                      struct name owner, const struct content_zone *zone)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct decoded_record *record = &decoded->records[first + i];
        uint8_t rdata[600];
        size_t len = model_rdata(set, i, zone, rdata);
        ck_assert_uint_eq(record->type, set->type);
        ck_assert_uint_eq(record->class, RRCLASS_IN);
        ck_assert_uint_eq(record->ttl, set->ttl_s);
        ck_assert(decoded_name_equal(&record->owner, owner.wire, owner.len));
        ck_assert_uint_eq(record->rdata_len, len);
        /* Names that point into the question have its case; numbers are exact. */
        size_t names = set->type == RRTYPE_SOA ? len - 20 : set->type == RRTYPE_NS ? len : 0;
        for (size_t j = 0; j < names; j++)
            ck_assert_uint_eq(name_lower_byte(record->rdata[j]), name_lower_byte(rdata[j]));
        ck_assert_mem_eq(record->rdata + names, rdata + names, len - names);
    }
}

/* The additional section is a prefix of the addresses that go with the set. */
static void check_additional(const struct decoded *decoded, size_t first,
                             const struct content_set *set)
{
    for (size_t i = 0; first + i < decoded->record_count; i++) {
        ck_assert_uint_lt(i, set->additional_count);
        const struct content_additional *additional = &set->additional[i];
        const struct bytes target = set->rdata[additional->record];
        const struct name owner = {target.ptr + additional->name_at,
                                   target.len - additional->name_at};
        check_set(decoded, first + i, &fixture.sets.sets[additional->set], owner, NULL);
    }
}

static void check_flags(const struct decoded *decoded, const struct asked *asked,
                        const struct expected *expected)
{
    unsigned aa = expected->zone ? DNS_AA : 0, tc = decoded->flags & DNS_TC;
    ck_assert_uint_eq(decoded->flags, DNS_QR | aa | tc | (asked->flags & DNS_RD) | expected->rcode);
    ck_assert_int_eq(decoded->has_opt, asked->edns_size != NO_EDNS);
    if (!decoded->has_opt)
        return;
    ck_assert_uint_eq(decoded->opt_size, 1232);
    ck_assert_uint_eq(decoded->opt_version, 0);
    ck_assert_uint_eq(decoded->opt_extended_rcode, 0);
    ck_assert_uint_eq(decoded->opt_flags, asked->edns_flags & DNS_DO);
}

static size_t limit_of(const struct asked *asked)
{
    if (asked->transport == TRANSPORT_STREAM)
        return 65535;
    return asked->edns_size < 512 ? 512 : asked->edns_size > 1232 ? 1232 : asked->edns_size;
}

/* TC is right only when header, question, answer, authority and OPT together are too long. */
static void check_truncation(const struct asked *asked)
{
    struct asked by_stream = *asked;
    size_t len;
    by_stream.transport = TRANSPORT_STREAM;
    struct decoded *whole = ask_decoded(&by_stream, &len);
    ck_assert(!(whole->flags & DNS_TC));
    size_t least = whole->required_end + (asked->edns_size ? 11 : 0);
    ck_assert_msg(least > limit_of(asked), "%s type %u: TC, but %zu bytes fit %zu", asked->name,
                  asked->type, least, limit_of(asked));
    decoded_free(whole);
}

static void check_question_echo(const struct asked *asked, size_t len)
{
    uint8_t query[600];
    struct asked plain = *asked;
    plain.edns_size = NO_EDNS;
    size_t end = put_query(query, &plain);
    ck_assert_uint_ge(len, end);
    ck_assert_mem_eq(buffer + 12, query + 12, end - 12); /* with its case */
}

/* A set as the last answer shows it: in the order whose turn it was. */
static const struct content_set *in_order(uint32_t index)
{
    static const struct content_set *ordered[FIXTURE_ADDRESSES];
    const struct content_set *set = &fixture.sets.sets[index];
    if (!set_orders_has(set))
        return set;
    if (!ordered[index])
        ordered[index] =
            set_orders_make(set, fixture.image.sets[index].answer_count, &fixture.arena);
    return &ordered[index][turns[index] - 1];
}

static void check_answer(const struct asked *asked)
{
    struct arena arena = {0};
    struct error err = {0};
    struct name name;
    ck_assert(text_name_parse(&arena, text_from(asked->name), &name, &err));
    struct expected expected = model(name, asked->type);
    size_t len;
    struct decoded *decoded = ask_decoded(asked, &len);
    ck_assert_uint_le(len, limit_of(asked));
    check_question_echo(asked, len);
    check_flags(decoded, asked, &expected);
    if (!expected.zone || decoded->flags & DNS_TC) {
        ck_assert_uint_eq(decoded->record_count, 0);
        ck_assert_uint_eq(state.set, IMAGE_NONE);
        if (expected.zone)
            check_truncation(asked);
    } else {
        const struct content_set *set = in_order(expected.set);
        bool is_answer = set->section == CONTENT_ANSWER;
        ck_assert_uint_eq(state.set, expected.set);
        ck_assert_uint_eq(decoded->count[1], is_answer ? set->count : 0);
        ck_assert_uint_eq(decoded->count[2], is_answer ? 0 : set->count);
        check_set(decoded, 0, set, is_answer ? name : expected.zone->apex, expected.zone);
        check_additional(decoded, set->count, set);
        if (asked->transport == TRANSPORT_STREAM)
            ck_assert_uint_le(set->additional_count - (decoded->record_count - set->count),
                              set->count > 900 ? 2000 : 0);
    }
    decoded_free(decoded);
    arena_fini(&arena);
}

/* -- tests --------------------------------------------------------------------------------------
 */

static const char *const names[] = {
    "example.org.",
    "_tcp.example.org.",
    "_xmpp-client._tcp.example.org.",
    "_xmpp-server._tcp.example.org.",
    "_wide._tcp.example.org.",
    "_many._tcp.example.org.",
    "_huge._tcp.example.org.",
    "host0.example.org.",
    "host1.example.org.",
    "host9.example.org.",
    "a.b.c.host0.example.org.",
    "1.2.3.4.5.6.7.8.9.10.11.12.example.org.",
    "4.5.6.7.8.9.10.11.12.example.org.",
    "0.1.2.3.4.5.6.7.8.9.10.11.12.example.org.",
    "example.net.",
    "_xmpp-client._tcp.example.net.",
    "_huge._tcp.example.net.",
    "nobody.example.net.",
    "sub.example.org.",
    "_tcp.sub.example.org.",
    "_xmpp-client._tcp.sub.example.org.",
    "x.sub.example.org.",
    "_xmpp-client._tcp.example.com.",
    "x._xmpp-client._tcp.example.com.",
    "_tcp.example.com.",
    "example.com.",
    "org.",
    ".",
    "notexample.org.",
    "xexample.net.",
    /* the longest, and a miss of the same length */
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc."
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc."
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc."
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghi.example.org.",
    "xbcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc."
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc."
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc."
    "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghi.example.org.",
    "EXAMPLE.org.",
    "_XmPp-ClIeNt._TcP.eXaMpLe.NeT.",
    "NOBODY.Sub.Example.ORG.",
    "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
    "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a."
    "a."
    "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.example.org.",
};
static const uint16_t types[] = {RRTYPE_A,  RRTYPE_NS,  RRTYPE_SOA, RRTYPE_AAAA, RRTYPE_SRV,
                                 RRTYPE_DS, RRTYPE_ANY, 16,         0,           65535};
static const uint16_t sizes[] = {NO_EDNS, 1, 512, 700, 900, 1232, 1233, 4096, 65535};

START_TEST(every_name_and_type_is_answered_as_the_content_says)
{
    for (size_t type = 0; type < COUNT_OF(types); type++)
        for (size_t size = 0; size < COUNT_OF(sizes); size++)
            for (int transport = TRANSPORT_DATAGRAM; transport <= TRANSPORT_STREAM; transport++) {
                if (transport == TRANSPORT_STREAM && size > 1) /* a size means nothing there */
                    continue;
                check_answer(&(struct asked){.name = names[_i],
                                             .type = types[type],
                                             .edns_size = sizes[size],
                                             .edns_flags = size & 1 ? 0xFFFF : 0,
                                             .flags = size & 1 ? DNS_RD : 0,
                                             .transport = (enum transport)transport});
            }
}
END_TEST

/* One row a rule, in absolute numbers, so that model and responder cannot err alike. */
static const struct {
    const char *label;
    struct asked asked;
    uint16_t flags, count[4];
    size_t length; /* 0: not fixed */
} rules[] = {
    {.label = "a positive answer: AA, no authority, addresses as additional",
     .asked = {.name = "_xmpp-client._tcp.example.org.", .type = RRTYPE_SRV},
     .flags = 0x8400,
     .count = {1, 3, 0, 6}},
    {.label = "RD is copied, RA stays 0; AD, CD and Z are cleared",
     .asked = {.name = "host0.example.org.", .type = RRTYPE_A, .flags = 0x01F0},
     .flags = 0x8500,
     .count = {1, 1, 0, 0}},
    {.label = "AA, TC and an rcode in a query mean nothing",
     .asked = {.name = "host0.example.org.", .type = RRTYPE_A, .flags = 0x060F},
     .flags = 0x8400,
     .count = {1, 1, 0, 0}},
    {.label = "NODATA has the SOA",
     .asked = {.name = "host0.example.org.", .type = RRTYPE_SRV},
     .flags = 0x8400,
     .count = {1, 0, 1, 0}},
    {.label = "an empty non-terminal is NODATA",
     .asked = {.name = "_tcp.example.org.", .type = RRTYPE_A},
     .flags = 0x8400,
     .count = {1, 0, 1, 0}},
    {.label = "a set with nobody in it is NODATA",
     .asked = {.name = "_xmpp-server._tcp.example.org.", .type = RRTYPE_SRV},
     .flags = 0x8400,
     .count = {1, 0, 1, 0}},
    {.label = "NXDOMAIN has the SOA",
     .asked = {.name = "nobody.example.org.", .type = RRTYPE_A},
     .flags = 0x8403,
     .count = {1, 0, 1, 0}},
    {.label = "outside our zones: REFUSED, not AA",
     .asked = {.name = "example.edu.", .type = RRTYPE_A},
     .flags = 0x8005,
     .count = {1, 0, 0, 0}},
    {.label = "class CH is refused",
     .asked = {.name = "example.org.", .type = RRTYPE_SOA, .class = 3},
     .flags = 0x8005,
     .count = {1, 0, 0, 0}},
    {.label = "class ANY is refused",
     .asked = {.name = "example.org.", .type = RRTYPE_SOA, .class = 255},
     .flags = 0x8005,
     .count = {1, 0, 0, 0}},
    {.label = "AXFR is refused",
     .asked = {.name = "example.org.", .type = RRTYPE_AXFR, .transport = TRANSPORT_STREAM},
     .flags = 0x8005,
     .count = {1, 0, 0, 0}},
    {.label = "IXFR is refused",
     .asked = {.name = "example.org.", .type = RRTYPE_IXFR},
     .flags = 0x8005,
     .count = {1, 0, 0, 0}},
    {.label = "ANY gets the first set of the name",
     .asked = {.name = "host0.example.org.", .type = RRTYPE_ANY},
     .flags = 0x8400,
     .count = {1, 1, 0, 0}},
    {.label = "DS of a child of ours: NODATA of the parent",
     .asked = {.name = "sub.example.org.", .type = RRTYPE_DS},
     .flags = 0x8400,
     .count = {1, 0, 1, 0}},
    {.label = "type OPT: FORMERR, header only",
     .asked = {.name = "example.org.", .type = RRTYPE_OPT, .flags = DNS_RD},
     .flags = 0x8101,
     .length = 12},
    {.label = "opcode UPDATE: NOTIMP, header only, opcode copied",
     .asked = {.name = "example.org.", .type = RRTYPE_SOA, .flags = 0x2800},
     .flags = 0xA804,
     .length = 12},
    {.label = "BADVERS: question echoed, OPT with the upper bits",
     .asked = {.name = "example.org.", .type = RRTYPE_SOA, .edns_size = 1232, .edns_version = 1},
     .flags = 0x8000,
     .count = {1, 0, 0, 1},
     .length = 12 + 13 + 4 + 11},
    {.label = "addresses go before TC is set",
     .asked = {.name = "_wide._tcp.example.org.", .type = RRTYPE_SRV, .edns_size = 1232},
     .flags = 0x8400,
     .count = {1, 20, 0, 18 + 1}}, /* 19 would fit, but an image keeps every cut only up to 16 */
    {.label = "a set that does not fit: TC and nothing of it, OPT stays",
     .asked = {.name = "_wide._tcp.example.org.", .type = RRTYPE_SRV, .edns_size = 512},
     .flags = 0x8600,
     .count = {1, 0, 0, 1}},
    {.label = "… the same without EDNS",
     .asked = {.name = "_wide._tcp.example.org.", .type = RRTYPE_SRV},
     .flags = 0x8600,
     .count = {1, 0, 0, 0}},
    {.label = "a stream carries it whole",
     .asked = {.name = "_wide._tcp.example.org.",
               .type = RRTYPE_SRV,
               .transport = TRANSPORT_STREAM},
     .flags = 0x8400,
     .count = {1, 20, 0, 40}},
    {.label = "… and 60 targets",
     .asked = {.name = "_many._tcp.example.org.",
               .type = RRTYPE_SRV,
               .edns_size = 512,
               .transport = TRANSPORT_STREAM},
     .flags = 0x8400,
     .count = {1, 60, 0, 121}},
};

START_TEST(each_rule_holds)
{
    size_t len = ask(&rules[_i].asked);
    ck_assert_msg(len >= 12, "%s: no answer", rules[_i].label);
    struct decoded *decoded = decode(buffer, len);
    ck_assert_msg(!decoded->mistake, "%s: %s", rules[_i].label, decoded->mistake);
    ck_assert_msg(decoded->flags == rules[_i].flags, "%s: flags %04x, expected %04x",
                  rules[_i].label, decoded->flags, rules[_i].flags);
    ck_assert_msg(memcmp(decoded->count, rules[_i].count, sizeof decoded->count) == 0,
                  "%s: counts %u %u %u %u", rules[_i].label, decoded->count[0], decoded->count[1],
                  decoded->count[2], decoded->count[3]);
    ck_assert_msg(!rules[_i].length || rules[_i].length == len, "%s: %zu bytes", rules[_i].label,
                  len);
    if (rules[_i].asked.edns_version)
        ck_assert_uint_eq(decoded->opt_extended_rcode, 1); /* 16 = 1 × 16 + 0 */
    decoded_free(decoded);
}
END_TEST

/* Every size in turn: the answer never exceeds it, and an answer that fits exactly is not cut. */
START_TEST(every_size_is_used_to_its_last_byte)
{
    size_t last = 0;
    for (unsigned size = 512; size <= 1232; size++) {
        struct asked asked = {
            .name = "_wide._tcp.example.org.", .type = RRTYPE_SRV, .edns_size = (uint16_t)size};
        size_t len = ask(&asked);
        ck_assert_msg(len <= size, "%zu bytes for a limit of %u", len, size);
        ck_assert_msg(len >= last, "%zu bytes at %u, %zu at less", len, size, last);
        if (len == last)
            continue;
        /* A step: it must come as soon as there is room. */
        ck_assert_msg(len == size || size == 512, "%zu bytes only from %u on", len, size);
        last = len;
    }
    ck_assert_uint_gt(last, 1150);
}
END_TEST

START_TEST(first_places_follow_the_weights_and_turns_go_round)
{
    /* The SRV set has three targets of priority 10 with the weights 100, 101 and 102. */
    const struct asked asked = {.name = "_xmpp-client._tcp.example.org.", .type = RRTYPE_SRV};
    const struct image_set *set = &fixture.image.sets[FIXTURE_SRV];
    uint32_t firsts[3] = {0}, rounds = 5;
    ck_assert_uint_gt(set->answer_count, 1);
    for (uint32_t i = 0; i < rounds * set->answer_count; i++) {
        size_t len;
        struct decoded *decoded = ask_decoded(&asked, &len);
        ck_assert_uint_eq(decoded->records[0].rdata[3], 100 + decoded->records[0].rdata[11] - '0');
        firsts[decoded->records[0].rdata[11] - '0']++;
        decoded_free(decoded);
    }
    for (int i = 0; i < 3; i++) {
        double share = (double)firsts[i] / rounds / set->answer_count;
        double planned = (100.0 + i) / 303;
        ck_assert_msg(share > planned - 0.01 && share < planned + 0.01, "%d: %f", i, share);
    }
}
END_TEST

START_TEST(the_parent_speaks_for_the_ds_of_a_child)
{
    size_t len;
    struct decoded *decoded =
        ask_decoded(&(struct asked){.name = "sub.example.org.", .type = RRTYPE_DS}, &len);
    ck_assert(
        decoded_name_equal(&decoded->records[0].owner, (const uint8_t *)"\7example\3org", 13));
    decoded_free(decoded);
    decoded = ask_decoded(&(struct asked){.name = "sub.example.org.", .type = RRTYPE_A}, &len);
    ck_assert_uint_eq(decoded->records[0].owner.len, 17);
    decoded_free(decoded);
}
END_TEST

START_TEST(before_the_first_image_it_is_servfail)
{
    size_t len;
    state.decide = (struct decide_state){0};
    struct decoded *decoded = ask_decoded(
        &(struct asked){.name = "example.org.", .type = RRTYPE_A, .edns_size = 1232}, &len);
    ck_assert_uint_eq(decoded->flags, 0x8002);
    ck_assert_uint_eq(decoded->count[0], 1);
    ck_assert(decoded->has_opt);
    decoded_free(decoded);
}
END_TEST

START_TEST(every_type_at_the_ends_of_the_name_space)
{
    static const char *const ends[] = {".", "org.", "example.org."};
    for (unsigned type = 0; type < 65536; type++)
        for (size_t i = 0; i < COUNT_OF(ends); i++) {
            struct asked asked = {.name = ends[i], .type = (uint16_t)type, .edns_size = 1232};
            size_t len = ask(&asked);
            unsigned rcode = buffer[3] & 15;
            bool is_meta = type == 41 || type == 249 || type == 250;
            bool is_transfer = type == 251 || type == 252;
            unsigned expected = is_meta                ? DNS_FORMERR
                                : is_transfer || i < 2 ? DNS_REFUSED
                                                       : DNS_NOERROR;
            ck_assert_msg(len >= 12 && rcode == expected, "type %u at %s: rcode %u", type, ends[i],
                          rcode);
        }
}
END_TEST

START_TEST(every_opcode_but_query_is_notimp)
{
    for (unsigned opcode = 1; opcode < 16; opcode++) {
        struct asked asked = {.name = "example.org.", .flags = (uint16_t)(opcode << 11)};
        ck_assert_uint_eq(ask(&asked), 12);
        ck_assert_uint_eq(buffer[2], 0x80 | opcode << 3);
        ck_assert_uint_eq(buffer[3], DNS_NOTIMP);
        asked.flags |= DNS_QR;
        ck_assert_uint_eq(ask(&asked), 0);
    }
}
END_TEST

/* -- the sum ------------------------------------------------------------------------------------
 */

static uint32_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint32_t)sum;
}

static uint32_t sum_of(const uint8_t *bytes, size_t len)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? bytes[i] : (uint64_t)bytes[i] << 8;
    return fold(sum);
}

/* A difference in one's complement, where -1 is 0xFFFE. */
static uint32_t complement(uint16_t delta)
{
    return delta & 0x8000 ? delta - 1u : delta;
}

static uint32_t swapped(uint32_t sum)
{
    return fold((uint64_t)sum << 8);
}

/* As a path that makes its own UDP checksums will do it: even places add the delta, odd ones the
 * delta with its bytes swapped (RFC 1071 section 2 (B)); the serial likewise. */
static uint32_t patched_sum(const struct image_answer *answer, const struct verdict *verdict)
{
    uint32_t body = complement(verdict->body_delta), apex = complement(verdict->apex_delta);
    uint64_t sum = answer->sum;
    sum += (uint64_t)(answer->body_patches - answer->body_odd) * body;
    sum += (uint64_t)answer->body_odd * swapped(body);
    sum += (uint64_t)(answer->apex_patches - answer->apex_odd) * apex;
    sum += (uint64_t)answer->apex_odd * swapped(apex);
    if (answer->serial_at == IMAGE_NO_PLACE)
        return fold(sum);
    const uint8_t *old = answer->body + answer->serial_at;
    uint32_t now = (verdict->serial >> 16) + (verdict->serial & 0xFFFF);
    uint32_t then = ((unsigned)old[0] << 8 | old[1]) + ((unsigned)old[2] << 8 | old[3]);
    uint32_t change = fold((uint64_t)fold(now) + (0xFFFFu - fold(then)));
    return fold(sum + (answer->serial_at & 1 ? swapped(change) : change));
}

START_TEST(the_folded_sum_and_the_patches_are_the_sum_of_what_is_sent)
{
    unsigned compared = 0;
    for (size_t type = 0; type < COUNT_OF(types); type++) {
        struct asked asked = {.name = names[_i], .type = types[type], .edns_size = 1232};
        struct question *question = &state.work.question;
        struct verdict verdict;
        size_t len = put_query(buffer, &asked);
        ck_assert_int_eq(question_parse(buffer, (uint32_t)len, question), QUESTION_GOOD);
        state.decide.settings = &settings_default;
        decide(question, TRANSPORT_DATAGRAM, &state.decide, &verdict);
        if (verdict.body != VERDICT_BODY)
            continue;
        const struct image_answer *answer = &fixture.image.answers[verdict.answer];
        if (verdict.length != answer->body_length) /* the sum is that of the whole body */
            continue;
        emit_answer(&state.decide, question, &verdict, buffer);
        uint32_t sent = sum_of(buffer + question->end, verdict.length);
        uint32_t computed = patched_sum(answer, &verdict);
        ck_assert_msg(sent % 0xFFFF == computed % 0xFFFF, "%s type %u: %04x, sent %04x", names[_i],
                      types[type], computed, sent);
        compared++;
    }
    if (_i == 0)
        ck_assert_uint_gt(compared, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnsd/query");
    TCase *tests = tcase_create("query");
    tcase_add_unchecked_fixture(tests, build, tear_down); /* once: it takes its time */
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, every_name_and_type_is_answered_as_the_content_says, 0,
                        COUNT_OF(names));
    tcase_add_loop_test(tests, each_rule_holds, 0, COUNT_OF(rules));
    tcase_add_test(tests, every_size_is_used_to_its_last_byte);
    tcase_add_test(tests, first_places_follow_the_weights_and_turns_go_round);
    tcase_add_test(tests, the_parent_speaks_for_the_ds_of_a_child);
    tcase_add_test(tests, before_the_first_image_it_is_servfail);
    tcase_add_test(tests, every_type_at_the_ends_of_the_name_space);
    tcase_add_test(tests, every_opcode_but_query_is_notimp);
    tcase_add_loop_test(tests, the_folded_sum_and_the_patches_are_the_sum_of_what_is_sent, 0,
                        COUNT_OF(names));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
