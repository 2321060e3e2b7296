/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dnsd_hello: what a message of dnsd says of it, and what comes with it. */
#pragma once
#include "api/world/dnsd_link.h"

/* True when who says HELLO was started as we would start it: addresses, workers, rate limit. */
bool dnsd_hello_fits(const struct dnsd_link_options *options, const struct handover_packet *packet);

/* Moves the descriptors of a message to the event: last-served memory, and with HELLO that of the
 * statistics. */
void dnsd_hello_take_memories(struct handover_packet *packet, struct dnsd_event *event);
