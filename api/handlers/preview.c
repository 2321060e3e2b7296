/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/preview.h"

#include "api/http/body.h"
#include "srvplan/report/report_compare.h"
#include "srvplan/report/report_json.h"
#include "srvplan/report/report_timeline.h"
#include "zones/base/clock.h"
#include "zones/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the checksum ---- */

static void write_side(FILE *out, const struct published_set *set)
{
    if (!set) {
        fputs("none\n", out);
        return;
    }
    fprintf(out, "%u %u\n", set->ttl_s, set->record_count);
    for (uint32_t i = 0; i < set->record_count; i++)
        fprintf(out, "%s\n", set->records[i]);
}

struct digest preview_checksum(const struct proposal *proposal)
{
    const struct comparison *comparison = proposal->study.comparison;
    const struct world_view *view = proposal->request->view;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    for (uint32_t i = 0; i < comparison->change_count; i++) {
        const struct change *change = &comparison->changes[i];
        fprintf(out, "%s %u\n", change->type, change->name_count);
        for (uint32_t j = 0; j < change->name_count; j++)
            fprintf(out, "%s\n", change->names[j]);
        write_side(out, change->before);
        write_side(out, change->after);
    }
    if (fclose(out) != 0)
        abort();
    const struct bytes parts[] = {
        {(const uint8_t *)view->inventory_text.ptr, view->inventory_text.len},
        {(const uint8_t *)"\0", 1},
        {(const uint8_t *)proposal->document.ptr, proposal->document.len},
        {(const uint8_t *)"\0", 1},
        {(const uint8_t *)text, len},
    };
    struct digest digest = digest_of_parts(parts, COUNT_OF(parts));
    free(text);
    return digest;
}

const char *preview_checksum_print(const struct digest *checksum, struct arena *arena)
{
    char hex[DIGEST_TEXT_SIZE];
    return arena_printf(arena, "sha256:%s", digest_print(checksum, hex));
}

/* ---- the question ---- */

/* "inventory": a text as it stands in a file, or an object. */
static void read_inventory(struct request *request, struct shelved_plan *plan,
                           struct response *response)
{
    json_t *inventory = json_object_get(request->body, "inventory");
    if (!inventory || json_is_null(inventory))
        return;
    if (json_is_string(inventory)) {
        plan->document = arena_text(&request->arena, (struct text){json_string_value(inventory),
                                                                   json_string_length(inventory)});
        if (!proposal_scan(plan->document, DOCUMENT_JSONC, response))
            return;
    } else if (json_is_object(inventory)) {
        char *text = json_dumps(inventory, JSON_INDENT(2));
        plan->document = arena_text(&request->arena, text_from(text));
        free(text);
    } else {
        response_mistake(response, "/inventory", "wrong-type",
                         "expected an object, or the text of one", NULL);
    }
    json_object_del(request->body, "inventory"); /* a large tree need not stay meanwhile */
}

static void keep_overlays(struct request *request, struct shelved_plan *plan)
{
    json_t *overlays = json_object_get(request->body, "overlays");
    if (!json_is_object(overlays))
        return;
    char *text = json_dumps(overlays, JSON_COMPACT);
    plan->overlays = arena_text(&request->arena, text_from(text));
    free(text);
}

/* ---- the answer ---- */

static json_t *ratio_json(struct share share)
{
    return share.den ? json_real((double)share.num / (double)share.den) : json_null();
}

static json_t *exact_json(struct share share)
{
    return share.den ? json_sprintf("%llu/%llu", (unsigned long long)share.num,
                                    (unsigned long long)share.den)
                     : json_null();
}

/* The service that owns those labels; NULL: none of ours has them any more. */
static const struct inventory_service *service_of(const struct inventory *inventory,
                                                  struct bytes labels)
{
    for (uint32_t i = 0; i < inventory->service_count; i++)
        if (bytes_equal(inventory->services[i].srv_labels, labels))
            return &inventory->services[i];
    return NULL;
}

static void put_service(json_t *share, const struct inventory *inventory, struct bytes labels)
{
    const struct inventory_service *service = service_of(inventory, labels);
    struct text id = service ? service->id : (struct text){0};
    struct text pool = service && service->pool.len ? service->pool : id;
    json_object_set_new(share, "service", json_view_text_or_null(id));
    json_object_set_new(share, "pool", json_view_text_or_null(pool));
}

