/* SPDX-License-Identifier: GPL-3.0-or-later */
/* audit: what was done and what was refused, by whom, and that nobody has touched it since.
 *
 * Each line carries the SHA-256 of itself and of the line before it, so that a line that was
 * altered, inserted or taken out breaks the chain from there on. Numbers have no gaps. That the
 * last lines were cut off, chain and all, shows against a head that was noted elsewhere: srvpland
 * logs it with every change, `GET /status` has it, and store_audit_verify compares. Rows are
 * written in the transaction of the change that they tell of (store_commit); triggers keep SQL from
 * changing them. Nothing is ever deleted here.
 *
 * The hash is over, in this order: the hash before (32 bytes; zeros before the first line), id,
 * instant in ms and revision as 64-bit numbers, the lengths in bytes of actor, source, action,
 * object, detail, outcome, before and after as 32-bit numbers, then these texts. Big-endian. */
#pragma once
#include "api/store/store.h"

struct store_audit_row {
    int64_t id;
    uint64_t revision; /* that the change made; 0: none */
    struct store_audit line;
    struct digest hash;
};

struct store_audit_filter {
    struct text actor, object; /* empty: any */
    int64_t since_ms;          /* 0: from the beginning */
    int64_t before;            /* ids below this one; 0: from the newest */
    size_t limit;
};

/* Lines that pass the filter, newest first, into the arena. */
NODISCARD bool store_audit_list(struct store *store, struct arena *arena,
                                const struct store_audit_filter *filter,
                                struct store_audit_row **rows, size_t *count, struct error *err);

struct store_audit_verdict {
    int64_t checked;              /* lines */
    struct store_audit_head last; /* the last good line; where the next part goes on */
    bool is_end;                  /* the whole of the audit was read */
    int64_t broken_id;            /* 0: the chain holds so far */
    char what[160];               /* what is wrong there */
};

/* Checks up to `limit` lines after `from` (id 0: from the first), whose hash must be what the file
 * has of it: so a head that was noted elsewhere can be compared, and a long audit is checked in
 * parts. False: it could not be read. */
NODISCARD bool store_audit_verify(struct store *store, const struct store_audit_head *from,
                                  size_t limit, struct store_audit_verdict *verdict,
                                  struct error *err);

/* The last line. */
struct store_audit_head store_audit_head(const struct store *store);
