/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/history.h"

#include "api/world/timekeeper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void history_fini(struct history *history)
{
    for (size_t i = 0; i < history->version_count; i++)
        free(history->versions[i].block);
    free(history->versions);
    for (size_t i = 0; i < history->generation_count; i++) {
        served_memory_close(&history->generations[i].memory);
        base_unref(history->generations[i].base);
    }
    *history = (struct history){0};
}

static int64_t seconds_up(int64_t at_ms)
{
    return (at_ms + 999) / 1000;
}

/* Adds a copy of the row, its texts in one block. */
static struct history_version *add_version(struct history *history,
                                           const struct store_set_version *row)
{
    if (history->version_count == history->version_capacity) {
        history->version_capacity = history->version_capacity ? 2 * history->version_capacity : 32;
        history->versions =
            realloc(history->versions, history->version_capacity * sizeof *history->versions);
        if (!history->versions)
            abort();
    }
    struct history_version *version = &history->versions[history->version_count++];
    *version =
        (struct history_version){.row = *row, .block = malloc(row->label.len + row->nodes.len + 2)};
    if (!version->block)
        abort();
    if (row->label.len)
        memcpy(version->block, row->label.ptr, row->label.len);
    if (row->nodes.len)
        memcpy(version->block + row->label.len, row->nodes.ptr, row->nodes.len);
    version->row.label.ptr = version->block;
    version->row.nodes.ptr = version->block + row->label.len;
    return version;
}

void history_restore(struct history *history, const struct store_state *state, int64_t now_ms)
{
    for (size_t i = 0; i < state->version_count; i++) {
        struct history_version *version = add_version(history, &state->versions[i]);
        if (version->row.last_revision == 0 || version->row.retired_at_ms == 0)
            version->served_s = (uint32_t)seconds_up(now_ms);
    }
}

/* -- advancing ----------------------------------------------------------------------------------
 */

static const struct content_set *content_of(const struct plan *plan, uint32_t declared)
{
    return &plan->content.sets[declared];
}

static const struct digest *key_of(const struct plan *plan, uint32_t declared)
{
    return &plan->input.layout->declared[declared].key;
}

/* The declared set with that key, trying `hint` first; INVENTORY_NONE when there is none. */
static uint32_t find_declared(const struct plan *plan, const struct digest *key, uint32_t hint)
{
    if (hint < plan->set_count && digest_equal(key_of(plan, hint), key))
        return hint;
    for (uint32_t i = 0; i < plan->set_count; i++)
        if (digest_equal(key_of(plan, i), key))
            return i;
    return INVENTORY_NONE;
}

static struct history_version *find_in_force(struct history *history, const struct digest *key)
{
    for (size_t i = history->version_count; i-- > 0;)
        if (history->versions[i].row.last_revision == 0 &&
            digest_equal(&history->versions[i].row.key, key))
            return &history->versions[i];
    return NULL;
}

static void open_version(struct history *history, const struct plan *plan, uint32_t declared,
                         uint64_t number)
{
    const struct layout *layout = plan->input.layout;
    const struct inventory *inventory = layout->inventory;
    const struct plan_set *set = &plan->sets[declared];
    struct arena scratch = {0};
    char *nodes = arena_printf(&scratch, "%s", "");
    for (uint32_t i = 0; i < set->member_count; i++) {
        struct text id = inventory->nodes[set->members[i].node].id;
        if (set->members[i].absence == PLAN_PRESENT)
            nodes =
                arena_printf(&scratch, "%s%s%.*s", nodes, *nodes ? " " : "", (int)id.len, id.ptr);
    }
    const char *label = plan_set_label(plan, declared, &scratch);
    struct store_set_version row = {
        .key = *key_of(plan, declared),
        .label = text_from(label),
        .first_revision = number,
        .ttl_s = set->ttl_s,
        .nodes = text_from(nodes),
    };
    add_version(history, &row)->is_dirty = true;
    arena_fini(&scratch);
}

static void end_version(struct history_version *version, uint64_t number)
{
    version->row.last_revision = number - 1;
    version->is_dirty = true;
}

