/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "many_domains.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "fixture.h"
#include "zones/rrtype.h"
#include "zones/text.h"

enum {
    HOSTS = 3,
    NAMES_A_DOMAIN = 4, /* apex, _tcp, _xmpp-client._tcp, _xmpp-server._tcp */
};

enum set {
    SOA,
    NEGATIVE,
    NS,
    SRV_CLIENT,
    SRV_SERVER,
    ADDRESSES, /* A and AAAA of each host */
    SETS = ADDRESSES + 2 * HOSTS,
};

enum types {
    TYPES_APEX,
    TYPES_CLIENT,
    TYPES_SERVER,
    TYPES_HOSTS,
    TYPES = TYPES_HOSTS + HOSTS,
};

static struct name parse(struct arena *arena, const char *text)
{
    struct error err = {0};
    struct name name = {0};
    if (!text_name_parse(arena, text_from(text), &name, &err))
        fprintf(stderr, "many_domains: %s\n", err.message);
    return name;
}

static struct bytes template_of(struct arena *arena, const char *label)
{
    uint8_t wire[66] = {(uint8_t)strlen(label)};
    memcpy(wire + 1, label, strlen(label));
    wire[1 + wire[0]] = CONTENT_AT_APEX;
    return arena_bytes(arena, wire, wire[0] + 3u);
}

static struct content_set srv_set(struct arena *arena, uint16_t port)
{
    struct bytes *rdata = arena_array(arena, struct bytes, HOSTS);
    struct content_additional *more = arena_array(arena, struct content_additional, 2 * HOSTS);
    for (uint32_t i = 0; i < HOSTS; i++) {
        struct name host = parse(arena, arena_printf(arena, "xmpp%u.pool.example.", i));
        rdata[i] = text_rdata_srv(arena, 10, (uint16_t)(100 + 10 * i), port, host);
        for (uint32_t j = 0; j < 2; j++)
            more[2 * i + j] = (struct content_additional){
                .record = i, .name_at = 6, .set = ADDRESSES + 2 * i + j};
    }
    return (struct content_set){.type = RRTYPE_SRV,
                                .order = CONTENT_ORDER_WEIGHTED,
                                .ttl_s = 300,
                                .count = HOSTS,
                                .rdata = rdata,
                                .additional = more,
                                .additional_count = 2 * HOSTS,
                                .usual_owner_bytes = 36};
}

static struct content_set address_set(struct arena *arena, uint8_t host, bool is_v6)
{
    const uint8_t v4[4] = {192, 0, 2, host}, v6[16] = {0x20, 1, 0xd, 0xb8, [15] = host};
    struct bytes *rdata = arena_new(arena, struct bytes);
    *rdata = text_rdata_address(arena, is_v6 ? (struct bytes){v6, sizeof v6}
                                             : (struct bytes){v4, sizeof v4});
    return (struct content_set){.type = is_v6 ? RRTYPE_AAAA : RRTYPE_A,
                                .ttl_s = 300,
                                .count = 1,
                                .rdata = rdata,
                                .usual_owner_bytes = 20};
}

static struct content_sets make_sets(struct arena *arena)
{
    struct content_set *sets = arena_array(arena, struct content_set, SETS);
    const struct soa_numbers numbers = {1, 7200, 900, 1209600, 60};
    struct bytes *soa = arena_new(arena, struct bytes), *ns = arena_new(arena, struct bytes);
    *soa = text_rdata_soa(arena, template_of(arena, "ns1"), template_of(arena, "hostmaster"),
                          &numbers);
    *ns = text_rdata_ns(arena, template_of(arena, "ns1"));
    sets[SOA] = (struct content_set){
        .type = RRTYPE_SOA, .ttl_s = 3600, .count = 1, .rdata = soa, .usual_owner_bytes = 17};
    sets[NEGATIVE] = sets[SOA];
    sets[NEGATIVE].section = CONTENT_AUTHORITY;
    sets[NS] = (struct content_set){
        .type = RRTYPE_NS, .ttl_s = 3600, .count = 1, .rdata = ns, .usual_owner_bytes = 17};
    sets[SRV_CLIENT] = srv_set(arena, 5222);
    sets[SRV_SERVER] = srv_set(arena, 5269);
    for (uint8_t i = 0; i < 2 * HOSTS; i++)
        sets[ADDRESSES + i] = address_set(arena, i / 2, i % 2);
    return (struct content_sets){.sets = sets, .count = SETS};
}

static struct content_types types_of(struct arena *arena, uint16_t a, uint32_t set_a, uint16_t b,
                                     uint32_t set_b)
{
    struct content_type *entries = arena_array(arena, struct content_type, 2);
    entries[0] = (struct content_type){a, set_a};
    entries[1] = (struct content_type){b, set_b};
    return (struct content_types){.entries = entries, .count = b ? 2 : 1};
}

