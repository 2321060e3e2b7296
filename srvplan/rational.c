/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/rational.h"

#include <assert.h>
#include <gmp.h>
#include <stdlib.h>
#include <string.h>

static const mp_limb_t one_limb = 1;

/* A read-only mpq over the digits of `a`: nothing to clear. */
static void view(mpq_t q, struct rational a)
{
    mpz_t num, den;
    bool has_den = a.den_limbs != 0;
    mpz_roinit_n(num, a.num_limbs ? a.num : &one_limb, a.num_limbs);
    mpz_roinit_n(den, has_den ? a.den : &one_limb, has_den ? a.den_limbs : 1);
    *mpq_numref(q) = *num;
    *mpq_denref(q) = *den;
}

static const void *digits(struct arena *arena, mpz_srcptr z, int32_t *limbs)
{
    size_t size = mpz_size(z);
    assert(size <= INT32_MAX);
    *limbs = (int32_t)size;
    if (size == 0)
        return NULL;
    mp_limb_t *copy = arena_array(arena, mp_limb_t, size);
    memcpy(copy, mpz_limbs_read(z), size * sizeof *copy);
    return copy;
}

/* The value of a canonical q, in the arena. */
static struct rational keep(struct arena *arena, mpq_srcptr q)
{
    struct rational a = {0};
    a.num = digits(arena, mpq_numref(q), &a.num_limbs);
    if (mpq_sgn(q) < 0)
        a.num_limbs = -a.num_limbs;
    if (mpz_cmp_ui(mpq_denref(q), 1) != 0)
        a.den = digits(arena, mpq_denref(q), &a.den_limbs);
    return a;
}

static void set_u64(mpz_ptr z, uint64_t value)
{
    mpz_import(z, 1, 1, sizeof value, 0, 0, &value);
}

static void set_part(mpq_ptr q, struct rational_part part)
{
    assert(part.den);
    set_u64(mpq_numref(q), part.num);
    set_u64(mpq_denref(q), part.den);
    mpq_canonicalize(q);
}

struct rational rational_from(struct arena *arena, uint64_t num, uint64_t den)
{
    mpq_t q;
    mpq_init(q);
    set_part(q, (struct rational_part){num, den});
    struct rational a = keep(arena, q);
    mpq_clear(q);
    return a;
}

struct rational rational_copy(struct arena *arena, struct rational a)
{
    mpq_t q;
    view(q, a);
    return keep(arena, q);
}

static struct rational compute(struct arena *arena,
                               void (*operation)(mpq_ptr, mpq_srcptr, mpq_srcptr),
                               struct rational a, struct rational b)
{
    mpq_t left, right, result;
    view(left, a);
    view(right, b);
    mpq_init(result);
    operation(result, left, right);
    struct rational kept = keep(arena, result);
    mpq_clear(result);
    return kept;
}

struct rational rational_add(struct arena *arena, struct rational a, struct rational b)
{
    return compute(arena, mpq_add, a, b);
}

struct rational rational_sub(struct arena *arena, struct rational a, struct rational b)
{
    return compute(arena, mpq_sub, a, b);
}

struct rational rational_mul(struct arena *arena, struct rational a, struct rational b)
{
    return compute(arena, mpq_mul, a, b);
}

struct rational rational_div(struct arena *arena, struct rational a, struct rational b)
{
    assert(!rational_is_zero(b));
    return compute(arena, mpq_div, a, b);
}

int rational_compare(struct rational a, struct rational b)
{
    mpq_t left, right;
    view(left, a);
    view(right, b);
    return mpq_cmp(left, right);
}

bool rational_is_zero(struct rational a)
{
    return a.num_limbs == 0;
}

const char *rational_print(struct rational a, struct arena *arena)
{
    mpq_t q;
    view(q, a);
    /* sign, slash and NUL */
    size_t size = mpz_sizeinbase(mpq_numref(q), 10) + mpz_sizeinbase(mpq_denref(q), 10) + 3;
    char *text = arena_array(arena, char, size);
    mpz_get_str(text, 10, mpq_numref(q));
    size_t len = strlen(text);
    text[len] = '/';
    mpz_get_str(text + len + 1, 10, mpq_denref(q));
    return text;
}

