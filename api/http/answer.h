/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer: the response of an exchange as the library sends it: headers, and a body that was
 * printed, kept from before, or goes on. */
#pragma once
#include "api/http/exchange.h"
#include "api/http/stream.h"

/* `kept`: the body, when it is not to be printed; its reference is taken. NULL: the library makes
 * no response. */
struct MHD_Response *answer_make(struct exchange *exchange, struct cached_body *kept,
                                 const struct stream_options *stream,
                                 struct MHD_Connection *connection);