void history_advance(struct history *history, const struct plan *before, const struct plan *after,
                     uint64_t number)
{
    for (uint32_t i = 0; before && i < before->set_count; i++) {
        uint32_t now = find_declared(after, key_of(before, i), i);
        struct history_version *version = find_in_force(history, key_of(before, i));
        if (version && (now == INVENTORY_NONE ||
                        !content_set_equal(content_of(before, i), content_of(after, now))))
            end_version(version, number);
    }
    for (uint32_t i = 0; i < after->set_count; i++)
        if (!find_in_force(history, key_of(after, i)))
            open_version(history, after, i, number);
}

void history_retreat(struct history *history, uint64_t number)
{
    while (history->version_count &&
           history->versions[history->version_count - 1].row.first_revision == number &&
           history->versions[history->version_count - 1].row.id == 0)
        free(history->versions[--history->version_count].block);
    for (size_t i = 0; i < history->version_count; i++)
        if (history->versions[i].row.last_revision == number - 1 &&
            history->versions[i].row.first_revision < number && history->versions[i].is_dirty)
            history->versions[i].row.last_revision = 0;
}

/* -- what dnsd says -----------------------------------------------------------------------------
 */

/* Versions that ended before `generation` and are not retired: they may have been served until
 * `until_s`. The bound may only come down once it stands. */
static void bound_ended(struct history *history, uint64_t generation, int64_t until_s)
{
    for (size_t i = 0; i < history->version_count; i++) {
        struct store_set_version *row = &history->versions[i].row;
        if (row->last_revision == 0 || row->last_revision >= generation || row->retired_at_ms ||
            row->last_served_s)
            continue;
        row->last_served_s = until_s;
        history->versions[i].is_dirty = true;
    }
}

void history_served(struct history *history, struct base *base, uint64_t generation, int fd,
                    int64_t at_ms)
{
    struct error ignored = {0};
    bound_ended(history, generation, seconds_up(at_ms) + HANDOVER_STREAM_GRACE_MS / 1000);
    if (history->generation_count == COUNT_OF(history->generations)) {
        served_memory_close(&history->generations[0].memory);
        base_unref(history->generations[0].base);
        memmove(history->generations, history->generations + 1,
                sizeof history->generations - sizeof history->generations[0]);
        history->generation_count--;
    }
    struct history_generation *entry = &history->generations[history->generation_count++];
    *entry = (struct history_generation){.generation = generation, .base = base_ref(base)};
    if (fd >= 0 && !served_memory_open(&entry->memory, fd, &ignored))
        entry->memory = (struct served_memory){0}; /* then the acknowledgement counts */
    if (fd >= 0)
        close(fd);
}

/* The second in which `version` was last served in this generation; 0: never. Without memory, the
 * instant until which it may have been. */
static uint32_t served_in(const struct history_generation *entry,
                          const struct history_version *version, int64_t at_ms)
{
    const struct layout *layout = entry->base->layout;
    if (!entry->memory.header)
        return (uint32_t)seconds_up(at_ms);
    for (uint32_t i = 0; i < layout->declared_count; i++)
        if (digest_equal(&layout->declared[i].key, &version->row.key))
            return served_memory_latest(&entry->memory, i);
    return 0;
}

static void take_over(struct history *history, const struct history_generation *entry,
                      int64_t at_ms)
{
    for (size_t i = 0; i < history->version_count; i++) {
        struct history_version *version = &history->versions[i];
        struct store_set_version *row = &version->row;
        bool had_it = row->first_revision <= entry->generation &&
                      (row->last_revision == 0 || row->last_revision >= entry->generation);
        if (!had_it || row->retired_at_ms)
            continue;
        uint32_t served_s = served_in(entry, version, at_ms);
        if (served_s > version->served_s)
            version->served_s = served_s;
        if (row->last_revision != entry->generation)
            continue;
        row->last_served_s = version->served_s;
        row->retired_at_ms = at_ms;
        version->is_dirty = true;
    }
}

