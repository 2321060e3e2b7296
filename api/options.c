/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/options.h"

#include "api/options_take.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define AT(member) .offset = offsetof(struct options, member)
const struct options_row options_rows[] = {
    {.name = "config", .metavar = "FILE", .kind = OPTIONS_TEXT, AT(config), .is_of_command_line = true,
     .help = "the configuration file (default " OPTIONS_CONFIG_FILE ", if it is there)"},
    {.name = "config-check", .kind = OPTIONS_FLAG, AT(is_check), .is_of_command_line = true,
     .help = "read command line and configuration file, say what is wrong, and exit"},
    {.name = "restore", .metavar = "FILE", .kind = OPTIONS_TEXT, AT(restore), .is_of_command_line = true,
     .help = "put this copy of the store in the place of the one that is there, and exit"},
    {.name = "inventory", .metavar = "FILE", .kind = OPTIONS_TEXT, AT(inventory),
     .help = "the inventory (default /etc/srvplan/inventory.jsonc)"},
    {.name = "state", .metavar = "DIR", .kind = OPTIONS_TEXT, AT(state),
     .help = "where the store and the image lie (default /var/lib/srvplan)"},
    {.name = "backup-dir", .metavar = "DIR", .kind = OPTIONS_TEXT, AT(backup),
     .help = "where copies of the store go (default: backup, in the state directory)"},
    {.name = "keep-revisions", .metavar = "N", .kind = OPTIONS_NUMBER, AT(revisions_kept), .max = 1000000,
     .help = "revisions that the store keeps, with their inventories (default 1000; 0: all)"},
    {.name = "dns", .metavar = "ADDR:PORT", .kind = OPTIONS_LIST, AT(dns), .max = OPTIONS_MAX_ADDRESSES,
     .help = "where dnsd answers; repeats (default 127.0.0.1:5300)"},
    {.name = "api", .metavar = "ADDR:PORT", .kind = OPTIONS_TEXT, AT(api),
     .help = "where the API answers; a loopback address, without TLS (default 127.0.0.1:8053)"},
    {.name = "api-host", .metavar = "NAME", .kind = OPTIONS_LIST, AT(api_hosts), .max = OPTIONS_MAX_HOSTS,
     .help = "a further name by which the API may be asked, as a proxy's; repeats"},
    {.name = "tls-cert", .metavar = "FILE", .kind = OPTIONS_TEXT, AT(tls_cert), .is_live = true,
     .help = "certificate and chain of the API, PEM; with it the API speaks TLS"},
    {.name = "tls-key", .metavar = "FILE", .kind = OPTIONS_TEXT, AT(tls_key), .is_live = true,
     .help = "its key, PEM, without a passphrase"},
    {.name = "tls-client-ca", .metavar = "FILE", .kind = OPTIONS_TEXT, AT(tls_client_ca), .is_live = true,
     .help = "authorities of client certificates, PEM; with it they are asked for"},
    {.name = "tls-client", .metavar = "NAME=ROLE", .kind = OPTIONS_LIST, AT(tls_clients), .max = OPTIONS_MAX_CLIENTS,
     .is_live = true, .help = "what the client certificate of a name may do; repeats"},
    {.name = "insecure", .kind = OPTIONS_FLAG, AT(is_insecure),
     .help = "let --api be any address without TLS, for everybody to read tokens"},
    {.name = "socket-group", .metavar = "GROUP", .kind = OPTIONS_TEXT, AT(socket_group),
     .help = "members of this group may use the UNIX socket, too"},
    {.name = "socket-role", .metavar = "viewer|operator|admin", .kind = OPTIONS_CHOICE, AT(socket_role),
     .words = "viewer|operator|admin", .is_live = true,
     .help = "what they may do (default operator)"},
    {.name = "login-failures", .metavar = "N", .kind = OPTIONS_NUMBER, AT(login_failures), .min = 1, .max = 100,
     .is_live = true, .help = "wrong tokens from one address before it has to wait (default 10)"},
    {.name = "login-pause", .metavar = "D", .kind = OPTIONS_DURATION, AT(login_pause_s), .min = 1, .max = 86400,
     .is_live = true, .help = "in how long they count, and how long the wait is (default 1m)"},
    {.name = "session-lifetime", .metavar = "D", .kind = OPTIONS_DURATION, AT(session_s), .min = 60, .max = 2592000,
     .is_live = true, .help = "how long a sign-in of the dashboard lasts (default 12h)"},
    {.name = "session-idle", .metavar = "D", .kind = OPTIONS_DURATION, AT(session_idle_s), .min = 60, .max = 2592000,
     .is_live = true, .help = "how long it lasts without a request (default 1h)"},
    {.name = "workers", .metavar = "N", .kind = OPTIONS_NUMBER, AT(workers), .min = 1, .max = OPTIONS_MAX_WORKERS,
     .help = "threads of dnsd for each address, 1 to 64 (default 1)"},
    {.name = "rate-limit", .metavar = "N", .kind = OPTIONS_NUMBER, AT(rate_limit), .max = UINT32_MAX,
     .help = "UDP answers a second of one kind to one network (default 200; 0: all)"},
    {.name = "inventory-from", .metavar = "file|store", .kind = OPTIONS_CHOICE, AT(choice), .words = "file|store",
     .is_of_command_line = true, .help = "which inventory holds when both changed"},
    {.name = "max-connections", .metavar = "N", .kind = OPTIONS_NUMBER, AT(max_connections), .min = 8, .max = 65536,
     .help = "connections to the API at a time (default 256)"},
    {.name = "max-connections-per-address", .metavar = "N", .kind = OPTIONS_NUMBER, AT(max_connections_per_address),
     .min = 1, .max = 65536, .help = "of them from one address (default 64)"},
    {.name = "max-waiting", .metavar = "N", .kind = OPTIONS_NUMBER, AT(max_waiting), .min = 1, .max = 65536,
     .help = "event streams and long polls at a time (default 100)"},
    {.name = "request-timeout", .metavar = "D", .kind = OPTIONS_DURATION, AT(request_timeout_s), .min = 1, .max = 3600,
     .help = "how long a request to the API may take to arrive (default 10s)"},
    {.name = "dnsd", .metavar = "PATH", .kind = OPTIONS_TEXT, AT(dnsd), .is_of_command_line = true,
     .help = "the program srvplan-dnsd (default: beside this one)"},
};
#undef AT
/* clang-format on */
const size_t options_row_count = COUNT_OF(options_rows);

