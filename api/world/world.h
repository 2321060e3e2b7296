/* SPDX-License-Identifier: GPL-3.0-or-later */
/* world: the one writer: inventory + overlays → next revision → store → image → dnsd.
 *
 * It runs in a thread of its own and takes jobs one at a time, in order. A job that changes
 * something computes the next plan, asks the guards, stages the image, commits to the store,
 * publishes the image, hands it to dnsd and waits (at most 2 s) for the acknowledgement; then its
 * callback runs. Readers never wait for it: they take a reference to the current view, which is
 * immutable and complete.
 *
 * Nothing is lost and nothing is half: a job's outcome says whether it was stored, and whether it
 * is served. What is stored and not served yet is served as soon as dnsd is back. */
#pragma once
#include "api/world/responder.h"
#include "api/store/store.h"
#include "api/world/timekeeper.h"
#include "api/auth/tokens.h"
#include "srvplan/plan.h"
#include "srvplan/plan_diff.h"
#include "zones/base/error.h"

/* Resolvers may hold a record longer than its TTL says: 8.7 % of those in "Moura et al., Cache Me
 * If You Can" and later PAM 2023 measurements did. The pessimistic clock assumes this much. */
enum {
    WORLD_RESOLVER_MAX_TTL_S = 3600,
    WORLD_SERVED_WAIT_MS = 2000
};

enum drain_state {
    DRAIN_SCHEDULED,    /* stored, not served yet, or not begun */
    DRAIN_BLOCKED,      /* a guard forbids it by now: its node keeps all of its weight */
    DRAIN_LOWERING_TTL, /* before a ramp: caches take the short TTL */
    DRAIN_RAMPING,      /* its weight goes down */
    DRAIN_WITHDRAWN,    /* dnsd names the node no more (or with the weight it keeps); caches may */
    DRAIN_CLEAR,        /* no correct cache has what was before */
    DRAIN_RESTORING,    /* undrained, or its time is over: its weight goes up */
    DRAIN_CLOSED,       /* it is back */
    DRAIN_ABORTED,      /* it was given up, and is back */
};
const char *drain_state_print(enum drain_state state);

struct world_inventory_change;

struct world_drain {
    struct store_drain row;   /* what is stored */
    enum drain_state state;   /* of what is served; views are renewed whenever it changes */
    bool has_timeline;        /* false: it is closed, or its node is not in the inventory */
    struct timeline timeline; /* as planned */
    int64_t dns_clear_at_ms;  /* 0: not known, because it is not withdrawn and served yet */
    int64_t dns_clear_pessimistic_at_ms;
    bool is_clear_final; /* true: from last_served; false: acknowledged + TTL, may come down */
    uint32_t share_before_num, share_before_den; /* greatest share it had in any set */
};

struct world_dnsd {
    bool is_connected;
    bool is_in_step; /* serves the current revision */
    uint64_t generation;
    int pid; /* 0: none */
    uint32_t workers;
    struct text addresses;       /* one space between */
    struct responder *responder; /* what it counts, or the last one did; NULL: there was none yet */
};

/* Whether the clock of the computer is believed; world/timekeeper.h. */
struct world_clock {
    enum time_state state;
    int64_t at_ms;                /* the time for plans when the view was made */
    int64_t set_by_ms, set_at_ms; /* when it was set last, and how far ahead; 0: it was not */
    int64_t believed_at_ms;       /* while it is held */
    int64_t last_revision_at_ms;  /* what it must not be before */
};

/* The state of the world at one revision; immutable, shared by reference. When the store is damaged
 * there is no plan (NULL), nor an inventory or layout: not_ready says why, dnsd goes on from the
 * image on disk, and every job fails as unavailable. */
