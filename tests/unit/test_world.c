/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The world over a real store and image directory, with a dnsd of ours that answers as the
 * handover says: what is stored, what is served, what a restart finds, whose serial moves. */
#include "api/world/inventory.h"
#include "api/world/start.h"
#include "fake_dnsd.h"
#include "state_directory.h"
#include "zones/base/clock.h"
#include "zones/base/file.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- the world under test ------------------------------------------------------------------------
 */

static const char two_zones[] =
    "{\"srvplan\": 1, \"defaults\": {\"ttl\": 60, \"name_servers\": [{\"host\": "
    "\"ns1.example.org\", \"addresses\": [\"192.0.2.53\"]}]%s}, \"domains\": {\"example.org\": "
    "{}%s}, \"nodes\": {\"a\": {\"host\": \"a.example.org\", \"addresses\": [\"192.0.2.1\"], "
    "\"capacity\": 5}, \"b\": {\"host\": \"b.example.org\", \"addresses\": [\"192.0.2.2\"], "
    "\"capacity\": %d}}}";

static struct {
    char path[64], inventory[96];
    int directory;
    struct world *world;
    struct world_result *result;
    pthread_mutex_t lock;
    pthread_cond_t done;
} t = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static void write_inventory(const char *more_defaults, const char *more_domains, int b_capacity)
{
    FILE *file = fopen(t.inventory, "w");
    fprintf(file, two_zones, more_defaults, more_domains, b_capacity);
    fclose(file);
}

static void start(void)
{
    static const char *const addresses[] = {"127.0.0.1:5300", NULL};
    struct world_options options = {
        .state_directory = t.directory,
        .state_path = t.path,
        .inventory_path = t.inventory,
        .dnsd = {.state_directory = t.directory,
                 .state_path = t.path,
                 .addresses = addresses,
                 .workers = 1},
    };
    struct error err = {0};
    t.world = world_start(&options, &err);
    ck_assert_msg(t.world != NULL, "%s", err.message);
}

static void stop(void)
{
    world_result_free(t.result);
    t.result = NULL;
    world_stop(t.world, DNSD_END);
    t.world = NULL;
}

static void restart(void)
{
    stop();
    start();
}

