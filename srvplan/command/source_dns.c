/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/source_read.h"

#include <string.h>

#include "srvplan/command/stub.h"
#include "srvplan/compare.h"
#include "srvplan/intern.h"
#include "zones/base/clock.h"
#include "zones/rrtype.h"
#include "zones/text.h"

/* All questions together: more than that, and somebody should compare with a zone file. */
enum {
    ALL_MS = 120 * 1000
};

struct dns_work {
    struct publisher publisher;
    struct stub stub;
    const struct published *names;
    struct arena scratch;
    struct intern expected; /* name and type of the other side's entries */
    uint32_t *expected_ttl_s;
    size_t expected_capacity;
    struct error *err;
};

static struct bytes key_of(struct arena *arena, struct name owner, const char *type)
{
    size_t len = strlen(type);
    uint8_t *key = arena_alloc(arena, owner.len + len);
    memcpy(key, owner.wire, owner.len);
    memcpy(key + owner.len, type, len);
    return (struct bytes){key, owner.len + len};
}

static void expect_all(struct dns_work *work)
{
    for (uint32_t i = 0; i < work->names->entry_count; i++) {
        const struct published_entry *entry = &work->names->entries[i];
        const struct published_set *set = &work->names->sets[entry->set];
        uint32_t known = work->expected.count;
        uint32_t number =
            intern_add(&work->expected, key_of(&work->scratch, entry->owner, set->type));
        if (number != known)
            continue;
        work->expected_ttl_s =
            arena_grow(&work->scratch, work->expected_ttl_s, &work->expected_capacity,
                       (size_t)number + 1, sizeof *work->expected_ttl_s);
        work->expected_ttl_s[number] = set->ttl_s;
    }
}

static uint16_t type_number(const char *type)
{
    return strcmp(type, "SRV") == 0 ? RRTYPE_SRV : strcmp(type, "A") == 0 ? RRTYPE_A : RRTYPE_AAAA;
}

/* A cache's TTL is what is left of the authority's. */
static void ttl_restore(struct dns_work *work, struct name owner, struct published_set *set)
{
    uint32_t number = intern_find(&work->expected, key_of(&work->scratch, owner, set->type));
    if (number == UINT32_MAX || set->ttl_max_s > work->expected_ttl_s[number])
        return;
    set->ttl_s = set->ttl_max_s = work->expected_ttl_s[number];
}

enum {
    SRV_TARGET_AT = 6 /* behind priority, weight and port */
};

/* RDATA with its name lower-cased: servers keep the case that somebody typed. */
static struct bytes rdata_lower(struct arena *arena, const struct answer_record *record)
{
    struct bytes copy = arena_bytes(arena, record->rdata.ptr, record->rdata.len);
    if (record->type != RRTYPE_SRV)
        return copy;
    struct name target = {copy.ptr + SRV_TARGET_AT, copy.len - SRV_TARGET_AT};
    struct writer w = writer_over(arena_alloc(arena, copy.len), copy.len);
    write_bytes(&w, copy.ptr, SRV_TARGET_AT);
    write_bytes(&w, name_lower(arena, target).wire, target.len);
    return (struct bytes){w.start, w.len};
}

static void answer_add(struct dns_work *work, struct name owner, const char *type,
                       const struct answer *answer)
{
    struct arena *arena = work->publisher.arena;
    const char **records = arena_array(arena, const char *, answer->count);
    struct published_set set = {.type = type, .ttl_s = UINT32_MAX, .records = records};
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct answer_record *record = &answer->records[i];
        if (record->section != ANSWER_SECTION_ANSWER || record->type != type_number(type))
            continue;
        records[set.record_count++] =
            text_rdata_print(arena, record->type, rdata_lower(arena, record));
        set.ttl_s = record->ttl_s < set.ttl_s ? record->ttl_s : set.ttl_s;
        set.ttl_max_s = record->ttl_s > set.ttl_max_s ? record->ttl_s : set.ttl_max_s;
    }
    if (set.record_count == 0)
        return;
    if (!answer->is_authoritative)
        ttl_restore(work, owner, &set);
    publisher_add_entry(&work->publisher, owner, publisher_add_set(&work->publisher, &set));
}

static void ask(void *context, struct name owner, const char *type)
{
    struct dns_work *work = context;
    struct answer answer;
    struct arena arena = {0};
    if (work->err->kind != ERROR_NONE)
        return;
    if (stub_ask(&work->stub, &arena, owner, type_number(type), &answer, work->err))
        answer_add(work, owner, type, &answer);
    else
        error_within(work->err, "%.255s %s", text_name_print(&arena, owner), type);
    arena_fini(&arena);
}

bool source_read_dns(const char *server, const struct published *names, struct arena *arena,
                     const struct published **published, struct error *err)
{
    struct dns_work work = {.publisher.arena = arena, .names = names, .err = err};
    work.publisher.published.label =
        server[0] ? arena_printf(arena, "DNS at %s", server) : "live DNS";
    if (!stub_init(&work.stub, server[0] ? server : NULL, err))
        return false;
    work.stub.deadline_at_ms = clock_monotonic_ms() + ALL_MS;
    work.expected = intern_over(&work.scratch);
    expect_all(&work);
    compare_asks_for(names, ask, &work);
    arena_fini(&work.scratch);
    if (err->kind != ERROR_NONE)
        return false;
    *published = publisher_end(&work.publisher);
    return true;
}
