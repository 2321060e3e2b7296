/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/escape.h"

#include "srvplan/report/clean.h"

#include <string.h>

/* The characters that HTML, and Markdown with it, would take for marks. */
static const char *entity_of(char character)
{
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void escape_html(FILE *out, const char *text)
{
    struct arena arena = {0};
    for (const char *at = clean_text(text, CLEAN_UTF8, &arena); *at; at++) {
        const char *entity = entity_of(*at);
        if (entity)
            fputs(entity, out);
        else
            fputc(*at, out);
    }
    arena_fini(&arena);
}

void escape_md(FILE *out, const char *text)
{
    struct arena arena = {0};
    for (const char *at = clean_text(text, CLEAN_UTF8, &arena); *at; at++) {
        if (strchr("&<>", *at))
            fputs(entity_of(*at), out);
        else if (strchr("\\`*_[]#|~@", *at))
            fprintf(out, "\\%c", *at);
        else
            fputc(*at, out);
    }
    arena_fini(&arena);
}

void escape_md_code(FILE *out, const char *text)
{
    struct arena arena = {0};
    fputc('`', out);
    for (const char *at = clean_text(text, CLEAN_UTF8, &arena); *at; at++) {
        if (*at == '|')
            fputc('\\', out);
        fputc(*at == '`' ? '?' : *at, out);
    }
    fputc('`', out);
    arena_fini(&arena);
}

void escape_csv(FILE *out, const char *text)
{
    struct arena arena = {0};
    const char *clean = clean_text(text, CLEAN_UTF8, &arena);
    bool is_quoted = strpbrk(clean, ",\"") != NULL;
    if (is_quoted)
        fputc('"', out);
    for (const char *at = clean; *at; at++) {
        if (*at == '"')
            fputc('"', out);
        fputc(*at, out);
    }
    if (is_quoted)
        fputc('"', out);
    arena_fini(&arena);
}
