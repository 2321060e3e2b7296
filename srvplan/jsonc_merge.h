/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jsonc_merge: a JSON merge patch (RFC 7396) on a JSONC text, as a person would do it: what the
 * patch does not name stays byte for byte, comments and order too.
 *
 * A member that goes takes its line and the comment behind it along; new members come last in their
 * object, in the style of the others. The merged text has the value that the RFC asks for. */
#pragma once
#include "srvplan/jsonc.h"

#include <jansson.h>

/* `patch` is an object, at most JSONC_MAX_DEPTH deep. The merged text lives in the arena, NUL
 * behind it. False: the text is not JSONC, or no object. */
NODISCARD bool jsonc_merge(struct bytes text, const json_t *patch, struct arena *arena,
                           struct text *merged, struct jsonc_fault *fault);
