/* SPDX-License-Identifier: GPL-3.0-or-later */
/* internal: what the files of the world share: world/world.c (thread and queues), world/publish.c
 * (candidate → revision → served), world/inventory.c (a new inventory), world/file.c (its file),
 * world/jobs.c (what each job changes; see world/job.h), world/load.c (start and reload),
 * world/clock.c (what time it is), world/tick.c (what time changes), world/plan.c (plans and what
 * guards say of them), world/views.c (making views). Only the world's thread touches struct world,
 * but for the queues (jobs, events, refusals) and the current view, which have locks.
 */
#pragma once
#include "api/world/dnsd_link.h"
#include "api/world/history.h"
#include "api/world/image_dir.h"
#include "api/world/retired.h"
#include "api/world/rows.h"
#include "api/world/scheduler.h"
#include "api/world/timekeeper.h"
#include "api/world/world.h"
#include "api/world/inventory.h"
#include "api/world/start.h"
#include <pthread.h>

enum {
    WORLD_MAX_JOBS = 64,
    WORLD_MAX_EVENTS = 64,
    WORLD_TICK_PAUSE_MS = 1000, /* before an expiry that failed (a full disk) is tried again */
};

/* -- world/plan.c -- */

/* A plan and the overlays that it borrows; counted by reference, shared by views. */
struct planned {
    unsigned refs; /* atomic */
    struct arena arena;
    struct overlays overlays;
    struct window_body **bodies; /* of the windows among the overlays; NULL: one cannot be read */
    size_t body_count;
    struct plan *plan;
    struct base *base; /* a reference */
};

struct planned *planned_make(struct base *base, const struct rows *rows, int64_t at_ms);
struct planned *planned_ref(struct planned *planned);

/* What the plan makes of a drain; NULL when it is over, or its node is not in the inventory. */
const struct plan_hold *world_find_hold(const struct plan *plan, struct text drain_id);
void planned_unref(struct planned *planned); /* NULL is fine */

/* -- world/refusals.c --
 *
 * Changes that were refused, waiting to be written into the audit: many in one commit, and no more
 * than the limits within a minute, since whoever knocks decides how many there are. */

enum {
    REFUSALS_MAX_WAITING = 64,
    REFUSALS_MAX_ANONYMOUS = 60, /* a minute, of those whom nobody knows */
    REFUSALS_MAX_KNOWN = 600,    /* a minute, of all others */
};

struct refusals {
    struct {
        struct store_audit line;
        char *block; /* its texts */
    } waiting[REFUSALS_MAX_WAITING];
    size_t count;
    int64_t minute_since_ms; /* monotonic */
    unsigned anonymous, known;
    uint64_t dropped;
};

void refusals_fini(struct refusals *refusals);

/* The same of what is out by now, without drains to come: those wait when their time is there. */
const struct plan_verdict *world_refusal_now(const struct plan *before, const struct plan *after,
                                             bool is_override);

/* Says of which window that is open `after` would bring nodes back, because a guard forbids it by
 * then; NULL: of none. In the arena. */
const char *world_brings_back(const struct plan *before, const struct plan *after,
                              struct arena *arena);

/* A view with its count; world_view is its first member, so that one pointer is both. */
struct view_box {
    struct world_view view;
    unsigned refs; /* atomic */
    struct arena arena;
    struct planned *planned;
    struct tokens *tokens;
};

struct job {
    struct world_request request; /* what it points to is the submitter's */
    world_callback *callback;
    void *context;
};

struct world {
    struct world_options options;
    struct store *store;
    struct image_dir image_dir;
    struct dnsd_link *link;

