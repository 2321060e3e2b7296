/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer over answer_parse: fuzz_answer corpus_answer/ -max_len=65535. What it lets pass must be
 * what its header promises: names that are valid, RDATA that its type's readers can trust. */
#include <stdlib.h>
#include <string.h>
#include "srvplan/command/answer.h"
#include "zones/rrtype.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
    if (!holds)
        abort();
}

/* The length of a valid uncompressed name at the start of the bytes. */
static size_t name_length(const uint8_t *wire, size_t len)
{
    size_t at = 0;
    while (at < len && wire[at] != 0) {
        demand(wire[at] <= LABEL_MAX_BYTES);
        at += wire[at] + 1u;
    }
    demand(at < len && at + 1 <= NAME_MAX_BYTES);
    return at + 1;
}

static void rdata_demand(const struct answer_record *record)
{
    const struct bytes rdata = record->rdata;
    switch (record->type) {
    case RRTYPE_A:
        demand(rdata.len == 4);
        break;
    case RRTYPE_AAAA:
        demand(rdata.len == 16);
        break;
    case RRTYPE_NS:
    case RRTYPE_CNAME:
        demand(name_length(rdata.ptr, rdata.len) == rdata.len);
        break;
    case RRTYPE_SRV:
        demand(rdata.len > 6 && name_length(rdata.ptr + 6, rdata.len - 6) == rdata.len - 6);
        break;
    case RRTYPE_SOA:
        demand(rdata.len >= 22);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1); /* a sanitizer watches its end */
    struct arena arena = {0};
    struct answer answer, head;
    struct error err = {0};
    memcpy(exact, data, size);
    bool is_good = answer_parse(&arena, (struct bytes){exact, size}, &answer, &err);
    demand(is_good || err.message[0]);
    demand(!is_good || answer_parse_head((struct bytes){exact, size}, &head));
    for (uint32_t i = 0; is_good && i < answer.count; i++) {
        demand(name_length(answer.records[i].owner.wire, answer.records[i].owner.len) ==
               answer.records[i].owner.len);
        rdata_demand(&answer.records[i]);
    }
    arena_fini(&arena);
    free(exact);
    return 0;
}
