/* SPDX-License-Identifier: GPL-3.0-or-later */
/* past: what an older revision published, computed anew from what the store keeps of it: plan =
 * f(inventory, overlays, clock) gives the same sets as it did then.
 *
 * Two things are not as they were. The store keeps a drain as it is now: one that was prolonged
 * shows its new end. And of weights it keeps node, service and value: who set them, and why, is in
 * the audit. Pure. */
#pragma once
#include "api/store.h"

#include <jansson.h>

/* The revision as json_view_revision has it, with the plan's sets, shares, findings and guards.
 * NULL: this version cannot read its inventory any more; *err says why. */
NODISCARD json_t *past_json(const struct store_past *past, struct error *err);
