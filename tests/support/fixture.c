/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "zones/rrtype.h"
#include "zones/text.h"
#include "zones/zone_content.h"

#define SIXTY_THREE "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc"
#define FORTY_NINE "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghi"

const char *fixture_longest_name(void)
{
    return SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE "." FORTY_NINE ".example.org.";
}

/* 121 labels of one byte below example.org: as deep as a name of ours can be. */
#define TEN "d.d.d.d.d.d.d.d.d.d."
#define DEEPEST TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "d.example.org."

#define NO_MORE                                                                                    \
    {                                                                                              \
        0, 0                                                                                       \
    }

static const struct spec {
    unsigned zone;
    const char *owner;
    struct spec_type {
        uint16_t type;
        uint32_t set;
    } types[3];
} specs[] = {
    {0, "example.org.", {{RRTYPE_NS, FIXTURE_NS}, {RRTYPE_SOA, FIXTURE_SOA}}},
    {0, "_tcp.example.org.", {NO_MORE}},
    {0, "_xmpp-client._tcp.example.org.", {{RRTYPE_SRV, FIXTURE_SRV}}},
    {0, "_xmpp-server._tcp.example.org.", {{RRTYPE_SRV, FIXTURE_EMPTY}}},
    {0, "_wide._tcp.example.org.", {{RRTYPE_SRV, FIXTURE_WIDE}}},
    {0, "_many._tcp.example.org.", {{RRTYPE_SRV, FIXTURE_MANY}}},
    {0, "_huge._tcp.example.org.", {{RRTYPE_SRV, FIXTURE_HUGE}}},
    {0,
     SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE "." FORTY_NINE ".example.org.",
     {{RRTYPE_SRV, FIXTURE_SRV}}},
    {0, "1.2.3.4.5.6.7.8.9.10.11.12.example.org.", {{RRTYPE_SRV, FIXTURE_WIDE}}},
    {0, DEEPEST, {{RRTYPE_SRV, FIXTURE_SRV}}},
    {0,
     "host0.example.org.",
     {{RRTYPE_A, FIXTURE_ADDRESSES}, {RRTYPE_AAAA, FIXTURE_ADDRESSES + 1}}},
    {0,
     "host1.example.org.",
     {{RRTYPE_A, FIXTURE_ADDRESSES + 2}, {RRTYPE_AAAA, FIXTURE_ADDRESSES + 3}}},
    {1, "example.net.", {{RRTYPE_NS, FIXTURE_NS}, {RRTYPE_SOA, FIXTURE_SOA}}},
    {1, "_tcp.example.net.", {NO_MORE}},
    {1, "_xmpp-client._tcp.example.net.", {{RRTYPE_SRV, FIXTURE_SRV}}},
    {1, "_huge._tcp.example.net.", {{RRTYPE_SRV, FIXTURE_HUGE}}},
    {2, "sub.example.org.", {{RRTYPE_NS, FIXTURE_NS}, {RRTYPE_SOA, FIXTURE_SOA}}},
    {2, "_xmpp-client._tcp.sub.example.org.", {{RRTYPE_SRV, FIXTURE_SRV}}},
    {2, "_tcp.sub.example.org.", {NO_MORE}},
    {3,
     "_xmpp-client._tcp.example.com.",
     {{RRTYPE_NS, FIXTURE_NS}, {RRTYPE_SOA, FIXTURE_SOA}, {RRTYPE_SRV, FIXTURE_SRV}}},
};
/* In canonical order of the apexes, with the parents by index. */
static const struct spec_zone {
    unsigned spec;
    const char *apex;
    uint32_t parent;
} zone_specs[] = {
    {3, "_xmpp-client._tcp.example.com.", CONTENT_NONE},
    {1, "example.net.", CONTENT_NONE},
    {0, "example.org.", CONTENT_NONE},
    {2, "sub.example.org.", 2},
};

static void must(bool ok, const struct error *err)
{
    if (ok)
        return;
    fprintf(stderr, "fixture: %s\n", err->message);
    abort();
}

static struct name parse(struct arena *arena, const char *text)
{
    struct error err = {0};
    struct name name;
    must(text_name_parse(arena, text_from(text), &name, &err), &err);
    return name;
}

static struct bytes template_of(struct arena *arena, const char *label)
{
    uint8_t wire[66] = {(uint8_t)strlen(label)};
    memcpy(wire + 1, label, strlen(label));
    wire[1 + wire[0]] = 0xC0;
    return arena_bytes(arena, wire, wire[0] + 3u);
}

static void add_selection(struct fixture *fixture, struct content_set *set, uint32_t hosts,
                          uint16_t first_weight)
{
    struct bytes *rdata = arena_array(&fixture->arena, struct bytes, hosts);
    struct content_additional *additional =
        arena_array(&fixture->arena, struct content_additional, 2 * hosts);
    for (uint32_t i = 0; i < hosts; i++) {
        const char *host = arena_printf(&fixture->arena, "host%u.example.org.", i);
        rdata[i] = text_rdata_srv(&fixture->arena, 10, (uint16_t)(i ? 100 + i : first_weight), 5222,
                                  parse(&fixture->arena, host));
        for (uint32_t j = 0; j < 2; j++)
            additional[2 * i + j] = (struct content_additional){
                .record = i, .name_at = 6, .set = FIXTURE_ADDRESSES + 2 * i + j};
    }
    *set = (struct content_set){.type = RRTYPE_SRV,
                                .order = CONTENT_ORDER_WEIGHTED,
                                .ttl_s = 300,
                                .count = hosts,
                                .rdata = rdata,
                                .additional = additional,
                                .additional_count = 2 * hosts,
                                .usual_owner_bytes = 31};
}

