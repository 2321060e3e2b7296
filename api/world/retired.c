/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/retired.h"

#include <stdlib.h>
#include <string.h>

static int compare_zones(const void *a, const void *b)
{
    return text_compare(((const struct store_zone *)a)->name, ((const struct store_zone *)b)->name);
}

static struct store_zone *zones_new(size_t count)
{
    struct store_zone *zones = calloc(count + 1, sizeof *zones);
    if (!zones)
        abort();
    return zones;
}

static void name_free(const struct store_zone *zone)
{
    free((char *)(uintptr_t)zone->name.ptr);
}

/* Sorted copies. */
static struct store_zone *copies_of(const struct store_zone *zones, size_t count)
{
    struct store_zone *copies = zones_new(count);
    for (size_t i = 0; i < count; i++) {
        char *name = strndup(zones[i].name.ptr, zones[i].name.len);
        if (!name)
            abort();
        copies[i] = (struct store_zone){.name = text_from(name), .serial = zones[i].serial};
    }
    qsort(copies, count, sizeof *copies, compare_zones);
    return copies;
}

void retired_add(struct retired *retired, const struct store_zone *zones, size_t count)
{
    if (count == 0)
        return;
    struct store_zone *more = copies_of(zones, count);
    struct store_zone *all = zones_new(retired->count + count);
    size_t i = 0, j = 0, kept = 0;
    while (i < retired->count || j < count) {
        int order = i == retired->count ? 1
                    : j == count        ? -1
                                        : compare_zones(&retired->zones[i], &more[j]);
        if (order == 0)
            name_free(&retired->zones[i]);
        all[kept++] = order < 0 ? retired->zones[i] : more[j];
        i += order <= 0;
        j += order >= 0;
    }
    free(more);
    free(retired->zones);
    *retired = (struct retired){all, kept};
}

uint32_t retired_serial(const struct retired *retired, struct text name)
{
    struct store_zone wanted = {.name = name};
    const struct store_zone *found =
        retired->count
            ? bsearch(&wanted, retired->zones, retired->count, sizeof wanted, compare_zones)
            : NULL;
    return found ? found->serial : 0;
}

void retired_fini(struct retired *retired)
{
    for (size_t i = 0; i < retired->count; i++)
        name_free(&retired->zones[i]);
    free(retired->zones);
    *retired = (struct retired){0};
}
