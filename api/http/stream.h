/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stream: the body of an answer that goes on: server-sent events, until the client leaves.
 *
 * The library asks for bytes when the socket takes some. When there are none it is told to suspend
 * the connection, and the bell resumes it. A comment every heartbeat keeps proxies from closing,
 * and shows us a client that has left. One that reads nothing is closed by the library's timeout;
 * it comes back with the id of the last event that it read. One whose token or session has ended
 * ends at the next event, view or heartbeat. */
#pragma once
#include "api/view/events.h"
#include "api/http/bell.h"
#include <microhttpd.h>

struct stream_options {
    struct events *events;
    struct bell *bell;
    unsigned heartbeat_ms;
    /* False: who asked may not any more, and the stream ends. Called on the library's thread. */
    bool (*may_go_on)(void *context);
    void *context;
};

/* A response of unknown length for the connection; what it needs goes with it. NULL: the library
 * makes none. */
struct MHD_Response *stream_response(const struct stream_options *options,
                                     struct MHD_Connection *connection,
                                     const struct events_wish *wish);
