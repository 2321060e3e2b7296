/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/compare.h"
#include "srvplan/published_json.h"
#include "zones/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum {
    SETS_MAX = 8,
    RECORDS_MAX = 6,
};

/* A set at one owner. The type is SRV for owners that begin with an underscore, else A. */
struct set {
    const char *owner;
    uint32_t ttl_s, ttl_max_s; /* ttl_max_s 0: the same */
    const char *records[RECORDS_MAX];
};

struct side {
    bool is_plan;
    struct set sets[SETS_MAX];
    const char *in, *out; /* extents, or NULL */
};

static struct name name_of(const char *text, struct arena *arena)
{
    struct name name = {0};
    struct error err = {0};
    ck_assert_msg(text_name_parse(arena, text_from(text), &name, &err), "%s: %s", text,
                  err.message);
    return name;
}

static const struct published *side_make(const struct side *side, struct arena *arena)
{
    struct publisher publisher = {.arena = arena, .published = {.is_plan = side->is_plan}};
    for (size_t i = 0; i < SETS_MAX && side->sets[i].owner; i++) {
        const struct set *set = &side->sets[i];
        struct published_set made = {.type = set->owner[0] == '_' ? "SRV" : "A",
                                     .ttl_s = set->ttl_s,
                                     .ttl_max_s = set->ttl_max_s ? set->ttl_max_s : set->ttl_s,
                                     .records = set->records};
        while (made.record_count < RECORDS_MAX && set->records[made.record_count])
            made.record_count++;
        publisher_add_entry(&publisher, name_of(set->owner, arena),
                            publisher_add_set(&publisher, &made));
    }
    if (side->in)
        publisher_add_extent(&publisher, name_of(side->in, arena), true);
    if (side->out)
        publisher_add_extent(&publisher, name_of(side->out, arena), false);
    return publisher_end(&publisher);
}

#define C "_xmpp-client._tcp."
#define S "_xmpp-server._tcp."

