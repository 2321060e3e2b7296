/* SPDX-License-Identifier: GPL-3.0-or-later */
/* start: how main brings the world up and down. Handlers need world/world.h alone. */
#pragma once
#include "api/world/dnsd_link.h"
#include "api/world/world.h"

enum {
    WORLD_PENDING_SIZE = 256
};

/* Which inventory is in force when file and store differ and an API change came between. */
enum world_choice {
    WORLD_CHOOSE_NONE, /* refuse with the difference */
    WORLD_CHOOSE_FILE,
    WORLD_CHOOSE_STORE,
};

struct world_options {
    int state_directory;
    const char *state_path;
    const char *inventory_path; /* absolute */
    uint32_t revisions_kept;    /* 0: all */
    const char *backup_path;    /* where copies of the store go */
    enum world_choice choice;
    struct dnsd_link_options dnsd;
    /* Reads the settings again, at the begin of a reload; on the world's thread. False: nothing of
     * them changed, *err says why. `pending` gets the names of those that wait for a restart. */
    bool (*reload_settings)(void *context, bool is_dry_run, char pending[static WORLD_PENDING_SIZE],
                            struct error *err);
    void *reload_context;
    /* Called with every new view and the one before (NULL: the first), in order, by whoever makes
     * it: the starter's thread, then the world's. NULL: nobody wants to know. */
    void (*on_view)(void *context, const struct world_view *before, const struct world_view *now);
    void *on_view_context;
};

/* Opens the store, settles which inventory is in force, writes the image, starts or adopts dnsd,
 * and returns when the stored revision is served, or after WORLD_SERVED_WAIT_MS (then it says so
 * in its view). The options' strings stay the caller's and must outlive the world. */
NODISCARD struct world *world_start(const struct world_options *options, struct error *err);

/* Finishes the job at hand, refuses the rest, ends dnsd (or leaves one that was there before a
 * start that failed), closes the store. NULL is fine. */
void world_stop(struct world *world, enum dnsd_ending ending);

/* Asks for a reload of settings and inventory (SIGHUP); the outcome is logged. */
void world_request_reload(struct world *world);
