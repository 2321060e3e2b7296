/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options: the command line of srvplan-dnsd. One table makes getopt_long and --help. */
#pragma once
#include "dnsd/listen.h"
#include "dnsd/settings.h"
#include "dnsd/steer.h"
#include "dnsd/stream.h"
#include "zones/content.h"

enum {
    OPTIONS_MAX_ADDRESSES = 64,
    OPTIONS_MAX_WORKERS = 256,
    OPTIONS_MAX_THREADS = 1024, /* workers × addresses: each pair is a thread */
    OPTIONS_MAX_ZONES = 512,    /* as options; a directory has as many as it likes */
    OPTIONS_MAX_STREAMS = 1000000,
    OPTIONS_DEFAULT_STREAMS = 16384, /* idle ones cost 0.2 KiB each, busy ones 4 KiB */
    OPTIONS_DEFAULT_PER_CLIENT = 512,
};

struct options {
    const char *image;                    /* directory, or NULL */
    const char *zones[OPTIONS_MAX_ZONES]; /* zone files, or directories of them */
    uint32_t zone_count;
    enum content_order zone_order; /* of their SRV sets */
    const char *control;           /* socket, or NULL */
    const char *cookie_secrets;    /* file, or NULL */
    const char *takeover;          /* socket, or NULL */
    const char *user;              /* to become, or NULL */
    bool has_no_sandbox;
    struct listen_address addresses[OPTIONS_MAX_ADDRESSES];
    uint32_t address_count;
    uint32_t workers; /* an address */
    enum steer steer;
    struct stream_limits streams;
    struct settings settings; /* but for the secrets */
};

enum options_action {
    OPTIONS_SERVE,
    OPTIONS_STOP_FINE, /* --help or --version was printed */
    OPTIONS_STOP_USAGE,
};

/* Parses argv, which must outlive *options. OPTIONS_STOP_USAGE: *err says what is wrong. That there
 * is an image and an address is not checked: both may come as descriptors. */
enum options_action options_parse(struct options *options, int argc, char **argv,
                                  struct error *err);
