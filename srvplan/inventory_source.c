/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/inventory_source.h"

#include "srvplan/inventory_names.h"
#include "srvplan/inventory_source_build.h"

#include <stdlib.h>
#include <string.h>

static struct inventory_source *source_new(void)
{
    struct inventory_source *source = calloc(1, sizeof *source);
    if (!source)
        abort();
    return source;
}

struct inventory_source *inventory_source_open(const char *path, struct error *err)
{
    struct inventory_source *source = source_new();
    if (!source_read(source, path, err)) {
        inventory_source_free(source);
        return NULL;
    }
    source_merge(source);
    return source;
}

struct inventory_source *inventory_source_of(struct bytes text, const char *file,
                                             enum document_format format)
{
    struct inventory_source *source = source_new();
    source->documents = arena_new(&source->arena, struct document);
    source->origins = arena_new(&source->arena, struct source_origin);
    source->origins[0].parent = DOCUMENT_ANY;
    source->documents[0] = (struct document){
        .file = arena_cstr(&source->arena, text_from(file)), .format = format, .text = text};
    source->count = 1;
    source->is_text = true;
    source_take(source);
    source_merge(source);
    return source;
}

void inventory_source_free(struct inventory_source *source)
{
    if (!source)
        return;
    for (uint32_t i = 0; i < source->count; i++) {
        if (source->origins[i].is_read)
            free((void *)(uintptr_t)source->documents[i].text.ptr);
        document_fini(&source->documents[i]);
    }
    for (uint32_t i = 0; i < source->fragment_count; i++)
        free((char *)(uintptr_t)source->fragments[i].text.ptr);
    json_decref(source->tree);
    mistakes_fini(&source->mistakes);
    arena_fini(&source->arena);
    free(source);
}

/* ---- findings about names ---- */

/* What a name is looked up for. */
enum key_kind {
    KEY_DOMAIN, /* a key of `domains`, spelt otherwise than in DNS */
    KEY_ZONE,   /* a key of `zones`, likewise */
    KEY_HOME,   /* a domain that has the name as its `zone` */
};

struct source_key {
    enum key_kind kind;
    const char *name, *key;
    size_t number; /* orders equals: the first counts */
};

static int key_order(const void *a, const void *b)
{
    const struct source_key *left = a, *right = b;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    int order = strcmp(left->name, right->name);
    return order ? order : (left->number > right->number) - (left->number < right->number);
}

/* "Bücher.Example." → "xn--bcher-kva.example" */
static const char *name_plain(struct arena *arena, const char *key)
{
    struct text ascii;
    struct name_mistake mistake;
    if (!inventory_name_to_ascii(arena, text_from(key), &ascii, &mistake))
        return key;
    char *name = arena_cstr(arena, ascii);
    for (size_t i = 0; i < ascii.len; i++)
        name[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i]);
    if (ascii.len > 1 && name[ascii.len - 1] == '.')
        name[ascii.len - 1] = '\0';
    return name;
}

struct key_index {
    const json_t *domains, *zones;
    struct source_key *keys; /* in their order */
    size_t count, capacity;
    struct arena arena;
};

static void key_add(struct key_index *index, enum key_kind kind, const char *name, const char *key)
{
    index->keys = arena_grow(&index->arena, index->keys, &index->capacity, index->count + 1,
                             sizeof *index->keys);
    index->keys[index->count] = (struct source_key){kind, name, key, index->count};
    index->count++;
}

static void keys_add(struct key_index *index, enum key_kind kind, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const char *name = name_plain(&index->arena, key);
        json_t *zone = kind == KEY_DOMAIN ? json_object_get(value, "zone") : NULL;
        if (strcmp(name, key) != 0)
            key_add(index, kind, name, key);
        if (json_is_string(zone))
            key_add(index, KEY_HOME, name_plain(&index->arena, json_string_value(zone)), key);
        for (size_t i = 0; i < json_array_size(zone); i++)
            if (json_is_string(json_array_get(zone, i)))
                key_add(index, KEY_HOME,
                        name_plain(&index->arena, json_string_value(json_array_get(zone, i))), key);
    }
}