enum {
    ROWS = COUNT_OF(options_rows),
    ID_HELP = 256, /* above every character that getopt returns */
    ID_VERSION,
    ID_ROW, /* and up: the rows */
};

static void print_help(void)
{
    printf("usage: srvpland [OPTION…]\n\n"
           "The control plane of srvplan: store, REST API, and supervision of srvplan-dnsd.\n"
           "`srvplan serve` starts it. Options are also keys of the configuration file.\n\n");
    for (size_t i = 0; i < options_row_count; i++)
        printf("  --%-28s %-10s  %s\n", options_rows[i].name,
               options_rows[i].metavar ? options_rows[i].metavar : "", options_rows[i].help);
    printf("  --%-28s %-10s  print this and exit\n", "help", "");
    printf("  --%-28s %-10s  print the version and exit\n", "version", "");
}

static struct options defaults(void)
{
    return (struct options){.inventory = "/etc/srvplan/inventory.jsonc",
                            .state = "/var/lib/srvplan",
                            .dns = {"127.0.0.1:5300"},
                            .api = "127.0.0.1:8053",
                            .workers = 1,
                            .rate_limit = HANDOVER_RATE_LIMIT,
                            .revisions_kept = 1000,
                            .max_connections = 256,
                            .max_connections_per_address = 64,
                            .max_waiting = 100,
                            .request_timeout_s = 10,
                            .socket_role = ROLE_OPERATOR,
                            .login_failures = AUTH_FAILURES,
                            .login_pause_s = AUTH_PAUSE_S,
                            .session_s = AUTH_SESSION_S,
                            .session_idle_s = AUTH_SESSION_IDLE_S};
}

