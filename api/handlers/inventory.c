/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/proposal.h"

#include "api/http/body.h"
#include "api/http/hint.h"
#include "srvplan/jsonc_merge.h"
#include "srvplan/report/report_json.h"
#include "srvplan/report/report_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char etag_prefix[] = "v";

/* ---- GET ---- */

enum spelling {
    SPELLING_JSON,
    SPELLING_JSONC,
    SPELLING_YAML,
};

static const struct {
    const char *type;
    enum spelling spelling;
} spellings[] = {
    {"application/jsonc", SPELLING_JSONC},
    {"application/yaml", SPELLING_YAML},
    {"application/json", SPELLING_JSON},
    {"application/*", SPELLING_JSON},
    {"*/*", SPELLING_JSON},
};

/* The first of the types in Accept that we know; JSON without one. */
static enum spelling spelling_of(struct text accept)
{
    while (accept.len) {
        const char *comma = memchr(accept.ptr, ',', accept.len);
        size_t len = comma ? (size_t)(comma - accept.ptr) : accept.len;
        struct text type = {accept.ptr, len};
        const char *semicolon = memchr(type.ptr, ';', type.len);
        type.len = semicolon ? (size_t)(semicolon - type.ptr) : type.len;
        while (type.len && type.ptr[0] == ' ')
            type = (struct text){type.ptr + 1, type.len - 1};
        while (type.len && type.ptr[type.len - 1] == ' ')
            type.len--;
        for (size_t i = 0; i < COUNT_OF(spellings); i++)
            if (gate_text_is(type, spellings[i].type))
                return spellings[i].spelling;
        accept = (struct text){accept.ptr + len, accept.len - len};
        if (accept.len)
            accept = (struct text){accept.ptr + 1, accept.len - 1};
    }
    return SPELLING_JSON;
}

/* The same without comments, every byte in its place. */
static const char *plain_text(struct request *request, struct text text)
{
    char *clean = arena_alloc(&request->arena, text.len + 1);
    struct jsonc_fault fault = {0};
    if (!jsonc_clean((struct bytes){(const uint8_t *)text.ptr, text.len}, clean, &fault))
        return NULL;
    return clean;
}

static const char *yaml_text(struct request *request, const char *plain)
{
    char *yaml = NULL;
    size_t len = 0;
    json_t *tree = json_loads(plain, 0, NULL);
    FILE *out = open_memstream(&yaml, &len);
    if (!tree || !out)
        abort(); /* what is in force was read before */
    report_yaml(out, tree);
    if (fclose(out) != 0)
        abort();
    json_decref(tree);
    const char *copy = arena_cstr(&request->arena, (struct text){yaml, len});
    free(yaml);
    return copy;
}

void inventory_get(struct request *request, struct response *response)
{
    enum spelling spelling = spelling_of(request->accept);
    struct text text = request->view->inventory_text;
    response_set_etag(response, etag_prefix, request->view->inventory_id);
    response->status = 200;
    response_check_none_match(request, response);
    if (response->status == 304)
        return;
    response->page_type = "application/jsonc";
    response->page = arena_cstr(&request->arena, text);
    if (spelling == SPELLING_JSONC)
        return;
    const char *plain = plain_text(request, text);
    if (!plain)
        return; /* cannot be: it was read; as it stands is better than nothing */
    response->page = spelling == SPELLING_YAML ? yaml_text(request, plain) : plain;
    response->page_type = spelling == SPELLING_YAML ? "application/yaml" : "application/json";
}

/* ---- PUT ---- */

static struct text cause_of(struct request *request, const char *what)
{
    struct text reason = request->job.reason;
    if (reason.len == 0)
        return text_from(what);
    return text_from(arena_printf(&request->arena, "%s: %.*s", what, (int)reason.len, reason.ptr));
}

static bool put_make(struct proposal *proposal)
{
    struct request *request = proposal->request;
    proposal->document = request->document;
    proposal->format = request->document_format;
    proposal->change.action = "inventory put";
    proposal->change.object = text_from("inventory");
    proposal->change.cause = cause_of(request, "inventory put");
    return true;
}

void inventory_put(struct request *request, struct response *response)
{
    static const struct proposal_kind kind = {
        .etag_prefix = etag_prefix, .make = put_make, .show = proposal_show_inventory};
    if (proposal_read_head(request, etag_prefix, request->view->inventory_id, response) &&
        proposal_scan(request->document, request->document_format, response))
        proposal_carry_out(request, response, &kind, NULL);
}

