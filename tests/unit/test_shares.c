/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/shares.h"

#include "zones/base/file.h"
#include "zones/text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum {
    TARGETS_MAX = 6,
    TEXT_MAX = 200
};

static struct arena arena;

static void free_arena(void)
{
    arena_fini(&arena);
}

/* Targets in a few words: "10:5" is priority 10 and weight 5 of xmpp1.example.org, the next one
 * xmpp2 and so on; a D behind makes it Direct TLS, an x says that it is down. */
struct asked {
    struct share_question question;
    struct share_target targets[TARGETS_MAX];
};

static void make_targets(struct asked *asked, const char *words)
{
    struct error err = {0};
    char *copy = arena_cstr(&arena, text_from(words)), *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        uint32_t i = asked->question.count++;
        ck_assert_uint_lt(i, TARGETS_MAX);
        struct share_target *target = &asked->targets[i];
        char *end = NULL;
        const char *host = arena_printf(&arena, "xmpp%u.example.org", i + 1);
        target->priority = (uint16_t)strtoul(word, &end, 10);
        target->weight = (uint16_t)strtoul(end + 1, &end, 10);
        target->port = 5269;
        target->is_direct_tls = strchr(end, 'D') != NULL;
        target->is_down = strchr(end, 'x') != NULL;
        ck_assert(text_name_parse(&arena, text_from(host), &target->host, &err));
    }
}

static void ask(struct asked *asked, const char *model, enum share_order order, const char *words)
{
    memset(asked, 0, sizeof *asked);
    asked->question.model = client_model_find(text_from(model));
    asked->question.order = order;
    asked->question.targets = asked->targets;
    make_targets(asked, words);
    ck_assert_msg(asked->question.model != NULL, "no model %s", model);
}

static const char *row_text(const struct rational *row, uint32_t count)
{
    const char *text = "";
    for (uint32_t i = 0; i < count; i++)
        text = arena_printf(&arena, "%s%s%s", text, i ? " " : "", rational_print(row[i], &arena));
    return text;
}

static const char *first_choice(const struct asked *asked)
{
    struct error err = {0};
    struct rational shares[TARGETS_MAX];
    if (!shares_first_choice(&asked->question, &arena, shares, &err))
        return arena_printf(&arena, "error: %s", err.message);
    return row_text(shares, asked->question.count);
}

#define FIXED SHARE_ORDER_FIXED
#define WEIGHTED SHARE_ORDER_WEIGHTED

