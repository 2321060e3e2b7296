/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "zones/rrtype.h"
#include "zones/text.h"

enum {
    DOMAIN_NAMES = 4, /* apex, _tcp, and the two services */
    HEADER_BYTES = 12,
    RECORD_BYTES = 10, /* type, class, TTL, length */
    WEIGHT_CYCLE = 50000,
    WEIGHT_STEP = 5000,
};

enum pool_set {
    SET_SOA,
    SET_NEGATIVE,
    SET_NS,
    SET_CLIENTS,
    SET_SERVERS,
    SET_ADDRESSES,
    SET_COUNT = SET_ADDRESSES + POOL_HOSTS,
};

enum pool_types {
    TYPES_APEX,
    TYPES_CLIENTS,
    TYPES_SERVERS,
    TYPES_HOST,
    TYPES_COUNT = TYPES_HOST + POOL_HOSTS,
};

static void must(bool ok, const struct error *err)
{
    if (ok)
        return;
    fprintf(stderr, "pool: %s\n", err->message);
    exit(EXIT_FAILURE);
}

static struct name parse(struct arena *arena, const char *text)
{
    struct error err = {0};
    struct name name;
    must(text_name_parse(arena, text_from(text), &name, &err), &err);
    return name;
}

static uint16_t weight_of(uint32_t generation, uint32_t host)
{
    return (uint16_t)(1 + generation * 7 % WEIGHT_CYCLE + host * WEIGHT_STEP);
}

/* -- names --------------------------------------------------------------------------------------
 */

static void add_types(struct pool *pool)
{
    struct content_types *types = arena_array(&pool->arena, struct content_types, TYPES_COUNT);
    struct content_type *entries = arena_array(&pool->arena, struct content_type, TYPES_COUNT + 1);
    entries[0] = (struct content_type){RRTYPE_NS, SET_NS};
    entries[1] = (struct content_type){RRTYPE_SOA, SET_SOA};
    entries[2] = (struct content_type){RRTYPE_SRV, SET_CLIENTS};
    entries[3] = (struct content_type){RRTYPE_SRV, SET_SERVERS};
    types[TYPES_APEX] = (struct content_types){.entries = entries, .count = 2};
    types[TYPES_CLIENTS] = (struct content_types){.entries = entries + 2, .count = 1};
    types[TYPES_SERVERS] = (struct content_types){.entries = entries + 3, .count = 1};
    for (uint32_t i = 0; i < POOL_HOSTS; i++) {
        entries[4 + i] = (struct content_type){RRTYPE_A, SET_ADDRESSES + i};
        types[TYPES_HOST + i] = (struct content_types){.entries = entries + 4 + i, .count = 1};
    }
    pool->names.types = types;
    pool->names.types_count = TYPES_COUNT;
}

static struct content_name name_at(struct pool *pool, struct name apex, const char *front,
                                   uint32_t types)
{
    size_t bytes = strlen(front);
    uint8_t *wire = arena_alloc(&pool->arena, bytes + apex.len);
    memcpy(wire, front, bytes);
    memcpy(wire + bytes, apex.wire, apex.len);
    return (struct content_name){.owner = {wire, (uint8_t)(bytes + apex.len)}, .types = types};
}

static struct content_zone zone_at(struct name apex, uint32_t first, uint32_t count)
{
    return (struct content_zone){.apex = apex,
                                 .first_name = first,
                                 .name_count = count,
                                 .soa_set = SET_SOA,
                                 .negative_set = SET_NEGATIVE,
                                 .parent = CONTENT_NONE};
}

