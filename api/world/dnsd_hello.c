/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/world/dnsd_hello.h"

#include <stdio.h>
#include <string.h>
#include "zones/base/log.h"

/* The descriptor of the statistics of a HELLO, -1: there is none; *header is theirs. */
static int find_statistics(const struct handover_packet *packet, struct statistics_header *header)
{
    for (int i = 0; i < packet->fd_count; i++)
        if (statistics_memory_look(packet->fds[i], header))
            return packet->fds[i];
    return -1;
}

bool dnsd_hello_fits(const struct dnsd_link_options *options, const struct handover_packet *packet)
{
    const struct handover_message *hello = &packet->message;
    struct statistics_header statistics;
    char addresses[HANDOVER_TEXT_BYTES] = ""; /* as dnsd says them */
    size_t at = 0;
    for (const char *const *address = options->addresses; *address; address++)
        if (at < sizeof addresses)
            at += (size_t)snprintf(addresses + at, sizeof addresses - at, "%s%s", at ? " " : "",
                                   *address);
    return strncmp(hello->text, addresses, sizeof hello->text) == 0 &&
           hello->workers == options->workers && find_statistics(packet, &statistics) >= 0 &&
           statistics.rate_limit == options->rate_limit;
}

void dnsd_hello_take_memories(struct handover_packet *packet, struct dnsd_event *event)
{
    struct statistics_header header;
    struct error err = {0};
    int statistics = event->kind == DNSD_HELLO ? find_statistics(packet, &header) : -1;
    if (statistics >= 0 && !(event->responder = responder_open(statistics, &err)))
        log_warning("no statistics of dnsd", log_string("reason", err.message));
    for (int i = 0; i < packet->fd_count; i++) {
        if (packet->fds[i] == statistics || event->memory_fd >= 0)
            continue;
        event->memory_fd = packet->fds[i];
        packet->fds[i] = -1;
    }
}
