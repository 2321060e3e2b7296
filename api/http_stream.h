/* SPDX-License-Identifier: GPL-3.0-or-later */
/* http_stream: the body of an answer that goes on: server-sent events, until the client leaves.
 *
 * The library asks for bytes when the socket takes some. When there are none it is told to suspend
 * the connection, and the bell resumes it. A comment every heartbeat keeps proxies from closing,
 * and shows us a client that has left. One that reads nothing is closed by the library's timeout;
 * it comes back with the id of the last event that it read. */
#pragma once
#include "api/events.h"
#include "api/http_bell.h"
#include <microhttpd.h>

struct stream_options {
    struct events *events;
    struct bell *bell;
    unsigned heartbeat_ms;
};

/* A response of unknown length for the connection; what it needs goes with it. NULL: the library
 * makes none. */
struct MHD_Response *stream_response(const struct stream_options *options,
                                     struct MHD_Connection *connection,
                                     const struct events_wish *wish);