/* Worked out from the definitions, and for openfire measured on Openfire's own class. */
static const struct {
    const char *model;
    enum share_order order;
    const char *targets, *shares;
} cases[] = {
    /* clang-format off */
    {"plackett-luce", FIXED, "10:1 10:1", "1/2 1/2"},
    {"plackett-luce", WEIGHTED, "10:5 10:3", "5/8 3/8"},
    {"plackett-luce", FIXED, "10:50 10:30 10:20", "1/2 3/10 1/5"},
    {"plackett-luce", FIXED, "20:9 10:5 10:3", "0/1 5/8 3/8"},

    {"rfc2782", FIXED, "10:1 10:1", "2/3 1/3"},
    {"rfc2782", WEIGHTED, "10:1 10:1", "1/2 1/2"},
    {"rfc2782", FIXED, "10:5 10:3 10:2", "6/11 3/11 2/11"},
    {"rfc2782", WEIGHTED, "10:5 10:3 10:2", "1/2 3/10 1/5"}, /* (w + w/S) / (S+1) = w/S */
    {"rfc2782", FIXED, "10:1 10:1 10:0", "1/3 1/3 1/3"},

    {"rfc2782-ascending", FIXED, "10:1 10:1", "2/3 1/3"},
    {"rfc2782-ascending", FIXED, "10:5 10:3", "5/9 4/9"},
    {"rfc2782-ascending", FIXED, "10:5 10:3 10:2", "5/11 3/11 3/11"},
    {"rfc2782-ascending", WEIGHTED, "10:5 10:3 10:2", "5/11 3/11 3/11"},
    {"rfc2782-ascending", FIXED, "10:50 10:30 10:20", "50/101 30/101 21/101"},
    {"rfc2782-ascending", FIXED, "10:5000 10:3000 10:2000", "5000/10001 3000/10001 2001/10001"},

    {"prosody", FIXED, "10:1 10:1", "2/3 1/3"},
    {"prosody", FIXED, "10:5 10:3", "2/3 1/3"},
    {"prosody", FIXED, "10:5 10:3 10:2", "6/11 3/11 2/11"},
    {"prosody", FIXED, "10:50 10:30 10:20", "51/101 30/101 20/101"},
    {"prosody", FIXED, "10:5000 10:3000 10:2000", "5001/10001 3000/10001 2000/10001"},

    {"slixmpp", FIXED, "10:5 10:3 10:2", "6/11 3/11 2/11"},
    {"slixmpp", FIXED, "10:0 10:0 10:0", "1/1 0/1 0/1"},
    {"slixmpp", WEIGHTED, "10:0 10:0 10:0", "1/3 1/3 1/3"},
    {"slixmpp", FIXED, "10:4 10:0 10:0", "4/5 1/5 0/1"},

    {"openfire", FIXED, "10:1 10:1", "0/1 1/1"},
    {"openfire", WEIGHTED, "10:1 10:1", "0/1 1/1"},
    {"openfire", FIXED, "10:5 10:3", "1/2 1/2"},
    {"openfire", FIXED, "10:5 10:3 10:2", "1/2 2/5 1/10"},
    {"openfire", FIXED, "10:50 10:30 10:20", "49/100 31/100 1/5"},
    {"openfire", FIXED, "10:1 10:1 10:1", "1/3 2/3 0/1"},

    {"psi", FIXED, "10:1 10:1", "1/1 0/1"},
    {"psi", WEIGHTED, "10:1 10:1", "1/2 1/2"},
    {"psi", FIXED, "10:5 10:3 10:2", "2/5 3/10 3/10"},
    {"psi", FIXED, "10:0 10:0", "1/1 0/1"},

    {"ejabberd", FIXED, "10:1 10:1", "1/2 1/2"},
    {"ejabberd", FIXED, "10:5 10:3", "2/3 1/3"}, /* the smaller gets b/2a */
    {"ejabberd", FIXED, "10:5 10:3 10:2", "29/48 13/48 1/8"},
    {"ejabberd", FIXED, "10:50 10:30 10:20", "1027/1581 407/1581 49/527"},
    {"ejabberd", FIXED, "10:0 10:0", "1/1 0/1"}, /* by name */

    {"swiften", FIXED, "10:5 10:3", "7/11 4/11"},
    {"swiften", WEIGHTED, "10:5 10:3", "53/88 35/88"},

    {"heaviest", FIXED, "10:5 10:3", "1/1 0/1"},
    {"heaviest", WEIGHTED, "10:3 10:5 10:5", "0/1 1/2 1/2"},
    {"answer-order", FIXED, "10:3 10:5", "1/1 0/1"},
    {"answer-order", WEIGHTED, "10:3 10:5", "3/8 5/8"},

    {"haproxy", FIXED, "10:50 20:30", "1/2 1/2"}, /* both become 1, and priorities are ignored */
    {"haproxy", FIXED, "10:512 20:256 10:0", "2/3 1/3 0/1"},
    {"haproxy", FIXED, "10:257 10:256", "2/3 1/3"},
    {"haproxy", FIXED, "10:0 10:0", "0/1 0/1"},
    {"nginx", FIXED, "10:5 10:0 20:9", "5/6 1/6 0/1"},

    /* What weight 0 gets beside 10. */
    {"rfc2782", FIXED, "10:10 10:0", "10/11 1/11"},
    {"rfc2782-ascending", FIXED, "10:10 10:0", "10/11 1/11"},
    {"slixmpp", FIXED, "10:10 10:0", "10/11 1/11"},
    {"prosody", FIXED, "10:10 10:0", "1/1 0/1"},
    {"prosody", FIXED, "10:0 10:10", "1/11 10/11"},
    {"prosody", WEIGHTED, "10:0 10:10", "0/1 1/1"},
    {"plackett-luce", FIXED, "10:10 10:0", "1/1 0/1"},
    {"openfire", FIXED, "10:10 10:0", "1/1 0/1"},
    {"psi", FIXED, "10:10 10:0", "9/10 1/10"},
    {"ejabberd", FIXED, "10:10 10:0", "1/1 0/1"},
    {"swiften", FIXED, "10:10 10:0", "12/13 1/13"},
    {"heaviest", FIXED, "10:10 10:0", "1/1 0/1"},
    {"haproxy", FIXED, "10:10 10:0", "1/1 0/1"},
    {"nginx", FIXED, "10:10 10:0", "10/11 1/11"},

    /* The first live one, when others are in the answer but down. */
    {"plackett-luce", FIXED, "10:50x 10:30 10:20", "0/1 3/5 2/5"},
    {"plackett-luce", FIXED, "10:50x 10:30x 20:20 20:60", "0/1 0/1 1/4 3/4"},
    {"plackett-luce", FIXED, "10:5x 10:0 10:0", "0/1 1/2 1/2"},
    {"plackett-luce", FIXED, "10:5x", "0/1"},
    {"rfc2782", FIXED, "10:1x 10:1 10:1", "0/1 7/12 5/12"}, /* 2/4 and then 2/3 : 1/3 */
    {"heaviest", FIXED, "10:5x 10:3 10:2", "0/1 1/1 0/1"},
    {"ejabberd", FIXED, "10:9x 10:5 10:3", "0/1 2/3 1/3"},
    {"nginx", FIXED, "10:5x 20:1 30:3", "0/1 1/4 3/4"}, /* backups are one group */
    {"openfire", FIXED, "10:5x 10:3 10:2", "0/1 4/5 1/5"},
    /* clang-format on */
};

