/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options: the settings of srvpland, from the command line and the configuration file.
 *
 * One table (options.c): every long option is also a key of the file, under the same name, with the
 * same limits; --help, the reading of both and the manual's list come from it. The command line
 * wins over the file, the file over the defaults; what repeats is taken whole from the one that
 * says something. The file is JSON with comments; everything that is wrong with it is told at
 * once, with file, line and column, and then nothing of it holds.
 *
 * A reload reads the same command line and file again into new options; options_pending says which
 * changes wait for a restart. */
#pragma once
#include "api/http/http.h"
#include "api/world/start.h"
#include "srvplan/finding.h"

#define OPTIONS_CONFIG_FILE "/etc/srvplan/srvplan.jsonc"

enum {
    OPTIONS_MAX_ADDRESSES = 32,
    OPTIONS_MAX_WORKERS = 64,
    OPTIONS_MAX_CLIENTS = 63,
    OPTIONS_MAX_HOSTS = 32,
    OPTIONS_FILE_MAX_BYTES = 1024 * 1024,
};

/* Texts live in the arena, or in argv, which must outlive the options. */
struct options {
    struct arena arena;
    const char *config;  /* the file that was read; NULL: none */
    const char *restore; /* the copy of the store to put back; NULL: none */
    bool is_check;       /* --config-check */
    const char *inventory;
    const char *state;
    const char *backup;                         /* NULL: DIR/backup */
    const char *api;                            /* ADDR:PORT */
    const char *dnsd;                           /* path of srvplan-dnsd; NULL: beside srvpland */
    const char *dns[OPTIONS_MAX_ADDRESSES + 1]; /* NULL-terminated */
    uint32_t workers;
    uint32_t rate_limit;
    uint32_t choice; /* enum world_choice */
    uint32_t revisions_kept;
    uint32_t max_connections; /* of the API; see struct http_limits */
    uint32_t max_connections_per_address;
    uint32_t max_waiting;
    uint32_t request_timeout_s;
    const char *tls_cert, *tls_key, *tls_client_ca;
    const char *tls_clients[OPTIONS_MAX_CLIENTS + 1];
    const char *api_hosts[OPTIONS_MAX_HOSTS + 1];
    bool is_insecure;
    const char *socket_group;
    uint32_t socket_role; /* enum role */
    uint32_t login_failures, login_pause_s;
    uint32_t session_s, session_idle_s;
};

enum options_action {
    OPTIONS_SERVE,
    OPTIONS_STOP_FINE,   /* --help or --version was printed */
    OPTIONS_STOP_USAGE,  /* the command line is wrong: *err */
    OPTIONS_STOP_FAILED, /* the file is: *findings, or *err when it cannot be read */
};

enum options_kind {
    OPTIONS_TEXT,     /* const char * */
    OPTIONS_LIST,     /* const char *[], at most `max` */
    OPTIONS_NUMBER,   /* uint32_t, min to max */
    OPTIONS_DURATION, /* uint32_t, in seconds, min to max; "5m", or a number of seconds in the file
                       */
    OPTIONS_CHOICE,   /* uint32_t, the number of the word in `words`, from 1 */
    OPTIONS_FLAG,     /* bool */
};

struct options_row {
    const char *name, *metavar, *help;
    enum options_kind kind;
    size_t offset; /* in struct options */
    uint32_t min, max;
    const char *words;       /* of a choice, with '|' between */
    bool is_live;            /* a reload changes it; else it waits for a restart */
    bool is_of_command_line; /* no key of the file */
};
extern const struct options_row options_rows[];
extern const size_t options_row_count;

/* Reads defaults, file and argv. `options` is zeroed or the result is garbage; options_fini in any
 * case. */
enum options_action options_parse(struct options *options, int argc, char **argv,
                                  struct findings *findings, struct error *err);
void options_fini(struct options *options);

/* The names of the settings that differ and are not live, ", " between; NULL: none. In the arena.
 */
const char *options_pending(const struct options *now, const struct options *again,
                            struct arena *arena);
