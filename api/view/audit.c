/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/audit.h"

#include "api/auth/auth.h"
#include "api/view/json_view.h"
#include "srvplan/inventory.h"
#include "srvplan/overlay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text audit_print(struct arena *arena, json_t *object)
{
    char *dumped = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (!dumped)
        abort();
    struct text text = arena_text(arena, text_from(dumped));
    free(dumped);
    json_decref(object);
    return text;
}

static void put_text(json_t *object, const char *key, struct text text)
{
    if (text.len)
        json_object_set_new(object, key, json_view_text(text));
}

static void put_time(json_t *object, const char *key, int64_t at_ms)
{
    if (at_ms)
        json_object_set_new(object, key, json_view_time(at_ms));
}

struct text audit_print_drain(struct arena *arena, const struct store_drain *drain)
{
    json_t *object = json_object();
    put_text(object, "id", drain->id);
    put_text(object, "node", drain->node);
    json_object_set_new(object, "services", json_view_words(drain->services, "*"));
    json_object_set_new(object, "mode",
                        json_string(drain_mode_print((enum drain_mode)drain->mode)));
    if (drain->to_ppb)
        json_object_set_new(object, "to", json_real(drain->to_ppb / 1e9));
    json_object_set_new(object, "ramp", json_integer(drain->ramp_s));
    json_object_set_new(object, "steps", json_integer(drain->ramp_steps));
    json_object_set_new(object, "lead", json_string(drain->is_lead_auto ? "auto" : "none"));
    put_text(object, "actor", drain->actor);
    put_text(object, "reason", drain->reason);
    put_text(object, "override_reason", drain->override_reason);
    put_time(object, "since", drain->since_at_ms);
    put_time(object, "until", drain->until_at_ms);
    if (drain->for_s)
        json_object_set_new(object, "for", json_integer(drain->for_s));
    put_time(object, "blocked_at", drain->blocked_at_ms);
    put_text(object, "blocked_because", drain->blocked_because);
    put_time(object, "ended_at", drain->ended_at_ms);
    if (drain->is_aborted)
        json_object_set_new(object, "aborted", json_true());
    put_text(object, "ended_by", drain->ended_actor);
    json_object_set_new(object, "version", json_integer(drain->version));
    return audit_print(arena, object);
}

/* As it is written in a request: 10, "50%", "+2". */
static json_t *weight_json(const struct store_weight *weight)
{
    switch ((enum weight_form)weight->form) {
    case WEIGHT_ABSOLUTE:
        break;
    case WEIGHT_PERCENT:
        return json_sprintf("%" PRId32 "%%", weight->value);
    case WEIGHT_ADD:
        return json_sprintf("%+" PRId32, weight->value);
    }
    return json_integer(weight->value);
}

struct text audit_print_weight(struct arena *arena, const struct store_weight *weight)
{
    json_t *object = json_object();
    put_text(object, "node", weight->node);
    put_text(object, "service", weight->service);
    json_object_set_new(object, "weight", weight_json(weight));
    put_text(object, "actor", weight->actor);
    put_text(object, "reason", weight->reason);
    put_time(object, "since", weight->since_at_ms);
    put_time(object, "until", weight->until_at_ms);
    return audit_print(arena, object);
}

struct text audit_print_token(struct arena *arena, const struct store_token *token)
{
    json_t *object = json_object();
    put_text(object, "id", token->id);
    put_text(object, "name", token->name);
    json_object_set_new(object, "role", json_string(role_print((enum role)token->role)));
    json_object_set_new(object, "nodes", json_view_words(token->nodes, "*"));
    json_object_set_new(object, "domains", json_view_words(token->domains, "*"));
    put_text(object, "actor", token->actor);
    put_time(object, "created_at", token->created_at_ms);
    put_time(object, "expires_at", token->expires_at_ms);
    return audit_print(arena, object);
}

struct text audit_print_inventory(struct arena *arena, const struct store_inventory *inventory,
                                  const struct digest *digest)
{
    json_t *object = json_object();
    json_object_set_new(object, "digest", json_view_digest(digest));
    json_object_set_new(object, "bytes", json_integer((json_int_t)inventory->text.len));
    json_object_set_new(object, "source",
                        json_string(inventory->source == STORE_SOURCE_FILE ? "file" : "store"));
    put_text(object, "file", inventory->file);
    return audit_print(arena, object);
}

struct text audit_print_backup(struct arena *arena, const struct store_backup_made *made)
{
    json_t *object = json_object();
    put_text(object, "file", made->file);
    json_object_set_new(object, "revision", json_integer((json_int_t)made->revision));
    json_object_set_new(object, "bytes", json_integer((json_int_t)made->bytes));
    json_object_set_new(object, "removed", json_integer(made->removed));
    return audit_print(arena, object);
}

const char *audit_head_print(const struct store_audit_head *head, char text[static AUDIT_HEAD_SIZE])
{
    char hash[DIGEST_TEXT_SIZE];
    snprintf(text, AUDIT_HEAD_SIZE, "%" PRId64 ":%s", head->id, digest_print(&head->hash, hash));
    return text;
}

static int hex_value(char c)
{
    const char *digit = c ? strchr("0123456789abcdef", c) : NULL;
    return digit ? (int)(digit - "0123456789abcdef") : -1;
}

bool audit_head_parse(struct text text, struct store_audit_head *head)
{
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    uint64_t id = 0;
    struct store_audit_head read = {0};
    if (!colon ||
        !text_to_u64((struct text){text.ptr, (size_t)(colon - text.ptr)}, 1, INT64_MAX, &id))
        return false;
    const char *hex = colon + 1;
    if (text.len - (size_t)(hex - text.ptr) != DIGEST_TEXT_SIZE - 1)
        return false;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        read.hash.byte[i] = (uint8_t)(high << 4 | low);
    }
    read.id = (int64_t)id;
    *head = read;
    return true;
}

/* Objects stand in the audit as their JSON; what is no JSON any more is shown as text. */
static json_t *object_json(struct text text)
{
    if (text.len == 0)
        return json_null();
    json_t *object = json_loadb(text.ptr, text.len, 0, NULL);
    return object ? object : json_view_text(text);
}

json_t *audit_row_json(const struct store_audit_row *row)
{
    const struct store_audit *line = &row->line;
    json_t *json = json_object();
    json_object_set_new(json, "id", json_integer(row->id));
    json_object_set_new(json, "at", json_view_time(line->at_ms));
    json_object_set_new(json, "actor", json_view_text_or_null(line->actor));
    json_object_set_new(json, "source", json_view_text(line->source));
    json_object_set_new(json, "action", json_view_text(line->action));
    json_object_set_new(json, "object", json_view_text_or_null(line->object));
    json_object_set_new(json, "reason", json_view_text_or_null(line->detail));
    json_object_set_new(json, "outcome", json_view_text(line->outcome));
    json_object_set_new(json, "revision", json_view_number_or_null((int64_t)row->revision));
    json_object_set_new(json, "before", object_json(line->before));
    json_object_set_new(json, "after", object_json(line->after));
    json_object_set_new(json, "hash", json_view_digest(&row->hash));
    return json;
}
