/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zones/base/error.h"

#include "zones/base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    if (!err || err->kind != ERROR_NONE)
        return false;
    err->kind = kind;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    text_end_whole(err->message);
    return false;
}

bool error_system(struct error *err, const char *thing, const char *mend, const char *what)
{
    int saved = errno;
    if (!err || err->kind != ERROR_NONE)
        return false;
    char reason[96];
    const char *text = strerror_r(saved, reason, sizeof reason); /* GNU: may return its own text */
    error_set(err, saved == ENOSPC || saved == EDQUOT ? ERROR_NO_SPACE : ERROR_SYSTEM,
              "%s: %s: %s%s%s", thing, what, text, mend ? "; " : "", mend ? mend : "");
    err->system_errno = saved;
    return false;
}

bool error_within(struct error *err, const char *format, ...)
{
    if (!err || err->kind == ERROR_NONE)
        return false;
    char place[160];
    va_list args;
    va_start(args, format);
    vsnprintf(place, sizeof place, format, args);
    va_end(args);
    text_end_whole(place);
    char inner[sizeof err->message];
    memcpy(inner, err->message, sizeof inner);
    snprintf(err->message, sizeof err->message, "%s: %.*s", place,
             (int)(sizeof inner - sizeof place - 3), inner);
    text_end_whole(err->message);
    return false;
}
