/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/yaml.h"

#include "srvplan/jsonc.h"
#include "srvplan/yaml_sayings.h"
#include "srvplan/yaml_scalar.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum {
    ANCHORS_MAX = 10000 /* each is looked up by going through them */
};

/* A value that has a name. Its JSON is complete once the value is. */
struct anchor {
    struct text name;
    bool is_open;
    size_t from, to; /* in the JSON */
    uint32_t values;
};

/* A list or object that is open. */
struct level {
    bool is_object, has_key;
    uint32_t items;
    size_t anchor; /* index + 1; 0: it has no name */
    uint32_t values_before;
};

struct work {
    yaml_parser_t parser;
    struct bytes text;
    struct arena *arena;
    struct yaml_fault *fault;
    size_t max;
    char *json;
    size_t len, capacity;
    struct yaml_mark *marks;
    size_t mark_count, mark_capacity;
    struct anchor *anchors;
    size_t anchor_count, anchor_capacity;
    struct level levels[JSONC_MAX_DEPTH + 1]; /* [0] is the document */
    uint32_t depth;
    uint32_t values;
    uint32_t documents;
};

static bool fault(struct work *work, yaml_mark_t at, const char *code, const char *mend,
                  const char *format, ...) PRINTF_LIKE(5, 6);

/* Returns false. */
static bool fault(struct work *work, yaml_mark_t at, const char *code, const char *mend,
                  const char *format, ...)
{
    va_list args;
    work->fault->code = code;
    work->fault->line = (uint32_t)at.line + 1;
    work->fault->column = (uint32_t)at.column + 1;
    work->fault->mend = mend;
    va_start(args, format);
    vsnprintf(work->fault->message, sizeof work->fault->message, format, args);
    va_end(args);
    text_end_whole(work->fault->message);
    return false;
}

/* A name or tag for a message; libyaml has only let characters of words pass. */
static int shown(const yaml_char_t *word)
{
    size_t len = strlen((const char *)word);
    if (len > 60)
        for (len = 60; len > 0 && (word[len] & 0xc0) == 0x80;)
            len--;
    return (int)len;
}

/* ---- the JSON ---- */

static bool put(struct work *work, yaml_mark_t at, struct text text)
{
    if (text.len > work->max - work->len)
        return fault(work, at, "too-large", "split the inventory, or use fewer aliases",
                     "expected at most %zu bytes with all aliases written out, found more",
                     work->max);
    work->json = arena_grow(work->arena, work->json, &work->capacity, work->len + text.len + 1, 1);
    memcpy(work->json + work->len, text.ptr, text.len);
    work->len += text.len;
    work->json[work->len] = '\0';
    return true;
}

static bool put_string(struct work *work, yaml_mark_t at, struct text text)
{
    bool done = put(work, at, (struct text){"\"", 1});
    size_t from = 0;
    for (size_t i = 0; done && i < text.len; i++) {
        char escape[8];
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= ' ' && c != '"' && c != '\\')
            continue;
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        done = put(work, at, (struct text){text.ptr + from, i - from}) &&
               put(work, at, text_from(escape));
        from = i + 1;
    }
    return done && put(work, at, (struct text){text.ptr + from, text.len - from}) &&
           put(work, at, (struct text){"\"", 1});
}

static void mark(struct work *work, yaml_mark_t at)
{
    work->marks = arena_grow(work->arena, work->marks, &work->mark_capacity, work->mark_count + 1,
                             sizeof *work->marks);
    work->marks[work->mark_count++] = (struct yaml_mark){
        .at = work->len, .line = (uint32_t)at.line + 1, .column = (uint32_t)at.column + 1};
}

/* What comes before a value: a comma, unless it is the first or has a key. */
static bool value_begin(struct work *work, yaml_mark_t at, uint32_t values)
{
    struct level *level = &work->levels[work->depth];
    if (!level->is_object && level->items++ > 0 && !put(work, at, (struct text){",", 1}))
        return false;
    level->has_key = false;
    if (values > JSONC_MAX_VALUES - work->values)
        return fault(work, at, "too-many-values", "split the inventory, or use fewer aliases",
                     "expected at most %d values with all aliases written out, found more",
                     JSONC_MAX_VALUES);
    work->values += values;
    mark(work, at);
    return true;
}

