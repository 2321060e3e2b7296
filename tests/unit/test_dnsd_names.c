/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is answered at aliases, wildcards and delegations, in words: an inventory's zone, made into
 * an image, asked through the responder and read by a decoder that shares no code with it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "decode.h"
#include "dnsd/query.h"
#include "fixture.h"
#include "planned_text.h"
#include "zones/image_write.h"
#include "zones/rrtype.h"
#include "zones/text.h"

#define LONG_LABEL "a-label-of-forty-octets-that-takes-room-"

static const char inventory[] =
    "{\"srvplan\": 1, \"domains\": {\"example.org\": {\"services\": [\"xmpp-client\"]}},"
    "\"nodes\": {\"n\": {\"addresses\": [\"192.0.2.1\", \"2001:db8::1\"]}},"
    "\"zones\": {\"child.example.org\": {\"name_servers\": [\"ns.example.net\"]},"
    "\"example.org\": {\"name_servers\": [\"ns.example.net\"], \"records\": ["
    "\"www 5 CNAME n\", \"www2 CNAME www\", \"out CNAME www.example.net.\","
    "\"dead CNAME nobody\", \"dead2 CNAME dead\", \"ent CNAME b.c\", \"a.b.c TXT x\","
    "\"apex CNAME @\", \"@ TXT apex\", \"@ MX 10 n\", \"@ MX 20 @\", \"@ A 192.0.2.80\","
    "\"c1 CNAME c2\", \"c2 CNAME c3\", \"c3 CNAME c4\", \"c4 CNAME c5\", \"c5 CNAME c6\","
    "\"c6 CNAME c7\", \"c7 CNAME c8\", \"c8 CNAME c9\", \"c9 CNAME c10\", \"c10 CNAME c11\","
    "\"c11 CNAME c12\", \"c12 CNAME c13\", \"c13 CNAME c14\", \"c14 CNAME c15\","
    "\"c15 CNAME c16\", \"c16 CNAME c17\", \"c17 TXT end\","
    "\"c0 CNAME c1\","
    "\"_xmpp-client._tcp.other CNAME _xmpp-client._tcp\","
    "\"*.wild A 192.0.2.9\", \"*.wild MX 10 n\", \"here.wild TXT x\", \"*.to CNAME n\","
    "\"*.dead CNAME nobody\", \"to-wild CNAME any.wild\", \"a.*.none TXT x\","
    "\"sub NS ns.sub\", \"sub NS ns.example.net.\", \"sub NS ns.beside\", \"sub DS 1 8 2 00\","
    "\"ns.sub A 192.0.2.40\", \"ns.sub AAAA 2001:db8::40\","
    "\"beside NS ns.beside\", \"ns.beside A 192.0.2.41\","
    "\"self NS self\", \"self A 192.0.2.42\", \"into CNAME www.sub\", \"at CNAME sub\","
    "\"in-child CNAME www.child\", \"ptr PTR www\","
    "\"svc SVCB 1 n\", \"svc HTTPS 0 .\","
    "\"big NS a." LONG_LABEL ".big\", \"big NS b." LONG_LABEL ".big\","
    "\"big NS c." LONG_LABEL ".big\","
    "\"big NS d." LONG_LABEL ".big\","
    "\"big NS e." LONG_LABEL ".big\","
    "\"big NS f." LONG_LABEL ".big\","
    "\"big NS g." LONG_LABEL ".big\","
    "\"big NS h." LONG_LABEL ".big\","
    "\"a." LONG_LABEL ".big AAAA 2001:db8::a\","
    "\"b." LONG_LABEL ".big AAAA 2001:db8::b\","
    "\"c." LONG_LABEL ".big AAAA 2001:db8::c\","
    "\"d." LONG_LABEL ".big AAAA 2001:db8::d\","
    "\"e." LONG_LABEL ".big AAAA 2001:db8::e\","
    "\"f." LONG_LABEL ".big AAAA 2001:db8::f\","
    "\"g." LONG_LABEL ".big AAAA 2001:db8::103\","
    "\"h." LONG_LABEL ".big AAAA 2001:db8::104\","
    "\"opt NS ns.opt\", \"ns.opt A 192.0.2.43\","
    "\"opt NS " LONG_LABEL "." LONG_LABEL "." LONG_LABEL ".example.net.\","
    "\"opt NS a." LONG_LABEL ".big\","
    "\"opt NS b." LONG_LABEL ".big\","
    "\"opt NS c." LONG_LABEL ".big\","
    "\"opt NS d." LONG_LABEL ".big\","
    "\"opt NS e." LONG_LABEL ".big\","
    "\"opt NS f." LONG_LABEL ".big\","
    "\"opt NS g." LONG_LABEL ".big\","
    "\"opt NS h." LONG_LABEL ".big\","
    "\"many TXT " LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL "1\","
    "\"many TXT " LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL "2\","
    "\"many TXT " LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL "3\", \"to-many CNAME many\""
    "]}}}";

