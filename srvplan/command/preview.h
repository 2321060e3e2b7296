/* SPDX-License-Identifier: GPL-3.0-or-later */
/* preview: what a change would do to what a server serves, asked of the server and shown: for plan,
 * apply and rollback. */
#pragma once
#include "srvplan/command/remote.h"

/* Asks what the inventory of --file would change, at --at. Its mistakes are told before the server
 * is asked. The reply is that of POST /plan. */
NODISCARD int preview_ask(struct remote *remote, const struct context *context,
                          struct remote_reply *reply);

/* The changes of a preview or dry run for people, with the shares that move; then one line with the
 * totals. */
void preview_print(const struct output *output, const json_t *changes, const json_t *summary);

/* What guards refuse and checks warn of, on stderr. True: a guard refuses. */
bool preview_print_verdicts(const struct output *output, const json_t *preview);

/* On a terminal, a question that anything but yes answers with no; EXIT_FINE: go on. */
NODISCARD int preview_confirm(const struct context *context, const char *question);

/* "revision 43, served 2026-12-06T01:17:30Z": what came of a change. `code` is that of the request,
 * and is returned. */
int preview_print_done(const struct output *output, const json_t *document, int code);
