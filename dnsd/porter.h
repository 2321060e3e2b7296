/* SPDX-License-Identifier: GPL-3.0-or-later */
/* porter: a small process that brings descriptors into the sandbox.
 *
 * Who answers strangers may not open files or make sockets, but must reach srvpland again whenever
 * it restarts, and look for a newer image on SIGHUP. So before the sandbox is closed it forks a
 * child which can do just these two things, with the path and the directory that it was started
 * with: there is nothing in a request but which of the two. It reads nothing of what it opens but
 * the digest of the names file, holds no socket of ours, and ends when we do.
 *
 * When we were root it is the owner of the directory that the control socket lies in, without
 * capabilities, so that srvpland lets it in; without one it is who we are. */
#pragma once
#include "dnsd/sandbox.h"
#include <stdint.h>

struct porter {
    int socket; /* -1: none */
    uint32_t serial;
};

/* What it may bring. */
struct porter_places {
    const char *control; /* path of a SOCK_SEQPACKET socket, shorter than sun_path; NULL: none */
    int directory;       /* of an image; -1: none */
    bool is_sandboxed;
    struct sandbox_user user;
};

/* Forks it, and waits until it is locked in; there must be no other thread yet. */
NODISCARD bool porter_start(struct porter *porter, const struct porter_places *places,
                            struct error *err);
void porter_stop(struct porter *porter);

/* A new connection, non-blocking; -1: *err has the errno. */
int porter_connect(struct porter *porter, struct error *err);

/* The two files of the image that is in the directory now. */
NODISCARD bool porter_open_image(struct porter *porter, int *answers_fd, int *names_fd,
                                 struct error *err);