static struct planned_text planned;
static struct image image;
static struct arena arena;
static uint32_t *turns;
static struct query_state state;
static uint8_t buffer[65536];

static void build_from(const char *text)
{
    struct image_buffer names = {0}, answers = {0};
    struct digest digest;
    struct error err = {0};
    planned = planned_text_from(text);
    const struct content_names *content = &planned.layout->names;
    uint32_t *serials = arena_array(&arena, uint32_t, content->slot_count);
    ck_assert_msg(image_build_names(content, &names, &digest, &err), "%s", err.message);
    ck_assert_msg(image_build_answers(&planned.plan->content, serials, content->slot_count, &digest,
                                      1, &answers, &err),
                  "%s", err.message);
    int names_fd = fixture_file(&names), answers_fd = fixture_file(&answers);
    ck_assert_msg(image_open_files(&image, answers_fd, names_fd, &err), "%s", err.message);
    close(names_fd);
    close(answers_fd);
    image_buffer_fini(&names);
    image_buffer_fini(&answers);
    turns = arena_array(&arena, uint32_t, content->set_count);
    state = (struct query_state){.decide = {.image = &image, .turns = turns}};
}

static void build(void)
{
    build_from(inventory);
}

/* A thousand targets behind sixteen aliases, the first a wildcard, with long names. */
static void build_far(void)
{
    const char *links = "\"*.w CNAME " LONG_LABEL "1\"", *nodes = "";
    for (int i = 1; i < 14; i++)
        links = arena_printf(&arena,
                             "%s, \"" LONG_LABEL "%d." LONG_LABEL "%d CNAME " LONG_LABEL
                             "%d." LONG_LABEL "%d\"",
                             links, i, i, i + 1, i + 1);
    links = arena_printf(&arena,
                         "%s, \"" LONG_LABEL "1 CNAME " LONG_LABEL "1." LONG_LABEL
                         "1\", \"" LONG_LABEL "14." LONG_LABEL "14 CNAME _xmpp-client._tcp\"",
                         links);
    struct writer text = writer_over(arena_alloc(&arena, 200000), 200000);
    for (int i = 0; i < 1000; i++) {
        nodes =
            arena_printf(&arena, "%s\"n%d\": {\"addresses\": [\"10.0.%d.%d\", \"2001:db8::%x\"]}",
                         i ? "," : "", i, i / 256, i % 256, i);
        write_bytes(&text, nodes, strlen(nodes));
    }
    write_u8(&text, 0);
    ck_assert(writer_ok(&text));
    build_from(arena_printf(
        &arena,
        "{\"srvplan\": 1, \"domains\": {\"example.org\": {\"services\": [\"xmpp-client\"]}},"
        "\"policy\": {\"answer_order\": \"fixed\"}, \"nodes\": {%s},"
        "\"zones\": {\"example.org\": {\"records\": [%s]}}}",
        (const char *)text.start, links));
}

