/* SPDX-License-Identifier: GPL-3.0-or-later */
/* responder: what a dnsd counts (zones/statistics.h), as views hold it.
 *
 * One a process of dnsd, shared by reference and read at any time, also while it answers and when
 * it has ended: reading asks nobody. After a restart of dnsd there is another one, which counts
 * from 0 and says since when. */
#pragma once
#include "zones/statistics.h"

struct responder;

/* Over the memory that came with HELLO; the descriptor stays the caller's. NULL with an error: the
 * memory is none that we read. */
NODISCARD struct responder *responder_open(int fd, struct error *err);
struct responder *responder_ref(struct responder *responder); /* NULL is fine, here and below */
void responder_unref(struct responder *responder);

/* All zero without one. */
void responder_read(const struct responder *responder, struct statistics *sums);