static bool key_is_next(const struct work *work)
{
    const struct level *level = &work->levels[work->depth];
    return level->is_object && !level->has_key;
}

/* ---- anchors ---- */

static struct anchor *anchor_find(struct work *work, struct text name)
{
    for (size_t i = work->anchor_count; i-- > 0;) /* a name may be given again: the last counts */
        if (text_equal(work->anchors[i].name, name))
            return &work->anchors[i];
    return NULL;
}

/* Names the value that comes; *anchor is its index + 1, or 0. */
static bool anchor_add(struct work *work, const yaml_event_t *event, const yaml_char_t *name,
                       size_t *anchor)
{
    *anchor = 0;
    if (!name)
        return true;
    if (work->anchor_count == ANCHORS_MAX)
        return fault(work, event->start_mark, "yaml-alias", "write some of the values out",
                     "expected at most %d anchors, found more", ANCHORS_MAX);
    work->anchors = arena_grow(work->arena, work->anchors, &work->anchor_capacity,
                               work->anchor_count + 1, sizeof *work->anchors);
    work->anchors[work->anchor_count++] = (struct anchor){
        .name = arena_text(work->arena, text_from((const char *)name)),
        .is_open = true,
        .from = work->len,
    };
    *anchor = work->anchor_count;
    return true;
}

static void anchor_close(struct work *work, size_t anchor, uint32_t values)
{
    if (anchor == 0)
        return;
    struct anchor *closed = &work->anchors[anchor - 1];
    closed->is_open = false;
    closed->to = work->len;
    closed->values = values;
}

static bool alias_take(struct work *work, const yaml_event_t *event)
{
    const yaml_char_t *name = event->data.alias.anchor;
    yaml_mark_t at = event->start_mark;
    const struct anchor *anchor = anchor_find(work, text_from((const char *)name));
    if (key_is_next(work))
        return fault(work, at, "yaml-key", "write the key itself",
                     "expected a text as key, found the alias *%.*s", shown(name), name);
    if (!anchor)
        return fault(work, at, "yaml-alias", "give a value further up the name with \"&\"",
                     "expected an alias of an anchor that stands before it, found *%.*s",
                     shown(name), name);
    if (anchor->is_open)
        return fault(work, at, "yaml-alias", "write the value out",
                     "expected an alias of a value that is complete, found *%.*s within itself",
                     shown(name), name);
    struct anchor value = *anchor; /* the array may move */
    if (!value_begin(work, at, value.values))
        return false;
    /* The JSON moves while it grows, so its own part is copied through the arena. */
    struct text copy =
        arena_text(work->arena, (struct text){work->json + value.from, value.to - value.from});
    return put(work, at, copy);
}

/* ---- values ---- */

static bool tag_check(struct work *work, const yaml_event_t *event, const yaml_char_t *tag)
{
    static const char core[] = "tag:yaml.org,2002:";
    bool is_core = tag && strncmp((const char *)tag, core, strlen(core)) == 0;
    if (!tag)
        return true;
    if (is_core)
        tag += strlen(core);
    return fault(work, event->start_mark, "yaml-tag",
                 "remove it; put a text in quotes where that is what it was for",
                 "expected a value without a tag, found %s%.*s", is_core ? "!!" : "", shown(tag),
                 tag);
}

static struct text scalar_text(const yaml_event_t *event)
{
    return (struct text){(const char *)event->data.scalar.value, event->data.scalar.length};
}