START_TEST(each_model_gives_the_shares_of_its_definition)
{
    struct asked asked;
    ask(&asked, cases[_i].model, cases[_i].order, cases[_i].targets);
    const char *shares = first_choice(&asked);
    ck_assert_msg(strcmp(shares, cases[_i].shares) == 0, "%s, %s order, %s: %s instead of %s",
                  cases[_i].model, cases[_i].order == FIXED ? "fixed" : "weighted",
                  cases[_i].targets, shares, cases[_i].shares);
}
END_TEST

/* Direct TLS on two nodes, STARTTLS on three; the standby has STARTTLS alone. */
#define POOL "10:1D 10:3D 10:4 10:4 20:1"
static const struct {
    enum share_merge merge;
    const char *shares;
    uint32_t steps[5];
    const char *name;
} merges[] = {
    /* clang-format off */
    {SHARE_MERGE_MIXED, "1/12 1/4 1/3 1/3 0/1", {0, 0, 0, 0, 1}, "mixed"},
    {SHARE_MERGE_PRIO_THEN_DIRECT, "1/4 3/4 0/1 0/1 0/1", {0, 0, 1, 1, 2}, "prio-then-D"},
    {SHARE_MERGE_PRIO_THEN_STARTTLS, "0/1 0/1 1/2 1/2 0/1", {1, 1, 0, 0, 2}, "prio-then-T"},
    {SHARE_MERGE_DIRECT_FIRST, "1/4 3/4 0/1 0/1 0/1", {0, 0, 1, 1, 2}, "D-first"},
    {SHARE_MERGE_STARTTLS_ONLY, "0/1 0/1 1/2 1/2 0/1",
     {SHARE_NO_STEP, SHARE_NO_STEP, 0, 0, 1}, "T-only"},
    /* clang-format on */
};

START_TEST(each_merge_makes_its_own_ladder)
{
    struct asked asked;
    uint32_t steps[TARGETS_MAX] = {0};
    enum share_merge parsed = SHARE_MERGE_MIXED;
    ask(&asked, "plackett-luce", FIXED, POOL);
    asked.question.merge = merges[_i].merge;
    ck_assert_str_eq(first_choice(&asked), merges[_i].shares);
    shares_ladder(asked.targets, 5, merges[_i].merge, steps);
    ck_assert_mem_eq(steps, merges[_i].steps, sizeof merges[_i].steps);
    ck_assert_str_eq(share_merge_print(merges[_i].merge), merges[_i].name);
    ck_assert(share_merge_parse(text_from(merges[_i].name), &parsed));
    ck_assert_int_eq(parsed, merges[_i].merge);
}
END_TEST

