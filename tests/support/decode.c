/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "decode.h"

#include <stdlib.h>
#include <string.h>

enum {
    LEAST_RECORD = 11
}; /* bytes: a root owner, type, class, TTL, length */

struct cursor {
    const uint8_t *bytes;
    size_t len, at;
    const char *mistake;
};

static unsigned get(struct cursor *c, unsigned width)
{
    unsigned value = 0;
    for (; width; width--) {
        if (c->at >= c->len) {
            c->mistake = "ends early";
            return 0;
        }
        value = value << 8 | c->bytes[c->at++];
    }
    return value;
}

static void get_name(struct cursor *c, struct decoded_name *name)
{
    size_t at = c->at, behind = 0;
    unsigned jumps = 0;
    name->len = 0;
    for (;;) {
        if (at >= c->len) {
            c->mistake = "name ends early";
            return;
        }
        uint8_t length = c->bytes[at];
        if ((length & 0xC0) == 0xC0) {
            if (at + 1 >= c->len || ++jumps > 20) {
                c->mistake = "bad pointer";
                return;
            }
            size_t to = (size_t)(length & 0x3F) << 8 | c->bytes[at + 1];
            if (!behind)
                behind = at + 2;
            if (to >= at || to < 12) {
                c->mistake = "pointer not backwards";
                return;
            }
            at = to;
            continue;
        }
        if (length > 63 || at + 1 + length > c->len || name->len + 1 + length > 255) {
            c->mistake = "bad label";
            return;
        }
        memcpy(name->wire + name->len, c->bytes + at, 1u + length);
        name->len += 1u + length;
        at += 1u + length;
        if (length == 0)
            break;
    }
    c->at = behind ? behind : at;
}

static void get_rdata(struct cursor *c, struct decoded_record *record, size_t end)
{
    size_t lead = record->type == 33 ? 6 : record->type == 15 ? 2 : 0;
    static const uint8_t names_in[34] = {[2] = 1, [5] = 1, [6] = 2, [12] = 1, [15] = 1, [33] = 1};
    unsigned names = record->type < sizeof names_in ? names_in[record->type] : 0;
    struct decoded_name name;
    if (end > c->len || c->at + lead > end) {
        c->mistake = "RDATA ends early";
        return;
    }
    memcpy(record->rdata, c->bytes + c->at, lead);
    record->rdata_len = lead;
    c->at += lead;
    for (; names && !c->mistake; names--) {
        get_name(c, &name);
        memcpy(record->rdata + record->rdata_len, name.wire, name.len);
        record->rdata_len += name.len;
    }
    if (c->mistake || c->at > end || record->rdata_len + (end - c->at) > sizeof record->rdata) {
        c->mistake = "RDATA length does not fit";
        return;
    }
    memcpy(record->rdata + record->rdata_len, c->bytes + c->at, end - c->at);
    record->rdata_len += end - c->at;
    c->at = end;
}

static void get_record(struct cursor *c, struct decoded *decoded, unsigned section)
{
    if (decoded->record_count > decoded->capacity) { /* no message can hold more */
        c->mistake = "too many records";
        return;
    }
    struct decoded_record *record = &decoded->records[decoded->record_count];
    get_name(c, &record->owner);
    record->type = (uint16_t)get(c, 2);
    record->class = (uint16_t)get(c, 2);
    record->ttl = get(c, 4);
    size_t end = get(c, 2);
    end += c->at;
    if (c->mistake)
        return;
    if (record->type != 41) {
        get_rdata(c, record, end);
        decoded->record_count++;
        return;
    }
    if (section != 3 || decoded->has_opt || record->owner.len != 1 || end > c->len)
        c->mistake = "misplaced OPT";
    decoded->has_opt = true;
    decoded->opt_size = record->class;
    decoded->opt_extended_rcode = (uint8_t)(record->ttl >> 24);
    decoded->opt_version = (uint8_t)(record->ttl >> 16);
    decoded->opt_flags = (uint16_t)record->ttl;
    decoded->opt_data = c->bytes + c->at;
    decoded->opt_data_len = c->mistake ? 0 : end - c->at;
    while (c->at < end && !c->mistake) {
        get(c, 2);
        c->at += get(c, 2);
    }
    if (c->at != end && !c->mistake)
        c->mistake = "options that do not fill OPT";
}

const uint8_t *decoded_option(const struct decoded *decoded, unsigned code, size_t *len)
{
    const uint8_t *at = decoded->opt_data, *end = at + decoded->opt_data_len;
    while (at && at < end) { /* decode has walked them */
        *len = (size_t)at[2] << 8 | at[3];
        if (((unsigned)at[0] << 8 | at[1]) == code)
            return at + 4;
        at += 4 + *len;
    }
    return NULL;
}

struct decoded *decode(const uint8_t *bytes, size_t len)
{
    struct cursor c = {.bytes = bytes, .len = len};
    struct decoded *decoded = calloc(1, sizeof *decoded);
    if (!decoded)
        abort();
    decoded->id = (uint16_t)get(&c, 2);
    decoded->flags = (uint16_t)get(&c, 2);
    for (unsigned i = 0; i < 4; i++)
        decoded->count[i] = (uint16_t)get(&c, 2);
    size_t claimed = (size_t)decoded->count[1] + decoded->count[2] + decoded->count[3];
    decoded->capacity = claimed < len / LEAST_RECORD ? claimed : len / LEAST_RECORD;
    decoded->records = calloc(decoded->capacity + 1, sizeof *decoded->records);
    if (!decoded->records)
        abort();
    if (decoded->count[0] > 1)
        c.mistake = "more than one question";
    if (decoded->count[0] == 1 && !c.mistake) {
        get_name(&c, &decoded->question);
        decoded->question_type = (uint16_t)get(&c, 2);
        decoded->question_class = (uint16_t)get(&c, 2);
    }
    for (unsigned section = 1; section < 4; section++) {
        if (section == 3)
            decoded->required_end = c.at;
        for (unsigned i = 0; i < decoded->count[section] && !c.mistake; i++)
            get_record(&c, decoded, section);
    }
    if (!c.mistake && c.at != len)
        c.mistake = "bytes left over";
    decoded->mistake = c.mistake;
    return decoded;
}

void decoded_free(struct decoded *decoded)
{
    if (decoded)
        free(decoded->records);
    free(decoded);
}

bool decoded_name_equal(const struct decoded_name *a, const uint8_t *wire, size_t len)
{
    if (a->len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        uint8_t x = a->wire[i], y = wire[i];
        x = x >= 'A' && x <= 'Z' ? (uint8_t)(x + 32) : x;
        y = y >= 'A' && y <= 'Z' ? (uint8_t)(y + 32) : y;
        if (x != y)
            return false;
    }
    return true;
}
