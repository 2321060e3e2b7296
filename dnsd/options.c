/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/options.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include "dnsd/ratelimit_table.h"
#include "zones/base/bytes.h"
#include "zones/handover.h"

enum {
    FIRST_KEY = 256
};

/* Each row's function takes the value of its option. */
struct row {
    const char *name, *value, *help;
    bool (*take)(struct options *options, const char *value, struct error *err);
};

static bool take_image(struct options *options, const char *value, struct error *err)
{
    options->image = value;
    return *value || error_set(err, ERROR_USAGE, "--image: the directory is missing");
}

static bool take_zone(struct options *options, const char *value, struct error *err)
{
    if (!*value)
        return error_set(err, ERROR_USAGE, "--zone: the file is missing");
    if (options->zone_count == OPTIONS_MAX_ZONES)
        return error_set(err, ERROR_USAGE, "--zone: at most %d; give the directory of the files",
                         OPTIONS_MAX_ZONES);
    options->zones[options->zone_count++] = value;
    return true;
}

static bool take_answer_order(struct options *options, const char *value, struct error *err)
{
    bool is_fixed = strcmp(value, "fixed") == 0;
    options->zone_order = is_fixed ? CONTENT_ORDER_FIXED : CONTENT_ORDER_WEIGHTED;
    return is_fixed || strcmp(value, "weighted") == 0 ||
           error_set(err, ERROR_USAGE, "--answer-order: \"%.40s\" is neither weighted nor fixed",
                     value);
}

static bool take_control(struct options *options, const char *value, struct error *err)
{
    options->control = value;
    return *value || error_set(err, ERROR_USAGE, "--control: the socket is missing");
}

static bool take_listen(struct options *options, const char *value, struct error *err)
{
    struct listen_address address;
    if (!listen_parse(value, &address, err))
        return error_within(err, "--listen");
    for (uint32_t i = 0; i < options->address_count; i++)
        if (options->addresses[i].len == address.len &&
            memcmp(&options->addresses[i].socket, &address.socket, address.len) == 0)
            return error_set(err, ERROR_USAGE, "--listen: %s is given twice", value);
    if (options->address_count == OPTIONS_MAX_ADDRESSES)
        return error_set(err, ERROR_USAGE, "--listen: at most %d addresses; [::]:PORT takes all",
                         OPTIONS_MAX_ADDRESSES);
    options->addresses[options->address_count++] = address;
    return true;
}

static bool take_workers(struct options *options, const char *value, struct error *err)
{
    uint64_t workers;
    if (!text_to_u64(text_from(value), 1, OPTIONS_MAX_WORKERS, &workers))
        return error_set(err, ERROR_USAGE, "--workers: \"%.40s\" is not a number from 1 to %d",
                         value, OPTIONS_MAX_WORKERS);
    options->workers = (uint32_t)workers;
    return true;
}

/* Words that go into an answer as they are. */
static bool take_text(const char *option, const char *value, struct settings_text *text,
                      struct error *err)
{
    size_t len = strlen(value);
    if (len == 0 || len > sizeof text->bytes)
        return error_set(err, ERROR_USAGE, "%s: a text of 1 to %zu bytes, not of %zu", option,
                         sizeof text->bytes, len);
    text->length = (uint8_t)len;
    memcpy(text->bytes, value, len);
    return true;
}

static bool take_nsid(struct options *options, const char *value, struct error *err)
{
    return take_text("--nsid", value, &options->settings.nsid, err);
}

static bool take_chaos_id(struct options *options, const char *value, struct error *err)
{
    return take_text("--chaos-id", value, &options->settings.chaos_id, err);
}

static bool take_chaos_version(struct options *options, const char *value, struct error *err)
{
    return take_text("--chaos-version", value, &options->settings.chaos_version, err);
}

static bool take_edns_size(struct options *options, const char *value, struct error *err)
{
    uint64_t size;
    if (!text_to_u64(text_from(value), SETTINGS_EDNS_MIN_BYTES, SETTINGS_EDNS_MAX_BYTES, &size))
        return error_set(err, ERROR_USAGE, "--edns-size: \"%.40s\" is not a number from %d to %d",
                         value, SETTINGS_EDNS_MIN_BYTES, SETTINGS_EDNS_MAX_BYTES);
    options->settings.edns_size = (uint16_t)size;
    return true;
}

