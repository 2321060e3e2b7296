/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_numbers.h"

#include <math.h>

const char *number_percent(double ratio, struct arena *arena)
{
    return arena_printf(arena, "%.1f %%", ratio * 100);
}

const char *number_share(struct rational share, struct arena *arena)
{
    uint64_t permille = rational_to_parts(share, 1000);
    return arena_printf(arena, "%llu.%llu %%", (unsigned long long)(permille / 10),
                        (unsigned long long)(permille % 10));
}

const char *number_part(uint32_t part_ppb, struct arena *arena)
{
    return arena_printf(arena, "%.4g %%", part_ppb / (RATIO_ONE / 100.0));
}

const char *number_load(double load, struct arena *arena)
{
    return arena_printf(arena, "%.2fx", load);
}

const char *number_duration(double duration_s, struct arena *arena)
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};

    double rest_s = duration_s > 1e-9 ? ceil(duration_s - 1e-9) : 0;
    for (size_t i = 0; i + 1 < COUNT_OF(units); i++) {
        /* Two units, the second one rounded up: what is safe after 1 h 30 s is not after 1 h. */
        double small = ceil(rest_s / units[i + 1].seconds);
        double per_unit = units[i].seconds / units[i + 1].seconds;
        double whole = floor(small / per_unit), below = small - whole * per_unit;
        if (rest_s < units[i].seconds)
            continue;
        return below >= 1 ? arena_printf(arena, "%.0f %s %.0f %s", whole, units[i].name, below,
                                         units[i + 1].name)
                          : arena_printf(arena, "%.0f %s", whole, units[i].name);
    }
    return arena_printf(arena, "%.0f s", rest_s);
}

const char *number_seconds(double duration_s, struct arena *arena)
{
    return arena_printf(arena, duration_s < 10 ? "%.2f s" : "%.0f s", duration_s);
}

const char *number_count(double count, struct arena *arena)
{
    double thousands = floor((count + 0.5) / 1000);
    if (thousands < 1)
        return arena_printf(arena, "%.0f", count);
    if (thousands < 1000)
        return arena_printf(arena, "%.0f %03.0f", thousands, floor(count + 0.5) - thousands * 1000);
    return arena_printf(arena, "%.1f M", count / 1e6);
}

const char *client_name(const struct audience_part *who, struct arena *arena)
{
    if (who->is_rest)
        return "all others";
    if (who->profile)
        return who->profile->name;
    return arena_cstr(arena, who->name);
}
