/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/audit.h"

#include <stdio.h>

#include "api/store/internal.h"

#define AUDIT_COLUMNS                                                                              \
    "id, at_ms, revision, actor, source, action, object, detail, outcome, before, after, hash"

enum {
    AUDIT_TEXTS = 8
};

static void write_u64(struct writer *w, uint64_t value)
{
    write_u32(w, (uint32_t)(value >> 32));
    write_u32(w, (uint32_t)value);
}

/* store/audit.h has the order. */
static struct digest chain(const struct digest *before, const struct store_audit_row *row)
{
    const struct store_audit *line = &row->line;
    const struct text texts[AUDIT_TEXTS] = {line->actor,  line->source,  line->action, line->object,
                                            line->detail, line->outcome, line->before, line->after};
    uint8_t fixed[DIGEST_SIZE + 3 * sizeof(uint64_t) + AUDIT_TEXTS * sizeof(uint32_t)];
    struct writer w = writer_over(fixed, sizeof fixed);
    write_bytes(&w, before->byte, DIGEST_SIZE);
    write_u64(&w, (uint64_t)row->id);
    write_u64(&w, (uint64_t)line->at_ms);
    write_u64(&w, row->revision);
    struct bytes parts[1 + AUDIT_TEXTS] = {{fixed, sizeof fixed}};
    for (size_t i = 0; i < AUDIT_TEXTS; i++) {
        write_u32(&w, (uint32_t)texts[i].len); /* SQLite takes no text of 2 GiB */
        parts[i + 1] = (struct bytes){(const uint8_t *)texts[i].ptr, texts[i].len};
    }
    return digest_of_parts(parts, COUNT_OF(parts));
}

static struct store_audit_row get_row(struct statement *s, struct arena *arena)
{
    struct store_audit_row row = {.id = statement_get_integer(s)};
    row.line.at_ms = statement_get_integer(s);
    row.revision = (uint64_t)statement_get_integer(s);
    struct text *const texts[] = {&row.line.actor,  &row.line.source, &row.line.action,
                                  &row.line.object, &row.line.detail, &row.line.outcome,
                                  &row.line.before, &row.line.after};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        *texts[i] = statement_get_text(s, arena);
    row.hash = statement_get_digest(s);
    return row;
}

/* -- writing ------------------------------------------------------------------------------------
 */

static const char insert_sql[] = "INSERT INTO audit (" AUDIT_COLUMNS ") "
                                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/* Chains the row to *head, which moves on to it. */
static void put_row(struct statement *s, struct store_audit_row *row, struct store_audit_head *head)
{
    const struct store_audit *line = &row->line;
    const struct text texts[] = {line->actor,  line->source,  line->action, line->object,
                                 line->detail, line->outcome, line->before, line->after};
    row->hash = chain(&head->hash, row);
    statement_bind_integer(s, row->id);
    statement_bind_integer(s, line->at_ms);
    statement_bind_integer(s, (int64_t)row->revision);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        statement_bind_text(s, texts[i]);
    statement_bind_digest(s, &row->hash);
    statement_run(s);
    *head = (struct store_audit_head){row->id, row->hash};
}

bool store_write_audit(struct writing *w)
{
    const struct store_change *change = w->change;
    struct statement s = statement_over(w->store, insert_sql, w->err);
    for (size_t i = 0; i < change->audit_count; i++) {
        struct store_audit_row row = {.id = w->store->audit_next + (int64_t)i,
                                      .revision = change->revision ? change->revision->number : 0,
                                      .line = change->audit[i]};
        if (!row.line.outcome.len)
            row.line.outcome = text_from("done");
        put_row(&s, &row, &w->audit);
    }
    return statement_end(&s);
}

bool store_chain_audit(struct store *store, struct error *err)
{
    struct store_audit_head head = {0};
    struct statement from = statement_over(
        store, "SELECT id, at_ms, actor, source, action, object, detail FROM audit_2 ORDER BY id",
        err);
    struct statement to = statement_over(store, insert_sql, err);
    while (statement_next(&from)) {
        struct arena arena = {0};
        struct store_audit_row row = {.id = statement_get_integer(&from)};
        row.line.at_ms = statement_get_integer(&from);
        row.line.actor = statement_get_text(&from, &arena);
        row.line.source = statement_get_text(&from, &arena);
        row.line.action = statement_get_text(&from, &arena);
        row.line.object = statement_get_text(&from, &arena);
        row.line.detail = statement_get_text(&from, &arena);
        row.line.outcome = text_from("done");
        put_row(&to, &row, &head);
        arena_fini(&arena);
    }
    bool done = statement_end(&from);
    return statement_end(&to) && done && store_run(store, "DROP TABLE audit_2", err);
}