void history_retired(struct history *history, uint64_t generation, int64_t at_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < history->generation_count; i++) {
        struct history_generation *entry = &history->generations[i];
        if (entry->generation != generation) {
            history->generations[kept++] = *entry;
            continue;
        }
        take_over(history, entry, at_ms);
        served_memory_close(&entry->memory);
        base_unref(entry->base);
    }
    history->generation_count = kept;
}

void history_lost(struct history *history, int64_t at_ms)
{
    for (size_t i = 0; i < history->generation_count; i++) {
        served_memory_close(&history->generations[i].memory);
        base_unref(history->generations[i].base);
    }
    history->generation_count = 0;
    for (size_t i = 0; i < history->version_count; i++) {
        struct history_version *version = &history->versions[i];
        if (version->row.retired_at_ms)
            continue;
        version->served_s = (uint32_t)seconds_up(at_ms);
        if (version->row.last_revision && version->row.last_served_s) {
            /* No later than the bound that already stands. */
            if (version->row.last_served_s > seconds_up(at_ms))
                version->row.last_served_s = seconds_up(at_ms);
            version->row.retired_at_ms = at_ms;
            version->is_dirty = true;
        }
    }
}

void history_set_ahead(struct history *history, int64_t ahead_ms, int64_t now_ms)
{
    for (size_t i = 0; i < history->version_count; i++) {
        struct history_version *version = &history->versions[i];
        struct store_set_version *row = &version->row;
        int64_t bound_s = row->last_served_s;
        if (bound_s)
            bound_s = seconds_up(timekeeper_move_ms(bound_s * 1000, ahead_ms, now_ms));
        if (bound_s != row->last_served_s) {
            row->last_served_s = bound_s;
            version->is_dirty = true;
        }
        if (row->retired_at_ms)
            continue;
        version->served_s = (uint32_t)seconds_up(now_ms);
        if (bound_s && bound_s < version->served_s)
            version->served_s = (uint32_t)bound_s;
    }
}

void history_forget(struct history *history, int64_t retired_before_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < history->version_count; i++) {
        struct history_version *version = &history->versions[i];
        int64_t retired_at_ms = version->row.retired_at_ms;
        if (retired_at_ms && retired_at_ms < retired_before_ms && !version->is_dirty)
            free(version->block);
        else
            history->versions[kept++] = *version;
    }
    history->version_count = kept;
}

/* -- what it is for -----------------------------------------------------------------------------
 */

/* True when `word` is one of `list`'s words. */
static bool has_word(struct text list, struct text word)
{
    for (size_t at = 0; at < list.len;) {
        size_t end = at;
        while (end < list.len && list.ptr[end] != ' ')
            end++;
        if (text_equal((struct text){list.ptr + at, end - at}, word))
            return true;
        at = end + 1;
    }
    return false;
}

static bool is_of_services(const struct store_set_version *row, struct text services)
{
    const char *slash = memrchr(row->label.ptr, '/', row->label.len);
    if (services.len == 0 || !slash)
        return true;
    struct text service = {slash + 1, (size_t)(row->label.ptr + row->label.len - slash - 1)};
    return has_word(services, service);
}

int64_t history_clear_at(const struct history *history, const struct history_question *question,
                         bool *is_final)
{
    int64_t latest_ms = 1;
    *is_final = true;
    for (size_t i = 0; i < history->version_count; i++) {
        const struct store_set_version *row = &history->versions[i].row;
        if (!has_word(row->nodes, question->node) || !is_of_services(row, question->services))
            continue;
        if (row->last_revision == 0 && question->versions == HISTORY_OUTDATED)
            continue;
        if (row->last_revision == 0 || (row->last_served_s == 0 && row->retired_at_ms == 0))
            return 0;
        if (row->retired_at_ms == 0)
            *is_final = false;
        if (row->last_served_s == 0)
            continue; /* never served: no cache has it */
        uint32_t extra_ttl_s = question->extra_ttl_s;
        uint32_t ttl_s = row->ttl_s > extra_ttl_s ? row->ttl_s : extra_ttl_s;
        int64_t clear_ms = (row->last_served_s + ttl_s + 1) * 1000;
        if (clear_ms > latest_ms)
            latest_ms = clear_ms;
    }
    return latest_ms;
}
