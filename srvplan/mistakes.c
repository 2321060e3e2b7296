/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/mistakes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mistakes_fini(struct mistakes *mistakes)
{
    arena_fini(&mistakes->arena);
    *mistakes = (struct mistakes){0};
}

static size_t token_size(const struct place *place)
{
    return place->key ? 1 + 2 * strlen(place->key) : 24;
}

static char *token_write(char *at, const struct place *place)
{
    *at++ = '/';
    if (!place->key)
        return at + sprintf(at, "%zu", place->index);
    for (const char *key = place->key; *key; key++) { /* RFC 6901 section 3 */
        if (*key == '~' || *key == '/') {
            *at++ = '~';
            *at++ = *key == '~' ? '0' : '1';
        } else {
            *at++ = *key;
        }
    }
    return at;
}

static char *pointer_write(char *at, const struct place *place)
{
    if (place->pointer)
        return stpcpy(at, place->pointer);
    if (!place->up) /* the document; its own token is empty */
        return at;
    return token_write(pointer_write(at, place->up), place);
}

const char *place_pointer(struct arena *arena, const struct place *place)
{
    size_t size = 1;
    const struct place *top = place;
    for (; top->up; top = top->up)
        size += token_size(top);
    size += top->pointer ? strlen(top->pointer) : 0;
    char *pointer = arena_alloc(arena, size);
    *pointer_write(pointer, place) = '\0';
    return pointer;
}

void mistake_add_at(struct mistakes *mistakes, const struct mistake *mistake)
{
    mistakes->errors += mistake->severity == FINDING_ERROR;
    if (mistakes->count == MISTAKES_MAX) {
        mistakes->dropped++;
        return;
    }
    mistakes->items = arena_grow(&mistakes->arena, mistakes->items, &mistakes->capacity,
                                 mistakes->count + 1, sizeof *mistakes->items);
    mistakes->items[mistakes->count++] = *mistake;
}

static void add(struct mistakes *mistakes, const struct place *place, struct mistake mistake,
                const char *format, va_list args) PRINTF_LIKE(4, 0);

/* Formats the message too: once the list is full, nothing more is allocated. */
static void add(struct mistakes *mistakes, const struct place *place, struct mistake mistake,
                const char *format, va_list args)
{
    char message[512];
    vsnprintf(message, sizeof message, format, args);
    text_end_whole(message);
    if (mistakes->count < MISTAKES_MAX) {
        mistake.spot = (struct document_spot){
            .pointer = place_pointer(&mistakes->arena, place),
            .at = place->at,
            .document = place->document ? place->document - 1 : DOCUMENT_ANY,
            .offset = JSONC_NOWHERE,
        };
        mistake.message = arena_cstr(&mistakes->arena, text_from(message));
        mistake.mend = arena_cstr(&mistakes->arena, text_from(mistake.mend));
    }
    mistake_add_at(mistakes, &mistake);
}

void mistake_add(struct mistakes *mistakes, const struct place *place, const char *code,
                 const char *mend, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(mistakes, place,
        (struct mistake){
            .severity = FINDING_ERROR, .code = code, .spot.document = DOCUMENT_ANY, .mend = mend},
        format, args);
    va_end(args);
}

void mistake_warn(struct mistakes *mistakes, const struct place *place, const char *code,
                  const char *mend, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(mistakes, place,
        (struct mistake){
            .severity = FINDING_WARNING, .code = code, .spot.document = DOCUMENT_ANY, .mend = mend},
        format, args);
    va_end(args);
}

const char *mistakes_quote(struct mistakes *mistakes, struct text text)
{
    enum {
        SHOWN_MAX = 80
    };
    if (mistakes->count >= MISTAKES_MAX)
        return ""; /* nobody will see it */
    char *out = arena_alloc(&mistakes->arena, (size_t)SHOWN_MAX * 6 + 8);
    char *at = out;
    *at++ = '"';
    size_t shown = text.len;
    if (shown > SHOWN_MAX) /* cut between characters, not within one */
        for (shown = SHOWN_MAX; shown > 0 && ((uint8_t)text.ptr[shown] & 0xc0) == 0x80;)
            shown--;
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f)
            at += sprintf(at, "\\u%04x", c);
        else
            *at++ = (char)c;
    }
    if (shown < text.len)
        at = stpcpy(at, "…");
    stpcpy(at, "\"");
    return out;
}

struct numbered {
    const struct mistake *mistake;
    const struct document_spot *spot;
    bool is_elsewhere; /* in a file that the document brings in */
    size_t number;
};

static int text_order(const void *a, const void *b)
{
    const struct numbered *left = a, *right = b;
    const struct document_spot *x = left->spot, *y = right->spot;
    if (x->document != y->document)
        return x->document < y->document ? -1 : 1;
    if (left->is_elsewhere != right->is_elsewhere)
        return left->is_elsewhere ? 1 : -1;
    int file = left->is_elsewhere ? strcmp(x->file, y->file) : 0;
    if (file != 0)
        return file;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

void mistakes_publish(struct mistakes *mistakes, const struct document *documents, uint32_t count,
                      struct findings *findings)
{
    size_t listed = mistakes->count;
    if (listed == 0)
        return;
    struct document_spot *spots = arena_array(&mistakes->arena, struct document_spot, listed);
    struct numbered *order = arena_array(&mistakes->arena, struct numbered, listed);
    for (size_t i = 0; i < listed; i++)
        spots[i] = mistakes->items[i].spot;
    documents_find(documents, count, spots, listed);
    for (size_t i = 0; i < listed; i++)
        order[i] = (struct numbered){.mistake = &mistakes->items[i],
                                     .spot = &spots[i],
                                     .is_elsewhere = mistakes->items[i].spot.file != NULL,
                                     .number = i};
    qsort(order, listed, sizeof *order, text_order);
    for (size_t i = 0; i < listed; i++)
        findings_add(findings, &(struct finding){.severity = order[i].mistake->severity,
                                                 .code = order[i].mistake->code,
                                                 .pointer = order[i].spot->pointer,
                                                 .file = order[i].spot->file,
                                                 .line = order[i].spot->line,
                                                 .column = order[i].spot->column,
                                                 .message = order[i].mistake->message,
                                                 .mend = order[i].mistake->mend});
    if (mistakes->dropped > 0)
        findings_add(findings,
                     &(struct finding){.severity = FINDING_ERROR,
                                       .code = "too-many-mistakes",
                                       .file = documents[0].file,
                                       .message = arena_printf(&mistakes->arena,
                                                               "%zu more mistakes are not listed",
                                                               mistakes->dropped),
                                       .mend = "mend those above first"});
}
