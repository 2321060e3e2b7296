/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/dnsd_spawn.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    MAX_ARGUMENTS = 76
};

/* The command line of dnsd: --image DIR/image --control DIR/dnsd.sock --takeover DIR/takeover.sock
 * --workers N --listen A… */
pid_t dnsd_spawn(const struct dnsd_link_options *options, struct error *err)
{
    char image[PATH_MAX], control[PATH_MAX], takeover[PATH_MAX], workers[16], rate_limit[16];
    const char *argv[MAX_ARGUMENTS] = {options->program, "--image",      image,
                                       "--control",      control,        "--workers",
                                       workers,          "--rate-limit", rate_limit};
    size_t count = 9;
    if ((size_t)snprintf(takeover, sizeof takeover, "%s/takeover.sock", options->state_path) <
        sizeof((struct sockaddr_un *)NULL)->sun_path) {
        argv[count++] = "--takeover";
        argv[count++] = takeover;
    }
    snprintf(image, sizeof image, "%s/image", options->state_path);
    snprintf(control, sizeof control, "%s/dnsd.sock", options->state_path);
    snprintf(workers, sizeof workers, "%u", options->workers);
    snprintf(rate_limit, sizeof rate_limit, "%u", options->rate_limit);
    for (const char *const *address = options->addresses; *address; address++) {
        if (count + 3 > MAX_ARGUMENTS) {
            error_set(err, ERROR_USAGE, "more than %d addresses to listen on", 32);
            return -1;
        }
        argv[count++] = "--listen";
        argv[count++] = *address;
    }
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_init(&attributes);
    /* A process group of its own: Ctrl-C on the terminal reaches srvpland, which then ends dnsd. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    pid_t pid = 0;
    errno = posix_spawn(&pid, options->program, NULL, &attributes, (char *const *)(uintptr_t)argv,
                        environ);
    posix_spawnattr_destroy(&attributes);
    if (errno == 0)
        return pid;
    error_system(err, options->program, "install it beside srvpland", "cannot start");
    return -1;
}
