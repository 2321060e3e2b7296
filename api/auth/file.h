/* SPDX-License-Identifier: GPL-3.0-or-later */
/* file: what a token looks like, and the one that stands in DIR/admin.token (mode 0600). */
#pragma once
#include "api/auth/auth.h"
#include "zones/base/digest.h"

/* A new token, NUL-terminated: 256 random bits. */
NODISCARD bool auth_token_make(char token[static AUTH_TOKEN_LENGTH + 1], struct error *err);

/* What is kept of a token. */
struct digest auth_token_digest(struct text token);

/* Reads DIR/admin.token, or makes it when there is none. `owner` is the user that may own the file,
 * beside root. Errors: the file can be read by others, belongs to somebody else, or holds no token:
 * each with what to do. */
NODISCARD bool auth_file_load(int directory, uid_t owner, struct digest *digest, struct error *err);
