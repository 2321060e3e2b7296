/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/object_view.h"

#include <string.h>

#include "srvplan/command/table.h"
#include "srvplan/command/views.h"
#include "zones/base/clock.h"

enum {
    DEPTH_MAX = 6, /* of sections within sections; objects of ours have three */
    COLUMNS_MAX = 16,
};

struct page {
    const struct output *output;
    struct arena *arena;
    int64_t now_ms;
};

static bool is_tree(const json_t *value)
{
    return json_is_object(value) ||
           (json_is_array(value) && json_is_object(json_array_get(value, 0)));
}

/* "share", "least_share", "cached_fraction_max": parts of a whole. */
static bool is_part(const char *key)
{
    return strstr(key, "share") || strstr(key, "fraction") || strstr(key, "ratio");
}

static const char *value_print(const struct page *page, const char *key, const json_t *value)
{
    const char *list = NULL;
    size_t i;
    json_t *item;
    int64_t at_ms;
    switch (json_typeof(value)) {
    case JSON_STRING:
        return clock_parse(text_from(json_string_value(value)), &at_ms)
                   ? view_time(json_string_value(value), page->now_ms, page->arena)
                   : json_string_value(value);
    case JSON_INTEGER:
        return arena_printf(page->arena, "%lld", (long long)json_integer_value(value));
    case JSON_REAL:
        return is_part(key) ? view_share(json_real_value(value), page->arena)
                            : arena_printf(page->arena, "%.6g", json_real_value(value));
    case JSON_TRUE:
        return "yes";
    case JSON_FALSE:
        return "no";
    case JSON_NULL:
        return NULL;
    case JSON_ARRAY:
        json_array_foreach(value, i, item)
        {
            const char *text = value_print(page, key, item);
            text = text ? text : "-";
            list = list ? arena_printf(page->arena, "%s, %s", list, text) : text;
        }
        return list;
    case JSON_OBJECT:
        break;
    }
    return "...";
}

static const char *label_print(const struct page *page, const char *key)
{
    char *label = arena_cstr(page->arena, text_from(key));
    for (char *c = label; *c; c++)
        if (*c == '_')
            *c = ' ';
    return label;
}

static void object_print(const struct page *page, const json_t *object, size_t indent,
                         unsigned depth);

/* -- lists of objects -- */

static bool has_tree(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (is_tree(value))
            return true;
    }
    return false;
}

static bool any_has_tree(const json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (has_tree(item))
            return true;
    }
    return false;
}

/* The columns of the first object; others of the list have the same. */
static void rows_print(const struct page *page, const json_t *list, size_t indent)
{
    const char *keys[COLUMNS_MAX], *key;
    json_t *value;
    size_t columns = 0, i;
    json_object_foreach(json_array_get(list, 0), key, value)
    {
        if (columns < COLUMNS_MAX)
            keys[columns++] = key;
    }
    struct table table = table_with(columns);
    table.indent = indent;
    for (size_t column = 0; column < columns; column++)
        table_add(&table, page->output, label_print(page, keys[column]));
    json_array_foreach(list, i, value)
    {
        for (size_t column = 0; column < columns && i < OBJECT_ROWS_MAX; column++) {
            const json_t *cell = json_object_get(value, keys[column]);
            table_add(&table, page->output, cell ? value_print(page, keys[column], cell) : NULL);
        }
    }
    table_print(&table, page->output);
    table_fini(&table);
}

static void list_print(const struct page *page, const json_t *list, size_t indent, unsigned depth)
{
    size_t i;
    json_t *item;
    if (!any_has_tree(list) && json_object_size(json_array_get(list, 0)) > 0) {
        rows_print(page, list, indent);
    } else {
        json_array_foreach(list, i, item)
        {
            if (i >= OBJECT_ROWS_MAX)
                break;
            if (i)
                fputc('\n', page->output->out);
            object_print(page, item, indent, depth);
        }
    }
    size_t count = json_array_size(list);
    if (count > OBJECT_ROWS_MAX)
        fprintf(page->output->out, "%*s... and %zu more; -o json has them all\n", (int)indent, "",
                count - OBJECT_ROWS_MAX);
}

/* -- one object -- */

static void scalars_print(const struct page *page, const json_t *object, size_t indent)
{
    const char *key;
    json_t *value;
    int widest = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        int width = (int)strlen(key);
        if (!is_tree(value) && width > widest)
            widest = width;
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (is_tree(value))
            continue;
        const char *text = value_print(page, key, value);
        fprintf(page->output->out, "%*s%-*s  %s\n", (int)indent, "", widest,
                output_text(page->output, label_print(page, key), page->arena),
                output_text(page->output, text && text[0] ? text : "-", page->arena));
    }
}

static void object_print(const struct page *page, const json_t *object, size_t indent,
                         unsigned depth)
{
    const char *on = page->output->colors_out ? "\033[1m" : "";
    const char *off = page->output->colors_out ? "\033[0m" : "";
    const char *key;
    json_t *value;
    if (depth > DEPTH_MAX || !json_is_object(object))
        return;
    scalars_print(page, object, indent);
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!is_tree(value))
            continue;
        const char *label = output_text(page->output, label_print(page, key), page->arena);
        if (json_object_size(value) == 0 && json_is_object(value)) {
            fprintf(page->output->out, "%*s%s  none\n", (int)indent, "", label);
            continue;
        }
        fprintf(page->output->out, "%s%*s%s%s%s\n", depth ? "" : "\n", (int)indent, "", on, label,
                off);
        if (json_is_object(value))
            object_print(page, value, indent + 2, depth + 1);
        else
            list_print(page, value, indent + 2, depth + 1);
    }
}

void object_view(const struct output *output, const json_t *object, int64_t now_ms)
{
    struct arena arena = {0};
    const struct page page = {output, &arena, now_ms};
    object_print(&page, object, 0, 0);
    arena_fini(&arena);
}
