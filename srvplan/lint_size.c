/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules on the size of answers: S01 to S03, for the longest owner that has a set.
 *
 * An answer has a header, the question, a record of 18 octets and its uncompressed target each
 * (RFC 2782, "Target"), and with EDNS an OPT record. Addresses follow with their owner compressed,
 * and signatures where the asker wants them. */
#include "srvplan/lint_view.h"

enum {
    HEADER_BYTES = 12,
    QUESTION_BYTES = 4, /* behind the name */
    SRV_BYTES = 18,     /* before the target */
    OPT_BYTES = 11,
    RECORD_HEAD_BYTES = 12, /* compressed owner, type, class, TTL, length */
    PLAIN_MAX_BYTES = 512,  /* RFC 1035 section 4.2.1 */
    EDNS_MAX_BYTES = 1232,  /* of a datagram that no network fragments: dnsflagday.net/2020 */
};

static uint64_t answer_bytes(const struct lint_set *set)
{
    uint64_t bytes = HEADER_BYTES + set->longest_owner_bytes + QUESTION_BYTES;
    for (uint32_t i = 0; i < set->count; i++)
        bytes += SRV_BYTES + set->items[i].target.len;
    return bytes;
}

/* Signatures over the set. */
static uint64_t signature_bytes(const struct lint *lint, const struct lint_set *set)
{
    uint64_t bytes = 0;
    const struct lint_record *end = lint->records + lint->record_count;
    const struct lint_record *record =
        lint->is_signed ? lint_record_find(lint, set->owner, RRTYPE_RRSIG) : NULL;
    for (; record && record < end && record->type == RRTYPE_RRSIG &&
           name_equal(record->owner, set->owner);
         record++) {
        struct reader r = reader_over(record->rdata);
        if (read_u16(&r) == RRTYPE_SRV)
            bytes += RECORD_HEAD_BYTES + record->rdata.len;
    }
    return bytes;
}

/* Addresses that the zone has to give: those of hosts that it holds, each host once. */
static uint64_t address_bytes(const struct lint *lint, uint32_t index, bool *is_counted)
{
    const struct lint_set *set = &lint->sets[index];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t number = set->items[i].host;
        if (number == LINT_NONE || is_counted[number])
            continue;
        const struct lint_host *host = &lint->hosts[number];
        is_counted[number] = true;
        if (!host->is_outside && host->is_known)
            bytes += host->ipv4_count * (RECORD_HEAD_BYTES + 4u) +
                     host->ipv6_count * (RECORD_HEAD_BYTES + 16u);
    }
    for (uint32_t i = 0; i < set->count; i++)
        if (set->items[i].host != LINT_NONE)
            is_counted[set->items[i].host] = false;
    return bytes;
}

/* What a declared set of a plan carries: other zones may hold its hosts. */
static uint64_t planned_address_bytes(const struct lint *lint, uint32_t index)
{
    const struct content_sets *content = &lint->plan->content;
    const struct content_set *set = &content->sets[index];
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < set->additional_count; i++) {
        const struct content_set *addresses = &content->sets[set->additional[i].set];
        uint32_t address = addresses->type == RRTYPE_A ? 4 : 16;
        bytes += (uint64_t)addresses->count * (RECORD_HEAD_BYTES + address);
    }
    return bytes;
}

static void size_check(struct lint *lint, uint32_t index, bool *is_counted)
{
    const struct lint_set *set = &lint->sets[index];
    uint64_t plain = answer_bytes(set), with_opt = plain + OPT_BYTES + signature_bytes(lint, set);
    if (with_opt > EDNS_MAX_BYTES) {
        lint_find(lint, LINT_S02, &set->place,
                  "%s: an answer with its %u records has %llu octets, and a datagram %d",
                  set->label, set->count, (unsigned long long)with_opt, EDNS_MAX_BYTES);
        return;
    }
    if (plain > PLAIN_MAX_BYTES)
        lint_find(lint, LINT_S01, &set->place,
                  "%s: an answer with its %u records has %llu octets, and %d fit without EDNS",
                  set->label, set->count, (unsigned long long)plain, PLAIN_MAX_BYTES);
    if (lint->extent == LINT_ERRORS)
        return;
    uint64_t addresses = set->service == INVENTORY_NONE ? address_bytes(lint, index, is_counted)
                                                        : planned_address_bytes(lint, index);
    if (with_opt + addresses > EDNS_MAX_BYTES)
        lint_find(lint, LINT_S03, &set->place,
                  "%s: an answer with the addresses of its targets has %llu octets, and a datagram "
                  "%d",
                  set->label, (unsigned long long)(with_opt + addresses), EDNS_MAX_BYTES);
}

void lint_size(struct lint *lint)
{
    bool *is_counted = arena_array(&lint->scratch, bool, lint->host_names.count);
    for (uint32_t i = 0; i < lint->set_count; i++)
        size_check(lint, i, is_counted);
}
