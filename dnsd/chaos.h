/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chaos: class CH: which server this is and of what version, for people behind an anycast address
 * (RFC 4892). Nothing is said unless the operator gave the words: to strangers they are of use only
 * for an attack. Part of the decision. */
#pragma once
#include "dnsd/settings.h"

struct question;

/* The words for a question of class CH; NULL: none. */
const struct settings_text *chaos_find(const struct question *question,
                                       const struct settings *settings);
