/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expand_windows: what srvplan/recurrence makes of rules, for an oracle to compare.
 *
 * Reads lines `FROM|TO|START|TIMEZONE|RRULE` (FROM and TO in seconds UTC) and answers each with the
 * openings in seconds UTC, one space between, or with `error: ` and the reason. */
#include "srvplan/recurrence.h"
#include "srvplan/rrule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPENINGS_MAX = 5000
};

static char *field(char **rest)
{
    char *start = *rest, *end = strchr(start, '|');
    if (end)
        *end = '\0';
    *rest = end ? end + 1 : start + strlen(start);
    return start;
}

/* NULL: *err says why. */
static const struct recurrence *make(struct arena *arena, struct text start, struct text timezone,
                                     struct text rrule, struct error *err)
{
    struct local_time time;
    struct rrule_mistake mistake;
    if (!local_time_parse(start, &time, err))
        return NULL;
    if (!rrule_check(rrule, &time, &mistake)) {
        error_set(err, ERROR_INVALID, "%s", mistake.message);
        return NULL;
    }
    const struct tzfile *clock = tzfile_load(arena, TZFILE_DIRECTORY, timezone, err);
    return clock ? recurrence_make(arena, time, clock, rrule, err) : NULL;
}

static void answer(char *line)
{
    static int64_t at_ms[OPENINGS_MAX];
    struct arena arena = {0};
    struct error err = {0};
    int64_t from_ms = strtoll(field(&line), NULL, 10) * 1000;
    int64_t to_ms = strtoll(field(&line), NULL, 10) * 1000;
    struct text start = text_from(field(&line)), timezone = text_from(field(&line));
    const struct recurrence *recurrence =
        make(&arena, start, timezone, text_from(field(&line)), &err);
    if (recurrence) {
        uint32_t count = recurrence_expand(recurrence, from_ms, to_ms, at_ms, OPENINGS_MAX);
        for (uint32_t i = 0; i < count; i++)
            printf("%s%" PRId64, i ? " " : "", at_ms[i] / 1000);
        putchar('\n');
    } else {
        printf("error: %s\n", err.message);
    }
    fflush(stdout);
    arena_fini(&arena);
}

int main(void)
{
    char line[1024];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        answer(line);
    }
    return EXIT_SUCCESS;
}
