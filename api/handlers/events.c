/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/handlers/handlers.h"

#include <string.h>

/* kinds=drain,window */
static void kinds_read(struct request *request, struct response *response)
{
    struct text list = request_parameter_find(request, "kinds");
    while (list.len) {
        const char *comma = memchr(list.ptr, ',', list.len);
        struct text word = {list.ptr, comma ? (size_t)(comma - list.ptr) : list.len};
        enum event_kind kind;
        if (!event_kind_parse(word, &kind)) {
            response_problem(response, "unknown-parameter",
                             "there are no events of the kind '%.60s'; kinds are those of "
                             "srvplan-api(7), with a comma between",
                             arena_cstr(&request->arena, word));
            return;
        }
        response->stream.kinds |= UINT32_C(1) << kind;
        size_t taken = word.len + (comma != NULL);
        list = (struct text){list.ptr + taken, list.len - taken};
    }
}

void events_get(struct request *request, struct response *response)
{
    struct text last = request_parameter_find(request, "last");
    struct text follow = request_parameter_find(request, "follow");
    bool is_once = follow.ptr && !request_flag(request, "follow", response);
    uint64_t count = is_once ? EVENTS_MAX : 0;
    if (last.ptr && !text_to_u64(last, 0, EVENTS_MAX, &count))
        response_problem(response, "unknown-parameter", "last must be a number from 0 to %d",
                         EVENTS_MAX);
    kinds_read(request, response);
    if (response->status)
        return;
    response->stream.last_id = request->last_event_id;
    response->stream.last = (uint32_t)count;
    response->stream.is_once = is_once;
    response->is_stream = true;
    response->status = 200;
}