void pool_init(struct pool *pool, uint32_t domains)
{
    struct error err = {0};
    *pool = (struct pool){.domains = domains};
    struct content_zone *zones = arena_array(&pool->arena, struct content_zone, domains + 1u);
    struct content_name *names =
        arena_array(&pool->arena, struct content_name, domains * DOMAIN_NAMES + 1u + POOL_HOSTS);
    uint32_t count = 0;
    for (uint32_t i = 0; i < domains; i++) {
        struct name apex = parse(&pool->arena, arena_printf(&pool->arena, "d%06u.example.", i));
        zones[i] = zone_at(apex, count, DOMAIN_NAMES);
        names[count++] = name_at(pool, apex, "", TYPES_APEX);
        names[count++] = name_at(pool, apex, "\4_tcp", CONTENT_NONE);
        names[count++] = name_at(pool, apex, "\14_xmpp-client\4_tcp", TYPES_CLIENTS);
        names[count++] = name_at(pool, apex, "\14_xmpp-server\4_tcp", TYPES_SERVERS);
    }
    struct name apex = parse(&pool->arena, "pool.example.");
    zones[domains] = zone_at(apex, count, 1 + POOL_HOSTS);
    names[count++] = name_at(pool, apex, "", TYPES_APEX);
    for (uint32_t i = 0; i < POOL_HOSTS; i++) {
        const char label[] = {2, 'n', (char)('0' + i), 0};
        names[count++] = name_at(pool, apex, label, TYPES_HOST + i);
    }
    add_types(pool);
    pool->names.zones = zones;
    pool->names.zone_count = domains + 1;
    pool->names.names = names;
    pool->names.name_count = count;
    pool->names.set_count = SET_COUNT;
    pool->names.slot_count = 1;
    must(image_build_names(&pool->names, &pool->names_file, &pool->digest, &err), &err);
}

void pool_fini(struct pool *pool)
{
    image_buffer_fini(&pool->names_file);
    arena_fini(&pool->arena);
}

/* -- sets ---------------------------------------------------------------------------------------
 */

static struct content_set selection(struct arena *arena, uint32_t generation, uint32_t mixed_from)
{
    struct bytes *rdata = arena_array(arena, struct bytes, POOL_HOSTS);
    struct content_additional *additional =
        arena_array(arena, struct content_additional, POOL_HOSTS);
    for (uint32_t i = 0; i < POOL_HOSTS; i++) {
        uint32_t says = i >= mixed_from ? generation - 1 : generation;
        rdata[i] = text_rdata_srv(arena, 10, weight_of(says, i), (uint16_t)says,
                                  parse(arena, arena_printf(arena, "n%u.pool.example.", i)));
        additional[i] =
            (struct content_additional){.record = i, .name_at = 6, .set = SET_ADDRESSES + i};
    }
    return (struct content_set){.type = RRTYPE_SRV,
                                .order = CONTENT_ORDER_WEIGHTED,
                                .ttl_s = 300,
                                .count = POOL_HOSTS,
                                .rdata = rdata,
                                .additional = additional,
                                .additional_count = POOL_HOSTS,
                                .usual_owner_bytes = 35};
}

static struct content_set single(uint16_t type, struct arena *arena, struct bytes rdata)
{
    struct bytes *only = arena_new(arena, struct bytes);
    *only = rdata;
    return (struct content_set){
        .type = type, .ttl_s = 300, .count = 1, .rdata = only, .usual_owner_bytes = 17};
}

static struct bytes template_of(struct arena *arena, const char *label)
{
    uint8_t wire[66] = {(uint8_t)strlen(label)};
    memcpy(wire + 1, label, wire[0]);
    wire[1 + wire[0]] = CONTENT_AT_APEX;
    return arena_bytes(arena, wire, wire[0] + 3u);
}

void pool_answers(const struct pool *pool, uint32_t generation, enum pool_fault fault,
                  struct image_buffer *answers)
{
    struct arena arena = {0};
    struct error err = {0};
    struct content_set sets[SET_COUNT];
    const struct soa_numbers numbers = {1, 7200, 900, 1209600, 60};
    struct bytes ns = template_of(&arena, "ns");
    sets[SET_SOA] = single(RRTYPE_SOA, &arena,
                           text_rdata_soa(&arena, ns, template_of(&arena, "hostmaster"), &numbers));
    sets[SET_NEGATIVE] = sets[SET_SOA];
    sets[SET_NEGATIVE].section = CONTENT_AUTHORITY;
    sets[SET_NS] = single(RRTYPE_NS, &arena, text_rdata_ns(&arena, ns));
    sets[SET_CLIENTS] = selection(&arena, generation, POOL_HOSTS);
    sets[SET_SERVERS] = selection(&arena, generation, fault == POOL_MIX ? 2 : POOL_HOSTS);
    for (uint32_t i = 0; i < POOL_HOSTS; i++) {
        const uint8_t address[4] = {10, (uint8_t)i, (uint8_t)(generation >> 8),
                                    (uint8_t)generation};
        sets[SET_ADDRESSES + i] = single(
            RRTYPE_A, &arena, text_rdata_address(&arena, (struct bytes){address, sizeof address}));
    }
    const struct content_sets all = {.sets = sets, .count = SET_COUNT};
    must(image_build_answers(&all, &generation, 1, &pool->digest, generation, answers, &err), &err);
    arena_fini(&arena);
}