    struct planned *planned; /* in force */
    uint32_t *serials;       /* by slot of planned->base, heap */
    struct rows rows;
    struct history history;
    struct retired retired; /* zones that are gone; the store has them, too */
    struct tokens *tokens;
    struct world_spent spent; /* by the last change */
    /* Idempotency-Key of the job at hand, until its change is stored. */
    const struct store_key *key;
    uint64_t revision, served_revision;
    char actor[128], cause[256];           /* of the revision, as much as fits */
    int64_t published_at_ms, served_at_ms; /* served_at 0: the current one is not served */
    uint64_t acknowledged_revision;        /* the last that was ever served */
    int64_t served_plan_at_ms;             /* the instant of the plan that is served, or was last */
    struct scheduler *scheduler;
    struct timekeeper keeper;
    int64_t clock_set_by_ms, clock_set_at_ms; /* last; 0: not since we run */
    uint64_t judged_revision;   /* the drains that are held up were judged beside it */
    int64_t owed_ms;            /* the clock was set ahead: what lasts so long ends later */
    int64_t tick_again_boot_ms; /* not before this, by the clock that nobody sets */
    int64_t next_clear_at_ms;   /* when a drain of the view is clear; 0: none is next */
    bool is_served_noted; /* false: since when the revision is served is not in the store yet */
    bool is_view_due;
    struct world_dnsd dnsd;
    char dnsd_refusal[HANDOVER_TEXT_BYTES];
    char file_problem[256];     /* why the inventory file is not in force; empty: it is */
    char settings_problem[256]; /* why the configuration file is not in force; empty: it is */
    char settings_pending[WORLD_PENDING_SIZE]; /* names that wait for a restart */
    char publish_problem[256];                 /* why the image could not be written */
    char store_problem[512];                   /* not empty: there is no store, and so no plan */
    bool has_calendar_key;
    struct digest calendar_key;
    uint64_t index;
    uint64_t guard_refusals[PLAN_GUARD_COUNT]; /* atomic */
    int64_t started_at_ms;

    pthread_t thread;
    pthread_mutex_t lock; /* queues and view */
    pthread_cond_t changed;
    struct job jobs[WORLD_MAX_JOBS];
    size_t job_count;
    struct dnsd_event events[WORLD_MAX_EVENTS];
    size_t event_count;
    struct refusals refusals;
    struct world_backup *backup; /* under way; NULL: none */
    bool is_stopping;
    struct view_box *view;
};

/* -- world/publish.c ----------------------------------------------------------------------------
 */

/* What a job wants to make true. The maker fills it; publish takes base, planned and serials over
 * into the world when the store has it. */
struct candidate {
    struct base *base; /* borrowed; NULL: as now */
    struct planned *planned;
    uint32_t *serials;                       /* heap; NULL: as now, moved where sets changed */
    struct rows rows;                        /* after the change */
    const struct store_inventory *inventory; /* NULL: unchanged */
    struct store_change change; /* drains, weights, audit rows; the rest is filled in */
    struct text actor, cause;
    int64_t at_ms;
    bool may_use_ballast; /* an undrain: it must work on a full disk */
    int64_t look_at_ms;   /* a dry run shows the plan of this instant; 0: of the change */
};

void candidate_fini(struct candidate *candidate);

/* Stages, commits, renames, hands over, waits. False: nothing was stored. *served tells 201 from
 * 202. On success the world is at the new revision and has a new view. */
NODISCARD bool world_publish(struct world *world, struct candidate *candidate, bool *served,
                             struct error *err);

/* The revision in force is this one, made by that actor for that cause. */
void world_note_cause(struct world *world, uint64_t revision, struct text actor, struct text cause);

/* Writes the image of the revision in force again if the file differs. */
NODISCARD bool world_rewrite_image(struct world *world, struct error *err);

/* Puts the dirty versions of the history into a change; *where says where each stands there. */
size_t world_fill_versions(struct store_change *change, struct arena *arena,
                           const struct history *history, size_t **where);

/* Stores the dirty versions alone. */
NODISCARD bool world_commit_versions(struct world *world, struct error *err);

/* Another plan is in force, with the same or a new revision. */
void world_set_plan(struct world *world, struct planned *planned);

/* -- world/file.c --------------------------------------------------------------------------------
 */

/* Loads a source; its findings go to the log, the first error into *err. `files`: as base_load. */
NODISCARD struct base *world_read_base(const struct store_inventory *source,
                                       struct inventory_source *files, struct error *err);

