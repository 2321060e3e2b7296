/* SPDX-License-Identifier: GPL-3.0-or-later */
/* out_file: a file that a command writes: there whole or not at all, also after a crash.
 *
 * A link is followed, so that what it points to is replaced. What is no regular file (a device, a
 * pipe) is refused: renaming over it would take it away. */
#pragma once
#include "zones/base/bytes.h"
#include "zones/base/error.h"

enum out_file_mode {
    OUT_FILE_NEW, /* refuses with ERROR_CONFLICT when there is one already */
    OUT_FILE_REPLACE,
};

NODISCARD bool out_file_write(const char *path, struct text text, enum out_file_mode mode,
                              struct error *err);