static const struct {
    const char *label;
    struct side before, after;
    enum compare_scope scope;
    const char *changes; /* "KIND NAME[+MORE] TYPE: records", a line a change */
} differences[] = {
    {
        .label = "equal sides, whatever the order of records and sets, or the case of names",
        .before = {.sets = {{C "a.org", 60, 0, {"10 1 5222 x.", "10 2 5222 y."}},
                            {"h.org", 60, 0, {"192.0.2.1"}}}},
        .after = {.sets = {{"H.org", 60, 0, {"192.0.2.1"}},
                           {"_XMPP-client._tcp.a.ORG", 60, 0, {"10 2 5222 y.", "10 1 5222 x."}}}},
        .changes = "",
    },
    {
        .label = "a record is changed when target and port stay",
        .before = {.sets = {{C "a.org", 60, 0, {"10 1 5222 x.", "10 2 5222 y."}}}},
        .after = {.sets = {{C "a.org", 60, 0, {"10 3 5222 x.", "10 2 5223 y."}}}},
        .changes =
            "~ " C "a.org. SRV 60>60: ~10 1 5222 x.>10 3 5222 x. -10 2 5222 y. +10 2 5223 y.\n",
    },
    {
        .label = "a TTL alone is a change",
        .before = {.sets = {{C "a.org", 300, 0, {"10 1 5222 x."}}}},
        .after = {.sets = {{C "a.org", 60, 0, {"10 1 5222 x."}}}},
        .changes = "~ " C "a.org. SRV 300>60: =10 1 5222 x.\n",
    },
    {
        .label = "a mixed TTL is none of its parts",
        .before = {.sets = {{C "a.org", 60, 300, {"10 1 5222 x."}}}},
        .after = {.sets = {{C "a.org", 60, 0, {"10 1 5222 x."}}}},
        .changes = "~ " C "a.org. SRV 60>60: =10 1 5222 x.\n",
    },
    {
        .label = "nor is its greatest",
        .before = {.sets = {{C "a.org", 60, 300, {"10 1 5222 x."}}}},
        .after = {.sets = {{C "a.org", 300, 0, {"10 1 5222 x."}}}},
        .changes = "~ " C "a.org. SRV 60>300: =10 1 5222 x.\n",
    },
    {
        .label = "a set comes and another goes",
        .before = {.sets = {{C "a.org", 60, 0, {"10 1 5222 x."}}}},
        .after = {.sets = {{S "a.org", 60, 0, {"10 1 5269 x."}}}},
        .changes = "- " C "a.org. SRV 60>0: -10 1 5222 x.\n"
                   "+ " S "a.org. SRV 0>60: +10 1 5269 x.\n",
    },
    {
        .label = "owners of a service that change alike are one change",
        .before = {.sets = {{C "b.org", 60, 0, {"10 1 5222 x."}},
                            {C "a.org", 60, 0, {"10 1 5222 x."}},
                            {S "a.org", 60, 0, {"10 1 5222 x."}}}},
        .after = {.sets = {{C "b.org", 60, 0, {"10 1 5222 y."}},
                           {C "a.org", 60, 0, {"10 1 5222 y."}},
                           {S "a.org", 60, 0, {"10 1 5222 y."}}}},
        .changes = "~ " C "a.org.+1 SRV 60>60: -10 1 5222 x. +10 1 5222 y.\n"
                   "~ " S "a.org. SRV 60>60: -10 1 5222 x. +10 1 5222 y.\n",
    },
    {
        .label = "hosts that lose the same address are told one by one",
        .before = {.sets = {{"a.org", 60, 0, {"192.0.2.1"}}, {"b.org", 60, 0, {"192.0.2.1"}}}},
        .changes = "- a.org. A 60>0: -192.0.2.1\n- b.org. A 60>0: -192.0.2.1\n",
    },
    {
        .label = "with a plan on one side, only what it is about counts",
        .before = {.sets = {{C "a.org", 60, 0, {"10 1 5222 x.org."}},
                            {S "a.org", 60, 0, {"10 1 5269 x.org."}}, /* forgotten */
                            {C "b.org", 60, 0, {"10 1 5222 z.org."}}, /* another domain */
                            {"_sip._tcp.a.org", 60, 0, {"10 1 5060 z.org."}},
                            {"x.org", 60, 0, {"192.0.2.9"}},
                            {"www.org", 60, 0, {"192.0.2.80"}}}},
        .after = {.is_plan = true,
                  .sets = {{C "a.org", 60, 0, {"10 1 5222 x.org."}},
                           {"x.org", 60, 0, {"192.0.2.1"}},
                           {"ns.org", 60, 0, {"192.0.2.53"}}}},
        .changes = "- " S "a.org. SRV 60>0: -10 1 5269 x.org.\n"
                   "~ x.org. A 60>60: +192.0.2.1 -192.0.2.9\n",
    },
    {
        .label = "and everything with the scope for everything",
        .before = {.sets = {{"www.org", 60, 0, {"192.0.2.80"}}}},
        .after = {.is_plan = true, .sets = {{"ns.org", 60, 0, {"192.0.2.53"}}}},
        .scope = COMPARE_ALL,
        .changes = "+ ns.org. A 0>60: +192.0.2.53\n- www.org. A 60>0: -192.0.2.80\n",
    },
    {
        .label = "two plans are compared whole",
        .before = {.is_plan = true, .sets = {{"ns.org", 60, 0, {"192.0.2.5"}}}},
        .after = {.is_plan = true},
        .changes = "- ns.org. A 60>0: -192.0.2.5\n",
    },
    {
        .label = "a side that does not speak for a name says nothing about it",
        .before = {.in = "a.org", .out = "sub.a.org"},
        .after = {.sets = {{"x.a.org", 60, 0, {"192.0.2.1"}},
                           {"y.sub.a.org", 60, 0, {"192.0.2.2"}},
                           {"b.org", 60, 0, {"192.0.2.3"}}}},
        .changes = "+ x.a.org. A 0>60: +192.0.2.1\n",
    },
};

