/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_under_load: changes under full load, every answer looked at.
 *
 *   change_under_load DNSD [--changes N] [--domains N] [--echo ECHO [--bars]] [--json FILE]
 *                     [--fault ack|mix|deaf]
 *
 * Plays srvpland for a srvplan-dnsd and changes all sets of a pool, one generation after the other
 * as quickly as they are served, while queries for random domains come over UDP without a pause and
 * over a few TCP connections. Of the answers it counts:
 *
 *   lost    there was none within 5 s
 *   mixed   records of two generations in one
 *   stale   asked after SERVED of a generation had arrived, and of an older one
 *   back    asked after an answer of a generation had arrived, and of an older one: the sets of all
 *           domains change at once
 *   late    sent (over UDP) after SERVED of a newer generation had arrived, whenever it was asked
 *   wrong   not a whole answer to the query
 *   closed  connections that ended
 *
 * All must be 0. With --echo every so many changes the same load goes to that program, while as
 * many generations are written and not sent: with --bars the gap between two answers may at p99.9
 * be 1 ms longer than there. --fault plants a fault, and then it must be found: acknowledgements
 * that come too early, one record of the generation before, answers that do not come. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "echo.h"
#include "load.h"
#include "responder.h"

enum {
    SLICE = 250, /* changes between two looks at the echo */
    SERVED_MS = 10000,
    DEAF_ONE_IN = 500,
    ANSWER_BYTES = 200, /* of the echo: what the mix of answers is on average */
    MAX_UDP_LOADS = 8,
};

struct options {
    const char *program, *json, *where, *fault, *echo;
    unsigned changes, domains, workers, udp_loads;
    int server_cpu, load_cpu;
    bool has_bars;
};

struct run {
    struct options options;
    struct pool pool;
    struct responder responder;
    struct echo echo;
    struct load loads[MAX_UDP_LOADS + 1], echoed; /* the last of them: streams */
    _Atomic uint32_t acknowledged, shown;
    _Atomic int64_t served_at_ns[POOL_MAX_GENERATION + 2];
    uint32_t generation;
    int64_t changing_ns, echoing_ns, waiting_ns;
};

static bool has_fault(const struct run *run, const char *name)
{
    return run->options.fault && strcmp(run->options.fault, name) == 0;
}

