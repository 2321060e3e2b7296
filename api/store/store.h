/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store: what srvpland must not lose, in SQLite: inventory, overlays, revisions, serials, and when
 * each version of a set was last served.
 *
 * The store is the truth. Everything that an API call changes is one store_change: one
 * transaction, on disk (WAL, synchronous=FULL) before anything of it is served. Rules, each for a
 * fault that was seen (sqlite.org/wal.html, sqlite.org/howtocorrupt.html):
 *
 *   - exactly one connection, in this process, writes and checkpoints; nothing else opens the file
 *     (WAL-reset race before SQLite 3.51.3), and a second srvpland is refused by a lock on the
 *     state directory
 *   - no automatic checkpoint: store_commit checkpoints itself, after the commit, and reports it
 *   - an error from COMMIT leaves the outcome open: the store closes, opens again and looks its
 *     change id up; fsync is never asked twice of one descriptor
 *   - an empty or foreign file is not taken for a new store: application_id, user_version and a
 *     quick_check at every start; a damaged store is never made anew by itself
 *   - a ballast file of 1 MiB lies beside it: when the disk is full, store_drop_ballast makes room
 *     for an undrain
 *
 * One thread uses a store. Everything that store_open reads lives in its arena until
 * store_close. */
#pragma once
#include "zones/base/arena.h"
#include "zones/base/digest.h"
#include "zones/base/error.h"

enum {
    STORE_APPLICATION_ID = 0x53525650, /* "SRVP" */
    STORE_SCHEMA_VERSION = 3,
    STORE_BALLAST_BYTES = 1024 * 1024,
    STORE_CHANGE_ID_SIZE = 33, /* 128 random bits in hexadecimal */
};

enum store_source {
    STORE_SOURCE_FILE, /* read from the inventory file */
    STORE_SOURCE_PUT,  /* put by the API */
};

struct store_inventory {
    int64_t id; /* 0: none; given by the store when it is written */
    enum store_source source;
    struct text file;          /* absolute path of the file last read */
    struct digest file_digest; /* of the file last read, also when `text` was put */
    struct text text;
    struct text actor;
    int64_t at_ms;
};

struct store_drain {
    struct text id;
    struct text node;
    struct text services; /* ids, one space between; empty: all */
    struct text actor, reason;
    struct text override_reason; /* not empty: a guard was overridden */
    int mode;                    /* enum drain_mode */
    uint32_t to_ppb;             /* of the mode weight: what the node keeps of its weight */
    uint32_t ramp_s, ramp_steps;
    bool is_lead_auto;                /* TTLs are lowered before the ramp */
    int64_t since_at_ms, until_at_ms; /* until 0: without end */
    uint32_t for_s;                   /* not 0: the end was asked for as so long */
    int64_t blocked_at_ms;            /* not 0: a guard holds its ramp up since then */
    int64_t delay_ms;                 /* how long guards held it up before */
    bool is_aborted;                  /* it was given up, when it has ended */
    int64_t served_at_ms;             /* 0: not served yet */
    int64_t ended_at_ms;              /* 0: active */
    struct text ended_actor;          /* "expiry" when its time was over */
    struct text blocked_because;      /* guard and numbers */
    int64_t clear_at_ms;              /* since when caches are known to be clear; 0: not yet */
    uint64_t revision;                /* that started it */
    uint64_t ended_revision;          /* that ended it; 0: active */
    uint32_t version;                 /* grows with every change: the ETag */
};

struct store_weight {
    struct text node, service;
    int form; /* enum weight_form */
    int32_t value;
    struct text actor, reason;
    int64_t since_at_ms, until_at_ms;
};

/* A window that an operator made. */
struct store_window {
    struct text id;
    struct text body; /* JSON, as window_document reads it */
    struct text actor, reason;
    int64_t created_at_ms;
    int64_t since_at_ms; /* it opens as it does since then */
    int64_t ended_at_ms; /* taken away, while it was under way; 0: it was not */
    uint64_t version;    /* grows with every change: the ETag */
};

