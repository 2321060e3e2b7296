/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drain_change: what a request changes of a drain that stands; world/world.h takes it as
 * WORLD_DRAIN_CHANGE, with drain_id, reason, override, until_at_ms and for_s of the request. */
#pragma once
#include "api/store/store.h"

enum drain_end_change {
    DRAIN_END_AS_IT_IS,
    DRAIN_END_ANOTHER, /* until_at_ms or for_s of the request */
    DRAIN_END_NONE,    /* until it is undrained */
};

struct world_drain_change {
    enum drain_end_change end;
    bool is_abort; /* given up: the node is back at once, without steps */
};