static bool parse_digits(struct text text, mpz_ptr z)
{
    struct arena scratch = {0};
    bool is_number = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        is_number = is_number && text.ptr[i] >= '0' && text.ptr[i] <= '9';
    if (is_number)
        is_number = mpz_set_str(z, arena_cstr(&scratch, text), 10) == 0;
    arena_fini(&scratch);
    return is_number;
}

bool rational_parse(struct text text, struct arena *arena, struct rational *a)
{
    bool is_negative = text.len && text.ptr[0] == '-';
    struct text num = {text.ptr + is_negative, text.len - is_negative};
    const char *slash = num.len ? memchr(num.ptr, '/', num.len) : NULL;
    if (!slash)
        return false;
    struct text den = {slash + 1, num.len - (size_t)(slash - num.ptr) - 1};
    num.len = (size_t)(slash - num.ptr);

    mpq_t q;
    mpq_init(q);
    bool is_number = parse_digits(num, mpq_numref(q)) && parse_digits(den, mpq_denref(q)) &&
                     mpz_sgn(mpq_denref(q)) != 0;
    if (is_number) {
        mpq_canonicalize(q);
        if (is_negative)
            mpq_neg(q, q);
        *a = keep(arena, q);
    }
    mpq_clear(q);
    return is_number;
}

double rational_to_double(struct rational a)
{
    mpq_t q;
    view(q, a);
    return mpq_get_d(q);
}

uint64_t rational_to_parts(struct rational a, uint32_t parts_of_one)
{
    mpq_t q;
    view(q, a);
    mpz_t parts, twice_den;
    mpz_init(parts);
    mpz_init(twice_den);
    /* floor(a * parts + 1/2) */
    mpz_mul_ui(parts, mpq_numref(q), parts_of_one);
    mpz_mul_ui(parts, parts, 2);
    mpz_add(parts, parts, mpq_denref(q));
    mpz_mul_ui(twice_den, mpq_denref(q), 2);
    mpz_fdiv_q(parts, parts, twice_den);
    uint64_t value = UINT64_MAX;
    if (mpz_sizeinbase(parts, 2) <= 64) {
        value = 0;
        mpz_export(&value, NULL, 1, sizeof value, 0, 0, parts);
    }
    mpz_clear(parts);
    mpz_clear(twice_den);
    return value;
}

void rational_sums_init(struct rational_sums *row, size_t count)
{
    mpq_t *sums = calloc(count ? count : 1, sizeof *sums);
    if (!sums)
        abort(); /* as the arena does */
    for (size_t i = 0; i < count; i++)
        mpq_init(sums[i]);
    *row = (struct rational_sums){sums, count};
}

void rational_sums_fini(struct rational_sums *row)
{
    mpq_t *sums = row->sums;
    for (size_t i = 0; i < row->count; i++)
        mpq_clear(sums[i]);
    free(sums);
    *row = (struct rational_sums){0};
}

static mpq_ptr sum_at(const struct rational_sums *row, size_t i)
{
    assert(i < row->count);
    return ((mpq_t *)row->sums)[i];
}

void rational_sums_add(struct rational_sums *row, size_t i, struct rational a)
{
    mpq_t q;
    view(q, a);
    mpq_add(sum_at(row, i), sum_at(row, i), q);
}

struct rational rational_sums_get(const struct rational_sums *row, size_t i, struct arena *arena)
{
    return keep(arena, sum_at(row, i));
}

bool rational_sums_is_zero(const struct rational_sums *row, size_t i)
{
    return mpq_sgn(sum_at(row, i)) == 0;
}

void rational_sums_add_part(struct rational_sums *to, size_t i, const struct rational_sums *from,
                            size_t j, struct rational_part part)
{
    mpq_t term;
    mpq_init(term);
    set_part(term, part);
    mpq_mul(term, term, sum_at(from, j));
    mpq_add(sum_at(to, i), sum_at(to, i), term);
    mpq_clear(term);
}