static const struct content_types *make_types(struct arena *arena)
{
    struct content_types *types = arena_array(arena, struct content_types, TYPES);
    types[TYPES_APEX] = types_of(arena, RRTYPE_NS, NS, RRTYPE_SOA, SOA);
    types[TYPES_CLIENT] = types_of(arena, RRTYPE_SRV, SRV_CLIENT, 0, 0);
    types[TYPES_SERVER] = types_of(arena, RRTYPE_SRV, SRV_SERVER, 0, 0);
    for (uint32_t i = 0; i < HOSTS; i++)
        types[TYPES_HOSTS + i] =
            types_of(arena, RRTYPE_A, ADDRESSES + 2 * i, RRTYPE_AAAA, ADDRESSES + 2 * i + 1);
    return types;
}

static size_t put_labels(const char *const *labels, size_t count, uint8_t *to)
{
    uint8_t *at = to;
    for (size_t i = 0; i < count; i++) {
        *at = (uint8_t)strlen(labels[i]);
        memcpy(at + 1, labels[i], *at);
        at += 1 + *at;
    }
    *at++ = 0;
    return (size_t)(at - to);
}

static size_t put_name(uint32_t index, const char *const *prefix, size_t count, uint8_t *to)
{
    char domain[16];
    const char *labels[4];
    snprintf(domain, sizeof domain, "d%06u", index);
    for (size_t i = 0; i < count; i++)
        labels[i] = prefix[i];
    labels[count] = domain;
    labels[count + 1] = "example";
    return put_labels(labels, count + 2, to);
}

size_t many_domains_name(uint32_t index, bool is_srv, uint8_t to[static MANY_DOMAINS_NAME_BYTES])
{
    static const char *const prefix[] = {"_xmpp-client", "_tcp"};
    return put_name(index, prefix, is_srv ? 2 : 0, to);
}

/* In canonical order. */
static void add_domain(struct arena *arena, uint32_t index, struct content_name *names)
{
    static const struct {
        const char *prefix[2];
        size_t count;
        uint32_t types;
    } rows[NAMES_A_DOMAIN] = {
        {{NULL}, 0, TYPES_APEX},
        {{"_tcp"}, 1, CONTENT_NONE},
        {{"_xmpp-client", "_tcp"}, 2, TYPES_CLIENT},
        {{"_xmpp-server", "_tcp"}, 2, TYPES_SERVER},
    };
    for (uint32_t i = 0; i < NAMES_A_DOMAIN; i++) {
        uint8_t wire[MANY_DOMAINS_NAME_BYTES];
        size_t len = put_name(index, rows[i].prefix, rows[i].count, wire);
        names[i] = (struct content_name){.owner = {arena_bytes(arena, wire, len).ptr, (uint8_t)len},
                                         .types = rows[i].types};
    }
}

static struct content_names make_names(struct arena *arena, uint32_t domains)
{
    uint32_t count = domains * NAMES_A_DOMAIN + 1 + HOSTS;
    struct content_name *names = arena_array(arena, struct content_name, count);
    struct content_zone *zones = arena_array(arena, struct content_zone, domains + 1);
    for (uint32_t i = 0; i <= domains; i++) {
        uint32_t first = i * NAMES_A_DOMAIN;
        if (i < domains)
            add_domain(arena, i, names + first);
        else
            names[first] =
                (struct content_name){.owner = parse(arena, "pool.example."), .types = TYPES_APEX};
        zones[i] = (struct content_zone){.apex = names[first].owner,
                                         .first_name = first,
                                         .name_count = i < domains ? NAMES_A_DOMAIN : 1 + HOSTS,
                                         .soa_set = SOA,
                                         .negative_set = NEGATIVE,
                                         .parent = CONTENT_NONE};
    }
    for (uint32_t i = 0; i < HOSTS; i++)
        names[domains * NAMES_A_DOMAIN + 1 + i] = (struct content_name){
            .owner = parse(arena, arena_printf(arena, "xmpp%u.pool.example.", i)),
            .types = TYPES_HOSTS + i};
    return (struct content_names){.zones = zones,
                                  .zone_count = domains + 1,
                                  .names = names,
                                  .name_count = count,
                                  .types = make_types(arena),
                                  .types_count = TYPES,
                                  .set_count = SETS,
                                  .slot_count = 1};
}

bool many_domains_build(struct many_domains *many, uint32_t domains, struct error *err)
{
    const uint32_t serial = 1;
    *many = (struct many_domains){0};
    const struct content_names names = make_names(&many->arena, domains);
    const struct content_sets sets = make_sets(&many->arena);
    if (!image_build_names(&names, &many->names_file, &many->digest, err) ||
        !image_build_answers(&sets, &serial, 1, &many->digest, 1, &many->answers_file, err))
        return false;
    int names_fd = fixture_file(&many->names_file), answers_fd = fixture_file(&many->answers_file);
    bool done = image_open_files(&many->image, answers_fd, names_fd, err);
    close(names_fd);
    close(answers_fd);
    return done;
}

void many_domains_fini(struct many_domains *many)
{
    image_close(&many->image);
    image_buffer_fini(&many->names_file);
    image_buffer_fini(&many->answers_file);
    arena_fini(&many->arena);
}
