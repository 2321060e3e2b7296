/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "laws.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LONG_FACTOR = 10,
    TIMEOUT_S = 1200, /* meson's is shorter where a test should be */
};

void laws_broken(const char *suite, const char *law, uint64_t seed, const char *format, ...)
{
    char what[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    ck_abort_msg("rerun: SRVPLAN_SEED=0x%llx meson test %s: %s\n%s", (unsigned long long)seed,
                 suite, what, law);
    abort(); /* ck_abort_msg does not come back */
}

bool laws_is_rerun(void)
{
    return getenv("SRVPLAN_SEED") != NULL;
}

void laws_try_with(uint64_t rounds, void (*law)(uint64_t seed, void *context), void *context)
{
    const char *only = getenv("SRVPLAN_SEED");
    if (only) {
        law(strtoull(only, NULL, 0), context);
        return;
    }
    if (getenv("SRVPLAN_LONG"))
        rounds *= LONG_FACTOR;
    for (uint64_t seed = 0; seed < rounds; seed++)
        law(seed, context);
}

struct plain {
    void (*law)(uint64_t seed);
};

static void call_plain(uint64_t seed, void *context)
{
    const struct plain *plain = context;
    plain->law(seed);
}

void laws_try(uint64_t rounds, void (*law)(uint64_t seed))
{
    struct plain plain = {law};
    laws_try_with(rounds, call_plain, &plain);
}

int laws_main(const char *suite_name, void (*add)(TCase *tcase))
{
    Suite *suite = suite_create(suite_name);
    TCase *tcase = tcase_create("laws");
    tcase_set_timeout(tcase, TIMEOUT_S);
    add(tcase);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
