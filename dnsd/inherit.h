/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inherit: descriptors that whoever started us opened, by systemd's protocol (sd_listen_fds(3)).
 *
 * LISTEN_PID is us, LISTEN_FDS is how many there are from descriptor 3 on, LISTEN_FDNAMES their
 * names with colons between. "answers" and "names" are the two files of an image; everything else
 * is a socket to answer on. */
#pragma once
#include "dnsd/sockets.h"

struct inherited {
    struct sockets *sockets;
    int answers_fd, names_fd; /* -1: none */
};

/* Takes what there is, and the three variables out of the environment. Nothing given is fine. */
NODISCARD bool inherit_descriptors(struct inherited *inherited, struct options *options,
                                   struct error *err);