START_TEST(all_of_direct_tls_goes_before_any_starttls_where_the_client_says_so)
{
    struct asked asked;
    uint32_t steps[TARGETS_MAX] = {0};
    ask(&asked, "plackett-luce", FIXED, "10:1 20:1D 30:1D");
    asked.question.merge = SHARE_MERGE_DIRECT_FIRST;
    ck_assert_str_eq(first_choice(&asked), "0/1 1/1 0/1");
    ck_assert_uint_eq(shares_ladder(asked.targets, 3, SHARE_MERGE_DIRECT_FIRST, steps), 3);
    asked.question.merge = SHARE_MERGE_PRIO_THEN_DIRECT;
    ck_assert_str_eq(first_choice(&asked), "1/1 0/1 0/1");
}
END_TEST

START_TEST(who_sees_no_target_chooses_none)
{
    struct asked asked;
    ask(&asked, "rfc2782", FIXED, "10:1D 10:3D");
    asked.question.merge = SHARE_MERGE_STARTTLS_ONLY;
    ck_assert_str_eq(first_choice(&asked), "0/1 0/1");
    ask(&asked, "rfc2782", FIXED, "");
    ck_assert_str_eq(first_choice(&asked), "");
}
END_TEST

static const struct {
    const char *model, *targets, *tried;
} dead[] = {
    /* clang-format off */
    {"plackett-luce", "10:50x 10:30 10:20", "1/2"},   /* w_d / (w_d + W_live) */
    {"plackett-luce", "10:50x 10:30x 10:20", "46/35"}, /* 5/7 + 3/5 */
    {"plackett-luce", "10:1x 10:1x 20:1", "2/1"},
    {"plackett-luce", "10:1x 20:1x", "2/1"},          /* to the end of the list */
    {"plackett-luce", "10:5 10:0x", "0/1"},
    {"heaviest", "10:5x 10:3 10:2x", "1/1"},
    {"rfc2782", "10:1x 10:1 10:1", "1/2"},
    {"ejabberd", "10:5x 10:3", "2/3"},
    /* clang-format on */
};

START_TEST(dead_targets_in_the_answer_cost_attempts)
{
    struct asked asked;
    struct rational tried = {0};
    struct error err = {0};
    ask(&asked, dead[_i].model, FIXED, dead[_i].targets);
    ck_assert(shares_dead_tried(&asked.question, &arena, &tried, &err));
    ck_assert_msg(strcmp(rational_print(tried, &arena), dead[_i].tried) == 0,
                  "%s, %s: %s instead of %s", dead[_i].model, dead[_i].targets,
                  rational_print(tried, &arena), dead[_i].tried);
}
END_TEST

static const struct {
    const char *model;
    enum share_order order;
    const char *targets, *positions;
} orders[] = {
    /* clang-format off */
    {"plackett-luce", FIXED, "10:3 10:1", "3/4 1/4 1/4 3/4"},
    {"plackett-luce", FIXED, "20:1 10:1", "0/1 1/1 1/1 0/1"},
    {"plackett-luce", FIXED, "10:3 10:2 10:1", "1/2 7/20 3/20 1/3 2/5 4/15 1/6 1/4 7/12"},
    {"rfc2782", FIXED, "10:1 10:1", "2/3 1/3 1/3 2/3"},
    {"rfc2782", WEIGHTED, "10:1 10:1", "1/2 1/2 1/2 1/2"},
    {"ejabberd", FIXED, "10:5 10:3", "2/3 1/3 1/3 2/3"},
    {"heaviest", WEIGHTED, "10:3 10:5 10:5", "0/1 0/1 1/1 1/2 1/2 0/1 1/2 1/2 0/1"},
    {"haproxy", FIXED, "10:0 10:5", "0/1 0/1 1/1 0/1"}, /* never tried: only zeros */
    /* clang-format on */
};

