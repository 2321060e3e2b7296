/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer: Idempotency-Keys: a request that is sent again is done once.
 *
 * The key goes to the store in the transaction of its change (store_change.key), so that whatever
 * ends srvpland, a change that is there has its key. What was answered is known only when the
 * change was served, and comes in a commit of its own; where it never came, the ids of what was
 * made stand for it. A key belongs to an actor and is kept for a day. */
#pragma once
#include "api/store/store.h"

enum {
    STORE_KEY_LIFE_MS = 24 * 3600 * 1000,
    STORE_ANSWER_MAX_BYTES = 256 * 1024, /* a longer body is not kept: ids stand for it, too */
};

struct store_answer {
    unsigned status; /* 0: not known */
    struct text etag, location, body;
    uint64_t revision; /* that the change made; 0: none */
    struct text objects;
};

enum store_key_state {
    STORE_KEY_NEW,
    STORE_KEY_KNOWN, /* *answer is what it had */
    STORE_KEY_OTHER, /* it stands for another request */
};

/* Looks a key up; the answer lives in the arena. */
NODISCARD bool store_answer_find(struct store *store, struct arena *arena,
                                 const struct store_key *key, enum store_key_state *state,
                                 struct store_answer *answer, struct error *err);

/* Adds the answer to its key; nothing when the key is not there. */
NODISCARD bool store_answer_put(struct store *store, const struct store_key *key,
                                const struct store_answer *answer, struct error *err);
