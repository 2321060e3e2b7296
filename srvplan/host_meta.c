/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/host_meta.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <string.h>

#include "srvplan/jsonc.h"

struct parsing {
    struct arena *arena;
    struct host_meta_link *links;
    size_t count, capacity;
    struct error *err;
};

static bool link_add(struct parsing *p, const struct host_meta_link *link)
{
    if (p->count == HOST_META_MAX_LINKS)
        return error_set(p->err, ERROR_INVALID, "more than %d links; no client reads so many",
                         HOST_META_MAX_LINKS);
    p->links = arena_grow(p->arena, p->links, &p->capacity, p->count + 1, sizeof *p->links);
    p->links[p->count++] = *link;
    return true;
}

/* "websocket" of "urn:xmpp:alt-connections:websocket"; NULL: no rel of XMPP. */
static const char *rel_of(struct arena *arena, struct text rel)
{
    size_t len = sizeof HOST_META_PREFIX - 1;
    if (!text_starts_with(rel, HOST_META_PREFIX))
        return NULL;
    return arena_cstr(arena, (struct text){rel.ptr + len, rel.len - len});
}

/* ---- XRD ---- */

struct scan {
    struct text text;
    size_t at;
    uint32_t line;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void scan_step(struct scan *scan, size_t count)
{
    for (size_t i = 0; i < count && scan->at < scan->text.len; i++)
        scan->line += scan->text.ptr[scan->at++] == '\n';
}

/* Moves behind the next `end`, or to the end of the text. */
static void scan_past(struct scan *scan, const char *end)
{
    size_t left = scan->text.len - scan->at;
    const char *found = memmem(scan->text.ptr + scan->at, left, end, strlen(end));
    scan_step(scan, found ? (size_t)(found - scan->text.ptr) - scan->at + strlen(end) : left);
}

static void scan_spaces(struct scan *scan)
{
    while (scan->at < scan->text.len && is_space(scan->text.ptr[scan->at]))
        scan_step(scan, 1);
}

static struct text scan_word(struct scan *scan)
{
    size_t start = scan->at;
    while (scan->at < scan->text.len && !is_space(scan->text.ptr[scan->at]) &&
           !strchr("=/><\"'", scan->text.ptr[scan->at]))
        scan->at++;
    return (struct text){scan->text.ptr + start, scan->at - start};
}

/* One attribute of a tag. False: the tag ends here. */
static bool scan_attribute(struct scan *scan, struct text *name, struct text *value)
{
    scan_spaces(scan);
    *name = scan_word(scan);
    scan_spaces(scan);
    if (name->len == 0 || scan->at >= scan->text.len || scan->text.ptr[scan->at] != '=')
        return false;
    scan_step(scan, 1);
    scan_spaces(scan);
    char quote = scan->at < scan->text.len ? scan->text.ptr[scan->at] : '\0';
    if (quote != '"' && quote != '\'')
        return false;
    size_t start = scan->at + 1;
    const char *end = memchr(scan->text.ptr + start, quote, scan->text.len - start);
    if (!end)
        return false;
    *value = (struct text){scan->text.ptr + start, (size_t)(end - scan->text.ptr) - start};
    scan_step(scan, value->len + 2);
    return true;
}

/* The name without a namespace's prefix. */
static bool is_element(struct text name, const char *wanted)
{
    const char *colon = memchr(name.ptr, ':', name.len);
    size_t skip = colon ? (size_t)(colon - name.ptr) + 1 : 0;
    return text_is((struct text){name.ptr + skip, name.len - skip}, wanted);
}

static bool xrd_tag(struct parsing *p, struct scan *scan, bool *has_xrd)
{
    struct host_meta_link link = {.href = "", .line = scan->line};
    struct text name, value;
    scan_step(scan, 1);
    struct text element = scan_word(scan);
    *has_xrd |= is_element(element, "XRD");
    if (!is_element(element, "Link")) {
        scan_past(scan, ">");
        return true;
    }
    while (scan_attribute(scan, &name, &value)) {
        if (text_is(name, "rel"))
            link.rel = rel_of(p->arena, value);
        else if (text_is(name, "href"))
            link.href = arena_cstr(p->arena, value);
    }
    scan_past(scan, ">");
    return !link.rel || link_add(p, &link);
}

static bool xrd_parse(struct parsing *p, struct text text)
{
    struct scan scan = {.text = text, .line = 1};
    bool has_xrd = false;
    while (scan.at < text.len) {
        struct text rest = {text.ptr + scan.at, text.len - scan.at};
        if (text_starts_with(rest, "<!--"))
            scan_past(&scan, "-->");
        else if (text_starts_with(rest, "<?") || text_starts_with(rest, "<!") ||
                 text_starts_with(rest, "</"))
            scan_past(&scan, ">");
        else if (rest.ptr[0] != '<')
            scan_step(&scan, 1);
        else if (!xrd_tag(p, &scan, &has_xrd))
            return false;
    }
    return has_xrd || error_set(p->err, ERROR_INVALID,
                                "no <XRD> in it; a host-meta file is written as RFC 6415 says");
}

/* ---- JSON ---- */

static bool number_read(const json_t *value, uint16_t *number)
{
    json_int_t read = json_is_integer(value) ? json_integer_value(value) : -1;
    if (read < 0 || read > UINT16_MAX)
        return false;
    *number = (uint16_t)read;
    return true;
}

static void addresses_read(struct parsing *p, const json_t *list, struct host_meta_link *link)
{
    struct bytes *addresses = arena_array(p->arena, struct bytes, json_array_size(list));
    size_t index;
    const json_t *item;
    json_array_foreach(list, index, item)
    {
        uint8_t address[16];
        const char *text = json_is_string(item) ? json_string_value(item) : "";
        if (inet_pton(AF_INET, text, address) == 1)
            addresses[link->address_count++] = arena_bytes(p->arena, address, 4);
        else if (inet_pton(AF_INET6, text, address) == 1)
            addresses[link->address_count++] = arena_bytes(p->arena, address, 16);
    }
    link->addresses = addresses;
}

static struct text string_of(const json_t *value)
{
    return (struct text){json_is_string(value) ? json_string_value(value) : "",
                         json_is_string(value) ? json_string_length(value) : 0};
}

static bool json_link(struct parsing *p, const json_t *object, uint32_t line)
{
    struct host_meta_link link = {
        .rel = rel_of(p->arena, string_of(json_object_get(object, "rel"))),
        .href = arena_cstr(p->arena, string_of(json_object_get(object, "href"))),
        .line = line,
    };
    if (!link.rel)
        return true;
    bool has_priority = number_read(json_object_get(object, "priority"), &link.priority);
    link.has_numbers = number_read(json_object_get(object, "weight"), &link.weight) && has_priority;
    if (!number_read(json_object_get(object, "port"), &link.port))
        link.port = 0;
    addresses_read(p, json_object_get(object, "ips"), &link);
    return link_add(p, &link);
}

/* The lines of the first `count` links. The text is JSON, so that it is JSONC too. */
static uint32_t *link_lines(struct parsing *p, struct bytes text, size_t count)
{
    struct jsonc_position *positions = arena_array(p->arena, struct jsonc_position, count);
    uint32_t *lines = arena_array(p->arena, uint32_t, count);
    for (size_t i = 0; i < count; i++) {
        struct jsonc_place place = {.pointer = arena_printf(p->arena, "/links/%zu", i)};
        jsonc_locate((struct text){(const char *)text.ptr, text.len}, &place, 1);
        positions[i].offset = place.value > 0 ? (size_t)place.value : 0;
    }
    jsonc_positions(text, positions, count);
    for (size_t i = 0; i < count; i++)
        lines[i] = positions[i].line;
    return lines;
}

static bool json_parse(struct parsing *p, struct bytes text, struct host_meta *host_meta)
{
    enum {
        LOCATED_MAX = 100 /* each costs a pass; beyond them nobody looks */
    };
    json_error_t error;
    struct jsonc_fault fault;
    if (!jsonc_check((struct text){(const char *)text.ptr, text.len}, &fault))
        return error_set(p->err, ERROR_INVALID, "no JSON: %s", fault.message);
    json_t *tree = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!tree)
        return error_set(p->err, ERROR_INVALID, "no JSON: line %d: %s", error.line, error.text);
    const json_t *links = json_object_get(tree, "links"), *link;
    const json_t *ttl = json_object_get(json_object_get(tree, "xmpp"), "ttl");
    size_t index, located = json_array_size(links);
    located = located < LOCATED_MAX ? located : LOCATED_MAX;
    uint32_t *lines = link_lines(p, text, located);
    bool ok = true;
    host_meta->has_ttl = json_is_integer(ttl) && json_integer_value(ttl) >= 0 &&
                         json_integer_value(ttl) <= UINT32_MAX;
    host_meta->ttl_s = host_meta->has_ttl ? (uint32_t)json_integer_value(ttl) : 0;
    json_array_foreach(links, index, link)
    {
        ok = ok && json_link(p, link, index < located ? lines[index] : 0);
    }
    json_decref(tree);
    return ok;
}

bool host_meta_parse(struct arena *arena, struct bytes text, const char *file,
                     struct host_meta *host_meta, struct error *err)
{
    struct parsing p = {.arena = arena, .err = err};
    struct host_meta parsed = {.file = file};
    size_t start = 0;
    while (start < text.len && is_space((char)text.ptr[start]))
        start++;
    parsed.is_json = start == text.len || text.ptr[start] != '<';
    if (!(parsed.is_json ? json_parse(&p, text, &parsed)
                         : xrd_parse(&p, (struct text){(const char *)text.ptr, text.len})))
        return false;
    parsed.links = p.links;
    parsed.link_count = (uint32_t)p.count;
    *host_meta = parsed;
    return true;
}
