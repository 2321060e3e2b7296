/* SPDX-License-Identifier: GPL-3.0-or-later */
/* change_handover: how long a new generation takes from the handover message on.
 *
 *   change_handover DNSD [--domains N,N…] [--changes N] [--bars] [--json FILE]
 *
 * Plays srvpland for a srvplan-dnsd over pools of 1 and of 100,000 domains (or those given) and
 * changes every weight, over and over, on both of them by turns, so that what else this machine
 * does falls on both alike. The time starts just before the message is sent. It ends, once, when
 * SERVED has arrived, and once, when the first answer of the new generation has: the first and the
 * last domain are asked by turns, one query at a time. With --bars it fails when p99 is above 5 ms,
 * or above twice that of the first size. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "responder.h"

enum {
    MAX_SIZES = 4,
    WARM_UP = 20,
    ANSWER_BYTES = 2048,
    GIVE_UP_NS = 2000000000,
};

struct size {
    struct pool pool;
    struct responder responder;
    uint32_t domains, generation, lost;
    int socket;
    int64_t *served_ns, *answer_ns; /* by change */
    uint32_t count;
};

struct options {
    const char *program, *json, *where;
    uint32_t domains[MAX_SIZES];
    unsigned sizes, changes, workers;
    bool has_bars;
};

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        perror("change_handover");
        exit(EXIT_FAILURE);
    }
    return fd;
}

static void ask(const struct size *size, uint16_t id)
{
    uint8_t query[POOL_QUERY_BYTES];
    uint32_t domain = id % 2 ? size->domains - 1 : 0;
    size_t len = pool_query(query, id, id / 2 % 2 ? POOL_SERVERS : POOL_CLIENTS, domain);
    (void)!send(size->socket, query, len, 0);
}

/* The generation of the answer that is there; 0: none, or to an older query. */
static int heard(const struct size *size, uint16_t id)
{
    uint8_t answer[ANSWER_BYTES];
    ssize_t len = recv(size->socket, answer, sizeof answer, MSG_DONTWAIT);
    if (len < 2 || answer[0] != (uint8_t)(id >> 8) || answer[1] != (uint8_t)id)
        return 0;
    int generation = pool_generation_of(answer, (size_t)len, POOL_CLIENTS);
    if (generation < 0) {
        fprintf(stderr, "change_handover: an answer of no generation (%d)\n", generation);
        exit(EXIT_FAILURE);
    }
    return generation;
}