/* The shares that move, of the first owner of each change: others have the same. */
static void add_shares(json_t *shares, const struct change *change,
                       const struct inventory *inventory, struct arena *arena)
{
    struct bytes labels = name_service_labels(change->owner);
    struct name domain = {change->owner.wire + labels.len,
                          (uint8_t)(change->owner.len - labels.len)};
    for (uint32_t i = 0; i < change->record_count; i++) {
        const struct record_change *record = &change->records[i];
        struct share before = record->share_before, after = record->share_after;
        bool is_same = before.num * after.den == after.num * before.den && before.den && after.den;
        struct srv_text srv;
        if (is_same || !srv_text_parse(record->after ? record->after : record->before, &srv))
            continue;
        json_t *share = json_object();
        json_object_set_new(share, "domain", json_string(text_name_print(arena, domain)));
        json_object_set_new(share, "name", json_string(change->names[0]));
        json_object_set_new(share, "owners", json_integer(change->name_count));
        put_service(share, inventory, labels);
        json_object_set_new(share, "model", json_string("rfc2782"));
        json_object_set_new(share, "node",
                            record->because && record->because->node
                                ? json_string(record->because->node)
                                : json_null());
        json_object_set_new(share, "target", json_string(srv.target));
        json_object_set_new(share, "before", ratio_json(before));
        json_object_set_new(share, "after", ratio_json(after));
        json_object_set_new(share, "before_exact", exact_json(before));
        json_object_set_new(share, "after_exact", exact_json(after));
        json_array_append_new(shares, share);
    }
}

static json_t *shares_json(const struct comparison *comparison, const struct inventory *inventory)
{
    struct arena arena = {0};
    json_t *shares = json_array();
    for (uint32_t i = 0; i < comparison->change_count; i++)
        if (strcmp(comparison->changes[i].type, "SRV") == 0)
            add_shares(shares, &comparison->changes[i], inventory, &arena);
    arena_fini(&arena);
    return shares;
}

static json_t *answer_json(struct proposal *proposal, const struct shelved_plan *plan)
{
    const struct plan *made = proposal->study.plan;
    struct arena *arena = &proposal->request->arena;
    bool is_allowed = !world_new_refusal(proposal->request->view->plan, made, false);
    json_t *json = json_object();
    json_object_set_new(json, "id", json_string(plan->id));
    json_object_set_new(json, "base_revision",
                        json_integer((json_int_t)proposal->request->view->revision));
    json_object_set_new(json, "checksum",
                        json_string(preview_checksum_print(&plan->checksum, arena)));
    json_object_set_new(json, "at", json_view_time(made->input.at_ms));
    json_object_set_new(
        json, "inventory_changed",
        json_boolean(plan->document.ptr &&
                     !text_equal(plan->document, proposal->request->view->inventory_text)));
    json_object_set_new(json, "applicable", json_boolean(is_allowed && !plan->is_for_later));
    json_object_set_new(json, "summary", report_summary_json(proposal->study.comparison));
    json_object_set_new(json, "changes", study_changes_json(&proposal->study));
    json_object_set_new(json, "shares",
                        shares_json(proposal->study.comparison, made->input.layout->inventory));
    json_object_set_new(json, "guards", report_guards_json(made));
    json_object_set_new(json, "warnings", study_warnings_json(&proposal->study));
    json_object_set_new(json, "timeline", report_events_json(made));
    return json;
}

void plan_post(struct request *request, struct response *response)
{
    static const struct proposal_kind kind = {.etag_prefix = "r"};
    struct shelved_plan plan = {0};
    body_check_members(request->body, "", "inventory overlays at", response);
    struct proposal proposal = {.request = request,
                                .response = response,
                                .kind = &kind,
                                .at_ms = body_time_ms(request, "at", response)};
    plan.is_for_later = proposal.at_ms != 0;
    read_inventory(request, &plan, response);
    proposal.wishes = wishes_read(request, json_object_get(request->body, "overlays"), response);
    keep_overlays(request, &plan);
    proposal.document = plan.document;
    if (!response->status && proposal_study(&proposal)) {
        plan_shelf_id_make(plan.id);
        plan.checksum = preview_checksum(&proposal);
        plan_shelf_put(request->shelf, &plan, clock_monotonic_ms());
        response_set_etag(response, "r", request->view->revision);
        response_take(response, 200, answer_json(&proposal, &plan));
    }
    study_fini(&proposal.study);
}