static void build(void)
{
    fake_dnsd = (struct fake_dnsd){0};
    snprintf(t.path, sizeof t.path, "/tmp/srvplan-world-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(t.path));
    snprintf(t.inventory, sizeof t.inventory, "%s/inventory.jsonc", t.path);
    t.directory = open(t.path, O_RDONLY | O_DIRECTORY);
    write_inventory("", ", \"example.net\": {\"services\": [\"xmpp-server\"]}", 3);
    start();
}

static void tear_down(void)
{
    stop();
    state_directory_remove(t.directory, t.path);
}

static void on_result(void *context, struct world_result *result)
{
    (void)context;
    pthread_mutex_lock(&t.lock);
    t.result = result;
    pthread_cond_signal(&t.done);
    pthread_mutex_unlock(&t.lock);
}

static struct world_result *run(struct world_request request)
{
    struct error err = {0};
    world_result_free(t.result);
    t.result = NULL;
    request.actor = (struct world_actor){text_from("tester"), text_from("unit")};
    ck_assert(world_submit(t.world, &request, on_result, NULL, &err));
    pthread_mutex_lock(&t.lock);
    while (!t.result)
        pthread_cond_wait(&t.done, &t.lock);
    pthread_mutex_unlock(&t.lock);
    return t.result;
}

static struct world_request drain_of(const struct text *node)
{
    return (struct world_request){
        .kind = WORLD_DRAIN_ADD, .nodes = node, .node_count = 1, .reason = text_from("kernel")};
}

static uint32_t serial_of(const char *apex)
{
    const struct world_view *view = world_view_ref(t.world);
    uint32_t serial = 0;
    for (uint32_t i = 0; i < view->layout->names.zone_count; i++)
        if (memcmp(view->layout->names.zones[i].apex.wire, apex, strlen(apex)) == 0)
            serial = world_zone_serial(view, i);
    world_view_unref(view);
    return serial;
}

#define ORG "\7example\3org"
#define NET "\7example\3net"

static uint32_t records_of_first_set(void)
{
    const struct world_view *view = world_view_ref(t.world);
    uint32_t count = view->plan->sets[0].present_count;
    world_view_unref(view);
    return count;
}

static const struct text a = {"a", 1}, b = {"b", 1}, nobody = {"nobody", 6};

/* -- tests ---------------------------------------------------------------------------------------
 */

START_TEST(a_first_start_publishes_revision_1_and_is_ready)
{
    const struct world_view *view = world_view_ref(t.world);
    ck_assert_uint_eq(view->revision, 1);
    ck_assert_uint_eq(view->served_revision, 1);
    ck_assert_msg(view->is_ready, "%s", view->not_ready[0]);
    ck_assert_int_eq(view->dnsd.pid, 4711);
    world_view_unref(view);
    ck_assert_uint_gt(serial_of(ORG), 1700000000);
}
END_TEST

START_TEST(a_drain_withdraws_everywhere_at_once_and_moves_the_serials)
{
    uint32_t org = serial_of(ORG), net = serial_of(NET);
    struct world_result *result = run(drain_of(&a));
    ck_assert_msg(result->outcome == WORLD_SERVED, "%s", result->error.message);
    ck_assert_uint_eq(result->view->revision, 2);
    for (uint32_t i = 0; i < result->view->plan->set_count; i++)
        ck_assert_uint_eq(result->view->plan->sets[i].present_count, 1);
    ck_assert_uint_gt(serial_of(ORG), org);
    ck_assert_uint_gt(serial_of(NET), net);
    const struct world_drain *drain = &result->view->drains[0];
    ck_assert(text_equal(drain->row.id, result->drain_ids[0]));
    ck_assert_int_ne(drain->row.served_at_ms, 0);
    ck_assert_int_ge(drain->dns_clear_at_ms, drain->row.served_at_ms);
    ck_assert_uint_eq(drain->share_before_num * 8, drain->share_before_den * 5);
}
END_TEST

START_TEST(the_last_node_is_refused_with_the_numbers_and_nothing_changes)
{
    run(drain_of(&a));
    uint32_t serial = serial_of(ORG);
    struct world_request request = drain_of(&b);
    request.is_override = true; /* never empty is not for overriding */
    request.override_reason = text_from("because");
    struct world_result *result = run(request);
    ck_assert_int_eq(result->outcome, WORLD_FAILED);
    ck_assert_str_eq(result->problem, "guard");
    ck_assert_int_eq(result->error.kind, ERROR_GUARD);
    ck_assert_uint_gt(result->plan->refusal_count, 0);
    ck_assert_uint_eq(result->plan->refusals[0].would_be, 0);
    ck_assert_uint_eq(result->view->revision, 2);
    ck_assert_uint_eq(serial_of(ORG), serial);
}
END_TEST

START_TEST(an_undrain_restores_the_former_sets_and_never_the_serial)
{
    const struct world_view *before = world_view_ref(t.world);
    uint32_t drained = 0;
    struct text id;
    char copy[64];
    run(drain_of(&a));
    drained = serial_of(ORG);
    snprintf(copy, sizeof copy, "%.*s", (int)t.result->drain_ids[0].len,
             t.result->drain_ids[0].ptr);
    id = text_from(copy);
    struct world_result *result = run((struct world_request){
        .kind = WORLD_DRAIN_END, .drain_id = id, .has_if_match = true, .if_match = 99});
    ck_assert_str_eq(result->problem, "stale");
    ck_assert_uint_eq(result->current_version, 1);
    result = run((struct world_request){
        .kind = WORLD_DRAIN_END, .drain_id = id, .has_if_match = true, .if_match = 1});
    ck_assert_msg(result->outcome == WORLD_SERVED, "%s", result->error.message);
    for (uint32_t i = 0; i < before->plan->content.count; i++) {
        const struct content_set *was = &before->plan->content.sets[i];
        const struct content_set *is = &result->view->plan->content.sets[i];
        ck_assert_uint_eq(was->count, is->count);
        for (uint32_t j = 0; j < was->count; j++)
            ck_assert(bytes_equal(was->rdata[j], is->rdata[j]));
    }
    ck_assert_uint_gt(serial_of(ORG), drained);
    result = run((struct world_request){.kind = WORLD_DRAIN_END, .drain_id = id});
    ck_assert_str_eq(result->problem, "already-closed");
    world_view_unref(before);
}
END_TEST

START_TEST(mistakes_are_refused_with_their_names)
{
    struct world_request request = drain_of(&nobody);
    ck_assert_str_eq(run(request)->problem, "unknown-node");
    run(drain_of(&a));
    ck_assert_str_eq(run(drain_of(&a))->problem, "already-drained");
    request = drain_of(&b);
    request.until_at_ms = 1;
    ck_assert_str_eq(run(request)->problem, "invalid");
    request = drain_of(&b);
    request.services = &nobody;
    request.service_count = 1;
    ck_assert_str_eq(run(request)->problem, "invalid");
    ck_assert_str_eq(
        run((struct world_request){.kind = WORLD_DRAIN_END, .drain_id = nobody})->problem,
        "not-found");
}
END_TEST

/* What is in force, read anew; the caller's. */
static struct base *base_in_force(void)
{
    const struct world_view *view = world_view_ref(t.world);
    struct store_inventory source = {.source = STORE_SOURCE_PUT, .text = view->inventory_text};
    struct findings findings = {0};
    struct base *base = base_load(&source, NULL, &findings);
    ck_assert_ptr_nonnull(base);
    findings_fini(&findings);
    world_view_unref(view);
    return base;
}

static struct world_result *bring(const struct world_inventory_change *change)
{
    struct world_result *result =
        run((struct world_request){.kind = WORLD_INVENTORY, .inventory = change});
    base_unref(change->base);
    return result;
}

START_TEST(what_was_made_of_another_inventory_or_at_another_revision_is_outrun)
{
    const struct world_view *view = world_view_ref(t.world);
    struct world_inventory_change change = {
        .base = base_in_force(), .made_of = view->inventory_id, .action = "test"};
    ck_assert_int_eq(bring(&change)->outcome, WORLD_SERVED);
    ck_assert(digest_equal(&t.result->view->inventory_digest, &view->inventory_digest));
    change.base = base_in_force();
    ck_assert_str_eq(bring(&change)->problem, "outrun"); /* by the inventory */
    change = (struct world_inventory_change){
        .base = base_in_force(), .made_at_revision = view->revision, .action = "test"};
    ck_assert_str_eq(bring(&change)->problem, "outrun"); /* by the revision */
    change = (struct world_inventory_change){.base = base_in_force(), .action = "test"};
    ck_assert_int_eq(bring(&change)->outcome, WORLD_SERVED); /* made of nothing */
    ck_assert_uint_eq(t.result->view->revision, 3);
    world_view_unref(view);
}
END_TEST

START_TEST(a_dry_run_shows_the_plan_and_changes_nothing)
{
    struct world_request request = drain_of(&a);
    uint32_t serial = serial_of(ORG);
    request.is_dry_run = true;
    struct world_result *result = run(request);
    ck_assert_int_eq(result->outcome, WORLD_DRY_RUN);
    ck_assert_uint_gt(result->diff->change_count, 0);
    ck_assert_uint_eq(result->plan->sets[0].present_count, 1);
    ck_assert_uint_eq(result->view->revision, 1);
    ck_assert_uint_eq(records_of_first_set(), 2);
    ck_assert_uint_eq(serial_of(ORG), serial);
}
END_TEST

static const struct {
    enum weight_form form;
    int32_t value;
    int expected; /* -1: refused */
} weights[] = {
    {WEIGHT_ABSOLUTE, 30, 30},   {WEIGHT_ABSOLUTE, 0, 0},    {WEIGHT_ABSOLUTE, 65535, 65535},
    {WEIGHT_PERCENT, 50, 19840}, {WEIGHT_PERCENT, 1000, -1}, {WEIGHT_ADD, 20, 39700},
    {WEIGHT_ADD, -680, 39000},   {WEIGHT_ADD, -65535, -1},   {WEIGHT_ADD, 65535, -1},
};

START_TEST(weights_are_published_in_every_form_and_reset)
{
    struct world_request request = {.kind = WORLD_WEIGHT_PUT,
                                    .nodes = &a,
                                    .node_count = 1,
                                    .reason = text_from("load"),
                                    .weight_form = weights[_i].form,
                                    .weight_value = weights[_i].value};
    struct world_result *result = run(request);
    const struct plan_member *member = &result->view->plan->sets[0].members[0];
    ck_assert_uint_eq(member->planned_weight, 39680);
    if (weights[_i].expected < 0) {
        ck_assert_str_eq(result->problem, "invalid");
        return;
    }
    ck_assert_msg(result->outcome == WORLD_SERVED, "%s", result->error.message);
    ck_assert_int_eq(member->weight, weights[_i].expected);
    restart();
    const struct world_view *view = world_view_ref(t.world);
    ck_assert_int_eq(view->plan->sets[0].members[0].weight, weights[_i].expected);
    world_view_unref(view);
    request = (struct world_request){.kind = WORLD_WEIGHT_REMOVE, .nodes = &a, .node_count = 1};
    result = run(request);
    ck_assert_int_eq(result->outcome, WORLD_SERVED);
    ck_assert_int_eq(result->view->plan->sets[0].members[0].weight, 39680);
    ck_assert_str_eq(run(request)->problem, "not-found");
}
END_TEST

START_TEST(without_dnsd_a_change_is_stored_and_served_when_it_is_back)
{
    fake_dnsd.is_away = true;
    struct world_result *result = run(drain_of(&a));
    ck_assert_int_eq(result->outcome, WORLD_STORED);
    ck_assert(!result->view->is_ready);
    ck_assert_int_eq(result->view->drains[0].row.served_at_ms, 0);
    ck_assert_int_eq(result->view->drains[0].dns_clear_at_ms, 0);
    fake_dnsd.is_away = false;
    restart(); /* the same as a dnsd that connects again: HELLO with the old generation */
    const struct world_view *view = world_view_ref(t.world);
    ck_assert(view->is_ready);
    ck_assert_uint_eq(view->revision, 2);
    ck_assert_uint_eq(fake_dnsd.generation, 2);
    ck_assert_int_ne(view->drains[0].row.served_at_ms, 0);
    world_view_unref(view);
}
END_TEST

START_TEST(a_refused_generation_is_said_and_not_taken_for_served)
{
    fake_dnsd.refuses = true;
    struct world_result *result = run(drain_of(&a));
    ck_assert_int_eq(result->outcome, WORLD_STORED);
    ck_assert_str_eq(result->view->not_ready[0], "no");
}
END_TEST

START_TEST(a_restart_keeps_drains_revision_and_serials)
{
    run(drain_of(&a));
    uint32_t org = serial_of(ORG), net = serial_of(NET);
    restart();
    const struct world_view *view = world_view_ref(t.world);
    ck_assert_uint_eq(view->revision, 2);
    ck_assert_uint_eq(view->drain_count, 1);
    ck_assert(text_is(view->drains[0].row.reason, "kernel"));
    ck_assert(text_is(view->drains[0].row.actor, "tester"));
    world_view_unref(view);
    ck_assert_uint_eq(records_of_first_set(), 1);
    ck_assert_uint_eq(serial_of(ORG), org);
    ck_assert_uint_eq(serial_of(NET), net);
}
END_TEST

START_TEST(a_changed_file_moves_the_serials_of_changed_zones_only)
{
    uint32_t org = serial_of(ORG), net = serial_of(NET);
    write_inventory("", ", \"example.net\": {\"services\": [\"xmpp-server\", \"xmpp-client\"]}", 3);
    struct world_result *result = run((struct world_request){.kind = WORLD_RELOAD});
    ck_assert_msg(result->outcome == WORLD_SERVED, "%s", result->error.message);
    ck_assert_uint_eq(serial_of(ORG), org);
    ck_assert_uint_gt(serial_of(NET), net);
    result = run((struct world_request){.kind = WORLD_RELOAD});
    ck_assert_uint_eq(result->view->revision, 2); /* unchanged: no revision */
}
END_TEST

START_TEST(a_zone_that_comes_back_goes_on_from_its_last_serial)
{
    write_inventory(", \"soa\": {\"serial\": \"counter\"}", "", 3);
    run((struct world_request){.kind = WORLD_RELOAD});
    write_inventory(", \"soa\": {\"serial\": \"counter\"}", ", \"example.net\": {}", 3);
    run((struct world_request){.kind = WORLD_RELOAD});
    uint32_t first = serial_of(NET);
    ck_assert_uint_gt(first, 1700000000); /* counted on from the unixtime of the first start */
    write_inventory(", \"soa\": {\"serial\": \"counter\"}", "", 3);
    run((struct world_request){.kind = WORLD_RELOAD});
    restart();
    write_inventory(", \"soa\": {\"serial\": \"counter\"}", ", \"example.net\": {}", 3);
    run((struct world_request){.kind = WORLD_RELOAD});
    ck_assert_uint_eq(serial_of(NET), first + 1);
}
END_TEST

START_TEST(a_broken_or_emptying_file_changes_nothing)
{
    FILE *file = fopen(t.inventory, "w");
    fprintf(file, "{\"srvplan\": 1, oops");
    fclose(file);
    struct world_result *result = run((struct world_request){.kind = WORLD_RELOAD});
    ck_assert_int_eq(result->outcome, WORLD_FAILED);
    ck_assert_ptr_nonnull(strstr(result->error.message, "inventory.jsonc:1:"));
    ck_assert_uint_eq(result->view->revision, 1);
    restart(); /* and it does not keep the stored one from starting */
    ck_assert_uint_eq(records_of_first_set(), 2);
}
END_TEST

START_TEST(an_overlay_ends_by_itself)
{
    struct world_request request = drain_of(&a);
    request.until_at_ms = clock_realtime_ms() + 300;
    struct world_result *result = run(request);
    ck_assert_int_eq(result->outcome, WORLD_SERVED);
    int64_t deadline_ms = clock_monotonic_ms() + 5000;
    while (records_of_first_set() != 2 && clock_monotonic_ms() < deadline_ms)
        usleep(10000); /* what is tested is a timer */
    ck_assert_uint_eq(records_of_first_set(), 2);
    const struct world_view *view = world_view_ref(t.world);
    ck_assert(text_is(view->drains[0].row.ended_actor, "expiry"));
    ck_assert_uint_eq(view->revision, 3);
    world_view_unref(view);
}
END_TEST

START_TEST(two_nodes_are_judged_together)
{
    const struct text both[] = {{"a", 1}, {"b", 1}};
    struct world_request request = drain_of(both);
    request.node_count = 2;
    ck_assert_str_eq(run(request)->problem, "guard");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("world");
    TCase *tcase = tcase_create("world");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, build, tear_down);
    tcase_add_test(tcase, a_first_start_publishes_revision_1_and_is_ready);
    tcase_add_test(tcase, a_drain_withdraws_everywhere_at_once_and_moves_the_serials);
    tcase_add_test(tcase, the_last_node_is_refused_with_the_numbers_and_nothing_changes);
    tcase_add_test(tcase, an_undrain_restores_the_former_sets_and_never_the_serial);
    tcase_add_test(tcase, mistakes_are_refused_with_their_names);
    tcase_add_test(tcase, a_dry_run_shows_the_plan_and_changes_nothing);
    tcase_add_loop_test(tcase, weights_are_published_in_every_form_and_reset, 0, COUNT_OF(weights));
    tcase_add_test(tcase, without_dnsd_a_change_is_stored_and_served_when_it_is_back);
    tcase_add_test(tcase, a_refused_generation_is_said_and_not_taken_for_served);
    tcase_add_test(tcase, a_restart_keeps_drains_revision_and_serials);
    tcase_add_test(tcase, a_changed_file_moves_the_serials_of_changed_zones_only);
    tcase_add_test(tcase, a_zone_that_comes_back_goes_on_from_its_last_serial);
    tcase_add_test(tcase, a_broken_or_emptying_file_changes_nothing);
    tcase_add_test(tcase, an_overlay_ends_by_itself);
    tcase_add_test(tcase, two_nodes_are_judged_together);
    tcase_add_test(tcase, what_was_made_of_another_inventory_or_at_another_revision_is_outrun);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