struct world_view {
    const struct inventory *inventory;
    const struct layout *layout;
    const struct plan *plan;
    struct overlays overlays;
    uint64_t inventory_id; /* grows with every inventory that is put or read */
    struct text inventory_text;
    struct text inventory_file;
    struct text inventory_problem; /* why the inventory's file is not in force; empty: it is */
    struct text settings_problem;  /* why the configuration file is not in force; empty: it is */
    struct text settings_pending;  /* settings that wait for a restart; ", " between */
    struct digest inventory_digest;
    enum store_source inventory_source;
    uint64_t revision, served_revision;
    struct text actor, cause;              /* of the revision; clipped */
    int64_t published_at_ms, served_at_ms; /* served_at 0: the current revision is not served */
    const struct content_zone *zones;      /* those of the layout, with their slots */
    const uint32_t *serials;               /* by slot; see world_zone_serial */
    const struct world_drain *drains;      /* active, and recently closed; by id */
    uint32_t drain_count;
    const struct store_set_version *versions;
    uint32_t version_count;
    const struct tokens *tokens; /* of the API; NULL: none */
    struct world_dnsd dnsd;
    struct store_audit_head audit; /* the last line of the audit */
    struct world_clock clock;
    bool is_ready;
    const char *const *not_ready; /* reasons, NULL-terminated */
    bool has_calendar_key;
    struct digest calendar_key; /* of the secret in the calendar's URL */
    /* Grows with every new view, and over restarts, as long as the clock does: it begins with the
     * start's milliseconds. So no ETag or long poll takes a view of today for one of yesterday. */
    uint64_t index;
    int64_t made_at_ms;
    int64_t started_at_ms;
    const uint64_t *guard_refusals; /* by guard, since the start; atomic, the world's own */
};

static inline uint32_t world_zone_serial(const struct world_view *view, uint32_t zone)
{
    return view->serials[view->zones[zone].slot];
}

/* Over: closed or aborted. */
static inline bool world_drain_is_over(const struct world_drain *drain)
{
    return drain->state == DRAIN_CLOSED || drain->state == DRAIN_ABORTED;
}

/* What the state of a drain is seen by. */
struct world_drain_instants {
    int64_t plan_at_ms; /* of the plan that is served */
    int64_t certain_ms; /* now, whichever of its times the clock was set by */
    bool is_end_served; /* the revision that ended it was, or it has not ended */
};
enum drain_state world_drain_state(const struct world_drain *drain,
                                   const struct world_drain_instants *instants);

/* The version of a node's view, for its ETag: changes when its overlays or what it publishes do. */
uint64_t world_node_version(const struct world_view *view, uint32_t node);

struct world;

/* A reference to the current view; world_view_unref gives it back. Any thread. */
const struct world_view *world_view_ref(struct world *world);
void world_view_unref(const struct world_view *view);

struct world_actor {
    struct text name;   /* "root", "admin-token" */
    struct text source; /* for the audit */
};

/* What limits a change beside the actor's role; see world/scope.h. */
struct world_scope {
    struct text token; /* id of the token that it came with; empty: none of auth/tokens.h */
    struct text nodes, domains; /* that it may change, one space between; empty: all */
};

struct store_answer;

struct world_drain_change;

enum world_job_kind {
    WORLD_DRAIN_ADD,
    WORLD_DRAIN_CHANGE, /* see world/drain_change.h */
    WORLD_DRAIN_END,
    WORLD_WEIGHT_PUT,
    WORLD_WEIGHT_REMOVE,
    WORLD_RELOAD,    /* read settings and inventory file again (SIGHUP, POST /reload) */
    WORLD_REVISIONS, /* list; changes nothing */
    WORLD_REVISION,  /* one of them, with what it was made of; changes nothing */
    WORLD_TOKEN_ADD,
    WORLD_TOKEN_REVOKE,
    WORLD_AUDIT,        /* lines of the audit; changes nothing */
    WORLD_AUDIT_VERIFY, /* whether its chain holds; changes nothing */
    /* The answer that its key had before, or not-found; does nothing else. */
    WORLD_KEY_ONLY,
    /* What its key is answered from now on. */
    WORLD_KEY_KEEP,
    WORLD_WINDOW_PUT, /* see world/window.h */
    WORLD_WINDOW_REMOVE,
    WORLD_WINDOW_SKIP,
    WORLD_WINDOW_END,
    WORLD_CALENDAR_KEY,
    WORLD_INVENTORY, /* a new inventory, overlays with it, or both: world/inventory.h */
    /* A copy of the store; ends when it is there: world/backup.h. */
    WORLD_BACKUP,
};

/* How a drain goes; what is not given is as the inventory's policy says. */
struct world_drain_how {
    bool has_mode, has_to, has_ramp, has_steps, has_lead;
    enum drain_mode mode;
    uint32_t to_ppb; /* of the mode weight */
    uint32_t ramp_s, ramp_steps;
    bool is_lead_auto;
};

