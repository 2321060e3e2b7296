/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dnsd_link: starts and supervises srvplan-dnsd, and talks to it (zones/handover.h).
 *
 * It owns DIR/dnsd.sock and a thread. A dnsd that is already there (the last srvpland was killed)
 * connects by itself; it is adopted when it runs with our addresses, workers and rate limit, and
 * replaced otherwise. Whichever we have is watched by its pidfd, and started again when it ends: at
 * once the first time, then with a growing pause below a second. dnsd runs in a process group of
 * its own and outlives a srvpland that is killed; dnsd_link_stop ends it.
 *
 * Another dnsd may take over from it (srvplan-dnsd --takeover DIR/takeover.sock): when it calls, it
 * becomes the one that is watched, and the one before it ends by itself.
 *
 * What happens is reported as events on the link's thread, in order. */
#pragma once
#include "api/world/responder.h"
#include "zones/base/error.h"
#include "zones/handover.h"

struct dnsd_link_options {
    int state_directory;
    const char *state_path;
    const char *program;          /* path of srvplan-dnsd */
    const char *const *addresses; /* ADDR:PORT, NULL-terminated, at least one */
    uint32_t workers;
    uint32_t rate_limit; /* 0: none */
    bool may_adopt; /* this state directory was in use before: give an earlier dnsd time to call */
};

enum dnsd_event_kind {
    DNSD_HELLO,   /* connected: generation it serves (0: none), with its memory if any */
    DNSD_SERVED,  /* with the memory of that generation */
    DNSD_REFUSED, /* text says why */
    DNSD_RETIRED,
    DNSD_ASK,  /* hand the newest generation over, even if it is served */
    DNSD_GONE, /* the process ended or the connection broke */
};

struct dnsd_event {
    enum dnsd_event_kind kind;
    uint64_t generation;
    int pid;
    int memory_fd;               /* -1: none; the receiver closes it */
    struct responder *responder; /* HELLO: what it counts, the receiver's; NULL: it does not say */
    int64_t at_ms;               /* when it was noticed, UTC */
    char text[HANDOVER_TEXT_BYTES];
};

struct dnsd_link;

typedef void dnsd_event_callback(void *context, const struct dnsd_event *event);

/* Opens DIR/dnsd.sock, adopts or starts dnsd, and returns when it has said HELLO, or with an error
 * when it ended instead (a port in use, most often; its own message stands on stderr). Where an
 * earlier one may be there it is tried a few times: that one may hold the port, and be slow to
 * call. */
NODISCARD struct dnsd_link *dnsd_link_start(const struct dnsd_link_options *options,
                                            dnsd_event_callback *callback, void *context,
                                            struct error *err);

/* Hands a generation over; the descriptors stay the caller's. Any thread. ERROR_UNREACHABLE: dnsd
 * is not connected now; a DNSD_HELLO follows when it is. */
NODISCARD bool dnsd_link_load(struct dnsd_link *link, uint64_t generation, int answers_fd,
                              int names_fd, struct error *err);

enum dnsd_ending {
    DNSD_END,           /* whichever we have: SIGTERM, after 3 s SIGKILL */
    DNSD_LEAVE_ADOPTED, /* we failed to start: one that was there before us goes on answering */
};

/* Ends dnsd and the thread. NULL is fine. */
void dnsd_link_stop(struct dnsd_link *link, enum dnsd_ending ending);
