/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/metrics/page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void page_put(struct page *page, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (len > 0) {
        page->text =
            arena_grow(page->arena, page->text, &page->capacity, page->len + (size_t)len + 1, 1);
        vsnprintf(page->text + page->len, (size_t)len + 1, format, again);
        page->len += (size_t)len;
    }
    va_end(again);
}

void page_head(struct page *page, const char *name, const char *type, const char *help)
{
    page_put(page, "# HELP srvplan_%s %s\n# TYPE srvplan_%s %s\n", name, help, name, type);
}

void page_gauge(struct page *page, const char *name, const char *help, int64_t value)
{
    page_head(page, name, "gauge", help);
    page_put(page, "srvplan_%s %" PRId64 "\n", name, value);
}

void page_instant(struct page *page, const char *name, const char *help, int64_t at_ms)
{
    page_head(page, name, "gauge", help);
    page_put(page, "srvplan_%s %" PRId64 ".%03d\n", name, at_ms / 1000, (int)(at_ms % 1000));
}

const char *page_label(struct page *page, struct text value)
{
    char *out = arena_alloc(page->arena, 2 * value.len + 1), *at = out;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\\' || c == '"' || c == '\n')
            *at++ = '\\';
        *at++ = c == '\n' ? 'n' : c;
    }
    return out;
}
