/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/content.h"

bool content_set_equal(const struct content_set *a, const struct content_set *b)
{
    if (a->type != b->type || a->ttl_s != b->ttl_s || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!bytes_equal(a->rdata[i], b->rdata[i]))
            return false;
    return true;
}
