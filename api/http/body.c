/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/body.h"

#include "api/http/router.h"
#include "srvplan/duration.h"
#include "zones/base/clock.h"

#include <stdio.h>
#include <string.h>

/* Counts levels and values as a parser would meet them: every value but the first stands behind
 * one of [ { , : and strings hide what is in them. False with a reason: it is too much. */
static const char *scan(struct bytes bytes, size_t max_values)
{
    size_t depth = 0, values = 1;
    bool in_string = false;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"')
            in_string = true;
        else if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        values += c == '[' || c == '{' || c == ',' || c == ':';
        if (depth > BODY_MAX_DEPTH)
            return "the body is nested deeper than 32 levels";
        if (values > max_values)
            return max_values == BODY_MAX_VALUES ? "the body has more than 50,000 values"
                                                 : "the body has more than 2,000,000 values";
    }
    return NULL;
}

bool body_parse(struct request *request, struct bytes bytes, struct response *response)
{
    bool is_large = request->route && request->route->body_max_bytes;
    const char *too_much = scan(bytes, is_large ? BODY_DOCUMENT_MAX_VALUES : BODY_MAX_VALUES);
    if (too_much) {
        response_problem(response, "too-large", "%s", too_much);
        return false;
    }
    json_error_t error;
    json_t *body = json_loadb((const char *)bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &error);
    if (!body) {
        response_problem(response, "malformed", "the body is not JSON: line %d, column %d: %s",
                         error.line, error.column, error.text);
        if (response->is_problem && error.line > 0) {
            json_object_set_new(response->json, "line", json_integer(error.line));
            json_object_set_new(response->json, "column", json_integer(error.column));
        }
        return false;
    }
    if (!json_is_object(body)) {
        json_decref(body);
        response_mistake(response, "", "wrong-type", "expected an object", NULL);
        return false;
    }
    request->body = body;
    return true;
}

static const char *pointer_to(const char *at, const char *key, char out[static 256])
{
    size_t used = (size_t)snprintf(out, 256, "%s/", at);
    for (; *key && used < 250; key++) { /* RFC 6901 section 3: "~" and "/" are written ~0 and ~1 */
        if (*key == '~' || *key == '/') {
            out[used++] = '~';
            out[used++] = *key == '~' ? '0' : '1';
        } else {
            out[used++] = *key;
        }
    }
    out[used] = '\0';
    return out;
}

static bool is_known(const char *key, const char *known)
{
    size_t len = strlen(key);
    for (const char *at = known; *at;) {
        const char *end = strchrnul(at, ' ');
        if ((size_t)(end - at) == len && memcmp(at, key, len) == 0)
            return true;
        at = *end ? end + 1 : end;
    }
    return false;
}

void body_check_members(json_t *object, const char *at, const char *known,
                        struct response *response)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        char pointer[256], suggestion[256];
        if (is_known(key, known))
            continue;
        snprintf(suggestion, sizeof suggestion, "known members: %s", known);
        response_mistake(response, pointer_to(at, key, pointer), "unknown-member",
                         "this member is not known here", suggestion);
    }
}

static json_t *member(const struct request *request, const char *key)
{
    json_t *value = json_object_get(request->body, key);
    return json_is_null(value) ? NULL : value;
}

static void mistake(const char *key, const char *code, const char *detail, const char *suggestion,
                    struct response *response)
{
    char pointer[256];
    response_mistake(response, pointer_to("", key, pointer), code, detail, suggestion);
}

/* NULL: fine as a text of ours. */
static const char *text_fault(const json_t *value)
{
    if (!json_is_string(value))
        return "expected a text";
    if (json_string_length(value) > BODY_TEXT_MAX_BYTES)
        return "the text is longer than 1,000 bytes";
    const char *text = json_string_value(value);
    for (size_t i = 0; i < json_string_length(value); i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return "the text holds a control character";
    }
    return NULL;
}

static const char *fault_code(const json_t *value)
{
    return json_is_string(value) ? "wrong-value" : "wrong-type";
}

struct text body_text(struct request *request, const char *key, struct response *response)
{
    const json_t *value = member(request, key);
    if (!value)
        return (struct text){0};
    const char *fault = text_fault(value);
    if (fault) {
        mistake(key, fault_code(value), fault, NULL, response);
        return (struct text){0};
    }
    return (struct text){json_string_value(value), json_string_length(value)};
}

struct text body_text_required(struct request *request, const char *key, struct response *response)
{
    struct text text = body_text(request, key, response);
    if (!text.ptr && !member(request, key))
        mistake(key, "missing", "this member must be there", NULL, response);
    else if (text.ptr && strspn(text.ptr, " ") == text.len)
        mistake(key, "empty", "the text must say something", NULL, response);
    return text;
}

