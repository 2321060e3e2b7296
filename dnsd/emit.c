/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/emit.h"

#include <string.h>
#include "zones/image.h"
#include "zones/rrtype.h"

static inline void store_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void store_u32(uint8_t *at, uint32_t value)
{
    store_u16(at, value >> 16);
    store_u16(at + 2, value);
}

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
        store_u16(body + at, ((unsigned)body[at] << 8 | body[at + 1]) + delta);
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
        store_u32(to + body.serial_at, verdict->serial);
}

/* RFC 6891 section 6.1.2; our size, the sender's DO (RFC 3225 section 3), no options. */
static void emit_opt(const struct question *question, const struct verdict *verdict, uint8_t *at)
{
    at[0] = 0;
    store_u16(at + 1, RRTYPE_OPT);
    store_u16(at + 3, IMAGE_UDP_MAX_BYTES);
    at[5] = (uint8_t)(verdict->rcode >> 4);
    at[6] = 0;
    store_u16(at + 7, question->edns_flags & DNS_DO);
    store_u16(at + 9, 0);
}

/* RA, AD, CD and Z are 0 in all we say. */
static uint32_t answer_flags(const struct question *question, uint32_t more)
{
    return (question->flags & (DNS_OPCODE | DNS_RD)) | DNS_QR | more;
}

uint32_t emit_answer(const struct image *image, const struct question *question,
                     const struct verdict *verdict, uint8_t *bytes)
{
    uint32_t length = question->end;
    uint32_t arcount = verdict->arcount;

    if (verdict->body != VERDICT_EMPTY) {
        emit_body(image, verdict, bytes + length);
        length += verdict->length;
    }
    if (question->has_edns) {
        emit_opt(question, verdict, bytes + length);
        length += QUESTION_OPT_BYTES;
        arcount++;
    }
    store_u16(bytes + 2, answer_flags(question, verdict->flags | (verdict->rcode & 0xFu)));
    store_u16(bytes + 4, 1);
    store_u16(bytes + 6, verdict->ancount);
    store_u16(bytes + 8, verdict->nscount);
    store_u16(bytes + 10, arcount);
    return length;
}

uint32_t emit_header(const struct question *question, enum dns_rcode rcode, uint8_t *bytes)
{
    store_u16(bytes + 2, answer_flags(question, (uint32_t)rcode));
    memset(bytes + 4, 0, 8);
    return QUESTION_HEADER_BYTES;
}