/* One change; *served and *answered: nanoseconds from the message on. */
static void change(struct size *size, int64_t *served, int64_t *answered)
{
    static uint16_t id;
    uint32_t generation = ++size->generation;
    responder_stage(&size->responder, generation, POOL_WHOLE);
    *served = *answered = 0;
    int64_t start = now_ns();
    responder_load(&size->responder, generation);
    ask(size, ++id);
    while (!*served || !*answered) {
        struct pollfd watched[] = {{.fd = size->responder.socket, .events = POLLIN},
                                   {.fd = size->socket, .events = POLLIN}};
        int ready = poll(watched, 2, 1000);
        int64_t after = now_ns() - start;
        if (after > GIVE_UP_NS) {
            fprintf(stderr, "change_handover: not served within 2 s\n");
            exit(EXIT_FAILURE);
        }
        if (!*served && responder_is_served(&size->responder, generation, 0))
            *served = after;
        size->lost += ready == 0;
        int says = watched[1].revents ? heard(size, id) : 0;
        if (!*answered && says == (int)generation)
            *answered = after;
        if (says || ready == 0)
            ask(size, ++id);
    }
    /* The answer to the last query must not be taken for one of the next change. */
    id++;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double ms_at(const int64_t *sorted, uint32_t count, double share)
{
    uint32_t at = (uint32_t)(share * count);
    return (double)sorted[at < count ? at : count - 1] / 1e6;
}

static void print_row(FILE *out, const struct size *size, const char *what, const int64_t *sorted)
{
    fprintf(out, "%9u  %-12s %8.3f %8.3f %8.3f %8.3f\n", size->domains, what,
            ms_at(sorted, size->count, 0.5), ms_at(sorted, size->count, 0.99),
            ms_at(sorted, size->count, 0.999), ms_at(sorted, size->count, 1));
}

static void print_json(FILE *out, const struct size *sizes, unsigned count)
{
    fprintf(out, "[");
    for (unsigned i = 0; i < count; i++)
        fprintf(out,
                "%s\n {\"domains\": %u, \"changes\": %u, \"lost\": %u, \"served_ms\": "
                "{\"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f}, \"first_answer_ms\": "
                "{\"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f}}",
                i ? "," : "", sizes[i].domains, sizes[i].count, sizes[i].lost,
                ms_at(sizes[i].served_ns, sizes[i].count, 0.5),
                ms_at(sizes[i].served_ns, sizes[i].count, 0.99),
                ms_at(sizes[i].served_ns, sizes[i].count, 1),
                ms_at(sizes[i].answer_ns, sizes[i].count, 0.5),
                ms_at(sizes[i].answer_ns, sizes[i].count, 0.99),
                ms_at(sizes[i].answer_ns, sizes[i].count, 1));
    fprintf(out, "\n]\n");
}

/* False: a bar is missed. */
static bool hold_bars(const struct size *sizes, unsigned count)
{
    bool good = true;
    for (unsigned i = 0; i < count; i++) {
        const struct size *size = &sizes[i];
        double p99 = ms_at(size->served_ns, size->count, 0.99);
        double answer = ms_at(size->answer_ns, size->count, 0.99);
        double ratio =
            ms_at(size->served_ns, size->count, 0.5) / ms_at(sizes->served_ns, sizes->count, 0.5);
        double tail = p99 / ms_at(sizes->served_ns, sizes->count, 0.99);
        printf("%u domains: p99 %.3f ms (bar 5), against %u: median × %.2f, p99 × %.2f (bar 2)\n",
               size->domains, p99 > answer ? p99 : answer, sizes->domains, ratio, tail);
        good = good && p99 <= 5 && answer <= 5 && ratio <= 2 && tail <= 2;
    }
    return good;
}

static void parse_sizes(struct options *options, char *text)
{
    for (char *word = strtok(text, ","); word && options->sizes < MAX_SIZES;
         word = strtok(NULL, ","))
        options->domains[options->sizes++] = (uint32_t)strtoul(word, NULL, 10);
}

static bool parse(struct options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        {"domains", required_argument, NULL, 'd'},
        {"changes", required_argument, NULL, 'c'},
        {"bars", no_argument, NULL, 'b'},
        {"json", required_argument, NULL, 'j'},
        {"where", required_argument, NULL, 'w'},
        {"workers", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    char usual[] = "1,100000";
    *options = (struct options){.changes = 1000, .where = "/tmp", .workers = 1};
    for (int option; (option = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (option == 'd')
            parse_sizes(options, optarg);
        else if (option == 'c')
            options->changes = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 'b')
            options->has_bars = true;
        else if (option == 'j')
            options->json = optarg;
        else if (option == 'w')
            options->where = optarg;
        else if (option == 'n')
            options->workers = (unsigned)strtoul(optarg, NULL, 10);
        else
            return false;
    }
    if (options->sizes == 0)
        parse_sizes(options, usual);
    options->program = argv[optind];
    return optind + 1 == argc && options->changes > 0 &&
           options->changes + WARM_UP < POOL_MAX_GENERATION;
}

static void start(struct size *size, const struct options *options, uint32_t domains)
{
    const struct responder_options how = {.program = options->program,
                                          .where = options->where,
                                          .workers = options->workers,
                                          .cpu = -1};
    *size = (struct size){.domains = domains, .generation = 1};
    pool_init(&size->pool, domains);
    responder_start(&size->responder, &size->pool, &how);
    size->socket = connect_to(size->responder.port);
    size->served_ns = calloc(options->changes, sizeof(int64_t));
    size->answer_ns = calloc(options->changes, sizeof(int64_t));
    if (!size->served_ns || !size->answer_ns)
        abort();
}

static void finish(struct size *size)
{
    responder_stop(&size->responder);
    close(size->socket);
    pool_fini(&size->pool);
    free(size->served_ns);
    free(size->answer_ns);
}

int main(int argc, char **argv)
{
    static struct size sizes[MAX_SIZES];
    struct options options;
    if (!parse(&options, argc, argv)) {
        fputs("usage: change_handover DNSD [--domains N,N] [--changes N] [--workers N]\n"
              "                       [--where DIR] [--bars] [--json FILE]\n",
              stderr);
        return 64;
    }
    for (unsigned i = 0; i < options.sizes; i++)
        start(&sizes[i], &options, options.domains[i]);
    for (unsigned done = 0; done < options.changes + WARM_UP; done++)
        for (unsigned i = 0; i < options.sizes; i++) {
            int64_t served, answered;
            change(&sizes[i], &served, &answered);
            if (done < WARM_UP)
                continue;
            sizes[i].served_ns[sizes[i].count] = served;
            sizes[i].answer_ns[sizes[i].count++] = answered;
        }
    printf("  domains  until             p50      p99    p99.9      max  (ms, %u changes)\n",
           options.changes);
    for (unsigned i = 0; i < options.sizes; i++) {
        qsort(sizes[i].served_ns, sizes[i].count, sizeof(int64_t), by_value);
        qsort(sizes[i].answer_ns, sizes[i].count, sizeof(int64_t), by_value);
        print_row(stdout, &sizes[i], "SERVED", sizes[i].served_ns);
        print_row(stdout, &sizes[i], "first answer", sizes[i].answer_ns);
    }
    FILE *json = options.json ? fopen(options.json, "w") : NULL;
    if (json) {
        print_json(json, sizes, options.sizes);
        fclose(json);
    }
    bool good = hold_bars(sizes, options.sizes) || !options.has_bars;
    for (unsigned i = 0; i < options.sizes; i++)
        finish(&sizes[i]);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
