/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control: the main thread: takes images, swaps generations, acknowledges, ends.
 *
 * With a control socket it is the client of srvpland (zones/handover.h) and connects again for as
 * long as it lives: srvpland may restart or be gone, answering goes on. A LOAD that cannot be
 * taken is REFUSED with the reason, and the old generation stays.
 *
 * SIGTERM and SIGINT end it; on SIGHUP it asks srvpland for the newest image, or without srvpland
 * looks whether the image directory has a newer one, and reads the secrets of cookies again. What
 * takes a path or a new socket is the porter's.
 * A worker that has not left an old generation within 2 s, or is that long in one batch, is stuck:
 * then the process aborts, and its supervisor starts it again from the image on disk. */
#pragma once
#include "dnsd/cookie_file.h"
#include "dnsd/generation.h"
#include "dnsd/notify.h"
#include "dnsd/options.h"
#include "dnsd/porter.h"
#include "dnsd/takeover.h"
#include "dnsd/tcp.h"
#include "dnsd/vigil.h"

struct control {
    const struct options *options;
    struct generations *generations;
    struct tcp *tcp;
    const struct cookie_file *cookie_file;
    struct notify *notify;
    struct porter porter;
    struct takeover takeover;
    struct takeover_gift gift; /* if somebody takes over */
    struct vigil vigil;
    int signals;    /* signalfd */
    int directory;  /* of the image, until it is given up */
    int socket;     /* -1: not connected */
    int statistics; /* the memory that goes with HELLO; closed by control_fini */
    int64_t connect_at_ms;
    bool owes_served; /* a swap that is not acknowledged yet */
    bool said_unreachable;
    int64_t swapped_at_ms;
    unsigned looks; /* at the workers since then */
};

/* Blocks the signals that control_run takes; call before any thread is started. */
NODISCARD bool control_init(struct control *control, struct error *err);
void control_fini(struct control *control);

/* Takes the image from the directory, or from two descriptors (its own then), as the first
 * generation. */
NODISCARD bool control_load_directory(struct control *control, struct error *err);
NODISCARD bool control_load_files(struct control *control, int answers_fd, int names_fd,
                                  struct error *err);

/* From here on the directory is the porter's alone. */
void control_give_up_directory(struct control *control);

/* Runs until a signal or a successor ends it. */
void control_run(struct control *control);
