/* SPDX-License-Identifier: GPL-3.0-or-later */
/* preview: what POST /plan and POST /apply share: the question, and the checksum of its answer. */
#pragma once
#include "api/handlers/proposal.h"
#include "api/world/plan_shelf.h"

/* Digests what the change is: the inventories before and after, and every set that differs. Reasons
 * and findings are left out, which time words anew. */
struct digest preview_checksum(const struct proposal *proposal);

/* "sha256:…", in the arena. */
const char *preview_checksum_print(const struct digest *checksum, struct arena *arena);
