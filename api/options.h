/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options: the command line of srvpland. One table makes getopt_long and --help. */
#pragma once
#include "api/world_start.h"

enum {
    OPTIONS_MAX_ADDRESSES = 32,
    OPTIONS_MAX_WORKERS = 64
};

struct options {
    const char *inventory;
    const char *state;
    const char *api;                            /* ADDR:PORT */
    const char *dnsd;                           /* path of srvplan-dnsd; NULL: beside srvpland */
    const char *dns[OPTIONS_MAX_ADDRESSES + 1]; /* NULL-terminated */
    uint32_t dns_count;
    uint32_t workers;
    uint32_t rate_limit;
    enum world_choice choice;
};

enum options_action {
    OPTIONS_SERVE,
    OPTIONS_STOP_FINE, /* --help or --version was printed */
    OPTIONS_STOP_USAGE,
};

/* Parses argv, which must outlive *options. OPTIONS_STOP_USAGE: *err says what is wrong. */
enum options_action options_parse(struct options *options, int argc, char **argv,
                                  struct error *err);