static const char *comparison_print(const struct comparison *comparison, struct arena *arena)
{
    static const char marks[] = {
        [CHANGE_NONE] = '=', [CHANGE_ADD] = '+', [CHANGE_UPDATE] = '~', [CHANGE_REMOVE] = '-'};
    const char *text = "";
    for (uint32_t i = 0; i < comparison->change_count; i++) {
        const struct change *change = &comparison->changes[i];
        text = arena_printf(arena, "%s%c %s", text, marks[change->kind], change->names[0]);
        if (change->name_count > 1)
            text = arena_printf(arena, "%s+%u", text, change->name_count - 1);
        text = arena_printf(arena, "%s %s %u>%u:", text, change->type,
                            change->before ? change->before->ttl_s : 0,
                            change->after ? change->after->ttl_s : 0);
        for (uint32_t j = 0; j < change->record_count; j++) {
            const struct record_change *record = &change->records[j];
            text = arena_printf(arena, "%s %c%s%s%s", text, marks[record->kind],
                                record->before ? record->before : record->after,
                                record->kind == CHANGE_UPDATE ? ">" : "",
                                record->kind == CHANGE_UPDATE ? record->after : "");
        }
        text = arena_printf(arena, "%s\n", text);
    }
    return text;
}

START_TEST(sides_are_compared_record_by_record)
{
    struct arena arena = {0};
    const struct comparison *comparison =
        compare(side_make(&differences[_i].before, &arena),
                side_make(&differences[_i].after, &arena), differences[_i].scope, &arena);
    const char *got = comparison_print(comparison, &arena);
    ck_assert_msg(strcmp(got, differences[_i].changes) == 0, "%s: got\n%s", differences[_i].label,
                  got);
    arena_fini(&arena);
}
END_TEST

START_TEST(totals_count_owners)
{
    static const struct side before =
                                 {.sets = {{C "a.org", 60, 0, {"10 1 5222 x.", "10 1 5222 z."}},
                                           {C "b.org", 60, 0, {"10 1 5222 x.", "10 1 5222 z."}},
                                           {"h.org", 60, 0, {"192.0.2.1"}}}},
                             after = {.sets = {{C "a.org", 60, 0, {"10 2 5222 x.", "10 1 5222 y."}},
                                               {C "b.org", 60, 0, {"10 2 5222 x.", "10 1 5222 y."}},
                                               {"h.org", 60, 0, {"192.0.2.1"}}}};
    struct arena arena = {0};
    const struct comparison *comparison =
        compare(side_make(&before, &arena), side_make(&after, &arena), COMPARE_ALL, &arena);
    ck_assert_uint_eq(comparison->change_count, 1);
    ck_assert_uint_eq(comparison->sets.changed, 2);
    ck_assert_uint_eq(comparison->same_sets, 1);
    ck_assert_uint_eq(comparison->records.added, 2);
    ck_assert_uint_eq(comparison->records.changed, 2);
    ck_assert_uint_eq(comparison->records.removed, 2);
    arena_fini(&arena);
}
END_TEST

static const struct {
    const char *label;
    const char *records[RECORDS_MAX];
    const char *shares; /* by record in order: "1/2", "standby", "-" */
} shares[] = {
    {"by weight within the lowest priority",
     {"10 5 5222 a.", "10 3 5222 b.", "20 9 5222 c."},
     "5/8 3/8 standby"},
    {"weights of 0 are alike when all are 0", {"10 0 1 a.", "10 0 1 b."}, "1/2 1/2"},
    {"a weight of 0 beside others", {"10 0 1 a.", "10 4 1 b."}, "0/1 1/1"},
    {"a service that is not offered has none", {"0 0 0 ."}, "-"},
    {"the greatest weights", {"0 65535 1 a.", "0 65535 1 b.", "0 65535 1 c."}, "1/3 1/3 1/3"},
};

START_TEST(shares_are_exact)
{
    struct arena arena = {0};
    struct published_set set = {.type = "SRV", .records = shares[_i].records};
    while (set.records[set.record_count])
        set.record_count++;
    const struct record_change *rows = compare_records_alone(&set, &arena);
    const char *got = "";
    for (uint32_t i = 0; i < set.record_count; i++) {
        struct share share = rows[i].share_after;
        const char *one = share.den == 0 ? "-"
                          : share.is_standby
                              ? "standby"
                              : arena_printf(&arena, "%llu/%llu", (unsigned long long)share.num,
                                             (unsigned long long)share.den);
        got = arena_printf(&arena, "%s%s%s", got, i ? " " : "", one);
    }
    ck_assert_msg(strcmp(got, shares[_i].shares) == 0, "%s: %s", shares[_i].label, got);
    arena_fini(&arena);
}
END_TEST

