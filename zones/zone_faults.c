/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/zone_faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_SIZE = 1536 /* a name of 255 octets may take 1,021 characters */
};

static void add(struct zone_faults *faults, struct zone_fault fault, const char *format,
                va_list args)
{
    char message[MESSAGE_SIZE];
    *(fault.severity == ZONE_ERROR ? &faults->errors : &faults->warnings) += 1;
    if (faults->count == ZONE_MAX_FAULTS)
        return;
    vsnprintf(message, sizeof message, format, args);
    text_end_whole(message);
    fault.message = arena_cstr(faults->arena, text_from(message));
    faults->items = arena_grow(faults->arena, faults->items, &faults->capacity, faults->count + 1,
                               sizeof *faults->items);
    faults->items[faults->count++] = fault;
}

static struct zone_fault fault_at(enum zone_severity severity, const struct zone_spot *spot,
                                  const char *mend)
{
    return (struct zone_fault){.severity = severity,
                               .path = spot->path,
                               .line = spot->line,
                               .column = spot->column,
                               .mend = mend};
}

bool zone_error(struct zone_faults *faults, const struct zone_spot *spot, const char *mend,
                const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(faults, fault_at(ZONE_ERROR, spot, mend), format, args);
    va_end(args);
    return false;
}

void zone_warn(struct zone_faults *faults, const struct zone_spot *spot, const char *mend,
               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(faults, fault_at(ZONE_WARNING, spot, mend), format, args);
    va_end(args);
}

static int compare_faults(const void *left, const void *right)
{
    const struct zone_fault *a = left, *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return strcmp(a->message, b->message);
}

void zone_faults_sort(struct zone_faults *faults, size_t first)
{
    if (faults->count > first + 1)
        qsort(faults->items + first, faults->count - first, sizeof *faults->items, compare_faults);
}