/* -- queries and answers ------------------------------------------------------------------------
 */

static const struct {
    const char *front;
    uint16_t type;
    bool is_of_pool;
} questions[POOL_QUESTIONS] = {
    [POOL_CLIENTS] = {"\14_xmpp-client\4_tcp", RRTYPE_SRV, false},
    [POOL_SERVERS] = {"\14_xmpp-server\4_tcp", RRTYPE_SRV, false},
    [POOL_APEX] = {"", RRTYPE_SOA, false},
    [POOL_NOBODY] = {"\6nobody", RRTYPE_A, false},
    [POOL_ADDRESS] = {"\2n1", RRTYPE_A, true},
};

static size_t put(uint8_t *to, const char *bytes, size_t length)
{
    memcpy(to, bytes, length);
    return length;
}

size_t pool_query(uint8_t query[static POOL_QUERY_BYTES], uint16_t id, enum pool_question question,
                  uint32_t domain)
{
    char label[] = "\7d000000";
    uint16_t type = questions[question].type;
    const uint8_t header[HEADER_BYTES] = {(uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 1};
    const char tail[4] = {(char)(type >> 8), (char)type, 0, 1};
    memcpy(query, header, sizeof header);
    size_t at = sizeof header;
    at += put(query + at, questions[question].front, strlen(questions[question].front));
    for (size_t i = sizeof label - 2; i > 1; i--, domain /= 10)
        label[i] = (char)('0' + domain % 10);
    at += questions[question].is_of_pool ? put(query + at, "\4pool", 5) : put(query + at, label, 8);
    at += put(query + at, "\7example", 9); /* with the root */
    return at + put(query + at, tail, sizeof tail);
}

static uint32_t u16_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

/* Behind the name at `at`; 0: it does not end. */
static size_t skip_name(const uint8_t *answer, size_t length, size_t at)
{
    while (at < length && answer[at] != 0) {
        if (answer[at] >= 0xC0)
            return at + 2;
        at += answer[at] + 1u;
    }
    return at < length ? at + 1 : 0;
}

/* What one record says; 0: nothing. */
static int generation_of_rdata(uint32_t type, const uint8_t *answer, size_t at, size_t len)
{
    const uint8_t *rdata = answer + at;
    if (type == RRTYPE_SRV && len > 9) {
        uint32_t says = u16_at(rdata + 4);
        uint32_t host = rdata[8] - (uint32_t)'0';
        return u16_at(rdata + 2) == weight_of(says, host) ? (int)says : POOL_MIXED;
    }
    if (type == RRTYPE_A && len == 4)
        return (int)u16_at(rdata + 2);
    if (type == RRTYPE_SOA && len > 20) {
        const uint8_t *serial = rdata + len - 20;
        return (int)(u16_at(serial) << 16 | u16_at(serial + 2));
    }
    return 0;
}

int pool_generation_of(const uint8_t *answer, size_t length, enum pool_question question)
{
    static const uint8_t is_negative[POOL_QUESTIONS] = {[POOL_NOBODY] = 3};
    int found = 0;
    if (length < HEADER_BYTES || !(answer[2] & 0x84) || answer[2] & 2 ||
        (answer[3] & 15) != is_negative[question])
        return POOL_NO_ANSWER;
    uint32_t records = u16_at(answer + 6) + u16_at(answer + 8) + u16_at(answer + 10);
    size_t at = skip_name(answer, length, HEADER_BYTES) + 4;
    for (uint32_t i = 0; i < records; i++) {
        at = skip_name(answer, length, at);
        if (at == 0 || at + RECORD_BYTES > length)
            return POOL_NO_ANSWER;
        size_t rdata_length = u16_at(answer + at + 8);
        uint32_t type = u16_at(answer + at);
        at += RECORD_BYTES;
        if (at + rdata_length > length)
            return POOL_NO_ANSWER;
        int says = generation_of_rdata(type, answer, at, rdata_length);
        if (says != 0 && found != 0 && says != found)
            return POOL_MIXED;
        found = says ? says : found;
        at += rdata_length;
    }
    return found && at == length ? found : POOL_NO_ANSWER;
}
