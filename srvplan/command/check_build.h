/* SPDX-License-Identifier: GPL-3.0-or-later */
/* check_build: what the files behind srvplan check share; nobody else includes it. */
#pragma once
#include "srvplan/command/context.h"
#include "srvplan/lint.h"

/* Exit code of what was found: an error fails, anything else differs with --strict. */
int check_verdict(const struct findings *findings, const struct invocation *invocation);

/* --lint-zone: zone files instead of an inventory. */
int check_zones(const struct context *context);

/* The host-meta files of --host-meta, read. They live in the arena. */
struct check_host_metas {
    const struct lint_host_meta *items;
    uint32_t count;
};

/* "[DOMAIN=]FILE"; without a domain `only` counts, or it is an error when that has no length. */
NODISCARD bool check_host_metas_read(const struct invocation *invocation, struct name only,
                                     struct arena *arena, struct check_host_metas *metas,
                                     struct error *err);