static void add_addresses(struct fixture *fixture, struct content_set *sets)
{
    for (uint32_t i = 0; i < FIXTURE_HOSTS; i++) {
        const uint8_t v4[4] = {192, 0, (uint8_t)(i >> 8), (uint8_t)i};
        const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i};
        const struct bytes addresses[2] = {{v4, sizeof v4}, {v6, sizeof v6}};
        for (uint32_t j = 0; j < 2; j++) {
            struct bytes *rdata = arena_new(&fixture->arena, struct bytes);
            *rdata = text_rdata_address(&fixture->arena, addresses[j]);
            sets[2 * i + j] = (struct content_set){.type = j ? RRTYPE_AAAA : RRTYPE_A,
                                                   .ttl_s = 600 + j,
                                                   .count = 1,
                                                   .rdata = rdata,
                                                   .usual_owner_bytes = 19};
        }
    }
}

static void add_sets(struct fixture *fixture, uint16_t first_weight)
{
    struct arena *arena = &fixture->arena;
    struct content_set *sets = arena_array(arena, struct content_set, FIXTURE_SETS);
    const struct soa_numbers numbers = {1, 7200, 900, 1209600, 60};
    struct bytes *soa = arena_new(arena, struct bytes), *ns = arena_array(arena, struct bytes, 2);
    *soa = text_rdata_soa(arena, template_of(arena, "ns1"), template_of(arena, "hostmaster"),
                          &numbers);
    ns[0] = text_rdata_ns(arena, template_of(arena, "ns1"));
    ns[1] = text_rdata_ns(arena, template_of(arena, "ns2"));
    sets[FIXTURE_SOA] = (struct content_set){
        .type = RRTYPE_SOA, .ttl_s = 3600, .count = 1, .rdata = soa, .usual_owner_bytes = 13};
    sets[FIXTURE_NEGATIVE] = sets[FIXTURE_SOA];
    sets[FIXTURE_NEGATIVE].section = CONTENT_AUTHORITY;
    sets[FIXTURE_NEGATIVE].ttl_s = 60;
    sets[FIXTURE_NS] = (struct content_set){
        .type = RRTYPE_NS, .ttl_s = 3600, .count = 2, .rdata = ns, .usual_owner_bytes = 13};
    add_selection(fixture, &sets[FIXTURE_SRV], 3, first_weight);
    add_selection(fixture, &sets[FIXTURE_WIDE], 20, 99);
    add_selection(fixture, &sets[FIXTURE_MANY], 60, 99);
    add_selection(fixture, &sets[FIXTURE_HUGE], FIXTURE_HOSTS, 99);
    sets[FIXTURE_EMPTY] = (struct content_set){.type = RRTYPE_SRV, .ttl_s = 300};
    add_addresses(fixture, sets + FIXTURE_ADDRESSES);
    fixture->sets = (struct content_sets){.sets = sets, .count = FIXTURE_SETS};
}

static int by_owner(const void *a, const void *b)
{
    return name_compare(((const struct content_name *)a)->owner,
                        ((const struct content_name *)b)->owner);
}

static struct content_name name_of(struct fixture *fixture, const struct spec *spec,
                                   struct content_types *types, uint32_t index)
{
    struct content_name name = {.owner = parse(&fixture->arena, spec->owner),
                                .types = CONTENT_NONE};
    struct content_type *entries = arena_array(&fixture->arena, struct content_type, 3);
    uint32_t count = 0;
    for (; count < COUNT_OF(spec->types) && spec->types[count].type; count++)
        entries[count] = (struct content_type){spec->types[count].type, spec->types[count].set};
    if (count)
        name.types = index;
    /* Every row of types must have entries; an unused one borrows the SOA. */
    if (!count)
        entries[count++] = (struct content_type){RRTYPE_SOA, FIXTURE_SOA};
    *types = (struct content_types){.entries = entries, .count = count};
    return name;
}

