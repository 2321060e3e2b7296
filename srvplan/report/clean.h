/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clean: text of operators and strangers, fit to be shown.
 *
 * Control characters become "?", so that nobody's reason moves another's cursor, and so do controls
 * of writing direction, which reorder what a reader sees ("Trojan Source", CVE-2021-42574), and
 * bytes that are no UTF-8. */
#pragma once
#include "zones/base/arena.h"

enum clean_charset {
    CLEAN_UTF8,
    CLEAN_ASCII, /* everything else becomes "?", too */
};

/* A clean copy in the arena. */
const char *clean_text(const char *text, enum clean_charset charset, struct arena *arena);