/* Reads the inventory's files, and makes the source row of them, which borrows its text. NULL:
 * *err. */
NODISCARD struct inventory_source *
world_read_file(const struct world *world, struct store_inventory *source, struct error *err);

/* -- world/inventory.c --------------------------------------------------------------------------
 */

/* Gives out the slots of a candidate's new base, and its serials. */
void world_assign_slots(const struct world *world, struct candidate *candidate);

/* Publishes a loaded source, of the file, as the new inventory; takes the base. */
NODISCARD bool world_adopt_base(struct world *world, struct base *base,
                                const struct world_actor *actor, bool *served, struct error *err);

/* Logs what of the plan a new inventory changes. */
void world_log_diff(const struct plan *before, const struct plan *after, const char *what);

/* -- world/events.c ------------------------------------------------------------------------------
 */

/* Tries again what kept the image from being written, if anything did. */
void world_retry_image(struct world *world);

/* Hands the current generation over if dnsd does not serve it. */
void world_hand_over(struct world *world);

/* Writes down since when the revision is served, unless it is. Who waits for an answer does not
 * wait for this sync, too: should it be lost, a restart finds it out again, only later. */
void world_note_served(struct world *world);

/* Takes one event of dnsd into account. */
void world_on_event(struct world *world, const struct dnsd_event *event);

/* Waits for an event until the deadline (monotonic) and takes it into account; false: none came. */
bool world_wait_event(struct world *world, int64_t deadline_ms);

/* -- world/jobs.c, world/load.c, world/views.c ---------------------------------------------------
 */

/* world/answer.c: the job, or what it was answered when its key came before. */
void world_run_keyed(struct world *world, const struct world_request *request,
                     struct world_result *result);

void world_run_job(struct world *world, const struct world_request *request,
                   struct world_result *result);

/* world/load.c: before dnsd is there, the store's revision, or a first one from the file; then,
 * with dnsd there, what came since: a changed file, overlays whose time is over. */
NODISCARD bool world_load(struct world *world, struct error *err);
void world_settle(struct world *world);

/* world/refusals.c: writes the refusals that wait; not with the lock held. */
void world_write_refusals(struct world *world);

/* world/blocks.c: holds up those drains of the candidate whose ramp a guard forbids by now, and
 * releases those that it does not any more. The candidate has its plan. */
void world_hold_up(const struct world *world, struct candidate *candidate);

/* The row of a drain that is held up no more: its ramp is as much later. */
struct store_drain world_release_drain(const struct store_drain *row, int64_t at_ms);

/* True when the plan in force may release a drain that is held up. */
bool world_may_release(const struct world *world);

/* world/tick.c: publishes what time has changed, when the plan in force says that it is due. */
void world_tick(struct world *world);

/* Writes down which drains the view says to be clear. */
void world_note_clear(struct world *world);

/* -- world/clock.c -------------------------------------------------------------------------------
 */

/* The time by which plans are made: the clock's where it can be trusted, and never before the last
 * revision. */
int64_t world_now_ms(const struct world *world);

/* The time by which caches are clear for certain. */
int64_t world_certain_ms(const struct world *world);

/* Looks at the clock, and takes into account that it was set. */
void world_look(struct world *world);

/* How far time may go by itself while the clock is untrusted, by the plan in force. */
int64_t world_time_limit(const struct world *world);

/* Sleeps until something is to do. */
void world_sleep(struct world *world);

/* Reads the settings again, before the inventory: where they are wrong, nothing changes. */
NODISCARD bool world_reload_settings(struct world *world, bool is_dry_run, struct error *err);

/* Reads the inventory file again; logs what changes. Where file and store both changed and nobody
 * chose, the difference goes into the result (NULL: into the log alone). */
bool world_reload(struct world *world, const struct world_actor *actor, bool *served,
                  struct world_result *result, struct error *err);

/* What a reload of the inventory would make, into plan and diff of the result; false: its error. */
NODISCARD bool world_reload_try(struct world *world, struct world_result *result);

/* Makes the view of the present state current. */
void world_renew_view(struct world *world);
