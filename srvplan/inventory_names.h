/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inventory_names: domain names as people write them, as DNS has them.
 *
 * A name with letters beyond ASCII (U-labels) becomes A-labels by IDNA2008, after the mapping of
 * UTS 46 without its transitional part: upper case, full-width letters and full stops of other
 * scripts are read as what they mean, "ß" stays itself. Names in ASCII are left as they are. */
#pragma once
#include "zones/base/arena.h"

struct name_mistake {
    const char *what; /* "a character that …", in the arena */
    const char *mend;
};

/* Sets *ascii to `text` itself, or to its A-labels in the arena. False: it is no domain name, and
 * *mistake says why. */
NODISCARD bool inventory_name_to_ascii(struct arena *arena, struct text text, struct text *ascii,
                                       struct name_mistake *mistake);