static void tear_down(void)
{
    image_close(&image);
    planned_text_fini(&planned);
    arena_fini(&arena);
}

/* A query as bytes; edns 0: without OPT. */
static size_t put_query(const char *owner, uint16_t type, uint16_t edns)
{
    struct name name = name_root;
    const char *whole = arena_printf(&arena, "%s%sexample.org.", owner, *owner ? "." : "");
    ck_assert(text_name_parse(&arena, text_from(whole), &name, NULL));
    struct writer w = writer_over(buffer, sizeof buffer);
    const uint16_t header[] = {0xBEEF, 0, 1, 0, 0, edns != 0};
    for (size_t i = 0; i < COUNT_OF(header); i++)
        write_u16(&w, header[i]);
    write_bytes(&w, name.wire, name.len);
    write_u16(&w, type);
    write_u16(&w, RRCLASS_IN);
    if (edns) {
        write_u8(&w, 0);
        write_u16(&w, RRTYPE_OPT);
        write_u16(&w, edns);
        write_u32(&w, 0);
        write_u16(&w, 0);
    }
    return w.len;
}

/* "www" for www.example.org., "@" for the zone, all else whole. */
static const char *short_name(const char *text)
{
    static const char zone[] = ".example.org.";
    size_t len = strlen(text), end = sizeof zone - 1;
    if (strcmp(text, zone + 1) == 0)
        return "@";
    if (len <= end || strcmp(text + len - end, zone) != 0)
        return text;
    return arena_printf(&arena, "%.*s", (int)(len - end), text);
}

static const char *record_print(const struct decoded_record *record)
{
    struct name owner = {record->owner.wire, record->owner.len};
    const char *rdata =
        text_rdata_print(&arena, record->type, (struct bytes){record->rdata, record->rdata_len});
    if (record->type == RRTYPE_SOA)
        rdata = "";
    const char *last = strrchr(rdata, ' ');
    rdata =
        last ? arena_printf(&arena, "%.*s%s", (int)(last - rdata + 1), rdata, short_name(last + 1))
             : short_name(rdata);
    return arena_printf(&arena, "%s %s%s%s", short_name(text_name_print(&arena, owner)),
                        text_type_print(&arena, record->type), *rdata ? " " : "", rdata);
}

/* "NXDOMAIN aa: www CNAME n | @ SOA |" */
static const char *ask(const char *owner, uint16_t type, uint16_t edns, enum transport transport)
{
    static const char *const rcodes[16] = {[0] = "", [3] = "NXDOMAIN ", [5] = "REFUSED "};
    struct query query = {
        .bytes = buffer, .length = put_query(owner, type, edns), .transport = transport};
    size_t len = query_answer(&query, &state);
    struct decoded *decoded = decode(buffer, len);
    ck_assert_msg(!decoded->mistake, "%s: %s", owner, decoded->mistake);
    const char *all =
        arena_printf(&arena, "%s%s%s:", rcodes[decoded->flags & 15],
                     decoded->flags & DNS_AA ? "aa" : "", decoded->flags & DNS_TC ? "tc" : "");
    size_t at = 0;
    for (int section = 1; section <= 3; section++) {
        size_t count = decoded->count[section] - (section == 3 && decoded->has_opt ? 1u : 0u);
        for (size_t i = 0; i < count; i++)
            all = arena_printf(&arena, "%s%s %s", all, i ? "," : "",
                               record_print(&decoded->records[at++]));
        if (section < 3)
            all = arena_printf(&arena, "%s |", all);
    }
    decoded_free(decoded);
    return all;
}

#define SUB_REFERRAL                                                                               \
    " sub NS ns.sub, sub NS ns.beside, sub NS ns.example.net. | ns.sub A 192.0.2.40, ns.sub AAAA " \
    "2001:db8::40, ns.beside A 192.0.2.41"

