/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/emit.h"

#include <string.h>
#include "dnsd/edns.h"
#include "dnsd/wire.h"
#include "zones/image.h"
#include "zones/rrtype.h"

enum {
    TSIG_BADKEY = 17
}; /* RFC 8945 section 3 */

/* A body and its patch places, from either home. */
struct body {
    const uint8_t *bytes;
    const uint16_t *places;
    uint32_t body_patches, apex_patches;
    uint16_t serial_at;
};

static struct body body_of(const struct image *image, const struct verdict *verdict)
{
    const struct image_answer *answer = &image->answers[verdict->answer];
    if (verdict->body == VERDICT_BODY)
        return (struct body){.bytes = answer->body,
                             .places = answer->patch,
                             .body_patches = answer->body_patches,
                             .apex_patches = answer->apex_patches,
                             .serial_at = answer->serial_at};
    const uint8_t *line = image->longs + (size_t)answer->long_line * IMAGE_LINE_BYTES;
    const struct image_long *whole = (const struct image_long *)(const void *)line;
    const uint16_t *places = (const uint16_t *)(const void *)(line + sizeof *whole);
    uint32_t count = (uint32_t)whole->body_patches + whole->apex_patches;
    return (struct body){.bytes = (const uint8_t *)(places + count),
                         .places = places,
                         .body_patches = whole->body_patches,
                         .apex_patches = whole->apex_patches,
                         .serial_at = whole->serial_at};
}

/* Adds `delta` to the pointers at `places`; those behind a cut are not there. */
static void move_pointers(uint8_t *body, uint32_t length, const uint16_t *places, uint32_t count,
                          uint16_t delta)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = places[i];
        if (at + 2 > length)
            continue;
        wire_store_u16(body + at, ((unsigned)body[at] << 8 | body[at + 1]) + delta);
    }
}

static void emit_body(const struct image *image, const struct verdict *verdict, uint8_t *to)
{
    struct body body = body_of(image, verdict);
    memcpy(to, body.bytes, verdict->length);
    move_pointers(to, verdict->length, body.places, body.body_patches, verdict->body_delta);
    move_pointers(to, verdict->length, body.places + body.body_patches, body.apex_patches,
                  verdict->apex_delta);
    if (body.serial_at != IMAGE_NO_PLACE && body.serial_at + 4u <= verdict->length)
        wire_store_u32(to + body.serial_at, verdict->serial);
}

/* The words of class CH: owner as asked, TTL 0, one string. Returns the length. */
static uint32_t emit_text(const struct settings_text *text, uint8_t *to)
{
    wire_store_u16(to, 0xC000u | QUESTION_HEADER_BYTES);
    wire_store_u16(to + 2, RRTYPE_TXT);
    wire_store_u16(to + 4, RRCLASS_CH);
    wire_store_u32(to + 6, 0);
    wire_store_u16(to + 10, text->length + 1u);
    to[12] = text->length;
    memcpy(to + 13, text->bytes, text->length);
    return 13u + text->length;
}

/* The query's TSIG without its MAC, and with the error; moved to where it belongs. */
static void emit_tsig(const struct question_tsig *tsig, uint8_t *bytes, uint32_t to)
{
    uint8_t id[2] = {bytes[tsig->id_at], bytes[tsig->id_at + 1]};
    uint32_t head = (uint32_t)tsig->mac_at - tsig->at;
    memmove(bytes + to, bytes + tsig->at, head);
    wire_store_u16(bytes + to + (tsig->rdata_at - tsig->at) - 2,
                   (uint32_t)tsig->mac_at - tsig->rdata_at + 8);
    uint8_t *tail = bytes + to + head;
    wire_store_u16(tail, 0);
    memcpy(tail + 2, id, sizeof id);
    wire_store_u16(tail + 4, TSIG_BADKEY);
    wire_store_u16(tail + 6, 0);
}

/* What stands between question and OPT; returns its length. */
static uint32_t emit_middle(const struct decide_state *state, const struct verdict *verdict,
                            uint8_t *to)
{
    switch (verdict->body) {
    case VERDICT_EMPTY:
        return 0;
    case VERDICT_BODY:
    case VERDICT_LONG:
        emit_body(state->image, verdict, to);
        return verdict->length;
    case VERDICT_ID:
        return emit_text(&state->settings->chaos_id, to);
    case VERDICT_VERSION:
        return emit_text(&state->settings->chaos_version, to);
    }
    return 0;
}

/* RA, AD, CD and Z are 0 in all we say. */
static uint32_t answer_flags(const struct question *question, uint32_t more)
{
    return (question->flags & (DNS_OPCODE | DNS_RD)) | DNS_QR | more;
}

uint32_t emit_answer(const struct decide_state *state, const struct question *question,
                     const struct verdict *verdict, uint8_t *bytes)
{
    uint32_t length = question->end;
    uint32_t arcount = verdict->arcount;

    if (verdict->tsig_length) { /* first: OPT may overwrite where it came */
        emit_tsig(&question->tsig, bytes, length + verdict->opt_length);
        arcount++;
    }
    length += emit_middle(state, verdict, bytes + length);
    if (verdict->opt_length) {
        edns_emit(state->settings, question, verdict, bytes + length);
        arcount++;
    }
    wire_store_u16(bytes + 2, answer_flags(question, verdict->flags | (verdict->rcode & 0xFu)));
    wire_store_u16(bytes + 4, question->is_bare ? 0 : 1);
    wire_store_u16(bytes + 6, verdict->ancount);
    wire_store_u16(bytes + 8, verdict->nscount);
    wire_store_u16(bytes + 10, arcount);
    return length + verdict->opt_length + verdict->tsig_length;
}

uint32_t emit_header(const struct question *question, enum dns_rcode rcode, uint8_t *bytes)
{
    wire_store_u16(bytes + 2, answer_flags(question, (uint32_t)rcode));
    memset(bytes + 4, 0, 8);
    return QUESTION_HEADER_BYTES;
}
