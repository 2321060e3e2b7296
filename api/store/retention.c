/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What nobody needs any more goes with the change that makes it so: revisions beyond those that
 * are kept, inventories that no revision is of, drains and versions of sets that are over for a
 * week and of no revision that is kept. A change takes some of them and not all, so that a setting
 * that was lowered by much holds up none of them for long. The audit stays whole. */
#include "api/store/internal.h"

#include <sqlite3.h>

enum {
    FORGET_AT_ONCE = 200 /* rows of a kind */
};

void store_keep(struct store *store, uint32_t revisions)
{
    store->revisions_kept = revisions;
}

/* Runs `sql` over a bound and FORGET_AT_ONCE. */
static bool forget(struct writing *w, const char *sql, int64_t bound)
{
    struct statement s = statement_over(w->store, sql, w->err);
    statement_bind_integer(&s, bound);
    statement_bind_integer(&s, FORGET_AT_ONCE);
    statement_run(&s);
    return statement_end(&s);
}

bool store_forget_old(struct writing *w)
{
    const struct store_revision *revision = w->change->revision;
    uint32_t kept = w->store->revisions_kept;
    if (!revision || !kept || revision->number <= kept)
        return true;
    int64_t last = (int64_t)(revision->number - kept),
            week_ago_ms = revision->at_ms - STORE_WEEK_MS;
    /* What dnsd serves is kept, however long it has not taken a newer one. */
    return forget(w,
                  "DELETE FROM revisions WHERE number IN (SELECT number FROM revisions "
                  "WHERE number <= ?1 AND number < (SELECT ifnull(max(number), 0) FROM revisions "
                  "WHERE served_at_ms > 0) ORDER BY number LIMIT ?2)",
                  last) &&
           (sqlite3_changes(w->store->db) == 0 ||
            store_run(w->store,
                      "DELETE FROM inventories WHERE id NOT IN (SELECT inventory_id FROM revisions)"
                      " AND id < (SELECT max(id) FROM inventories)",
                      w->err)) &&
           forget(w,
                  "DELETE FROM drains WHERE id IN (SELECT id FROM drains WHERE ended_at_ms > 0 "
                  "AND ended_at_ms <= ?1 AND ended_revision > 0 AND ended_revision <= "
                  "(SELECT min(number) FROM revisions) LIMIT ?2)",
                  week_ago_ms) &&
           forget(w,
                  "DELETE FROM set_versions WHERE id IN (SELECT id FROM set_versions "
                  "WHERE retired_at_ms > 0 AND retired_at_ms <= ?1 LIMIT ?2)",
                  week_ago_ms);
}