static void acknowledge(struct run *run, uint32_t generation)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    atomic_store(&run->served_at_ns[generation], (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    atomic_store(&run->acknowledged, generation);
}

static void change(struct run *run)
{
    uint32_t generation = ++run->generation;
    responder_stage(&run->responder, generation,
                    has_fault(run, "mix") && generation % 50 == 0 ? POOL_MIX : POOL_WHOLE);
    if (has_fault(run, "ack"))
        acknowledge(run, generation);
    int64_t since_ns = now_ns();
    responder_load(&run->responder, generation);
    if (!responder_is_served(&run->responder, generation, SERVED_MS)) {
        fprintf(stderr, "change_under_load: generation %u is not served within 10 s\n", generation);
        exit(EXIT_FAILURE);
    }
    run->waiting_ns += now_ns() - since_ns;
    if (!has_fault(run, "ack"))
        acknowledge(run, generation);
}

static void change_for(struct run *run, unsigned changes)
{
    unsigned loads = run->options.udp_loads + 1;
    int64_t since_ns = now_ns();
    for (unsigned i = 0; i < loads; i++)
        load_start(&run->loads[i]);
    for (unsigned i = 0; i < changes; i++)
        change(run);
    for (unsigned i = 0; i < loads; i++)
        load_stop(&run->loads[i]);
    run->changing_ns += now_ns() - since_ns;
}

/* The same work here, none of it there. */
static void echo_for(struct run *run, unsigned changes)
{
    int64_t since_ns = now_ns();
    load_start(&run->echoed);
    for (unsigned i = 0; i < changes; i++)
        responder_stage(&run->responder, run->generation, POOL_WHOLE);
    load_stop(&run->echoed);
    run->echoing_ns += now_ns() - since_ns;
}

/* -- what came of it ----------------------------------------------------------------------------
 */

static void add(struct load_counts *sum, const struct load *load)
{
    sum->answered += load->counts.answered;
    sum->lost += load->counts.lost;
    sum->mixed += load->counts.mixed;
    sum->wrong += load->counts.wrong;
    sum->stale += load->counts.stale;
    sum->back += load->counts.back;
    sum->late += load->counts.late;
    sum->closed += load->counts.closed;
    if (load->counts.longest_ns > sum->longest_ns)
        sum->longest_ns = load->counts.longest_ns;
}

static void print_counts(const char *what, const struct load_counts *counts)
{
    printf("%-4s %10llu answers: %llu lost, %llu mixed, %llu stale, %llu back, %llu late, "
           "%llu wrong, %llu closed; longest %.1f ms\n",
           what, (unsigned long long)counts->answered, (unsigned long long)counts->lost,
           (unsigned long long)counts->mixed, (unsigned long long)counts->stale,
           (unsigned long long)counts->back, (unsigned long long)counts->late,
           (unsigned long long)counts->wrong, (unsigned long long)counts->closed,
           (double)counts->longest_ns / 1e6);
}

static bool is_clean(const struct load_counts *counts)
{
    return counts->answered > 0 && !counts->lost && !counts->mixed && !counts->stale &&
           !counts->back && !counts->late && !counts->wrong && !counts->closed;
}

static void print_json(const struct run *run, const struct load_counts *udp,
                       const struct load_counts *tcp, double gap_ms, double echo_gap_ms)
{
    FILE *out = fopen(run->options.json, "w");
    if (!out) {
        perror(run->options.json);
        return;
    }
    fprintf(out,
            "{\"changes\": %u, \"domains\": %u, \"udp\": {\"answers\": %llu, \"lost\": %llu, "
            "\"mixed\": %llu, \"stale\": %llu, \"back\": %llu, \"wrong\": %llu},\n"
            " \"tcp\": {\"answers\": %llu, \"lost\": %llu, \"mixed\": %llu, \"stale\": %llu, "
            "\"back\": %llu, \"wrong\": %llu, \"closed\": %llu},\n"
            " \"gap_p999_ms\": %.3f, \"echo_gap_p999_ms\": %.3f}\n",
            run->options.changes, run->options.domains, (unsigned long long)udp->answered,
            (unsigned long long)udp->lost, (unsigned long long)udp->mixed,
            (unsigned long long)udp->stale, (unsigned long long)udp->back,
            (unsigned long long)udp->wrong, (unsigned long long)tcp->answered,
            (unsigned long long)tcp->lost, (unsigned long long)tcp->mixed,
            (unsigned long long)tcp->stale, (unsigned long long)tcp->back,
            (unsigned long long)tcp->wrong, (unsigned long long)tcp->closed, gap_ms, echo_gap_ms);
    fclose(out);
}

/* The planted fault has been counted. */
static bool is_found(const struct run *run, const struct load_counts *udp,
                     const struct load_counts *tcp)
{
    bool found = (has_fault(run, "ack") && udp->stale && tcp->stale && udp->late) ||
                 (has_fault(run, "mix") && udp->mixed && tcp->mixed) ||
                 (has_fault(run, "deaf") && udp->lost);
    printf("the planted fault is %s\n", found ? "found" : "NOT found");
    return found;
}

static bool report(struct run *run)
{
    struct load_counts udp = {0}, tcp = {0};
    const struct options *options = &run->options;
    for (unsigned i = 0; i < options->udp_loads; i++)
        add(&udp, &run->loads[i]);
    add(&tcp, &run->loads[options->udp_loads]);
    printf("%u changes, %u domains: %.0f changes/s, %.2f ms from LOAD to SERVED on average\n",
           options->changes, options->domains, options->changes / ((double)run->changing_ns / 1e9),
           (double)run->waiting_ns / 1e6 / options->changes);
    print_counts("UDP", &udp);
    print_counts("TCP", &tcp);
    bool good = options->fault ? is_found(run, &udp, &tcp) : is_clean(&udp) && is_clean(&tcp);
    if (run->echoing_ns == 0)
        return good;
    double gap_ms = load_gap_ms(run->loads[0].gaps, 1000);
    double echo_ms = load_gap_ms(run->echoed.gaps, 1000);
    printf(
        "gap between answers, p99 %.3f, p99.9 %.3f, p99.99 %.3f ms at %.0f answers/s\n"
        "      of the echo,   p99 %.3f, p99.9 %.3f, p99.99 %.3f ms at %.0f answers/s, %llu lost\n",
        load_gap_ms(run->loads[0].gaps, 100), gap_ms, load_gap_ms(run->loads[0].gaps, 10000),
        (double)udp.answered / ((double)run->changing_ns / 1e9), load_gap_ms(run->echoed.gaps, 100),
        echo_ms, load_gap_ms(run->echoed.gaps, 10000),
        (double)run->echoed.counts.answered / ((double)run->echoing_ns / 1e9),
        (unsigned long long)run->echoed.counts.lost);
    if (options->json)
        print_json(run, &udp, &tcp, gap_ms, echo_ms);
    if (options->has_bars && gap_ms > echo_ms + 1) {
        printf("the gap is above the echo's by more than 1 ms\n");
        good = false;
    }
    return good;
}

/* -----------------------------------------------------------------------------------------------
 */

static bool parse(struct options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        {"changes", required_argument, NULL, 'c'},
        {"domains", required_argument, NULL, 'd'},
        {"workers", required_argument, NULL, 'n'},
        {"loads", required_argument, NULL, 'l'},
        {"server-cpu", required_argument, NULL, 's'},
        {"load-cpu", required_argument, NULL, 'g'},
        {"where", required_argument, NULL, 'w'},
        {"echo", required_argument, NULL, 'e'},
        {"json", required_argument, NULL, 'j'},
        {"fault", required_argument, NULL, 'f'},
        {"bars", no_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct options){.changes = 10000,
                                .domains = 100000,
                                .workers = 1,
                                .udp_loads = 1,
                                .where = "/tmp",
                                .server_cpu = -1,
                                .load_cpu = -1};
    unsigned *const numbers[UCHAR_MAX] = {['c'] = &options->changes,
                                          ['d'] = &options->domains,
                                          ['n'] = &options->workers,
                                          ['l'] = &options->udp_loads};
    int *const cpus[UCHAR_MAX] = {['s'] = &options->server_cpu, ['g'] = &options->load_cpu};
    const char **const texts[UCHAR_MAX] = {['w'] = &options->where,
                                           ['j'] = &options->json,
                                           ['f'] = &options->fault,
                                           ['e'] = &options->echo};
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (numbers[option])
            *numbers[option] = (unsigned)strtoul(optarg, NULL, 10);
        else if (cpus[option])
            *cpus[option] = atoi(optarg);
        else if (texts[option])
            *texts[option] = optarg;
        else if (option == 'b')
            options->has_bars = true;
        else
            return false;
    }
    options->program = argv[optind];
    return optind + 1 == argc && (options->echo || !options->has_bars) && options->changes > 0 &&
           options->changes < POOL_MAX_GENERATION && options->domains > 0 &&
           options->domains <= POOL_MAX_DOMAINS && options->udp_loads > 0 &&
           options->udp_loads <= MAX_UDP_LOADS;
}