struct world_request {
    enum world_job_kind kind;
    struct world_actor actor;
    struct world_scope scope;
    bool is_dry_run;
    bool is_override; /* of guards; override_reason must not be empty then */
    struct text override_reason;
    const struct text *nodes; /* DRAIN_ADD: one or more; WEIGHT_*: one */
    uint32_t node_count;
    const struct text *services; /* empty: all; WEIGHT_REMOVE: which */
    uint32_t service_count;
    struct text reason;
    /* BACKUP: world/backup.h */
    const struct world_backup_change *backup;
    /* KEY_KEEP */
    const struct store_answer *answer;
    /* Idempotency-Key of a POST; NULL: none came. */
    const struct store_key *key;
    int64_t until_at_ms;                    /* 0: none */
    uint32_t for_s;                         /* or so long; 0: not */
    struct world_drain_how how;             /* DRAIN_ADD */
    struct text drain_id;                   /* DRAIN_CHANGE, DRAIN_END */
    const struct world_drain_change *drain; /* DRAIN_CHANGE */
    bool has_if_match;                      /* then the object's version must be if_match */
    uint64_t if_match;
    enum weight_form weight_form;
    int32_t weight_value;
    const struct world_token_change *token;   /* TOKEN_*: world/token.h */
    const struct world_audit_query *audit;    /* AUDIT, AUDIT_VERIFY: world/audit.h */
    const struct world_window_change *window; /* WINDOW_*, CALENDAR_KEY */
    uint64_t before;                          /* REVISIONS: keyset; REVISION: which */
    uint32_t limit;
    const struct world_inventory_change *inventory; /* INVENTORY */
};

enum world_outcome {
    WORLD_FAILED,  /* *error and, by guards, refusals of `plan`; nothing was stored */
    WORLD_STORED,  /* stored, not served within the wait: 202 */
    WORLD_SERVED,  /* stored and served: 200 or 201 */
    WORLD_DRY_RUN, /* nothing changed; `plan` is what it would be */
};

/* Where the time of a change went, in µs. All zero: nothing was changed. */
struct world_spent {
    int64_t plan_us;
    int64_t image_us; /* rendered and synced under a temporary name */
    int64_t store_us; /* the commit */
    int64_t serve_us; /* renamed, handed over, and acknowledged by dnsd or given up on */
};

struct world_audit_query;
struct world_backup_change;
struct store_backup_made;
struct world_audit_found;

struct world_result {
    enum world_outcome outcome;
    struct world_spent spent;
    struct error error;
    const char *problem; /* stable name of the problem type: "guard", "stale", "unknown-node" … */
    const struct world_view *view; /* after the job; a reference of the result's own */
    const struct plan *plan;       /* dry run and guard refusals; else NULL */
    const struct plan_diff *diff;  /* dry run: against the plan in force */
    const struct text *drain_ids;  /* DRAIN_ADD (also dry run), DRAIN_END: those touched */
    uint32_t drain_id_count;
    uint64_t current_version;               /* for problem "stale" */
    const struct store_revision *revisions; /* REVISIONS */
    size_t revision_count;
    const struct store_past *past;         /* REVISION */
    const struct store_token *token;       /* TOKEN_*: the one that was made or revoked */
    const struct world_audit_found *audit; /* AUDIT, AUDIT_VERIFY */
    /* BACKUP */
    const struct store_backup_made *backup;
    /* The request's key came before: what was answered then. */
    const struct store_answer *replay;
    struct planned *planned;   /* owns `plan` */
    struct planned *otherwise; /* what `diff` compares with, when it is not in force; or NULL */
    struct arena arena;        /* owns the rest */
};
void world_result_free(struct world_result *result);

typedef void world_callback(void *context, struct world_result *result);

/* What a keyed request was answered goes to the store, for when it comes again. To be called by the
 * callback of its job, on the world's thread. */
void world_keep_answer(struct world *world, const struct store_key *key,
                       const struct store_answer *answer);

/* Queues a job. What the request points to is borrowed until the callback has run; it runs on the
 * world's thread, once, and owns the result. ERROR_UNAVAILABLE: too many jobs wait (64). */
NODISCARD bool world_submit(struct world *world, const struct world_request *request,
                            world_callback *callback, void *context, struct error *err);
