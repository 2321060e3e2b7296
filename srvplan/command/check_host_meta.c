/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "srvplan/command/check_build.h"
#include "zones/base/file.h"
#include "zones/text.h"

static bool meta_read(const char *path, struct arena *arena, struct host_meta *meta,
                      struct error *err)
{
    struct bytes text;
    if (!file_read(path, HOST_META_MAX_BYTES, &text, err))
        return false;
    bool ok = host_meta_parse(arena, text, path, meta, err);
    free((void *)(uintptr_t)text.ptr);
    return ok || error_within(err, "%.200s", path);
}

/* "DOMAIN=FILE" or "FILE". */
static bool value_split(const char *value, struct name only, struct arena *arena,
                        struct lint_host_meta *meta, const char **path, struct error *err)
{
    const char *equals = strchr(value, '=');
    *path = equals ? equals + 1 : value;
    meta->domain = only;
    if (equals)
        return text_name_parse(arena, (struct text){value, (size_t)(equals - value)}, &meta->domain,
                               err) ||
               error_within(err, "--host-meta %.100s", value);
    return only.len > 0 ||
           error_set(err, ERROR_USAGE,
                     "--host-meta %.100s: of which domain? there are several, or none; write "
                     "DOMAIN=FILE",
                     value);
}

bool check_host_metas_read(const struct invocation *invocation, struct name only,
                           struct arena *arena, struct check_host_metas *metas, struct error *err)
{
    struct lint_host_meta *items =
        arena_array(arena, struct lint_host_meta, invocation->given_count);
    uint32_t position = 0, count = 0;
    const char *value, *path;
    while ((value = invocation_next(invocation, OPTION_HOST_META, &position))) {
        struct lint_host_meta *meta = &items[count++];
        if (!value_split(value, only, arena, meta, &path, err) ||
            !meta_read(path, arena, &meta->meta, err))
            return false;
    }
    *metas = (struct check_host_metas){items, count};
    return true;
}