static bool take_count(const char *option, const char *value, uint32_t *count, struct error *err)
{
    uint64_t number;
    if (!text_to_u64(text_from(value), 1, OPTIONS_MAX_STREAMS, &number))
        return error_set(err, ERROR_USAGE, "%s: \"%.40s\" is not a number from 1 to %d", option,
                         value, OPTIONS_MAX_STREAMS);
    *count = (uint32_t)number;
    return true;
}

static bool take_steer(struct options *options, const char *value, struct error *err)
{
    static const char *const words[] = {
        [STEER_AUTO] = "auto", [STEER_BY_PROCESSOR] = "cpu", [STEER_BY_HASH] = "hash"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(value, words[i]) == 0) {
            options->steer = (enum steer)i;
            return true;
        }
    return error_set(err, ERROR_USAGE, "--steer: \"%.40s\" is not auto, cpu or hash", value);
}

static bool take_tcp_clients(struct options *options, const char *value, struct error *err)
{
    return take_count("--tcp-clients", value, &options->streams.total, err);
}

static bool take_tcp_per_client(struct options *options, const char *value, struct error *err)
{
    return take_count("--tcp-per-client", value, &options->streams.per_client, err);
}

static bool take_cookie_secrets(struct options *options, const char *value, struct error *err)
{
    options->cookie_secrets = value;
    return *value || error_set(err, ERROR_USAGE, "--cookie-secrets: the file is missing");
}

static bool take_rate_limit(struct options *options, const char *value, struct error *err)
{
    uint64_t limit;
    if (!text_to_u64(text_from(value), 0, UINT32_MAX, &limit))
        return error_set(err, ERROR_USAGE, "--rate-limit: \"%.40s\" is not a number from 0 to %u",
                         value, UINT32_MAX);
    options->settings.limit.per_second = (uint32_t)limit;
    return true;
}

static bool take_slip(struct options *options, const char *value, struct error *err)
{
    uint64_t slip;
    if (!text_to_u64(text_from(value), 0, RATELIMIT_SLIP_MAX, &slip))
        return error_set(err, ERROR_USAGE,
                         "--rate-limit-slip: \"%.40s\" is not a number from 0 to %d", value,
                         RATELIMIT_SLIP_MAX);
    options->settings.limit.slip = (uint32_t)slip;
    return true;
}

static bool take_exempt(struct options *options, const char *value, struct error *err)
{
    return ratelimit_exempt(&options->settings.limit, value, err) ||
           error_within(err, "--rate-limit-exempt");
}

static bool take_takeover(struct options *options, const char *value, struct error *err)
{
    options->takeover = value;
    return *value || error_set(err, ERROR_USAGE, "--takeover: the socket is missing");
}

static bool take_user(struct options *options, const char *value, struct error *err)
{
    options->user = value;
    return *value || error_set(err, ERROR_USAGE, "--user: the name is missing");
}

static bool take_no_sandbox(struct options *options, const char *value, struct error *err)
{
    (void)value, (void)err;
    options->has_no_sandbox = true;
    return true;
}

static const struct row rows[] = {
    {"image", "DIR", "directory of the image: answers.img and its names file", take_image},
    {"zone", "FILE", "… or answer from this zone file, without srvpland; may be repeated",
     take_zone},
    {"answer-order", "HOW", "SRV records of zone files: weighted (default) or fixed",
     take_answer_order},
    {"listen", "ADDR:PORT", "answer there over UDP and TCP; may be repeated", take_listen},
    {"workers", "N", "UDP threads for each address (default: one a processor)", take_workers},
    {"control", "SOCKET", "take new images from srvpland there", take_control},
    {"edns-size", "BYTES", "longest UDP answer, 512 to 4096 (default: 1232)", take_edns_size},
    {"steer", "HOW", "which worker gets a query: auto, cpu or hash", take_steer},
    {"tcp-clients", "N", "TCP connections at a time (default: 16384)", take_tcp_clients},
    {"tcp-per-client", "N", "… of one IPv4 address or IPv6 /64 (default: 512)",
     take_tcp_per_client},
    {"nsid", "TEXT", "who asks for the server's identifier (NSID) gets this", take_nsid},
    {"chaos-id", "TEXT", "… who asks for id.server or hostname.bind", take_chaos_id},
    {"chaos-version", "TEXT", "… who asks for version.bind or version.server", take_chaos_version},
    {"cookie-secrets", "FILE", "DNS cookies by the secrets in this file (default: a random one)",
     take_cookie_secrets},
    {"rate-limit", "N", "UDP answers a second of one kind to one network (default: 200; 0: all)",
     take_rate_limit},
    {"rate-limit-slip", "N", "every N-th beyond it is sent truncated (default: 2; 0: none)",
     take_slip},
    {"rate-limit-exempt", "PREFIX", "never limit those addresses; may be repeated", take_exempt},
    {"takeover", "SOCKET", "take the place of who listens there, and listen there", take_takeover},
    {"user", "NAME", "who to be when started as root (default: nobody)", take_user},
    {"no-sandbox", NULL, "keep all rights, for debugging", take_no_sandbox},
    {"version", NULL, "print the version and exit", NULL},
    {"help", NULL, "print this and exit", NULL},
};