static const struct {
    const char *owner;
    uint16_t type;
    const char *answer; /* over a stream */
} cases[] = {
    /* aliases */
    {"www", RRTYPE_A, "aa: www CNAME n, n A 192.0.2.1 | |"},
    {"www2", RRTYPE_AAAA, "aa: www2 CNAME www, www CNAME n, n AAAA 2001:db8::1 | |"},
    {"www2", RRTYPE_TXT, "aa: www2 CNAME www, www CNAME n | @ SOA |"},
    {"www2", RRTYPE_CNAME, "aa: www2 CNAME www | |"},
    {"www2", RRTYPE_ANY, "aa: www2 CNAME www | |"},
    {"www2", 0, "aa: www2 CNAME www, www CNAME n | @ SOA |"},
    {"out", RRTYPE_A, "aa: out CNAME www.example.net. | |"},
    {"dead2", RRTYPE_A, "NXDOMAIN aa: dead2 CNAME dead, dead CNAME nobody | @ SOA |"},
    {"ent", RRTYPE_A, "aa: ent CNAME b.c | @ SOA |"},
    {"apex", RRTYPE_TXT, "aa: apex CNAME @, @ TXT \"apex\" | |"},
    {"apex", RRTYPE_SOA, "aa: apex CNAME @, @ SOA | |"},
    {"apex", RRTYPE_MX,
     "aa: apex CNAME @, @ MX 10 n, @ MX 20 @ | | n A 192.0.2.1, n AAAA 2001:db8::1, @ A "
     "192.0.2.80"},
    {"_xmpp-client._tcp.other", RRTYPE_SRV,
     "aa: _xmpp-client._tcp.other CNAME _xmpp-client._tcp, _xmpp-client._tcp SRV 10 65280 5222 n | "
     "| n A 192.0.2.1, n AAAA 2001:db8::1"},
    {"x.www", RRTYPE_A, "NXDOMAIN aa: | @ SOA |"},
    /* wildcards */
    {"any.wild", RRTYPE_A, "aa: any.wild A 192.0.2.9 | |"},
    {"a.b.wild", RRTYPE_MX, "aa: a.b.wild MX 10 n | | n A 192.0.2.1, n AAAA 2001:db8::1"},
    {"any.wild", RRTYPE_TXT, "aa: | @ SOA |"},
    {"any.wild", RRTYPE_ANY, "aa: any.wild A 192.0.2.9 | |"},
    {"*.wild", RRTYPE_A, "aa: *.wild A 192.0.2.9 | |"},
    {"wild", RRTYPE_A, "aa: | @ SOA |"},
    {"here.wild", RRTYPE_A, "aa: | @ SOA |"},
    {"x.here.wild", RRTYPE_A, "NXDOMAIN aa: | @ SOA |"},
    {"x.*.wild", RRTYPE_A, "NXDOMAIN aa: | @ SOA |"},
    {"x.to", RRTYPE_A, "aa: x.to CNAME n, n A 192.0.2.1 | |"},
    {"x.dead", RRTYPE_A, "NXDOMAIN aa: x.dead CNAME nobody | @ SOA |"},
    {"to-wild", RRTYPE_A, "aa: to-wild CNAME any.wild, any.wild A 192.0.2.9 | |"},
    {"x.none", RRTYPE_A, "aa: | @ SOA |"}, /* the wildcard is an empty non-terminal */
    /* delegations */
    {"sub", RRTYPE_NS, ": |" SUB_REFERRAL},
    {"sub", RRTYPE_ANY, ": |" SUB_REFERRAL},
    {"a.b.sub", RRTYPE_DS, ": |" SUB_REFERRAL},
    {"ns.sub", RRTYPE_A, ": |" SUB_REFERRAL},
    {"sub", RRTYPE_DS, "aa: sub DS 1 8 2 00 | |"},
    {"self", RRTYPE_DS, "aa: | @ SOA |"},
    {"self", RRTYPE_A, ": | self NS self | self A 192.0.2.42"},
    {"into", RRTYPE_A, "aa: into CNAME www.sub |" SUB_REFERRAL},
    {"at", RRTYPE_DS, "aa: at CNAME sub, sub DS 1 8 2 00 | |"},
    {"at", RRTYPE_NS, "aa: at CNAME sub |" SUB_REFERRAL},
    {"in-child", RRTYPE_A, "aa: in-child CNAME www.child | child NS ns.example.net. |"},
    {"child", RRTYPE_DS, "aa: | @ SOA |"},
    /* other types that name hosts */
    {"ptr", RRTYPE_PTR, "aa: ptr PTR www | |"},
    {"svc", RRTYPE_SVCB, "aa: svc SVCB 1 n | | n A 192.0.2.1, n AAAA 2001:db8::1"},
    {"svc", RRTYPE_HTTPS, "aa: svc HTTPS 0 . | |"},
};

