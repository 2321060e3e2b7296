/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/layout.h"

#include "srvplan/layout_build.h"
#include "zones/text.h"

#include <stdlib.h>
#include <string.h>

void layout_key_bytes(struct layout_key *key, struct bytes bytes)
{
    layout_key_u32(key, (uint32_t)bytes.len);
    key->ptr = arena_grow(key->arena, key->ptr, &key->capacity, key->len + bytes.len, 1);
    if (bytes.len)
        memcpy(key->ptr + key->len, bytes.ptr, bytes.len);
    key->len += bytes.len;
}

void layout_key_u32(struct layout_key *key, uint32_t value)
{
    /* Big-endian, so that digests of keys are the same on every machine. */
    uint8_t bytes[] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                       (uint8_t)value};
    key->ptr = arena_grow(key->arena, key->ptr, &key->capacity, key->len + sizeof bytes, 1);
    memcpy(key->ptr + key->len, bytes, sizeof bytes);
    key->len += sizeof bytes;
}

struct text layout_name_text(struct layout_work *work, struct name name)
{
    struct text text = text_from(text_name_print(&work->scratch, name));
    if (text.len > 1)
        text.len--;
    return text;
}

void layout_find(struct layout_work *work, const struct finding *finding, const char *section,
                 struct text name)
{
    char *escaped = arena_alloc(&work->scratch, 2 * name.len + 1), *out = escaped;
    for (size_t i = 0; i < name.len; i++) { /* RFC 6901 section 3 */
        bool is_special = name.ptr[i] == '~' || name.ptr[i] == '/';
        if (is_special)
            *out++ = '~';
        *out++ = !is_special ? name.ptr[i] : name.ptr[i] == '~' ? '0' : '1';
    }
    struct finding placed = *finding;
    placed.pointer = arena_printf(&work->scratch, "/%s/%s", section, escaped);
    placed.file = "";
    findings_add(work->findings, &placed);
}

void layout_entry_add(struct layout_work *work, const struct layout_entry *entry)
{
    work->entries = arena_grow(&work->scratch, work->entries, &work->entry_capacity,
                               work->entry_count + 1, sizeof *work->entries);
    work->entries[work->entry_count++] = *entry;
}

struct layout *layout_build(const struct inventory *inventory, enum layout_need need,
                            struct findings *findings)
{
    size_t errors_before = findings->errors;
    struct layout *layout = calloc(1, sizeof *layout);
    if (!layout)
        abort();
    layout->inventory = inventory;
    struct layout_work work = {.inventory = inventory,
                               .findings = findings,
                               .layout = layout,
                               .arena = &layout->arena,
                               .need = need};
    layout_hosts(&work);
    layout_declared(&work);
    layout_scale(&work);
    layout_pools(&work);
    layout_fixed(&work);
    layout_names(&work);
    layout_aliases(&work);
    layout->fixed = work.fixed;
    arena_fini(&work.scratch);
    if (findings->errors > errors_before) {
        layout_free(layout);
        return NULL;
    }
    return layout;
}

enum content_order layout_order_of(const struct inventory *inventory)
{
    return inventory->policy.answer_order == ANSWER_ORDER_FIXED ? CONTENT_ORDER_FIXED
                                                                : CONTENT_ORDER_WEIGHTED;
}

void layout_free(struct layout *layout)
{
    if (!layout)
        return;
    arena_fini(&layout->arena);
    free(layout);
}