static void start(struct run *run)
{
    const struct options *options = &run->options;
    const struct responder_options how = {.program = options->program,
                                          .where = options->where,
                                          .workers = options->workers,
                                          .cpu = options->server_cpu};
    pool_init(&run->pool, options->domains);
    responder_start(&run->responder, &run->pool, &how);
    if (options->echo)
        echo_start(&run->echo, options->echo, ANSWER_BYTES, options->server_cpu);
    load_want_stamps();
    run->generation = 1;
    for (unsigned i = 0; i <= options->udp_loads; i++)
        run->loads[i] = (struct load){.kind = i < options->udp_loads ? LOAD_DATAGRAMS : LOAD_STREAM,
                                      .port = run->responder.port,
                                      .domains = options->domains,
                                      .cpu = options->load_cpu,
                                      .deaf_one_in = has_fault(run, "deaf") ? DEAF_ONE_IN : 0,
                                      .acknowledged = &run->acknowledged,
                                      .served_at_ns = run->served_at_ns,
                                      .shown = &run->shown};
    run->echoed = run->loads[0];
    run->echoed.kind = LOAD_ECHO;
    run->echoed.port = run->echo.port;
    run->echoed.deaf_one_in = 0;
}

int main(int argc, char **argv)
{
    static struct run run;
    if (!parse(&run.options, argc, argv)) {
        fputs(
            "usage: change_under_load DNSD [--changes N] [--domains N] [--workers N] [--loads N]\n"
            "         [--server-cpu N] [--load-cpu N] [--where DIR] [--json FILE] [--echo PROGRAM "
            "[--bars]]\n"
            "         [--fault ack|mix|deaf]\n",
            stderr);
        return 64;
    }
    start(&run);
    for (unsigned done = 0; done < run.options.changes;) {
        unsigned left = run.options.changes - done, slice = left < SLICE ? left : SLICE;
        change_for(&run, slice);
        if (run.options.echo)
            echo_for(&run, slice);
        done += slice;
    }
    bool good = report(&run);
    responder_stop(&run.responder);
    if (run.options.echo)
        echo_stop(&run.echo);
    for (unsigned i = 0; i <= run.options.udp_loads; i++)
        load_fini(&run.loads[i]);
    load_fini(&run.echoed);
    pool_fini(&run.pool);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