START_TEST(names_are_answered_as_the_zone_says)
{
    const char *got = ask(cases[_i].owner, cases[_i].type, 0, TRANSPORT_STREAM);
    ck_assert_msg(strcmp(got, cases[_i].answer) == 0, "%s %u\nexpected: %s\ngot:      %s",
                  cases[_i].owner, cases[_i].type, cases[_i].answer, got);
}
END_TEST

/* Each kind at each size: whole, or cut behind additional data, or nothing and TC. */
START_TEST(what_a_datagram_cannot_carry_is_left_out_or_truncated)
{
    static const uint16_t sizes[] = {0, 512, 600, 1232, 4096};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        const char *whole = ask(cases[_i].owner, cases[_i].type, 0, TRANSPORT_STREAM);
        const char *got = ask(cases[_i].owner, cases[_i].type, sizes[i], TRANSPORT_DATAGRAM);
        ck_assert_msg(strcmp(got, whole) == 0, "%s %u: all of them fit %u, but: %s",
                      cases[_i].owner, cases[_i].type, sizes[i], got);
    }
}
END_TEST

START_TEST(what_must_be_whole_is_truncated_where_it_does_not_fit)
{
    static const struct {
        const char *owner;
        uint16_t type, edns;
        bool is_whole;
    } rows[] = {
        {"x.big", RRTYPE_A, 0, true},
        {"big", RRTYPE_A, 512, true},
        {LONG_LABEL ".x.big", RRTYPE_A, 0, true},
        {"to-many", RRTYPE_TXT, 0, false},
        {"to-many", RRTYPE_TXT, 512, false},
        {"to-many", RRTYPE_TXT, 1232, true},
        {"many", RRTYPE_TXT, 512, false},
        {LONG_LABEL "." LONG_LABEL "." LONG_LABEL "." LONG_LABEL ".x.big", RRTYPE_A, 0, false},
        {LONG_LABEL "." LONG_LABEL "." LONG_LABEL "." LONG_LABEL ".x.big", RRTYPE_A, 1232, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *whole = ask(rows[i].owner, rows[i].type, rows[i].edns, TRANSPORT_STREAM);
        const char *got = ask(rows[i].owner, rows[i].type, rows[i].edns, TRANSPORT_DATAGRAM);
        bool is_referral = rows[i].type == RRTYPE_A;
        const char *wanted = rows[i].is_whole ? whole : is_referral ? "tc: | |" : "aatc: | |";
        ck_assert_msg(strcmp(got, wanted) == 0, "%s with %u\nexpected: %s\ngot:      %s",
                      rows[i].owner, rows[i].edns, wanted, got);
    }
}
END_TEST

/* How many records of the whole answer a datagram has; they must be its first ones. */
static size_t records_kept(const char *owner, const struct decoded *whole,
                           const struct decoded *got)
{
    ck_assert_msg(!got->mistake, "%s: %s", owner, got->mistake);
    ck_assert_uint_eq(got->flags & ~(unsigned)DNS_TC, whole->flags);
    for (size_t i = 0; i < got->record_count; i++) {
        const struct decoded_record *a = &whole->records[i], *b = &got->records[i];
        ck_assert_msg(a->type == b->type && a->rdata_len == b->rdata_len &&
                          memcmp(a->rdata, b->rdata, a->rdata_len) == 0 &&
                          decoded_name_equal(&b->owner, a->owner.wire, a->owner.len),
                      "%s: record %zu is another one", owner, i);
    }
    return got->record_count;
}

/* At every size a datagram is a beginning of the whole answer that fits: nothing and TC, then all
 * of answer and authority, then more and more additional records. */
static void sizes_check(const char *owner, uint16_t type)
{
    struct query query = {
        .bytes = buffer, .length = put_query(owner, type, 512), .transport = TRANSPORT_STREAM};
    size_t kept = 0, least = query.length; /* with OPT and no record */
    bool was_whole = false;
    struct decoded *whole = decode(buffer, query_answer(&query, &state));
    ck_assert_msg(!whole->mistake, "%s: %s", owner, whole->mistake);
    for (uint16_t size = 512; size <= 1232; size = (uint16_t)(size + (size < 800 ? 1 : 16))) {
        query.length = put_query(owner, type, size);
        query.transport = TRANSPORT_DATAGRAM;
        size_t len = query_answer(&query, &state);
        struct decoded *got = decode(buffer, len);
        bool is_truncated = got->flags & DNS_TC;
        size_t now = records_kept(owner, whole, got);
        ck_assert_msg(len <= size, "%s: %zu bytes for %u", owner, len, size);
        ck_assert_msg(is_truncated ? len == least && !was_whole : now >= kept,
                      "%s: %zu bytes for %u", owner, len, size);
        ck_assert_msg(is_truncated ||
                          (got->count[1] == whole->count[1] && got->count[2] == whole->count[2]),
                      "%s: part of an answer for %u", owner, size);
        was_whole = !is_truncated;
        kept = now;
        decoded_free(got);
    }
    decoded_free(whole);
}

START_TEST(a_datagram_of_any_size_is_a_beginning_of_the_whole_answer)
{
    sizes_check(cases[_i].owner, cases[_i].type);
}
END_TEST

START_TEST(owners_of_any_length_get_beginnings_of_their_answers)
{
    static const struct {
        const char *tail;
        uint16_t type;
    } rows[] = {{"big", RRTYPE_A}, {"wild", RRTYPE_MX}, {"to", RRTYPE_A},    {"sub", RRTYPE_A},
                {"opt", RRTYPE_A}, {"dead", RRTYPE_A},  {"nobody", RRTYPE_A}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int length = 1; length <= 180; length += 13) {
            static const char x[] =
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
            const char *owner = rows[i].tail;
            for (int left = length; left > 0; left -= 60)
                owner = arena_printf(&arena, "%.*s.%s", left < 60 ? left : 60, x, owner);
            sizes_check(owner, rows[i].type);
        }
}
END_TEST

/* So that a drained node's set is known to be asked for, by whatever name. */
START_TEST(an_alias_counts_as_what_it_leads_to)
{
    ask("_xmpp-client._tcp", RRTYPE_SRV, 0, TRANSPORT_DATAGRAM);
    uint32_t set = state.set;
    ck_assert_uint_ne(set, IMAGE_NONE);
    ask("_xmpp-client._tcp.other", RRTYPE_SRV, 0, TRANSPORT_DATAGRAM);
    ck_assert_uint_eq(state.set, set);
    ask("out", RRTYPE_SRV, 0, TRANSPORT_DATAGRAM);
    ck_assert_uint_ne(state.set, set);
}
END_TEST

START_TEST(a_chain_ends_after_sixteen_aliases)
{
    const char *whole = ask("c1", RRTYPE_TXT, 0, TRANSPORT_STREAM);
    ck_assert_msg(strstr(whole, "c16 CNAME c17, c17 TXT \"end\" | |") != NULL, "%s", whole);
    const char *longer = ask("c0", RRTYPE_TXT, 0, TRANSPORT_STREAM);
    ck_assert_msg(strstr(longer, "c15 CNAME c16 | |") != NULL, "%s", longer);
}
END_TEST

#define SIXTY_THREE LONG_LABEL "twenty-three-octets-now"

/* The same records whoever asks: pointers reach as far behind the longest question. */
START_TEST(a_thousand_targets_behind_sixteen_aliases_are_whole_for_every_length_of_owner)
{
    static const char *const owners[] = {"a.w", SIXTY_THREE ".w", SIXTY_THREE "." SIXTY_THREE ".w",
                                         SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE "." LONG_LABEL
                                                     "1234567.w"};
    struct decoded *first = NULL;
    for (size_t i = 0; i < COUNT_OF(owners); i++) {
        struct query query = {.bytes = buffer,
                              .length = put_query(owners[i], RRTYPE_SRV, 0),
                              .transport = TRANSPORT_STREAM};
        ck_assert(i + 1 < COUNT_OF(owners) || query.length == 12 + NAME_MAX_BYTES + 4);
        struct decoded *decoded = decode(buffer, query_answer(&query, &state));
        ck_assert_msg(!decoded->mistake, "%s: %s", owners[i], decoded->mistake);
        ck_assert_uint_eq(decoded->count[1], 16 + 1000);
        ck_assert_uint_gt(decoded->count[3], 300);
        for (size_t k = 0; first && k < first->record_count && k < decoded->record_count; k++) {
            const struct decoded_record *a = &first->records[k], *b = &decoded->records[k];
            ck_assert_msg(a->rdata_len == b->rdata_len &&
                              memcmp(a->rdata, b->rdata, a->rdata_len) == 0,
                          "%s: record %zu", owners[i], k);
            ck_assert_msg(k == 0 || decoded_name_equal(&b->owner, a->owner.wire, a->owner.len),
                          "%s: owner of record %zu", owners[i], k);
        }
        if (first)
            decoded_free(decoded);
        else
            first = decoded;
    }
    decoded_free(first);
    ck_assert_str_eq(ask("a.w", RRTYPE_SRV, 1232, TRANSPORT_DATAGRAM), "aatc: | |");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dnsd_names");
    TCase *tcase = tcase_create("dnsd_names");
    tcase_set_timeout(tcase, 60);
    tcase_add_unchecked_fixture(tcase, build, tear_down);
    tcase_add_loop_test(tcase, names_are_answered_as_the_zone_says, 0, COUNT_OF(cases));
    tcase_add_loop_test(tcase, what_a_datagram_cannot_carry_is_left_out_or_truncated, 0,
                        COUNT_OF(cases));
    tcase_add_test(tcase, what_must_be_whole_is_truncated_where_it_does_not_fit);
    tcase_add_loop_test(tcase, a_datagram_of_any_size_is_a_beginning_of_the_whole_answer, 0,
                        COUNT_OF(cases));
    tcase_add_test(tcase, owners_of_any_length_get_beginnings_of_their_answers);
    tcase_add_test(tcase, a_chain_ends_after_sixteen_aliases);
    tcase_add_test(tcase, an_alias_counts_as_what_it_leads_to);
    suite_add_tcase(suite, tcase);
    TCase *far = tcase_create("far");
    tcase_set_timeout(far, 60);
    tcase_add_checked_fixture(far, build_far, tear_down);
    tcase_add_test(far,
                   a_thousand_targets_behind_sixteen_aliases_are_whole_for_every_length_of_owner);
    suite_add_tcase(suite, far);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
