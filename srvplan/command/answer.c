/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/answer.h"

#include <stdio.h>
#include <string.h>

#include "zones/rrtype.h"

enum {
    FLAG_RESPONSE = 0x8000,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_TRUNCATED = 0x0200,
    FLAG_AUTHENTICATED = 0x0020,
    RCODE_MASK = 0x000F,
    POINTER_MASK = 0xC0, /* RFC 1035 section 4.1.4 */
    RECORD_MIN_BYTES = 11,
};

struct parser {
    struct arena *arena;
    struct bytes message;
    struct reader r;
    const char *mistake; /* the first one */
};

static bool broken(struct parser *p, const char *mistake)
{
    if (!p->mistake)
        p->mistake = mistake;
    p->r.failed = true;
    return false;
}

static size_t parser_at(const struct parser *p)
{
    return (size_t)(p->r.next - p->message.ptr);
}

/* Expands the name at `at` into wire[0..255]. *len is its length, *end where the name ends in the
 * message itself. Every pointer leads before the place where the labels at hand began, so the chain
 * is as short as the labels in it are many. */
static bool name_expand(struct parser *p, size_t at, uint8_t wire[static NAME_MAX_BYTES],
                        size_t *len, size_t *end)
{
    size_t written = 0, floor = at;
    bool has_jumped = false;
    for (;;) {
        if (at >= p->message.len)
            return broken(p, "a name runs past the end");
        uint8_t length = p->message.ptr[at];
        if ((length & POINTER_MASK) == POINTER_MASK) {
            if (at + 1 >= p->message.len)
                return broken(p, "a name runs past the end");
            size_t target = (size_t)(length & ~POINTER_MASK) << 8 | p->message.ptr[at + 1];
            if (target >= floor || target < ANSWER_HEADER_BYTES)
                return broken(p, "a compression pointer does not lead back to a name");
            if (!has_jumped)
                *end = at + 2;
            has_jumped = true;
            at = floor = target;
            continue;
        }
        if (length & POINTER_MASK)
            return broken(p, "a label of an unknown kind");
        if (at + 1 + length > p->message.len)
            return broken(p, "a name runs past the end");
        if (written + 1 + length > NAME_MAX_BYTES)
            return broken(p, "a name is longer than 255 octets");
        memcpy(wire + written, p->message.ptr + at, 1u + length);
        written += 1u + length;
        at += 1u + length;
        if (length == 0)
            break;
    }
    if (!has_jumped)
        *end = at;
    *len = written;
    return true;
}

/* The name at the reader's place, which moves behind it; it must end before `limit`. */
static bool name_read(struct parser *p, size_t limit, struct name *name)
{
    uint8_t wire[NAME_MAX_BYTES];
    size_t len, end;
    if (p->r.failed || !name_expand(p, parser_at(p), wire, &len, &end))
        return false;
    if (end > limit)
        return broken(p, "a name runs past its record");
    read_bytes(&p->r, end - parser_at(p));
    *name = name_lower(p->arena, (struct name){wire, len});
    return true;
}

/* The layout of RDATA: digits are fields of that many octets (6: sixteen), N a name, S character
 * strings up to the end, at least one, * whatever is left, at least one octet. */
static const char *layout_of(uint16_t type)
{
    static const struct {
        uint16_t type;
        const char *layout;
    } layouts[] = {
        {RRTYPE_A, "4"},         {RRTYPE_NS, "N"},      {RRTYPE_CNAME, "N"},
        {RRTYPE_SOA, "NN44444"}, {RRTYPE_PTR, "N"},     {RRTYPE_MX, "2N"},
        {RRTYPE_TXT, "S"},       {RRTYPE_AAAA, "6"},    {RRTYPE_SRV, "222N"},
        {RRTYPE_DNAME, "N"},     {RRTYPE_DS, "211*"},   {RRTYPE_RRSIG, "2114442N*"},
        {RRTYPE_DNSKEY, "211*"}, {RRTYPE_TLSA, "111*"},
    };
    for (size_t i = 0; i < COUNT_OF(layouts); i++)
        if (layouts[i].type == type)
            return layouts[i].layout;
    return NULL;
}

static bool strings_check(struct bytes strings)
{
    size_t at = 0;
    while (at < strings.len)
        at += strings.ptr[at] + 1u;
    return strings.len > 0 && at == strings.len;
}

/* One field of RDATA that ends at `limit`. */
static bool field_read(struct parser *p, char field, size_t limit, struct writer *out)
{
    struct name name;
    size_t left = limit - parser_at(p);
    if (field == 'N') {
        if (!name_read(p, limit, &name))
            return false;
        write_bytes(out, name.wire, name.len);
        return true;
    }
    size_t len = field == '6' ? 16 : field >= '1' && field <= '4' ? (size_t)(field - '0') : left;
    if (len > left || len == 0)
        return broken(p, "RDATA is too short for its type");
    struct bytes bytes = read_bytes(&p->r, len);
    if (field == 'S' && !strings_check(bytes))
        return broken(p, "a string runs past its record");
    write_bytes(out, bytes.ptr, bytes.len);
    return true;
}

