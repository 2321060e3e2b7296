/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/decay.h"

#include <math.h>

/* A part of the caches whose line ends at end_s. */
struct line {
    double part, end_s;
};

/* Resolvers of one class: those that hold the lowered TTL, and those that still hold the old one.
 */
struct lines {
    struct line lowered, old;
};

static double clamp_ttl(double ttl_s, const struct inventory_resolver_class *class)
{
    if (class && class->max_ttl_s && ttl_s > class->max_ttl_s)
        ttl_s = class->max_ttl_s;
    if (class && class->min_ttl_s && ttl_s < class->min_ttl_s)
        ttl_s = class->min_ttl_s;
    return ttl_s;
}

/* `class` NULL: resolvers that keep to the TTL. */
static struct lines lines_of(const struct decay *decay,
                             const struct inventory_resolver_class *class, double part)
{
    double ttl_s = clamp_ttl(decay->ttl_s, class);
    double before_s = clamp_ttl(decay->ttl_before_s, class);
    if (decay->ttl_before_s == 0 || decay->lowered_s >= before_s)
        return (struct lines){.lowered = {part, ttl_s}};
    double refetched = decay->lowered_s / before_s;
    return (struct lines){
        .lowered = {part * refetched, ttl_s},
        .old = {part * (1 - refetched), before_s - decay->lowered_s},
    };
}

/* ∫ of max(0, 1 - u/end) up to u, where it counts as 1 before 0. */
static double line_integral(double end_s, double u_s)
{
    if (u_s <= 0)
        return u_s;
    return u_s < end_s ? u_s - u_s * u_s / (2 * end_s) : end_s / 2;
}

static double line_at(const struct decay *decay, struct line line, double u_s)
{
    double cache_s = decay->client_cache_s;
    if (line.part <= 0 || u_s >= line.end_s + cache_s)
        return 0;
    if (u_s <= 0)
        return line.part;
    if (cache_s > 0)
        return line.part *
               (line_integral(line.end_s, u_s) - line_integral(line.end_s, u_s - cache_s)) /
               cache_s;
    return line.part * (1 - u_s / line.end_s);
}

/* Calls for the lines of every class, the resolvers that keep to TTLs last. */
static double lines_sum(const struct decay *decay, double u_s,
                        double (*value)(const struct decay *, struct line, double))
{
    double sum = 0, left = 1;
    for (uint32_t i = 0; i < decay->resolver_count; i++) {
        double part = (double)decay->resolvers[i].share_ppb / RATIO_ONE;
        struct lines lines = lines_of(decay, &decay->resolvers[i], part);
        sum += value(decay, lines.lowered, u_s) + value(decay, lines.old, u_s);
        left -= part;
    }
    if (left < 1e-12)
        return sum;
    struct lines lines = lines_of(decay, NULL, left);
    return sum + value(decay, lines.lowered, u_s) + value(decay, lines.old, u_s);
}

double decay_stale(const struct decay *decay, double after_s)
{
    double u_s = after_s - decay->publish_s;
    if (u_s <= 0)
        return 1;
    double sum = lines_sum(decay, u_s, line_at);
    return sum > 1 ? 1 : sum;
}

static double line_area(const struct decay *decay, struct line line, double unused)
{
    (void)unused;
    return line.part * (line.end_s + decay->client_cache_s) / 2;
}

double decay_area_s(const struct decay *decay)
{
    return decay->publish_s + lines_sum(decay, 0, line_area);
}

static double lines_end_s(struct lines lines)
{
    double lowered_s = lines.lowered.part > 0 ? lines.lowered.end_s : 0;
    double old_s = lines.old.part > 0 ? lines.old.end_s : 0;
    return fmax(lowered_s, old_s);
}

double decay_end_s(const struct decay *decay)
{
    double end_s = 0, left = 1;
    for (uint32_t i = 0; i < decay->resolver_count; i++) {
        double part = (double)decay->resolvers[i].share_ppb / RATIO_ONE;
        end_s = fmax(end_s, lines_end_s(lines_of(decay, &decay->resolvers[i], part)));
        left -= part;
    }
    if (left >= 1e-12)
        end_s = fmax(end_s, lines_end_s(lines_of(decay, NULL, left)));
    return end_s + decay->client_cache_s + decay->publish_s;
}

double decay_cache_fill(double rate_per_s, double ttl_s)
{
    return rate_per_s * ttl_s / (1 + rate_per_s * ttl_s);
}

double decay_stored(double reconnects_per_s, double after_s)
{
    return after_s <= 0 ? 1 : exp(-reconnects_per_s * after_s);
}

double decay_query_load(const struct decay_askers *askers, uint32_t count, double ttl_s)
{
    double load = 0;
    for (uint32_t i = 0; i < count; i++)
        load += askers[i].count * askers[i].rate_per_s / (1 + askers[i].rate_per_s * ttl_s);
    return load;
}
