/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/auth/throttle.h"

#include <string.h>

static struct text name_cut(struct text name)
{
    if (name.len >= THROTTLE_SOURCE_SIZE)
        name.len = THROTTLE_SOURCE_SIZE - 1;
    return name;
}

static struct throttle_source *source_find(struct throttle *throttle, struct text name)
{
    for (size_t i = 0; i < THROTTLE_SOURCES_MAX; i++)
        if (throttle->sources[i].count && text_is(name, throttle->sources[i].name))
            return &throttle->sources[i];
    return NULL;
}

static int64_t failed_at_ms(const struct throttle_source *source, uint32_t back)
{
    uint32_t at = source->oldest + source->count - 1 - back;
    return source->failed_at_ms[at % THROTTLE_FAILURES_MAX];
}

/* A free place, or that of the source that has been quiet for longest. */
static struct throttle_source *source_add(struct throttle *throttle, struct text name)
{
    struct throttle_source *quiet = &throttle->sources[0];
    for (size_t i = 0; i < THROTTLE_SOURCES_MAX && quiet->count; i++) {
        struct throttle_source *source = &throttle->sources[i];
        if (!source->count || failed_at_ms(source, 0) < failed_at_ms(quiet, 0))
            quiet = source;
    }
    *quiet = (struct throttle_source){0};
    memcpy(quiet->name, name.ptr, name.len);
    return quiet;
}

void throttle_set(struct throttle *throttle, uint32_t failures_max, int64_t window_ms)
{
    throttle->failures_max = failures_max;
    throttle->window_ms = window_ms;
}

void throttle_fail(struct throttle *throttle, struct text name, int64_t now_ms)
{
    name = name_cut(name);
    struct throttle_source *source = source_find(throttle, name);
    if (!source)
        source = source_add(throttle, name);
    if (source->count && now_ms < failed_at_ms(source, 0))
        source->count = 0; /* the clock ran back */
    if (source->count == THROTTLE_FAILURES_MAX) {
        source->oldest = (source->oldest + 1) % THROTTLE_FAILURES_MAX;
        source->count--;
    }
    source->failed_at_ms[(source->oldest + source->count) % THROTTLE_FAILURES_MAX] = now_ms;
    source->count++;
}

int64_t throttle_wait_ms(struct throttle *throttle, struct text name, int64_t now_ms)
{
    const struct throttle_source *source = source_find(throttle, name_cut(name));
    if (!source || source->count < throttle->failures_max || now_ms < failed_at_ms(source, 0))
        return 0;
    int64_t age_ms = now_ms - failed_at_ms(source, throttle->failures_max - 1);
    return age_ms < throttle->window_ms ? throttle->window_ms - age_ms : 0;
}
