/* SPDX-License-Identifier: GPL-3.0-or-later */
/* views: drains and weights of the server as tables and sentences, for more than one command.
 *
 * The two clocks of a drain stand apart everywhere: when no correct cache can name the node any
 * more (also for resolvers that clamp TTLs), and the sessions that the node still has, which DNS
 * cannot know. */
#pragma once
#include "srvplan/command/remote.h"

/* "2026-12-06T01:17:30Z (in 4m 12s)"; "-" for NULL. now_ms decides between "in" and "ago". */
const char *view_time(const char *time, int64_t now_ms, struct arena *arena);

/* "62.5 %" */
const char *view_share(double ratio, struct arena *arena);

/* "xmpp-client,xmpp-server"; "all" for ["*"]. */
const char *view_services(const json_t *services, struct arena *arena);

/* A weight as it was given: 30, "50%", "+10". */
const char *view_weight(const json_t *weight, struct arena *arena);

void view_drains(const struct output *output, const json_t *drains, int64_t now_ms);
void view_weights(const struct output *output, const json_t *weights, int64_t now_ms);

/* What a drain has done and when it is clear, on stdout. */
void view_drain(const struct output *output, const json_t *drain, int64_t now_ms);