static void options_table(struct option *table)
{
    for (size_t i = 0; i < options_row_count; i++)
        table[i] =
            (struct option){.name = options_rows[i].name,
                            .has_arg = options_rows[i].metavar ? required_argument : no_argument,
                            .val = ID_ROW + (int)i};
    table[options_row_count] = (struct option){.name = "help", .val = ID_HELP};
    table[options_row_count + 1] = (struct option){.name = "version", .val = ID_VERSION};
}

/* One value of the command line into *options, which counts what it has taken. */
static bool take_argument(struct options *options, size_t row, const char *value,
                          uint32_t *list_count, struct error *err)
{
    const char *why = NULL;
    if (options_rows[row].kind == OPTIONS_FLAG)
        value = "true";
    if (options_take(options, &options_rows[row], value, list_count, &why))
        return true;
    return error_set(err, ERROR_USAGE, "--%s %s: %s", options_rows[row].name, value, why);
}

/* One pass over argv. `is_for_file`: only what says which file to read. */
static enum options_action read_arguments(struct options *options, int argc, char **argv,
                                          bool is_for_file, struct error *err)
{
    struct option table[ROWS + 3] = {0};
    uint32_t list_counts[ROWS] = {0};
    options_table(table);
    opterr = 0;
    optind = 0; /* from the beginning: getopt(3), notes */
    for (int id; (id = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (id == '?' || id == ':') {
            error_set(err, ERROR_USAGE, id == ':' ? "%s needs a value" : "%s: no such option",
                      argv[optind - 1]);
            return OPTIONS_STOP_USAGE;
        }
        if (id == ID_HELP || id == ID_VERSION) {
            if (id == ID_HELP)
                print_help();
            else
                printf("srvpland %s\n", SRVPLAN_VERSION);
            return OPTIONS_STOP_FINE;
        }
        size_t row = (size_t)(id - ID_ROW);
        bool is_about_file = options_rows[row].offset == offsetof(struct options, config);
        if (is_for_file && !is_about_file)
            continue;
        if (!take_argument(options, row, optarg, &list_counts[row], err))
            return OPTIONS_STOP_USAGE;
    }
    if (optind < argc) {
        error_set(err, ERROR_USAGE, "%s: unexpected; options only", argv[optind]);
        return OPTIONS_STOP_USAGE;
    }
    return OPTIONS_SERVE;
}

enum options_action options_parse(struct options *options, int argc, char **argv,
                                  struct findings *findings, struct error *err)
{
    *options = defaults();
    enum options_action action = read_arguments(options, argc, argv, true, err);
    if (action != OPTIONS_SERVE)
        return action;
    if (!options_read_file(options, findings, err))
        return OPTIONS_STOP_FAILED;
    return read_arguments(options, argc, argv, false, err);
}

void options_fini(struct options *options)
{
    arena_fini(&options->arena);
    *options = (struct options){0};
}

static bool text_is_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const struct options_row *row, const struct options *a, const struct options *b)
{
    const char *at = (const char *)a + row->offset, *bt = (const char *)b + row->offset;
    switch (row->kind) {
    case OPTIONS_TEXT:
        return text_is_same(*(const char *const *)(const void *)at,
                            *(const char *const *)(const void *)bt);
    case OPTIONS_LIST: {
        const char *const *x = (const char *const *)(const void *)at;
        const char *const *y = (const char *const *)(const void *)bt;
        while (*x && *y && strcmp(*x, *y) == 0)
            x++, y++;
        return !*x && !*y;
    }
    case OPTIONS_NUMBER:
    case OPTIONS_DURATION:
    case OPTIONS_CHOICE:
        return memcmp(at, bt, sizeof(uint32_t)) == 0;
    case OPTIONS_FLAG:
        return memcmp(at, bt, sizeof(bool)) == 0;
    }
    return false;
}

const char *options_pending(const struct options *now, const struct options *again,
                            struct arena *arena)
{
    const char *names = NULL;
    for (size_t i = 0; i < options_row_count; i++)
        if (!options_rows[i].is_live && !is_same(&options_rows[i], now, again))
            names = arena_printf(arena, "%s%s%s", names ? names : "", names ? ", " : "",
                                 options_rows[i].name);
    return names;
}
