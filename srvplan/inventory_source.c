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

/* A key of `domains` or `zones` that is not spelt as DNS has it. */
struct source_key {
    char section; /* its first letter */
    const char *name, *key;
};

static int key_order(const void *a, const void *b)
{
    const struct source_key *left = a, *right = b;
    if (left->section != right->section)
        return left->section < right->section ? -1 : 1;
    return strcmp(left->name, right->name);
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
    struct source_key *keys;
    size_t count, capacity;
    struct arena arena;
};

static void keys_add(struct key_index *index, const json_t *tree, const char *section)
{
    const char *key;
    json_t *value, *object = json_object_get(tree, section);
    json_object_foreach(object, key, value)
    {
        const char *name = name_plain(&index->arena, key);
        if (strcmp(name, key) == 0)
            continue;
        index->keys = arena_grow(&index->arena, index->keys, &index->capacity, index->count + 1,
                                 sizeof *index->keys);
        index->keys[index->count++] = (struct source_key){section[0], name, key};
    }
}

/* The key of a section that means `name`, or NULL. */
static const char *key_find(const struct key_index *index, const json_t *section, char letter,
                            const char *name)
{
    const struct source_key wanted = {.section = letter, .name = name};
    if (json_object_get(section, name))
        return name;
    const struct source_key *found =
        index->count ? bsearch(&wanted, index->keys, index->count, sizeof *index->keys, key_order)
                     : NULL;
    return found ? found->key : NULL;
}

/* The domain that has `name` among its components: it stands above it. */
static const char *component_home(const struct key_index *index, const json_t *domains,
                                  const char *name)
{
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        const char *key = key_find(index, domains, 'd', dot + 1);
        if (key && json_object_get(json_object_get(domains, key), "components"))
            return key;
    }
    return NULL;
}

/* The pointer to a domain or zone as the text spells it. */
static const char *pointer_spelt(const struct key_index *index, const json_t *tree,
                                 const char *pointer, struct arena *arena)
{
    static const char *const sections[] = {"domains", "zones"};
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        size_t len = strlen(sections[i]) + 2;
        const struct place document = {0};
        const struct place section = place_value(&document, sections[i]);
        const json_t *object = json_object_get(tree, sections[i]);
        if (strncmp(pointer, place_pointer(arena, &section), len - 1) != 0 ||
            pointer[len - 1] != '/')
            continue;
        size_t name_len = strcspn(pointer + len, "/");
        const char *name = arena_cstr(arena, (struct text){pointer + len, name_len});
        const char *key = key_find(index, object, sections[i][0], name);
        const char *rest = key ? pointer + len + name_len : "/components";
        if (!key && i == 0)
            key = component_home(index, object, name);
        if (!key)
            break;
        const struct place place = place_value(&section, key);
        return arena_printf(arena, "%s%s", place_pointer(arena, &place), rest);
    }
    return pointer;
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
    if (count > 0) {
        keys_add(&index, source->tree, "domains");
        keys_add(&index, source->tree, "zones");
        if (index.count > 1)
            qsort(index.keys, index.count, sizeof *index.keys, key_order);
    }
    count = 0;
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *finding = &findings->items[i];
        if (finding->line > 0 || !finding->pointer[0])
            continue;
        finding->pointer = pointer_spelt(&index, source->tree, finding->pointer, &findings->arena);
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
