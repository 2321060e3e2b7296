/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rational: exact fractions in arbitrary precision, the only door to GMP.
 *
 * A share of connections is a fraction that is compared, summed and printed; a float that is
 * turned back into a fraction would be another one. A struct rational is a plain value that may be
 * copied: reduced, with a denominator above 0, immutable; its digits live in the arena that the
 * operation was given. A zeroed one is 0/1. Long computations take a scratch arena and move the
 * result out with rational_copy.
 *
 * Division by zero is our own mistake: it asserts. */
#pragma once
#include "zones/base/arena.h"

struct rational {
    const void *num, *den; /* digits, as GMP wants them; NULL when there are none */
    int32_t num_limbs;     /* negative: a number below 0; 0: zero */
    int32_t den_limbs;     /* 0: the denominator is 1 */
};

struct rational rational_from(struct arena *arena, uint64_t num, uint64_t den);
struct rational rational_copy(struct arena *arena, struct rational a);

struct rational rational_add(struct arena *arena, struct rational a, struct rational b);
struct rational rational_sub(struct arena *arena, struct rational a, struct rational b);
struct rational rational_mul(struct arena *arena, struct rational a, struct rational b);
struct rational rational_div(struct arena *arena, struct rational a, struct rational b);

int rational_compare(struct rational a, struct rational b); /* below 0, 0, above 0 */
bool rational_is_zero(struct rational a);

/* "num/den", reduced: "0/1", "1/1", "5/8", "-1/3"; in the arena. */
const char *rational_print(struct rational a, struct arena *arena);

/* Parses what rational_print gives, and other fractions of decimal digits; false leaves *a alone.
 */
NODISCARD bool rational_parse(struct text text, struct arena *arena, struct rational *a);

/* For tables and plots only: never computed on. Parts of 1 are rounded half up. */
double rational_to_double(struct rational a);
uint64_t rational_to_parts(struct rational a, uint32_t parts_of_one); /* a >= 0; 1000: permille */

/* A row of sums, all 0 at first, for loops that add thousands of terms: the digits change in
 * place. */
struct rational_sums {
    void *sums;
    size_t count;
};
void rational_sums_init(struct rational_sums *row, size_t count);
void rational_sums_fini(struct rational_sums *row); /* zeroed is fine */
void rational_sums_add(struct rational_sums *row, size_t i, struct rational a);
struct rational rational_sums_get(const struct rational_sums *row, size_t i, struct arena *arena);
bool rational_sums_is_zero(const struct rational_sums *row, size_t i);

/* to[i] += from[j] * num / den; both may be in the same row. */
struct rational_part {
    uint64_t num, den;
};
void rational_sums_add_part(struct rational_sums *to, size_t i, const struct rational_sums *from,
                            size_t j, struct rational_part part);
