/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/sessions.h"

#include <math.h>

enum {
    /* Steps of the integral over the decay: its error is below 1e-6 for every TTL that is shorter
     * than the life of a session. */
    DRAIN_STEPS = 512,
};

double sessions_left(double mean_life_s, double after_s)
{
    return after_s <= 0 ? 1 : exp(-after_s / mean_life_s);
}

double sessions_left_after_s(double mean_life_s, double fraction)
{
    return mean_life_s * log(1 / fraction);
}

/* n(t) = e^(-μt) + μ·∫₀ᵗ stale(u)·e^(-μ(t-u)) du, by Simpson's rule up to where the decay ends. */
double sessions_during_drain(const struct decay *decay, double mean_life_s, double after_s)
{
    if (after_s <= 0)
        return 1;
    double rate = 1 / mean_life_s, end_s = fmin(after_s, decay_end_s(decay)), sum = 0;
    double step_s = end_s / DRAIN_STEPS;
    for (int i = 0; i <= DRAIN_STEPS; i++) {
        double u_s = i * step_s, factor = i == 0 || i == DRAIN_STEPS ? 1 : i % 2 ? 4 : 2;
        sum += factor * decay_stale(decay, u_s) * exp(-rate * (after_s - u_s));
    }
    return exp(-rate * after_s) + rate * sum * step_s / 3;
}

double sessions_kick_pace(const struct sessions_survivor *survivors, uint32_t count,
                          double arrivals_per_s)
{
    double pace = INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        const struct sessions_survivor *survivor = &survivors[i];
        if (survivor->share <= 0)
            continue;
        double spare = survivor->login_limit_per_s - arrivals_per_s * survivor->share;
        pace = fmin(pace, fmax(0, spare) / survivor->share);
    }
    return pace;
}

double sessions_return_share(double target_share, double mean_life_s, double within_s)
{
    double filled = 1 - exp(-within_s / mean_life_s);
    return filled <= target_share ? 1 : target_share / filled;
}