static void index_make(struct key_index *index, const json_t *tree)
{
    index->domains = json_object_get(tree, "domains");
    index->zones = json_object_get(tree, "zones");
    keys_add(index, KEY_DOMAIN, index->domains);
    keys_add(index, KEY_ZONE, index->zones);
    if (index->count > 1)
        qsort(index->keys, index->count, sizeof *index->keys, key_order);
}

/* The key that means `name`, or NULL. */
static const char *key_find(const struct key_index *index, enum key_kind kind, const char *name)
{
    const struct source_key wanted = {.kind = kind, .name = name};
    size_t low = 0, high = index->count; /* the first that is not before it */
    if (kind != KEY_HOME &&
        json_object_get(kind == KEY_DOMAIN ? index->domains : index->zones, name))
        return name;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (key_order(&index->keys[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = low < index->count && index->keys[low].kind == kind &&
                    strcmp(index->keys[low].name, name) == 0;
    return is_there ? index->keys[low].key : NULL;
}

/* A domain of the model as the text has it: a key, or a component of the domain above. *rest is
 * what the pointer ends with. */
static const char *domain_home(const struct key_index *index, const char *name, const char **rest)
{
    const char *key = key_find(index, KEY_DOMAIN, name);
    for (const char *dot = strchr(name, '.'); !key && dot; dot = strchr(dot + 1, '.')) {
        const char *above = key_find(index, KEY_DOMAIN, dot + 1);
        if (above && json_object_get(json_object_get(index->domains, above), "components")) {
            key = above;
            *rest = "/components";
        }
    }
    return key;
}

/* A zone of the model as the text has it: a key, or the domain that has it as its zone. */
static const char *zone_home(const struct key_index *index, const char *name, const char **section,
                             const char **rest)
{
    const char *key = key_find(index, KEY_ZONE, name);
    if (key)
        return key;
    *section = "domains";
    *rest = "/zone";
    key = key_find(index, KEY_HOME, name);
    if (key)
        return key;
    *rest = "";
    return key_find(index, KEY_DOMAIN, name);
}

/* The pointer to a domain or zone as the text spells it. */
static const char *pointer_spelt(const struct key_index *index, const char *pointer,
                                 struct arena *arena)
{
    bool is_domain = strncmp(pointer, "/domains/", 9) == 0;
    if (!is_domain && strncmp(pointer, "/zones/", 7) != 0)
        return pointer;
    const char *from = pointer + (is_domain ? 9 : 7), *section = is_domain ? "domains" : "zones";
    const char *rest = from + strcspn(from, "/");
    const char *name = arena_cstr(arena, (struct text){from, (size_t)(rest - from)});
    const char *key =
        is_domain ? domain_home(index, name, &rest) : zone_home(index, name, &section, &rest);
    if (!key)
        return pointer;
    const struct place document = {0};
    const struct place of_section = place_value(&document, section);
    const struct place place = place_value(&of_section, key);
    return arena_printf(arena, "%s%s", place_pointer(arena, &place), rest);
}

void inventory_source_locate(const struct inventory_source *source, struct findings *findings)
{
    struct key_index index = {0};
    struct arena arena = {0};
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += findings->items[i].line == 0 && findings->items[i].pointer[0];
    struct document_spot *spots = arena_array(&arena, struct document_spot, count);
    struct finding **wanted = arena_array(&arena, struct finding *, count);
    if (count > 0)
        index_make(&index, source->tree);
    count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *finding = &findings->items[i];
        if (finding->line > 0 || !finding->pointer[0])
            continue;
        finding->pointer = pointer_spelt(&index, finding->pointer, &findings->arena);
        wanted[count] = finding;
        spots[count++] = (struct document_spot){.pointer = finding->pointer,
                                                .at = JSONC_AT_KEY,
                                                .document = DOCUMENT_ANY,
                                                .offset = JSONC_NOWHERE};
    }
    documents_find(source->documents, source->count, spots, count);
    for (size_t i = 0; i < count; i++) {
        wanted[i]->line = spots[i].line;
        wanted[i]->column = spots[i].column;
        if (spots[i].file)
            wanted[i]->file = arena_cstr(&findings->arena, text_from(spots[i].file));
    }
    for (size_t i = 0; i < findings->count; i++)
        if (!findings->items[i].file[0])
            findings->items[i].file =
                arena_cstr(&findings->arena, text_from(source->documents[0].file));
    arena_fini(&index.arena);
    arena_fini(&arena);
}