/* ---- PATCH ---- */

/* The inventory in force with the patch on it, as the proposal's document. */
static bool patch_document(struct proposal *proposal, const json_t *patch)
{
    const struct world_view *view = proposal->request->view;
    struct text text = view->inventory_text;
    struct jsonc_fault fault = {0};
    proposal->change.made_of = view->inventory_id;
    if (jsonc_merge((struct bytes){(const uint8_t *)text.ptr, text.len}, patch,
                    &proposal->study.arena, &proposal->document, &fault))
        return true;
    response_problem(proposal->response, "internal", "the inventory in force is no object: %s",
                     fault.message);
    return false;
}

static bool patch_make(struct proposal *proposal)
{
    proposal->change.action = "inventory patched";
    proposal->change.object = text_from("inventory");
    proposal->change.cause = cause_of(proposal->request, "inventory patched");
    return patch_document(proposal, proposal->request->body);
}

void inventory_patch(struct request *request, struct response *response)
{
    static const struct proposal_kind kind = {
        .etag_prefix = etag_prefix, .make = patch_make, .show = proposal_show_inventory};
    if (proposal_read_head(request, etag_prefix, request->view->inventory_id, response))
        proposal_carry_out(request, response, &kind, NULL);
}

/* ---- a node ---- */

static bool node_make(struct proposal *proposal)
{
    struct request *request = proposal->request;
    const char *id = proposal->context;
    json_t *patch = json_pack("{s:{s:O}}", "nodes", id, request->body);
    request->job.nodes = &request->variables[0];
    request->job.node_count = 1;
    proposal->change.precondition = WORLD_IF_NODE;
    proposal->change.action = "node patched";
    proposal->change.object = request->variables[0];
    proposal->change.cause = cause_of(request, arena_printf(&request->arena, "node %s", id));
    bool done = patch_document(proposal, patch);
    json_decref(patch);
    return done;
}

static json_t *node_show(struct proposal *proposal)
{
    const struct world_result *result = proposal->result;
    struct json_scene scene = handlers_scene(proposal->request);
    scene.plan = proposal->study.plan;
    if (result) {
        scene.view = result->view;
        scene.plan = result->view->plan;
    }
    uint32_t node =
        inventory_find_node(scene.plan->input.layout->inventory, proposal->request->variables[0]);
    if (result && node != INVENTORY_NONE)
        response_set_etag(proposal->response, "n", world_node_version(result->view, node));
    return node == INVENTORY_NONE ? json_object() : json_view_node(&scene, node);
}

void node_patch(struct request *request, struct response *response)
{
    struct arena *arena = &request->arena;
    const char *id = arena_cstr(arena, request->variables[0]);
    const struct proposal_kind kind = {.etag_prefix = "n",
                                       .pointer_prefix = arena_printf(arena, "/nodes/%s", id),
                                       .make = node_make,
                                       .show = node_show};
    uint32_t node = inventory_find_node(request->view->inventory, request->variables[0]);
    if (node == INVENTORY_NONE)
        response_problem(response, "unknown-node", "%s",
                         hint_node(request->view->inventory, request->variables[0], arena));
    else if (proposal_read_head(request, "n", world_node_version(request->view, node), response))
        proposal_carry_out(request, response, &kind, id);
}

/* ---- validate ---- */

void inventory_validate_post(struct request *request, struct response *response)
{
    struct study study = {0};
    size_t counts[FINDING_INFO + 1] = {0};
    if (!proposal_scan(request->document, request->document_format, response))
        return;
    study_check(&study, request->document, request->document_format, request->now_ms);
    for (size_t i = 0; i < study.findings.count; i++)
        counts[study.findings.items[i].severity]++;
    json_t *body = json_object();
    json_object_set_new(body, "valid", json_boolean(study.findings.errors == 0));
    json_object_set_new(body, "errors", json_integer((json_int_t)counts[FINDING_ERROR]));
    json_object_set_new(body, "warnings", json_integer((json_int_t)counts[FINDING_WARNING]));
    json_object_set_new(body, "infos", json_integer((json_int_t)counts[FINDING_INFO]));
    json_object_set_new(body, "findings", report_findings_json(&study.findings));
    study_fini(&study);
    response_take(response, 200, body);
}
