/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compare_records: the records of one set before and after, one by one; for compare.c alone. */
#pragma once
#include "srvplan/compare.h"

/* Either side may be NULL: nothing was, or will be, there. */
const struct record_change *compare_records(const struct published_set *before,
                                            const struct published_set *after, struct arena *arena,
                                            uint32_t *count);
