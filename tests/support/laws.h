/* SPDX-License-Identifier: GPL-3.0-or-later */
/* laws: what every property test does: a law is tried with many seeds, and a seed that breaks it is
 * said in a way that can be pasted.
 *
 *     rerun: SRVPLAN_SEED=0x1f meson test weights_properties: node 3 has 0
 *
 * SRVPLAN_SEED=0x… tries that seed alone, SRVPLAN_LONG=1 ten times as many. A file of laws says
 * what its meson test is called: static const char laws_suite[] = "weights_properties". */
#pragma once
#include <check.h>
#include <stdbool.h>
#include <stdint.h>

/* The law `holds` for this seed; else the test ends here, and says which seed and what. The words
 * behind the seed are a format and its arguments, looked at only then. */
#define LAW(holds, seed, ...)                                                                      \
    do {                                                                                           \
        if (!(holds))                                                                              \
            laws_broken(laws_suite, #holds, (seed), __VA_ARGS__);                                  \
    } while (0)

void laws_broken(const char *suite, const char *law, uint64_t seed, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));

/* Tries the seeds 0 … rounds - 1. */
void laws_try(uint64_t rounds, void (*law)(uint64_t seed));
void laws_try_with(uint64_t rounds, void (*law)(uint64_t seed, void *context), void *context);

/* True when one seed was asked for: then nothing is to be expected of totals. */
bool laws_is_rerun(void);

/* A main of one test case. */
int laws_main(const char *suite_name, void (*add)(TCase *tcase));
