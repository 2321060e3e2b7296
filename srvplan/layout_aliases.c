/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/layout_build.h"
#include "zones/chain.h"
#include "zones/rrtype.h"

#include <string.h>

static void report_loop(struct layout_work *work, const struct chain_loop *loop)
{
    const struct content_names *names = &work->layout->names;
    struct text owner = layout_name_text(work, names->names[loop->name].owner);
    struct text through = layout_name_text(work, loop->through);
    struct finding finding = {
        .severity = FINDING_ERROR,
        .code = "record-alias-loop",
        .message =
            arena_printf(&work->scratch, "the alias (CNAME) %.*s leads in a circle, by way of %.*s",
                         (int)owner.len, owner.ptr, (int)through.len, through.ptr),
        .mend = "let one of the aliases in the circle name a host that has addresses",
    };
    layout_find(work, &finding, "zones", layout_name_text(work, names->zones[loop->zone].apex));
}

void layout_aliases(struct layout_work *work)
{
    struct layout *layout = work->layout;
    uint32_t count = layout->declared_count + layout->fixed_count;
    /* Of SRV sets nothing matters here but their numbers. */
    struct content_set *sets = arena_array(&work->scratch, struct content_set, count);
    if (layout->fixed_count)
        memcpy(sets + layout->declared_count, work->fixed, layout->fixed_count * sizeof *sets);
    struct content_name *rows =
        arena_array(work->arena, struct content_name, layout->names.name_count);
    if (layout->names.name_count)
        memcpy(rows, layout->names.names, layout->names.name_count * sizeof *rows);
    struct chains chains =
        chains_follow(work->arena, &layout->names, rows, &(struct content_sets){sets, count});
    for (uint32_t i = 0; i < chains.loop_count; i++)
        report_loop(work, &chains.loops[i]);
    layout->names.names = rows;
    layout->names.types = chains.types;
    layout->names.types_count = chains.types_count;
    layout->names.set_count += chains.set_count;
    work->fixed = arena_grow(work->arena, work->fixed, &work->fixed_capacity,
                             (size_t)layout->fixed_count + chains.set_count, sizeof *work->fixed);
    if (chains.set_count)
        memcpy(work->fixed + layout->fixed_count, chains.sets,
               chains.set_count * sizeof *work->fixed);
    layout->fixed_count += chains.set_count;
}
