/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum option_id {
    OPTION_INVENTORY = 256, /* above every character that getopt returns */
    OPTION_STATE,
    OPTION_DNS,
    OPTION_API,
    OPTION_WORKERS,
    OPTION_RATE_LIMIT,
    OPTION_FROM,
    OPTION_DNSD,
    OPTION_HELP,
    OPTION_VERSION,
};

/* clang-format off */
static const struct row {
    enum option_id id;
    const char *name, *value, *help;
} rows[] = {
    {OPTION_INVENTORY, "inventory", "FILE", "the inventory (default /etc/srvplan/inventory.jsonc)"},
    {OPTION_STATE, "state", "DIR", "where the store and the image lie (default /var/lib/srvplan)"},
    {OPTION_DNS, "dns", "ADDR:PORT", "where dnsd answers; repeats (default 127.0.0.1:5300)"},
    {OPTION_API, "api", "ADDR:PORT", "where the API answers, a loopback address (default 127.0.0.1:8053)"},
    {OPTION_WORKERS, "workers", "N", "threads of dnsd for each address, 1 to 64 (default 1)"},
    {OPTION_RATE_LIMIT, "rate-limit", "N", "UDP answers a second of one kind to one network (default 200; 0: all)"},
    {OPTION_FROM, "inventory-from", "file|store", "which inventory holds when both changed"},
    {OPTION_DNSD, "dnsd", "PATH", "the program srvplan-dnsd (default: beside this one)"},
    {OPTION_HELP, "help", NULL, "print this and exit"},
    {OPTION_VERSION, "version", NULL, "print the version and exit"},
};
/* clang-format on */

static void print_help(void)
{
    printf("usage: srvpland [OPTION…]\n\n"
           "The control plane of srvplan: store, REST API, and supervision of srvplan-dnsd.\n"
           "`srvplan serve` starts it.\n\n");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        printf("  --%-15s %-10s  %s\n", rows[i].name, rows[i].value ? rows[i].value : "",
               rows[i].help);
}

static bool parse_workers(struct options *options, const char *text, struct error *err)
{
    uint64_t workers = 0;
    if (!text_to_u64(text_from(text), 1, OPTIONS_MAX_WORKERS, &workers))
        return error_set(err, ERROR_USAGE, "--workers %s: expected a number from 1 to %d", text,
                         OPTIONS_MAX_WORKERS);
    options->workers = (uint32_t)workers;
    return true;
}

static bool parse_rate_limit(struct options *options, const char *text, struct error *err)
{
    uint64_t limit = 0;
    if (!text_to_u64(text_from(text), 0, UINT32_MAX, &limit))
        return error_set(err, ERROR_USAGE, "--rate-limit %s: expected a number from 0 to %u", text,
                         UINT32_MAX);
    options->rate_limit = (uint32_t)limit;
    return true;
}

static bool parse_choice(struct options *options, const char *text, struct error *err)
{
    if (strcmp(text, "file") == 0)
        options->choice = WORLD_CHOOSE_FILE;
    else if (strcmp(text, "store") == 0)
        options->choice = WORLD_CHOOSE_STORE;
    else
        return error_set(err, ERROR_USAGE, "--inventory-from %s: expected file or store", text);
    return true;
}

static bool add_dns(struct options *options, const char *text, struct error *err)
{
    if (options->dns_count == OPTIONS_MAX_ADDRESSES)
        return error_set(err, ERROR_USAGE, "--dns: at most %d addresses", OPTIONS_MAX_ADDRESSES);
    options->dns[options->dns_count++] = text;
    return true;
}

static bool take(struct options *options, enum option_id id, const char *value, struct error *err)
{
    switch (id) {
    case OPTION_INVENTORY:
        options->inventory = value;
        return true;
    case OPTION_STATE:
        options->state = value;
        return true;
    case OPTION_API:
        options->api = value;
        return true;
    case OPTION_DNSD:
        options->dnsd = value;
        return true;
    case OPTION_DNS:
        return add_dns(options, value, err);
    case OPTION_WORKERS:
        return parse_workers(options, value, err);
    case OPTION_RATE_LIMIT:
        return parse_rate_limit(options, value, err);
    case OPTION_FROM:
        return parse_choice(options, value, err);
    case OPTION_HELP:
    case OPTION_VERSION:
        break;
    }
    return true;
}

enum options_action options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    struct option table[COUNT_OF(rows) + 1] = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        table[i] = (struct option){.name = rows[i].name,
                                   .has_arg = rows[i].value ? required_argument : no_argument,
                                   .val = (int)rows[i].id};
    *options = (struct options){.inventory = "/etc/srvplan/inventory.jsonc",
                                .state = "/var/lib/srvplan",
                                .api = "127.0.0.1:8053",
                                .workers = 1,
                                .rate_limit = HANDOVER_RATE_LIMIT};
    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (id == OPTION_HELP) {
            print_help();
            return OPTIONS_STOP_FINE;
        }
        if (id == OPTION_VERSION) {
            printf("srvpland %s\n", SRVPLAN_VERSION);
            return OPTIONS_STOP_FINE;
        }
        if (id == '?' || id == ':') {
            error_set(err, ERROR_USAGE, id == ':' ? "%s needs a value" : "%s: no such option",
                      argv[optind - 1]);
            return OPTIONS_STOP_USAGE;
        }
        if (!take(options, (enum option_id)id, optarg, err))
            return OPTIONS_STOP_USAGE;
    }
    if (optind < argc) {
        error_set(err, ERROR_USAGE, "%s: unexpected; options only", argv[optind]);
        return OPTIONS_STOP_USAGE;
    }
    if (options->dns_count == 0)
        options->dns[options->dns_count++] = "127.0.0.1:5300";
    return OPTIONS_SERVE;
}
