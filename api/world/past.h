/* SPDX-License-Identifier: GPL-3.0-or-later */
/* past: what an older revision published, computed anew from what the store keeps of it: plan =
 * f(inventory, overlays, clock) gives the same sets as it did then.
 *
 * Two things are not as they were. The store keeps a drain as it is now: one that was prolonged
 * shows its new end. And of weights it keeps node, service and value: who set them, and why, is in
 * the audit. Pure. */
#pragma once
#include "api/world/base.h"
#include "api/world/rows.h"

#include <jansson.h>

struct past {
    struct base *base;
    struct plan *plan;
    struct overlays overlays;
    struct rows rows;
    struct arena arena;
};

/* Computes it. `base` is that of the same inventory, of which a reference is taken; NULL: it is
 * read. False: this version cannot read the inventory any more; *err says why. */
NODISCARD bool past_make(struct past *past, const struct store_past *stored, struct base *base,
                         struct error *err);
void past_fini(struct past *past);

/* The revision as json_view_revision has it, with the plan's sets, shares, findings and guards. */
json_t *past_json(const struct past *past, const struct store_past *stored);