/* A number is never given twice, not even when its line was cut off: the gap shows. */
bool store_read_audit_head(struct store *store, struct error *err)
{
    struct store_audit_head head = {0};
    int64_t given = 0;
    struct statement s =
        statement_over(store, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", err);
    if (statement_next(&s)) {
        head.id = statement_get_integer(&s);
        head.hash = statement_get_digest(&s);
    }
    if (!statement_end(&s) ||
        !store_ask(store, "SELECT seq FROM sqlite_sequence WHERE name = 'audit'", &given, err))
        return false;
    store->audit = head;
    store->audit_next = (given > head.id ? given : head.id) + 1;
    return true;
}

struct store_audit_head store_audit_head(const struct store *store)
{
    return store->audit;
}

/* -- reading ------------------------------------------------------------------------------------
 */

bool store_audit_list(struct store *store, struct arena *arena,
                      const struct store_audit_filter *filter, struct store_audit_row **rows,
                      size_t *count, struct error *err)
{
    struct store_audit_row *found = NULL;
    size_t found_count = 0, capacity = 0;
    if (!store_read_begin(store, err))
        return false;
    /* Of the filters only the object has an index; without it the newest lines are the likeliest.
     */
    struct statement s = statement_over(
        store,
        filter->object.len
            ? "SELECT " AUDIT_COLUMNS " FROM audit INDEXED BY audit_object WHERE id < ?1 AND "
              "at_ms >= ?2 AND (?3 = '' OR actor = ?3) AND object = ?4 ORDER BY id DESC LIMIT ?5"
            : "SELECT " AUDIT_COLUMNS " FROM audit WHERE id < ?1 AND at_ms >= ?2 AND "
              "(?3 = '' OR actor = ?3) AND ?4 = '' ORDER BY id DESC LIMIT ?5",
        err);
    statement_bind_integer(&s, filter->before ? filter->before : INT64_MAX);
    statement_bind_integer(&s, filter->since_ms);
    statement_bind_text(&s, filter->actor);
    statement_bind_text(&s, filter->object);
    statement_bind_integer(&s, (int64_t)filter->limit);
    while (statement_next(&s)) {
        found = arena_grow(arena, found, &capacity, found_count + 1, sizeof *found);
        found[found_count++] = get_row(&s, arena);
    }
    if (!statement_end(&s))
        return false;
    *rows = found;
    *count = found_count;
    return true;
}

static void break_at(struct store_audit_verdict *verdict, int64_t id, const char *what)
{
    verdict->broken_id = id;
    snprintf(verdict->what, sizeof verdict->what, "%s", what);
}

/* The line where a part begins must be the one that was noted. */
static bool check_start(struct store *store, const struct store_audit_head *from,
                        struct store_audit_verdict *verdict, struct error *err)
{
    if (from->id == 0)
        return true;
    struct statement s = statement_over(store, "SELECT hash FROM audit WHERE id = ?1", err);
    statement_bind_integer(&s, from->id);
    bool is_there = statement_next(&s);
    struct digest hash = {0};
    if (is_there)
        hash = statement_get_digest(&s);
    if (!statement_end(&s))
        return false;
    if (!is_there)
        break_at(verdict, from->id, "this line is not there any more");
    else if (!digest_equal(&hash, &from->hash))
        break_at(verdict, from->id, "this line has another hash than the one that was noted");
    return true;
}

/* One line against the one before it. */
static void check_row(const struct store_audit_row *row, struct store_audit_verdict *verdict)
{
    struct digest hash = chain(&verdict->last.hash, row);
    if (row->id != verdict->last.id + 1)
        break_at(verdict, verdict->last.id + 1, "lines from here on are missing");
    else if (!digest_equal(&hash, &row->hash))
        break_at(verdict, row->id,
                 "this line was altered, or the one before it was: its hash does not fit");
    else
        verdict->last = (struct store_audit_head){row->id, row->hash};
}

static bool check_rows(struct store *store, size_t limit, struct store_audit_verdict *verdict,
                       struct error *err)
{
    size_t read = 0;
    struct statement s = statement_over(
        store, "SELECT " AUDIT_COLUMNS " FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2", err);
    statement_bind_integer(&s, verdict->last.id);
    statement_bind_integer(&s, (int64_t)limit);
    while (!verdict->broken_id && statement_next(&s)) {
        struct arena arena = {0};
        struct store_audit_row row = get_row(&s, &arena);
        check_row(&row, verdict);
        arena_fini(&arena);
        read++;
    }
    verdict->checked = (int64_t)read;
    verdict->is_end = read < limit;
    return statement_end(&s);
}

/* At the end: no line that was given a number since is missing, and the file has what we wrote. */
static bool check_end(struct store *store, struct store_audit_verdict *verdict, struct error *err)
{
    int64_t given = 0;
    if (!store_ask(store, "SELECT seq FROM sqlite_sequence WHERE name = 'audit'", &given, err))
        return false;
    if (given > verdict->last.id)
        break_at(verdict, verdict->last.id + 1, "lines from here on were cut off");
    else if (verdict->last.id != store->audit.id ||
             !digest_equal(&verdict->last.hash, &store->audit.hash))
        break_at(verdict, store->audit.id, "this is not the last line that srvpland wrote");
    return true;
}

bool store_audit_verify(struct store *store, const struct store_audit_head *from, size_t limit,
                        struct store_audit_verdict *verdict, struct error *err)
{
    *verdict = (struct store_audit_verdict){.last = *from};
    if (!store_read_begin(store, err) || !check_start(store, from, verdict, err))
        return false;
    if (!verdict->broken_id && !check_rows(store, limit, verdict, err))
        return false;
    return verdict->broken_id || !verdict->is_end || check_end(store, verdict, err);
}