static void add_names(struct fixture *fixture)
{
    struct arena *arena = &fixture->arena;
    struct content_name *names = arena_array(arena, struct content_name, COUNT_OF(specs));
    struct content_types *types = arena_array(arena, struct content_types, COUNT_OF(specs));
    struct content_zone *zones = arena_array(arena, struct content_zone, COUNT_OF(zone_specs));
    uint32_t count = 0;
    for (uint32_t z = 0; z < COUNT_OF(zone_specs); z++) {
        uint32_t first = count;
        for (uint32_t i = 0; i < COUNT_OF(specs); i++)
            if (specs[i].zone == zone_specs[z].spec) {
                names[count] = name_of(fixture, &specs[i], &types[count], count);
                count++;
            }
        qsort(names + first, count - first, sizeof *names, by_owner);
        zones[z] = (struct content_zone){.apex = parse(arena, zone_specs[z].apex),
                                         .first_name = first,
                                         .name_count = count - first,
                                         .soa_set = FIXTURE_SOA,
                                         .negative_set = FIXTURE_NEGATIVE,
                                         .slot = z,
                                         .parent = zone_specs[z].parent};
        fixture->serials[z] = 0xFFFFFF00u + 17 * z;
    }
    fixture->names = (struct content_names){.zones = zones,
                                            .zone_count = COUNT_OF(zone_specs),
                                            .names = names,
                                            .name_count = count,
                                            .types = types,
                                            .types_count = count,
                                            .set_count = FIXTURE_SETS,
                                            .slot_count = COUNT_OF(zone_specs)};
}

int fixture_file(const struct image_buffer *buffer)
{
    int fd = memfd_create("fixture", MFD_CLOEXEC);
    size_t at = 0;
    while (fd >= 0 && at < buffer->len) {
        ssize_t written = write(fd, buffer->ptr + at, buffer->len - at);
        if (written <= 0)
            abort();
        at += (size_t)written;
    }
    return fd;
}

size_t fixture_put_name(uint8_t *to, const char *text)
{
    size_t at = 0;
    while (*text && strcmp(text, ".") != 0) {
        size_t len = strcspn(text, ".");
        to[at++] = (uint8_t)len;
        memcpy(to + at, text, len);
        at += len;
        text += len + (text[len] == '.');
    }
    to[at++] = 0;
    return at;
}

/* Writes the files of the content, and opens them. */
static void build_image(struct fixture *fixture, const uint32_t *serials)
{
    struct error err = {0};
    must(image_build_names(&fixture->names, &fixture->names_file, &fixture->digest, &err), &err);
    must(image_build_answers(&fixture->sets, serials, fixture->names.slot_count, &fixture->digest,
                             fixture->generation, &fixture->answers_file, &err),
         &err);
    int answers = fixture_file(&fixture->answers_file), names = fixture_file(&fixture->names_file);
    must(image_open_files(&fixture->image, answers, names, &err), &err);
    close(answers);
    close(names);
}

void fixture_build(struct fixture *fixture, uint64_t generation, uint16_t first_weight)
{
    *fixture = (struct fixture){.generation = generation};
    add_sets(fixture, first_weight);
    add_names(fixture);
    build_image(fixture, fixture->serials);
}

static const char alias_zone[] =
    "$ORIGIN aliases.example.\n$TTL 300\n"
    "@ SOA ns hostmaster 1 3600 600 604800 60\n@ NS ns\nns A 192.0.2.53\nns AAAA 2001:db8::53\n"
    "_xmpp-client._tcp SRV 0 1 5222 a\n_xmpp-client._tcp SRV 0 2 5222 b\n"
    "a A 192.0.2.1\na AAAA 2001:db8::1\nb A 192.0.2.2\n"
    "c1 CNAME c2\nc2 CNAME c3\nc3 CNAME c4\nc4 CNAME c5\nc5 CNAME c6\nc6 CNAME c7\n"
    "c7 CNAME c8\nc8 CNAME c9\nc9 CNAME c10\nc10 CNAME c11\nc11 CNAME c12\nc12 CNAME c13\n"
    "c13 CNAME c14\nc14 CNAME c15\nc15 CNAME c16\nc16 CNAME _xmpp-client._tcp\n"
    "away CNAME elsewhere.example.\nlost CNAME nobody\ninto CNAME x.cut\napex CNAME @\n"
    "*.wild TXT wild\n*.wild MX 10 a\n*.alias CNAME c1\n*.deep.er.wild SRV 0 1 5222 b\n"
    "cut NS ns.cut\ncut NS ns\nns.cut A 192.0.2.54\nns.cut AAAA 2001:db8::54\n"
    "cut DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n"
    "_tcp.cut2 NS ns1.elsewhere.example.\n"
    "tlsa TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000\n"
    "caa CAA 0 issue \"ca.example\"\nodd TYPE65280 \\# 3 010203\nweb HTTPS 1 a alpn=h2\n";

void fixture_build_aliases(struct fixture *fixture)
{
    *fixture = (struct fixture){.generation = 1};
    struct zone_content content = {.arena = &fixture->arena, .order = CONTENT_ORDER_WEIGHTED};
    content.faults.arena = &fixture->arena;
    zone_content_add(&content,
                     &(struct zone_source){.path = "aliases", .text = text_from(alias_zone)});
    if (!zone_content_finish(&content)) {
        fprintf(stderr, "fixture: %s\n", content.faults.items[0].message);
        abort();
    }
    fixture->names = content.names;
    fixture->sets = content.sets;
    build_image(fixture, content.serials);
}

void fixture_fini(struct fixture *fixture)
{
    image_close(&fixture->image);
    image_buffer_fini(&fixture->names_file);
    image_buffer_fini(&fixture->answers_file);
    arena_fini(&fixture->arena);
}