/* RDATA of `len` bytes; without a layout it is taken as it is. */
static bool rdata_read(struct parser *p, const char *layout, size_t len, struct bytes *rdata)
{
    if (len > reader_left(&p->r))
        return broken(p, "RDATA runs past the end");
    if (!layout) {
        struct bytes raw = read_bytes(&p->r, len);
        *rdata = arena_bytes(p->arena, raw.ptr, raw.len);
        return true;
    }
    size_t limit = parser_at(p) + len;
    size_t most = len + 2u * NAME_MAX_BYTES; /* no type has more than two names */
    struct writer out = writer_over(arena_alloc(p->arena, most), most);
    for (const char *field = layout; *field; field++)
        if (!field_read(p, *field, limit, &out))
            return false;
    if (parser_at(p) != limit)
        return broken(p, "RDATA is too long for its type");
    *rdata = (struct bytes){out.start, out.len};
    return true;
}

/* TTLs with the highest bit set count as 0 (RFC 2181 section 8). */
static uint32_t ttl_of(uint32_t ttl_s)
{
    return ttl_s > INT32_MAX ? 0 : ttl_s;
}

/* One record. *record is left with type 0 when it is not one to keep. */
static bool record_read(struct parser *p, struct answer *answer, struct answer_record *record)
{
    struct name owner;
    struct bytes rdata;
    if (!name_read(p, p->message.len, &owner))
        return false;
    uint16_t type = read_u16(&p->r), class = read_u16(&p->r);
    uint32_t ttl = read_u32(&p->r);
    size_t len = read_u16(&p->r);
    if (!reader_ok(&p->r))
        return broken(p, "a record runs past the end");
    if (!rdata_read(p, class == RRCLASS_IN ? layout_of(type) : NULL, len, &rdata))
        return false;
    if (type == RRTYPE_OPT) {
        if (answer->has_edns || owner.len != 1 || record->section != ANSWER_SECTION_ADDITIONAL)
            return broken(p, "an OPT record where none belongs"); /* RFC 6891 section 6.1.1 */
        answer->has_edns = true;
        answer->rcode |= (uint16_t)(ttl >> 24 << 4);
        return true;
    }
    if (class != RRCLASS_IN)
        return true;
    record->owner = owner;
    record->type = type;
    record->ttl_s = ttl_of(ttl);
    record->rdata = rdata;
    return true;
}

static bool records_read(struct parser *p, const uint16_t counts[3], struct answer *answer)
{
    size_t total = (size_t)counts[0] + counts[1] + counts[2];
    if (total > reader_left(&p->r) / RECORD_MIN_BYTES)
        return broken(p, "there are fewer records than it says");
    struct answer_record *records = arena_array(p->arena, struct answer_record, total);
    uint32_t kept = 0;
    for (int section = 0; section < 3; section++) {
        for (uint16_t i = 0; i < counts[section]; i++) {
            struct answer_record record = {.section = (enum answer_section)section};
            if (!record_read(p, answer, &record))
                return false;
            if (record.type)
                records[kept++] = record;
        }
    }
    answer->records = records;
    answer->count = kept;
    return reader_left(&p->r) == 0 || broken(p, "there are bytes behind the last record");
}

/* Header and question; leaves the reader behind them. */
static bool head_read(struct parser *p, uint16_t counts[3], struct answer *answer)
{
    uint16_t id = read_u16(&p->r), flags = read_u16(&p->r), questions = read_u16(&p->r);
    for (int i = 0; i < 3; i++)
        counts[i] = read_u16(&p->r);
    if (!reader_ok(&p->r))
        return broken(p, "shorter than a header");
    if (!(flags & FLAG_RESPONSE) || questions != 1)
        return broken(p, "no response to one question");
    uint8_t wire[NAME_MAX_BYTES];
    size_t len, end, at = parser_at(p);
    if (!name_expand(p, at, wire, &len, &end))
        return false;
    struct bytes question = read_bytes(&p->r, end - at + 4);
    if (!reader_ok(&p->r))
        return broken(p, "the question runs past the end");
    *answer = (struct answer){
        .id = id,
        .rcode = flags & RCODE_MASK,
        .is_authoritative = flags & FLAG_AUTHORITATIVE,
        .is_truncated = flags & FLAG_TRUNCATED,
        .is_authenticated = flags & FLAG_AUTHENTICATED,
        .question = question,
    };
    return true;
}

bool answer_parse_head(struct bytes message, struct answer *answer)
{
    struct parser p = {.message = message, .r = reader_over(message)};
    uint16_t counts[3];
    return head_read(&p, counts, answer);
}

bool answer_parse(struct arena *arena, struct bytes message, struct answer *answer,
                  struct error *err)
{
    struct parser p = {.arena = arena, .message = message, .r = reader_over(message)};
    struct answer parsed;
    uint16_t counts[3];
    if (message.len > ANSWER_MAX_BYTES)
        return error_set(err, ERROR_INVALID, "longer than a DNS message can be");
    if (!head_read(&p, counts, &parsed) || !records_read(&p, counts, &parsed))
        return error_set(err, ERROR_INVALID, "%s", p.mistake);
    parsed.question = arena_bytes(arena, parsed.question.ptr, parsed.question.len);
    *answer = parsed;
    return true;
}

const char *answer_rcode_print(unsigned rcode, char text[static RCODE_TEXT_SIZE])
{
    static const char *const names[] = {
        [RCODE_NOERROR] = "NOERROR",   [RCODE_FORMERR] = "FORMERR", [RCODE_SERVFAIL] = "SERVFAIL",
        [RCODE_NXDOMAIN] = "NXDOMAIN", [RCODE_NOTIMP] = "NOTIMP",   [RCODE_REFUSED] = "REFUSED",
    };
    if (rcode < COUNT_OF(names))
        return names[rcode];
    snprintf(text, RCODE_TEXT_SIZE, "RCODE %u", rcode);
    return text;
}