static void print_help(void)
{
    puts("Usage: srvplan-dnsd --image DIR --listen ADDR:PORT... [OPTIONS]\n"
         "       srvplan-dnsd --zone FILE... --listen ADDR:PORT... [OPTIONS]\n"
         "Answers DNS queries from an image that srvpland wrote, or from zone files.\n");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char option[40];
        snprintf(option, sizeof option, "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
                 rows[i].value ? rows[i].value : "");
        printf("  %-26s %s\n", option, rows[i].help);
    }
}

static uint32_t count_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    uint32_t count = (uint32_t)CPU_COUNT(&set);
    return count < OPTIONS_MAX_WORKERS ? count : OPTIONS_MAX_WORKERS;
}

static bool fits_socket(const char *path)
{
    return !path || strlen(path) < sizeof((struct sockaddr_un *)NULL)->sun_path;
}

static bool check(struct options *options, struct error *err)
{
    if (options->zone_count && (options->image || options->control))
        return error_set(err, ERROR_USAGE, "--zone and %s are two sources of answers; choose one",
                         options->image ? "--image" : "--control");
    if (options->workers == 0)
        options->workers = count_processors();
    if (!fits_socket(options->control) || !fits_socket(options->takeover))
        return error_set(err, ERROR_USAGE, "%s: a socket's path has at most %zu bytes",
                         fits_socket(options->control) ? "--takeover" : "--control",
                         sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
    if (options->takeover && options->zone_count > 0)
        return error_set(err, ERROR_USAGE,
                         "--takeover is not for --zone: there SIGHUP starts a new server, and "
                         "another program takes over by a restart with sockets that are kept");
    if (options->workers * options->address_count > OPTIONS_MAX_THREADS)
        return error_set(err, ERROR_USAGE,
                         "%u workers for each of %u addresses are more than %d threads; give "
                         "--workers a smaller number",
                         options->workers, options->address_count, OPTIONS_MAX_THREADS);
    return true;
}

enum options_action options_parse(struct options *options, int argc, char **argv, struct error *err)
{
    struct option table[COUNT_OF(rows) + 1] = {0};
    int key;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        table[i] = (struct option){.name = rows[i].name,
                                   .has_arg = rows[i].value ? required_argument : no_argument,
                                   .val = FIRST_KEY + (int)i};
    *options = (struct options){
        .settings = {.edns_size = SETTINGS_EDNS_DEFAULT_BYTES,
                     .limit = {.per_second = HANDOVER_RATE_LIMIT, .slip = RATELIMIT_SLIP_DEFAULT}},
        .zone_order = CONTENT_ORDER_WEIGHTED,
        .streams = {.total = OPTIONS_DEFAULT_STREAMS, .per_client = OPTIONS_DEFAULT_PER_CLIENT}};
    opterr = 0;
    optind = 0; /* glibc: start afresh */
    while ((key = getopt_long(argc, argv, ":", table, NULL)) != -1) {
        if (key < FIRST_KEY) {
            error_set(err, ERROR_USAGE,
                      key == ':' ? "%.100s needs a value" : "unknown option %.100s",
                      argv[optind - 1]);
            return OPTIONS_STOP_USAGE;
        }
        const struct row *row = &rows[key - FIRST_KEY];
        if (row->take) {
            if (!row->take(options, optarg, err))
                return OPTIONS_STOP_USAGE;
        } else if (strcmp(row->name, "help") == 0) {
            print_help();
            return OPTIONS_STOP_FINE;
        } else {
            puts("srvplan-dnsd " SRVPLAN_VERSION);
            return OPTIONS_STOP_FINE;
        }
    }
    if (optind < argc) {
        error_set(err, ERROR_USAGE, "\"%.100s\" is not an option", argv[optind]);
        return OPTIONS_STOP_USAGE;
    }
    return check(options, err) ? OPTIONS_SERVE : OPTIONS_STOP_USAGE;
}