const struct text *body_texts(struct request *request, const char *key, uint32_t *count,
                              struct response *response)
{
    const json_t *list = member(request, key);
    *count = 0;
    if (!list)
        return NULL;
    size_t size = json_array_size(list);
    if (!json_is_array(list) || size == 0 || size > BODY_LIST_MAX) {
        mistake(key, "wrong-type", "expected a list of 1 to 1,000 texts", NULL, response);
        return NULL;
    }
    struct text *texts = arena_array(&request->arena, struct text, size);
    for (size_t i = 0; i < size; i++) {
        const json_t *value = json_array_get(list, i);
        const char *fault = text_fault(value);
        if (!fault && json_string_length(value) == 0)
            fault = "the text is empty";
        char at[256], index[24], pointer[256];
        snprintf(index, sizeof index, "%zu", i);
        if (fault)
            response_mistake(response, pointer_to(pointer_to("", key, at), index, pointer),
                             fault_code(value), fault, NULL);
        else
            texts[i] = (struct text){json_string_value(value), json_string_length(value)};
    }
    *count = (uint32_t)size;
    return texts;
}

bool body_duration_s(struct request *request, const char *key, uint32_t min_s, uint32_t *duration_s,
                     struct response *response)
{
    const json_t *value = member(request, key);
    if (!value)
        return false;
    json_int_t seconds = -1;
    uint32_t parsed_s;
    if (json_is_integer(value))
        seconds = json_integer_value(value);
    else if (json_is_string(value) &&
             duration_parse((struct text){json_string_value(value), json_string_length(value)},
                            BODY_DURATION_MAX_S, &parsed_s, NULL))
        seconds = parsed_s;
    if (seconds >= min_s && seconds <= BODY_DURATION_MAX_S) {
        *duration_s = (uint32_t)seconds;
        return true;
    }
    mistake(key, "wrong-value",
            min_s ? "expected whole seconds, or a text as \"5m\", from 1 s to 366 days"
                  : "expected whole seconds, or a text as \"5m\", from 0 s to 366 days",
            "\"2h\"", response);
    return false;
}

bool body_ratio_ppb(struct request *request, const char *key, uint32_t *part_ppb,
                    struct response *response)
{
    const json_t *value = member(request, key);
    uint64_t percent = 0;
    if (!value)
        return false;
    struct text text = {json_string_value(value), json_string_length(value)};
    double number = json_number_value(value);
    if (json_is_number(value) && number >= 0 && number <= 1) {
        *part_ppb = (uint32_t)(number * RATIO_ONE + 0.5);
        return true;
    }
    if (text.len > 1 && text.ptr[text.len - 1] == '%' &&
        text_to_u64((struct text){text.ptr, text.len - 1}, 0, 100, &percent)) {
        *part_ppb = (uint32_t)percent * (RATIO_ONE / 100);
        return true;
    }
    mistake(key, "wrong-value", "expected a number from 0 to 1, or a text as \"35%\"", "\"50%\"",
            response);
    return false;
}

int64_t body_time_ms(struct request *request, const char *key, struct response *response)
{
    const json_t *value = member(request, key);
    int64_t at_ms = 0;
    if (!value)
        return 0;
    struct text text = {json_string_value(value), json_string_length(value)};
    if (json_is_string(value) && !text_starts_with(text, "@") && clock_parse(text, &at_ms) &&
        at_ms > 0 && at_ms < BODY_TIME_END_MS)
        return at_ms;
    mistake(key, "wrong-value", "expected a time by RFC 3339, before the year 9998",
            "\"2026-12-06T02:00:00Z\"", response);
    return 0;
}

void body_override(struct request *request, struct response *response)
{
    json_t *override = member(request, "override");
    if (!override)
        return;
    if (!json_is_object(override)) {
        mistake("override", "wrong-type", "expected an object",
                "{\"guard\": true, \"reason\": \"why\"}", response);
        return;
    }
    body_check_members(override, "/override", "guard reason", response);
    const json_t *guard = json_object_get(override, "guard");
    const json_t *reason = json_object_get(override, "reason");
    if (!json_is_boolean(guard))
        response_mistake(response, "/override/guard", "wrong-type", "expected true or false", NULL);
    const char *fault = text_fault(reason);
    if (!fault && strspn(json_string_value(reason), " ") == json_string_length(reason))
        fault = "an override needs a reason";
    if (fault) {
        response_mistake(response, "/override/reason", "wrong-value", fault, NULL);
        return;
    }
    request->job.is_override = json_is_true(guard);
    request->job.override_reason =
        (struct text){json_string_value(reason), json_string_length(reason)};
}