START_TEST(fail_over_follows_the_order_of_each_model)
{
    struct asked asked;
    struct error err = {0};
    struct rational positions[TARGETS_MAX * TARGETS_MAX];
    ask(&asked, orders[_i].model, orders[_i].order, orders[_i].targets);
    uint32_t cells = asked.question.count * asked.question.count;
    ck_assert(shares_positions(&asked.question, &arena, positions, &err));
    ck_assert_msg(strcmp(row_text(positions, cells), orders[_i].positions) == 0,
                  "%s, %s: %s instead of %s", orders[_i].model, orders[_i].targets,
                  row_text(positions, cells), orders[_i].positions);
}
END_TEST

/* 40 targets of one priority, of which the first `down` do not answer. */
static struct share_question *ask_crowd(const char *model, uint32_t down)
{
    struct error err = {0};
    struct share_question *question = arena_new(&arena, struct share_question);
    struct share_target *targets = arena_array(&arena, struct share_target, 40);
    *question = (struct share_question){
        .model = client_model_find(text_from(model)), .targets = targets, .count = 40};
    for (uint32_t i = 0; i < question->count; i++) {
        const char *host = arena_printf(&arena, "node%u.example.org", i);
        targets[i] = (struct share_target){.weight = (uint16_t)(i + 1), .is_down = i < down};
        ck_assert(text_name_parse(&arena, text_from(host), &targets[i].host, &err));
    }
    return question;
}

START_TEST(what_would_need_too_many_subsets_is_refused_with_its_number)
{
    struct error err = {0};
    struct rational shares[40] = {{0}};
    ck_assert(!shares_first_choice(ask_crowd("rfc2782", 13), &arena, shares, &err));
    ck_assert_int_eq(err.kind, ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.message, "13 of 40 targets"));
    ck_assert(shares_first_choice(ask_crowd("rfc2782", 2), &arena, shares, &err));
    ck_assert(shares_first_choice(ask_crowd("plackett-luce", 13), &arena, shares, &err));
    ck_assert(shares_first_choice(ask_crowd("ejabberd", 13), &arena, shares, &err));
}
END_TEST

START_TEST(the_manual_names_every_model_and_merge)
{
    struct error err = {0};
    struct bytes manual = {0};
    const char *path =
        arena_printf(&arena, "%s/srvplan/man/srvplan-clients.7.scd", getenv("SRVPLAN_SOURCE"));
    ck_assert_msg(file_read(path, 1 << 20, &manual, &err), "%s", err.message);
    const char *text = (const char *)manual.ptr;
    for (size_t i = 0; i < client_model_count; i++)
        ck_assert_msg(strstr(text, arena_printf(&arena, "\n*%s*\n", client_models[i].id)), "%s",
                      client_models[i].id);
    for (unsigned i = 0; i < SHARE_MERGE_COUNT; i++)
        ck_assert_msg(strstr(text, arena_printf(&arena, "*%s*", share_merge_print(i))), "%s",
                      share_merge_print(i));
    free((void *)manual.ptr);
}
END_TEST

START_TEST(every_model_has_a_summary)
{
    for (size_t i = 0; i < client_model_count; i++)
        ck_assert_msg(client_models[i].summary[0], "%s", client_models[i].id);
    ck_assert_ptr_null(client_model_find(text_from("rfc-2782")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shares");
    TCase *tcase = tcase_create("shares");
    tcase_add_checked_fixture(tcase, NULL, free_arena);
    tcase_add_loop_test(tcase, each_model_gives_the_shares_of_its_definition, 0,
                        (int)COUNT_OF(cases));
    tcase_add_loop_test(tcase, each_merge_makes_its_own_ladder, 0, (int)COUNT_OF(merges));
    tcase_add_test(tcase, all_of_direct_tls_goes_before_any_starttls_where_the_client_says_so);
    tcase_add_test(tcase, who_sees_no_target_chooses_none);
    tcase_add_loop_test(tcase, dead_targets_in_the_answer_cost_attempts, 0, (int)COUNT_OF(dead));
    tcase_add_loop_test(tcase, fail_over_follows_the_order_of_each_model, 0, (int)COUNT_OF(orders));
    tcase_add_test(tcase, what_would_need_too_many_subsets_is_refused_with_its_number);
    tcase_add_test(tcase, the_manual_names_every_model_and_merge);
    tcase_add_test(tcase, every_model_has_a_summary);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