static bool is_plain(const yaml_event_t *event)
{
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool key_take(struct work *work, const yaml_event_t *event)
{
    struct level *level = &work->levels[work->depth];
    struct text text = scalar_text(event);
    yaml_mark_t at = event->start_mark;
    char number[YAML_NUMBER_SIZE];
    enum yaml_kind kind = is_plain(event) ? yaml_scalar_kind(text, number) : YAML_TEXT;
    if (is_plain(event) && text_is(text, "<<"))
        return fault(work, at, "yaml-merge",
                     "write the keys out, or put what is the same for all into \"defaults\"",
                     "expected keys, found a merge key (\"<<\"), which YAML 1.2 does not have");
    if (kind != YAML_TEXT && text.len == 0)
        return fault(work, at, "yaml-key", "write a key before the \":\"",
                     "expected a key, found none");
    if (kind != YAML_TEXT)
        return fault(work, at, "yaml-key", "put it in double quotes",
                     "expected a text as key, found %s %.*s", yaml_kind_print(kind),
                     shown(event->data.scalar.value), event->data.scalar.value);
    if (level->items++ > 0 && !put(work, at, (struct text){",", 1}))
        return false;
    level->has_key = true;
    mark(work, at);
    return put_string(work, at, text) && put(work, at, (struct text){":", 1});
}

static bool value_take(struct work *work, const yaml_event_t *event)
{
    struct text text = scalar_text(event);
    yaml_mark_t at = event->start_mark;
    char number[YAML_NUMBER_SIZE];
    switch (is_plain(event) ? yaml_scalar_kind(text, number) : YAML_TEXT) {
    case YAML_TEXT:
        return put_string(work, at, text);
    case YAML_NULL:
        return put(work, at, text_from("null"));
    case YAML_TRUE:
        return put(work, at, text_from("true"));
    case YAML_FALSE:
        return put(work, at, text_from("false"));
    case YAML_NUMBER:
        return put(work, at, text_from(number));
    case YAML_TOO_LARGE:
        return fault(work, at, "number-too-large", "write a smaller one, or put a text in quotes",
                     "expected a number within 64 bits, found %.*s",
                     shown(event->data.scalar.value), event->data.scalar.value);
    case YAML_NOT_FINITE:
        return fault(work, at, "syntax", "write a number, or put a text in quotes",
                     "expected a number, found %.*s", shown(event->data.scalar.value),
                     event->data.scalar.value);
    }
    return false;
}

static bool scalar_take(struct work *work, const yaml_event_t *event)
{
    size_t anchor;
    yaml_mark_t at = event->start_mark;
    bool is_key = key_is_next(work);
    if (!tag_check(work, event, event->data.scalar.tag))
        return false;
    if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
        return fault(work, at, "syntax", "remove it", "expected text, found a NUL character in it");
    if (is_key && event->data.scalar.anchor)
        return fault(work, at, "yaml-key", "remove the anchor",
                     "expected a key without an anchor, found &%.*s",
                     shown(event->data.scalar.anchor), event->data.scalar.anchor);
    if (is_key)
        return key_take(work, event);
    if (!value_begin(work, at, 1) || !anchor_add(work, event, event->data.scalar.anchor, &anchor) ||
        !value_take(work, event))
        return false;
    anchor_close(work, anchor, 1);
    return true;
}

static bool open_take(struct work *work, const yaml_event_t *event, bool is_object)
{
    size_t anchor;
    yaml_mark_t at = event->start_mark;
    uint32_t before = work->values;
    const yaml_char_t *tag =
        is_object ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const yaml_char_t *name =
        is_object ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    if (!tag_check(work, event, tag))
        return false;
    if (key_is_next(work))
        return fault(work, at, "yaml-key", "write a text",
                     "expected a text as key, found a list or an object");
    if (work->depth == JSONC_MAX_DEPTH)
        return fault(work, at, "too-deep", "remove the inner levels",
                     "expected at most %d levels of objects and lists, found more",
                     JSONC_MAX_DEPTH);
    if (!value_begin(work, at, 1) || !anchor_add(work, event, name, &anchor) ||
        !put(work, at, text_from(is_object ? "{" : "[")))
        return false;
    work->levels[++work->depth] =
        (struct level){.is_object = is_object, .anchor = anchor, .values_before = before};
    return true;
}

static bool close_take(struct work *work, const yaml_event_t *event)
{
    const struct level *level = &work->levels[work->depth];
    if (!put(work, event->start_mark, text_from(level->is_object ? "}" : "]")))
        return false;
    anchor_close(work, level->anchor, work->values - level->values_before);
    work->depth--;
    return true;
}

/* ---- the stream ---- */

static bool document_begin(struct work *work, const yaml_event_t *event)
{
    const yaml_version_directive_t *version = event->data.document_start.version_directive;
    if (++work->documents > 1)
        return fault(work, event->start_mark, "yaml-documents",
                     "make a file of each, or one document of both",
                     "expected one document in the file, found the beginning of a second");
    if (version && version->minor < 2)
        return fault(work, event->start_mark, "yaml-version", "remove the line",
                     "expected YAML 1.2, found %%YAML %d.%d", version->major, version->minor);
    return true;
}

static bool event_take(struct work *work, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return document_begin(work, event);
    case YAML_ALIAS_EVENT:
        return alias_take(work, event);
    case YAML_SCALAR_EVENT:
        return scalar_take(work, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_take(work, event, false);
    case YAML_MAPPING_START_EVENT:
        return open_take(work, event, true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_take(work, event);
    case YAML_STREAM_END_EVENT:
        return work->documents > 0 ||
               fault(work, event->start_mark, "syntax", "write keys, as \"srvplan: 1\"",
                     "expected a document, found none");
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return true;
}

static yaml_mark_t problem_place(const struct work *work)
{
    struct jsonc_position at = {.offset = work->parser.problem_offset};
    if (work->parser.error != YAML_READER_ERROR)
        return work->parser.problem_mark;
    jsonc_positions(work->text, &at, 1); /* the reader counts bytes */
    return (yaml_mark_t){.line = at.line - 1, .column = at.column - 1};
}

static bool parser_fault(struct work *work)
{
    const yaml_parser_t *parser = &work->parser;
    const char *problem = parser->problem ? parser->problem : "it is not YAML";
    const char *context = parser->context ? parser->context : "";
    char began[64] = "";
    yaml_mark_t at = problem_place(work);
    if (parser->error == YAML_MEMORY_ERROR)
        abort();
    if (context[0] && (parser->context_mark.line != at.line)) /* far enough to be worth a word */
        snprintf(began, sizeof began, "; what it is in began at line %zu, column %zu",
                 parser->context_mark.line + 1, parser->context_mark.column + 1);
    const struct yaml_saying *saying = yaml_saying_find(problem, context);
    if (saying)
        return fault(work, at, "syntax", saying->mend, "%s%s", saying->message, began);
    return fault(work, at, "syntax", "see https://yaml.org/spec/1.2.2/, or write the file as JSON",
                 "expected YAML: %s%s%s%s", context, context[0] ? ", " : "", problem, began);
}

bool yaml_to_json(struct bytes text, size_t max, struct arena *arena, struct yaml_json *json,
                  struct yaml_fault *fault_found)
{
    struct work work = {.text = text, .arena = arena, .fault = fault_found, .max = max};
    bool is_good = yaml_parser_initialize(&work.parser), is_over = false;
    if (!is_good)
        abort();
    yaml_parser_set_input_string(&work.parser, text.ptr, text.len);
    yaml_parser_set_encoding(&work.parser, YAML_UTF8_ENCODING);
    while (is_good && !is_over) {
        yaml_event_t event;
        if (!yaml_parser_parse(&work.parser, &event)) {
            is_good = parser_fault(&work);
            break;
        }
        is_good = event_take(&work, &event);
        is_over = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&work.parser);
    *json = (struct yaml_json){{work.json, work.len}, work.marks, work.mark_count};
    return is_good;
}

struct yaml_mark yaml_mark_at(const struct yaml_json *json, size_t at)
{
    size_t low = 0, high = json->mark_count; /* the first that is behind `at` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (json->marks[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? json->marks[low - 1] : (struct yaml_mark){.line = 1, .column = 1};
}
