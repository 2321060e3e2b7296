/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keeper_child: the two kinds of children of the keeper.
 *
 * The compiler is a fork: it reads zone files, writes an image to two memory files, and ends. The
 * server is this program anew (fork and exec), so that nothing of the keeper is in its memory: it
 * gets sockets, image and NOTIFY_SOCKET by the service manager's protocol (inherit.h, notify.h),
 * and parses what strangers send. */
#pragma once
#include <sys/types.h>
#include "dnsd/sockets.h"

/* The image that a compiler made, or is making. */
struct keeper_image {
    int answers_fd, names_fd; /* -1: none */
    int versions_fd;          /* of the zones: for the next compiler */
    uint64_t generation;
};

/* Empty files in memory. */
NODISCARD bool keeper_image_make(struct keeper_image *image, uint64_t generation,
                                 struct error *err);
/* Nobody changes it any more. */
NODISCARD bool keeper_image_seal(const struct keeper_image *image, struct error *err);
void keeper_image_close(struct keeper_image *image);

/* The status that a compiler ends with: said already, or to be said. */
enum {
    KEEPER_CHILD_DONE = 0,
    KEEPER_CHILD_REFUSED = 1,
};

/* Starts one, after an earlier one or none; its end says how it went. -1: *err says why not. */
pid_t keeper_compile(const struct options *options, const struct keeper_image *image,
                     const struct keeper_image *earlier, struct error *err);

struct keeper_server {
    char *const *argv; /* ours: options mean the same to it */
    const struct sockets *sockets;
    const struct keeper_image *image;
    const char *notify;  /* NOTIFY_SOCKET */
    int64_t watchdog_ms; /* 0: nobody waits for signs of life */
};

/* Starts one, which says READY=1 when it answers. -1: *err says why not. */
pid_t keeper_serve(const struct keeper_server *server, struct error *err);

/* In the server: it ends when its keeper does. A change of user undoes that, so call it after. */
void keeper_server_follow(void);