/* What became of one opening of a window, the inventory's or an operator's. */
struct store_opening {
    struct text window;
    int64_t opens_at_ms;
    int change; /* enum opening_change */
    int64_t at_ms;
    struct text actor, reason;
};

struct store_revision {
    uint64_t number; /* 1 and up; 0: none */
    int64_t at_ms;
    struct text actor, cause; /* "drain xmpp2: kernel" */
    int64_t inventory_id;     /* see store_commit */
    struct digest inventory_digest;
    struct text overlays; /* JSON: drains and weights in force, for rollback and diff */
    int64_t served_at_ms; /* 0: not acknowledged yet */
};

/* A serial slot: the zones that share one serial. */
struct store_slot {
    uint32_t slot;
    uint32_t serial;
};

struct store_zone {
    struct text name; /* with final dot */
    uint32_t slot;
    uint32_t serial; /* in `retired`: its last one, so that it never goes back */
};

/* One version of a set: from the revision that first had it to the one that replaced it. */
struct store_set_version {
    int64_t id;                             /* 0: new, given by the store */
    struct digest key;                      /* of the set's inputs: its identity over revisions */
    struct text label;                      /* "example.org/xmpp-client" */
    uint64_t first_revision, last_revision; /* last 0: in force */
    uint32_t ttl_s;
    struct text nodes;     /* ids it names, one space between */
    int64_t last_served_s; /* UTC seconds; 0: never; meaningful when retired_at_ms is set */
    int64_t retired_at_ms; /* 0: may still be served */
};

/* A token of the API. Of the secret only its SHA-256 is here. */
struct store_token {
    struct text id;
    struct text name;                     /* unique: what the audit calls it */
    int role;                             /* enum role */
    struct text nodes;                    /* that it may change, one space between; empty: all */
    struct text domains;                  /* likewise, with final dots */
    struct text actor;                    /* who made it */
    int64_t created_at_ms, expires_at_ms; /* expires 0: never */
    struct digest secret;
};

/* A line of the audit: who did what to what, and what it was before. See store/audit.h. */
struct store_audit {
    int64_t at_ms;
    struct text actor, source; /* source: "socket uid 0", "127.0.0.1 token 3f2a" */
    struct text action;        /* "drain", "weight reset", "token" … */
    struct text object;        /* id of what was changed; of a refusal, the path */
    struct text detail;        /* the operator's reason */
    struct text outcome;       /* empty: it was done; else the problem that refused it: "guard" */
    struct text before,
        after; /* the object as JSON (view/audit.h); empty: there was none, is none */
};

/* The last line of the audit. */
struct store_audit_head {
    int64_t id; /* 0: there is none yet */
    struct digest hash;
};

/* The Idempotency-Key of a request, see store/answer.h. */
struct store_key {
    struct text actor, key;
    struct digest request; /* of path and body: the same key must not mean another thing */
    int64_t at_ms;
    struct text objects; /* ids that the change made, one space between */
};

struct store_change {
    char id[STORE_CHANGE_ID_SIZE];           /* of store_change_id_make */
    const struct store_revision *revision;   /* NULL: none; its number must be the last + 1 */
    const struct store_inventory *inventory; /* NULL: unchanged; else becomes the current one */
    const struct store_drain *drains;        /* inserted, or replaced by id */
    size_t drain_count;
    const struct store_weight *weights; /* inserted, or replaced by (node, service) */
    size_t weight_count;
    const struct store_weight *weights_removed; /* by (node, service) */
    size_t weights_removed_count;
    const struct store_window *windows; /* inserted, or replaced by id */
    size_t window_count;
    const struct text *windows_removed; /* ids; before others are inserted */
    size_t windows_removed_count;
    const struct store_opening *openings; /* inserted, or replaced by (window, opens_at_ms) */
    size_t opening_count;
    const struct store_opening *openings_removed; /* by (window, opens_at_ms) */
    size_t openings_removed_count;
    const struct digest *calendar_key; /* NULL: unchanged */
    const struct store_slot *slots; /* all of them, when zones is not NULL; else those that moved */
    size_t slot_count;
    const struct store_zone *zones; /* NULL: unchanged; else all of them, replacing the old list */
    size_t zone_count;
    const struct store_zone *retired; /* zones that are gone now, with their last serial */
    size_t retired_count;
    const struct store_set_version *versions; /* id 0: inserted; else updated */
    size_t version_count;
    uint64_t served_revision; /* not 0: that revision was acknowledged at served_at_ms */
    int64_t served_at_ms;
    const struct store_token *token; /* NULL: none; else inserted */
    struct text token_removed;       /* by id; empty: none */
    const struct store_audit *audit;
    size_t audit_count;
    const struct store_key *key; /* NULL: none */
};

