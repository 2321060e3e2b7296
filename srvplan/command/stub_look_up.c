/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From questions and answers to what a name has: aliases followed, records picked. */
#include "srvplan/command/stub.h"
#include "zones/rrtype.h"

struct walk {
    struct stub *stub;
    struct arena *arena;
    uint16_t type;
    struct lookup lookup;
    struct answer_record *aliases;
    bool has_validated_all;
};

static const struct answer_record *find(const struct answer *answer, struct name owner,
                                        uint16_t type)
{
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct answer_record *record = &answer->records[i];
        if (record->section == ANSWER_SECTION_ANSWER && record->type == type &&
            name_equal(record->owner, owner))
            return record;
    }
    return NULL;
}

static struct name alias_target(const struct answer_record *alias)
{
    return (struct name){alias->rdata.ptr, alias->rdata.len};
}

/* True when the signature is about the type asked. */
static bool covers(const struct answer_record *signature, uint16_t type)
{
    struct reader r = reader_over(signature->rdata);
    return read_u16(&r) == type;
}

/* The records of the name at hand: those of the type, and the signatures over them. */
static void pick(struct walk *walk, const struct answer *answer)
{
    struct answer_record *records = arena_array(walk->arena, struct answer_record, answer->count);
    struct answer_record *signatures =
        arena_array(walk->arena, struct answer_record, answer->count);
    struct lookup *lookup = &walk->lookup;
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct answer_record *record = &answer->records[i];
        if (record->section != ANSWER_SECTION_ANSWER || !name_equal(record->owner, lookup->name))
            continue;
        if (record->type == walk->type)
            records[lookup->count++] = *record;
        else if (record->type == RRTYPE_RRSIG && covers(record, walk->type))
            signatures[lookup->signature_count++] = *record;
    }
    lookup->records = records;
    lookup->signatures = signatures;
}

/* Follows the aliases that the answer holds. False: there are too many. */
static bool follow(struct walk *walk, const struct answer *answer, bool *moved, struct error *err)
{
    *moved = false;
    while (walk->type != RRTYPE_CNAME && !find(answer, walk->lookup.name, walk->type)) {
        const struct answer_record *alias = find(answer, walk->lookup.name, RRTYPE_CNAME);
        if (!alias)
            break;
        if (walk->lookup.alias_count == STUB_ALIASES_MAX)
            return error_set(err, ERROR_INVALID,
                             "more than %d CNAMEs in a row, perhaps a loop; let the name point at "
                             "its target directly",
                             STUB_ALIASES_MAX);
        walk->aliases[walk->lookup.alias_count++] = *alias;
        walk->lookup.name = alias_target(alias);
        *moved = true;
    }
    return true;
}

bool stub_look_up(struct stub *stub, struct arena *arena, struct name name, uint16_t type,
                  struct lookup *lookup, struct error *err)
{
    struct walk walk = {
        .stub = stub,
        .arena = arena,
        .type = type,
        .lookup = {.name = name, .is_authenticated = true, .is_authoritative = true},
        .aliases = arena_array(arena, struct answer_record, STUB_ALIASES_MAX),
    };
    bool moved, is_complete = false;
    while (!is_complete) {
        struct answer answer;
        if (!stub_ask(stub, arena, walk.lookup.name, type, &answer, err) ||
            !follow(&walk, &answer, &moved, err))
            return false;
        walk.lookup.is_authenticated &= answer.is_authenticated;
        walk.lookup.is_authoritative &= answer.is_authoritative;
        walk.lookup.exists = answer.rcode == RCODE_NOERROR;
        pick(&walk, &answer);
        /* An authority ends its answer where its zones do; a recursive server went on. The code is
         * about the last name of the chain (RFC 6604 section 3). */
        is_complete = !moved || walk.lookup.count > 0 || !walk.lookup.exists;
    }
    walk.lookup.aliases = walk.aliases;
    *lookup = walk.lookup;
    return true;
}
