/* SPDX-License-Identifier: GPL-3.0-or-later */
/* command/window: what the files of `srvplan window` share. window.c chooses the action,
 * window_edit.c makes and changes windows, window_show.c shows them, window_act.c skips, ends and
 * removes, window_row.c suggests a row of them, without a server. */
#pragma once
#include "srvplan/command/remote.h"

/* The id that an action is about: the second operand. */
static inline const char *window_operand(const struct invocation *invocation)
{
    return invocation->operands[1];
}

/* "/api/v1/windows/ID" and what follows; in the arena. */
const char *window_path(const char *id, const char *behind, struct arena *arena);

/* One window, with its ETag, or an exit code that was told. */
NODISCARD int window_fetch(struct remote *remote, const char *id, struct remote_reply *reply);

/* What a reply about one window says: the tree as it came, or the window in words. Of a dry run,
 * what would change. */
void window_tell(const struct output *output, const struct remote_reply *reply, const char *done);

bool window_suggest_check(const struct invocation *invocation, struct error *err);
int window_suggest_run(const struct context *context);

bool window_add_check(const struct invocation *invocation, struct error *err);
int window_add(struct remote *remote, const struct invocation *invocation);
bool window_edit_check(const struct invocation *invocation, struct error *err);
int window_edit(struct remote *remote, const struct invocation *invocation);

int window_ls(struct remote *remote, const struct invocation *invocation);
int window_show(struct remote *remote, const struct invocation *invocation);

bool window_reason_check(const struct invocation *invocation, struct error *err);
int window_rm(struct remote *remote, const struct invocation *invocation);
bool window_skip_check(const struct invocation *invocation, struct error *err);
int window_skip(struct remote *remote, const struct invocation *invocation);
int window_end(struct remote *remote, const struct invocation *invocation);
int window_calendar(struct remote *remote, const struct invocation *invocation);