/* What a store holds when it is opened. */
struct store_state {
    struct store_inventory inventory; /* the current one; id 0: none */
    struct store_revision revision;   /* the last; number 0: none */
    uint64_t served_revision;         /* the last acknowledged; 0: none */
    const struct store_drain *drains; /* active ones, and those that ended within a week */
    size_t drain_count;
    const struct store_weight *weights;
    size_t weight_count;
    const struct store_window *windows; /* by id */
    size_t window_count;
    const struct store_opening *openings; /* by window, then opens_at_ms */
    size_t opening_count;
    bool has_calendar_key;
    struct digest calendar_key; /* of the secret in the calendar's URL */
    const struct store_slot *slots;
    size_t slot_count;
    const struct store_zone *zones;
    size_t zone_count;
    const struct store_zone *retired;
    size_t retired_count;
    const struct store_set_version *versions; /* in force, not retired, or retired within a week */
    size_t version_count;
    const struct store_token *tokens; /* also expired ones */
    size_t token_count;
};

/* What a revision was made of. Its weights stand in revision.overlays. */
struct store_past {
    struct store_revision revision;
    struct store_inventory inventory;
    const struct store_drain *drains; /* in force then, as they are stored now */
    size_t drain_count;
};

struct store;

/* Opens DIR/srvplan.db, making it when DIR has none (and no image either: an image without its
 * store is refused, because serials could go back). `directory` is DIR's descriptor, `path` its
 * path. *state lives as long as the store. Errors: ERROR_CONFLICT another srvpland has it;
 * ERROR_UNAVAILABLE damaged or foreign, with what to do (srvplan.db is left as it is). */
NODISCARD struct store *store_open(int directory, const char *path,
                                   const struct store_state **state, struct error *err);
void store_close(struct store *store);

void store_change_id_make(char id[static STORE_CHANGE_ID_SIZE]);

/* Commits the change whole or not at all. On success version_ids[i] (may be NULL) is the id of
 * versions[i], and *inventory_id (may be NULL) that of the new inventory; a revision that comes
 * with an inventory belongs to it, whatever its inventory_id. Serials that would go back are
 * refused.
 *
 * False: nothing was stored (ERROR_NO_SPACE, ERROR_CONFLICT, …). ERROR_UNKNOWN_OUTCOME never comes
 * out: the store finds out; where even that fails, it says ERROR_UNAVAILABLE and is broken for good
 * (store_is_broken), and what the next store_open reads holds. */
NODISCARD bool store_commit(struct store *store, const struct store_change *change,
                            int64_t *version_ids, int64_t *inventory_id, struct error *err);

/* From now on so many revisions are kept, and what belongs to them; 0: all of them. */
void store_keep(struct store *store, uint32_t revisions);

/* True after a fault that leaves nothing to write to: the API says 503, dnsd goes on. */
bool store_is_broken(const struct store *store);

/* Removes the ballast; true when there was one. It is laid anew by store_commit when there is
 * room again. */
bool store_drop_ballast(struct store *store);

/* Up to `limit` revisions below `before` (0: from the newest), newest first, into the arena. */
NODISCARD bool store_revisions(struct store *store, struct arena *arena, uint64_t before,
                               size_t limit, struct store_revision **revisions, size_t *count,
                               struct error *err);

/* Everything of one revision, into the arena. ERROR_NOT_FOUND: there is none of that number. */
NODISCARD bool store_past(struct store *store, struct arena *arena, uint64_t number,
                          struct store_past *past, struct error *err);
