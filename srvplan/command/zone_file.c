/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/command/zone_file.h"

#include <stdlib.h>
#include <string.h>

#include "zones/base/file.h"
#include "zones/text.h"

enum {
    ZONE_MAX_BYTES = 256 << 20, /* 100,000 domains take about 50 MB */
    TTL_DEFAULT_S = 3600,       /* of a file that gives none */
};

static struct name origin_of(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    struct text base = text_from(slash ? slash + 1 : path);
    struct name origin;
    if (text_starts_with(base, "db.")) {
        base.ptr += 3;
        base.len -= 3;
    } else if (base.len > 5 && strcmp(base.ptr + base.len - 5, ".zone") == 0) {
        base.len -= 5;
    } else {
        return name_root;
    }
    return text_name_parse(arena, base, &origin, NULL) ? origin : name_root;
}

bool zone_file_read(const char *path, struct arena *arena, struct zonefile_reading *reading,
                    struct error *err)
{
    struct bytes bytes;
    if (!file_read(path, ZONE_MAX_BYTES, &bytes, err))
        return false;
    const struct zonefile_terms terms = {.origin = origin_of(path, arena), .ttl_s = TTL_DEFAULT_S};
    *reading = zonefile_read(arena, (struct text){(const char *)bytes.ptr, bytes.len}, &terms);
    free((void *)(uintptr_t)bytes.ptr);
    return true;
}