static const struct {
    const char *json;
    const char *refused_with; /* NULL: it is read */
} documents[] = {
    {"{\"sets\": [{\"name\": \"a.org.\", \"type\": \"A\", \"ttl\": 5, \"records\": "
     "[\"192.0.2.1\"]}]}",
     NULL},
    {"{\"sets\": [], \"later\": {\"more\": 1}}", NULL},
    {"{}", "it has no \"sets\""},
    {"[]", "it has no \"sets\""},
    {"{\"sets\": [{\"type\": \"A\", \"ttl\": 5, \"records\": []}]}", "/sets/0: name"},
    {"{\"sets\": [{\"name\": \"a..b\", \"type\": \"A\", \"ttl\": 5, \"records\": []}]}",
     "empty label"},
    {"{\"sets\": [{\"name\": \"a.\", \"type\": \"a b\", \"ttl\": 5, \"records\": []}]}", "type"},
    {"{\"sets\": [{\"name\": \"a.\", \"type\": \"A\", \"ttl\": -1, \"records\": []}]}", "ttl"},
    {"{\"sets\": [{\"name\": \"a.\", \"type\": \"A\", \"ttl\": \"5\", \"records\": []}]}", "ttl"},
    {"{\"sets\": [{\"name\": \"a.\", \"type\": \"A\", \"ttl\": 5, \"records\": [1]}]}",
     "records/0"},
    {"{\"sets\": [{\"name\": \"a.\", \"type\": \"A\", \"ttl\": 5, \"records\": \"x\"}]}",
     "records"},
    {"{\"sets\": [7]}", "/sets/0: name"},
};

START_TEST(a_stored_plan_is_read_or_refused_with_a_place)
{
    struct arena arena = {0};
    struct error err = {0};
    const struct published *published = NULL;
    json_t *document = json_loads(documents[_i].json, 0, NULL);
    ck_assert_ptr_nonnull(document);
    bool ok = published_of_json(document, "p.json", &arena, &published, &err);
    ck_assert_msg(ok == !documents[_i].refused_with, "%s: %s", documents[_i].json, err.message);
    ck_assert_msg(ok || strstr(err.message, documents[_i].refused_with), "%s: %s",
                  documents[_i].json, err.message);
    ck_assert(ok || strncmp(err.message, "p.json: ", 8) == 0);
    json_decref(document);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_node_that_is_out_is_known_by_another_set_of_a_stored_plan)
{
    static const char json[] =
        "{\"sets\":[{\"name\":\"" C "a.org.\",\"type\":\"SRV\",\"ttl\":60,"
        "\"records\":[\"10 1 5222 y.\"],\"because\":["
        "{\"node\":\"x\",\"record\":null,\"kind\":\"drain\",\"id\":\"dr_1\",\"text\":\"drained\"}]}"
        ","
        "{\"name\":\"" S "a.org.\",\"type\":\"SRV\",\"ttl\":60,\"records\":[\"10 1 5269 x.\"],"
        "\"because\":[{\"node\":\"x\",\"record\":\"10 1 5269 x.\",\"kind\":\"scale\",\"text\":"
        "\"whole\"}]}]}";
    static const struct side live = {
        .sets = {{C "a.org", 60, 0, {"10 1 5222 x.", "10 1 5222 y."}}}};
    struct arena arena = {0};
    const struct published *plan = NULL;
    json_t *document = json_loads(json, 0, NULL);
    ck_assert(published_of_json(document, "p", &arena, &plan, NULL));
    json_decref(document);
    const struct comparison *comparison =
        compare(side_make(&live, &arena), plan, COMPARE_OURS, &arena);
    const struct record_change *gone = &comparison->changes[0].records[0];
    ck_assert_int_eq(gone->kind, CHANGE_REMOVE);
    ck_assert_ptr_nonnull(gone->because);
    ck_assert_str_eq(gone->because->text, "drained");
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compare");
    TCase *tcase = tcase_create("compare");
    tcase_add_loop_test(tcase, sides_are_compared_record_by_record, 0, COUNT_OF(differences));
    tcase_add_test(tcase, totals_count_owners);
    tcase_add_loop_test(tcase, shares_are_exact, 0, COUNT_OF(shares));
    tcase_add_loop_test(tcase, a_stored_plan_is_read_or_refused_with_a_place, 0,
                        COUNT_OF(documents));
    tcase_add_test(tcase, a_node_that_is_out_is_known_by_another_set_of_a_stored_plan);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
