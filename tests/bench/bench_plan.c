/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bench_plan: what the planner costs at 1,000, 10,000 and 100,000 domains on three selections of
 * nodes: load, check (layout and the whole catalogue of checks), plan, and the plan again after one
 * drain.
 *
 * Each size runs in a process of its own, so that its peak memory is its own, and the sizes are
 * interleaved round by round, so that a slow minute of the machine falls on all of them. Medians
 * of the rounds are printed. `meson test --suite bench plan_cost`, or by hand with the number of
 * rounds. Exits 1 when a bar is missed: 1.5 s and 400 MB at 100,000 domains, 10 ms a re-plan. */
#include "srvplan/inventory_load.h"
#include "srvplan/lint.h"
#include "srvplan/plan.h"
#include "zones/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SITES = 3,
    NODES_A_SITE = 4,
    ROUNDS_MAX = 101,
    REPLANS = 51,
    WHOLE_MAX_MS = 1500,
    MEMORY_MAX_MB = 400,
    REPLAN_MAX_MS = 10,
};

static const uint32_t sizes[] = {1000, 10000, 100000};

struct cost { /* milliseconds */
    double load, check, plan, replan;
    double memory_mb;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* An inventory as its operator would write it; a third of the domains on each site's nodes. */
static struct bytes inventory_text(uint32_t domains)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    fputs("{\"srvplan\": 1, \"defaults\": {\"base\": \"nodes.example.net\", \"name_servers\": "
          "[{\"host\": \"ns1.example.net\", \"addresses\": [\"192.0.2.53\"]}]},\n\"tiers\": "
          "{\"primary\": {\"priority\": 10}, \"standby\": {\"priority\": 20}},\n\"nodes\": {",
          out);
    for (uint32_t i = 0; i < SITES * NODES_A_SITE; i++)
        fprintf(out,
                "%s\"n%u\": {\"addresses\": [\"192.0.2.%u\", \"2001:db8::%x\"], \"capacity\": %u, "
                "\"site\": \"s%u\", \"tier\": \"%s\"}",
                i ? ",\n" : "", i, i + 1, i + 1, 100 + 50 * (i % 3), i / NODES_A_SITE,
                i % NODES_A_SITE == 3 ? "standby" : "primary");
    fputs("},\n\"domains\": {", out);
    for (uint32_t i = 0; i < domains; i++)
        fprintf(out, "%s\"customer-%u.example\": {\"nodes\": [\"site:s%u\"]}", i ? ",\n" : "", i,
                i % SITES);
    fputs("}}\n", out);
    fclose(out);
    return (struct bytes){(const uint8_t *)text, len};
}

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

/* The plan after a drain of one node, on the layout that is there: what a drain costs. */
static double replan_ms(const struct layout *layout)
{
    static const struct overlay_drain drain = {.id = {"dr_1", 4}, .node = {"n0", 2}};
    static const struct overlays overlays = {.drains = &drain, .drain_count = 1};
    double took[REPLANS];
    for (size_t i = 0; i < REPLANS; i++) {
        double begin = now_ms();
        struct plan *plan = plan_compute(
            &(struct plan_input){.layout = layout, .overlays = &overlays, .at_ms = 1000000});
        took[i] = now_ms() - begin;
        plan_free(plan);
    }
    return median(took, REPLANS);
}

static struct cost measure(uint32_t domains)
{
    static const struct overlays none = {0};
    struct findings findings = {0};
    struct cost cost = {0};
    struct bytes text = inventory_text(domains);
    double begin = now_ms();
    struct inventory *inventory = inventory_load(text, "bench", &findings);
    double loaded = now_ms();
    struct layout *layout = inventory ? layout_build(inventory, LAYOUT_FOR_PLAN, &findings) : NULL;
    double laid_out = now_ms();
    if (!layout) {
        fprintf(stderr, "bench_plan: the inventory is refused: %s\n",
                findings.count ? findings.items[0].message : "");
        exit(1);
    }
    struct plan *plan =
        plan_compute(&(struct plan_input){.layout = layout, .overlays = &none, .at_ms = 1000000});
    double planned = now_ms();
    lint_plan(plan, LAYOUT_FOR_PLAN, LINT_ALL, &findings);
    double linted = now_ms();
    cost.load = loaded - begin;
    cost.check = laid_out - loaded + linted - planned;
    cost.plan = planned - laid_out;
    cost.replan = replan_ms(layout);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    cost.memory_mb = (double)usage.ru_maxrss / 1024;
    plan_free(plan);
    layout_free(layout);
    inventory_free(inventory);
    findings_fini(&findings);
    free((void *)(uintptr_t)text.ptr);
    return cost;
}

/* In a process of its own. */
static struct cost measure_apart(uint32_t domains)
{
    struct cost cost = {0};
    int ends[2], status = 0;
    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0) {
        cost = measure(domains);
        exit(write(ends[1], &cost, sizeof cost) == sizeof cost ? 0 : 1);
    }
    close(ends[1]);
    bool done = child > 0 && read(ends[0], &cost, sizeof cost) == sizeof cost;
    close(ends[0]);
    if (child > 0)
        waitpid(child, &status, 0);
    if (!done || status != 0)
        exit(1);
    return cost;
}

int main(int argc, char **argv)
{
    static double values[COUNT_OF(sizes)][5][ROUNDS_MAX];
    uint64_t rounds = 5;
    bool is_met = true;
    if (argc > 1 && !text_to_u64(text_from(argv[1]), 1, ROUNDS_MAX, &rounds)) {
        fprintf(stderr, "usage: bench_plan [ROUNDS, 1 to %d]\n", ROUNDS_MAX);
        return 64;
    }
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < COUNT_OF(sizes); i++) {
            struct cost cost = measure_apart(sizes[i]);
            const double parts[] = {cost.load, cost.check, cost.plan, cost.replan, cost.memory_mb};
            for (size_t part = 0; part < COUNT_OF(parts); part++)
                values[i][part][round] = parts[part];
        }
    printf("medians of %u rounds\n%9s %10s %10s %10s %10s %12s %9s\n", (unsigned)rounds, "domains",
           "load ms", "check ms", "plan ms", "whole ms", "re-plan ms", "peak MB");
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        double m[5];
        for (size_t part = 0; part < COUNT_OF(m); part++)
            m[part] = median(values[i][part], rounds);
        double whole = m[0] + m[1] + m[2];
        printf("%9u %10.2f %10.2f %10.3f %10.2f %12.4f %9.1f\n", sizes[i], m[0], m[1], m[2], whole,
               m[3], m[4]);
        is_met &= whole <= WHOLE_MAX_MS && m[4] <= MEMORY_MAX_MB && m[3] <= REPLAN_MAX_MS;
    }
    printf("bars: whole <= %d ms, peak <= %d MB, re-plan <= %d ms: %s\n", WHOLE_MAX_MS,
           MEMORY_MAX_MB, REPLAN_MAX_MS, is_met ? "met" : "MISSED");
    return is_met ? 0 : 1;
}
