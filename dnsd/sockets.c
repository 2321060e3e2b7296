/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "zones/base/file.h"

static const char mend[] = "give bound UDP sockets and TCP listeners of IPv4 or IPv6";

/* Two spellings of one address are one. */
static bool is_same_address(const struct listen_address *a, const struct listen_address *b)
{
    if (a->socket.any.sa_family != b->socket.any.sa_family)
        return false;
    if (a->socket.any.sa_family == AF_INET)
        return a->socket.v4.sin_port == b->socket.v4.sin_port &&
               a->socket.v4.sin_addr.s_addr == b->socket.v4.sin_addr.s_addr;
    return a->socket.v6.sin6_port == b->socket.v6.sin6_port &&
           a->socket.v6.sin6_scope_id == b->socket.v6.sin6_scope_id &&
           IN6_ARE_ADDR_EQUAL(&a->socket.v6.sin6_addr, &b->socket.v6.sin6_addr);
}

static void print_address(struct listen_address *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->socket.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->socket.v4.sin_addr, text, sizeof text);
        snprintf(address->text, sizeof address->text, "%s:%u", text,
                 ntohs(address->socket.v4.sin_port));
    } else {
        inet_ntop(AF_INET6, &address->socket.v6.sin6_addr, text, sizeof text);
        snprintf(address->text, sizeof address->text, "[%s]:%u", text,
                 ntohs(address->socket.v6.sin6_port));
    }
}

/* The index of an address, which joins the others if it is new; -1: there are too many. */
static int find_address(struct options *options, const struct listen_address *address)
{
    for (uint32_t i = 0; i < options->address_count; i++)
        if (is_same_address(&options->addresses[i], address))
            return (int)i;
    if (options->address_count == OPTIONS_MAX_ADDRESSES)
        return -1;
    options->addresses[options->address_count] = *address;
    return (int)options->address_count++;
}

static bool set_blocking(int fd, bool blocks)
{
    int flags = fcntl(fd, F_GETFL);
    int wanted = blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    return flags >= 0 && (wanted == flags || fcntl(fd, F_SETFL, wanted) == 0) &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static bool keep(struct sockets *sockets, uint32_t address, int fd, int type)
{
    struct sockets_datagram entry = {.fd = fd, .address = address};
    if (type == SOCK_DGRAM) {
        if (sockets->datagram_count == OPTIONS_MAX_THREADS)
            return false;
        sockets->datagrams[sockets->datagram_count++] = entry;
    } else {
        if (sockets->listener_count == OPTIONS_MAX_ADDRESSES)
            return false;
        sockets->listeners[sockets->listener_count++] = entry;
    }
    return true;
}

/* What a socket is: its type, and its address; false: none that we can answer on. */
static bool inspect(int fd, int *type, struct listen_address *address)
{
    int listens = 0;
    socklen_t len = sizeof *type, listens_len = sizeof listens;
    *address = (struct listen_address){.len = sizeof address->socket};
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, type, &len) != 0 ||
        getsockname(fd, &address->socket.any, &address->len) != 0)
        return false;
    if (address->socket.any.sa_family != AF_INET && address->socket.any.sa_family != AF_INET6)
        return false;
    if (*type == SOCK_STREAM)
        return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_len) == 0 && listens;
    return *type == SOCK_DGRAM && address->socket.v4.sin_port != 0; /* both ports lie there */
}

bool sockets_take(struct sockets *sockets, struct options *options, int fd, struct error *err)
{
    struct listen_address address;
    int type = 0, index = -1;
    bool done = false;
    if (!inspect(fd, &type, &address)) {
        error_set(err, ERROR_INVALID, "descriptor %d is no socket to answer on; %s", fd, mend);
        goto out;
    }
    print_address(&address);
    index = find_address(options, &address);
    if (!set_blocking(fd, type == SOCK_DGRAM) ||
        (type == SOCK_DGRAM && !listen_set_up_datagram(fd, &address)))
        error_system(err, address.text, NULL, "cannot set up a socket that was given");
    else if (index < 0 || !keep(sockets, (uint32_t)index, fd, type))
        error_set(err, ERROR_USAGE,
                  "more than %d addresses or %d UDP sockets were given; give fewer",
                  OPTIONS_MAX_ADDRESSES, OPTIONS_MAX_THREADS);
    else
        done = true;
out:
    if (!done)
        fd_close(&fd);
    return done;
}

/* UDP: at least `workers` entries of this address. */
static bool complete_datagrams(struct sockets *sockets, const struct options *options,
                               uint32_t index, struct error *err)
{
    int fds[OPTIONS_MAX_WORKERS];
    uint32_t given = sockets->datagram_count, count = 0;
    for (uint32_t i = 0; i < given; i++)
        count += sockets->datagrams[i].address == index;
    if (count == 0) {
        if (given + options->workers > OPTIONS_MAX_THREADS)
            return error_set(err, ERROR_USAGE, "more than %d UDP threads; give --workers fewer",
                             OPTIONS_MAX_THREADS);
        if (!listen_open_datagrams(&options->addresses[index], fds, options->workers, err))
            return false;
        for (uint32_t i = 0; i < options->workers; i++)
            (void)keep(sockets, index, fds[i], SOCK_DGRAM);
        return true;
    }
    for (uint32_t i = 0; count < options->workers; i = i + 1 == given ? 0 : i + 1) {
        if (sockets->datagrams[i].address != index)
            continue;
        int shared = fcntl(sockets->datagrams[i].fd, F_DUPFD_CLOEXEC, 0);
        if (shared < 0 || !keep(sockets, index, shared, SOCK_DGRAM)) {
            fd_close(&shared);
            return error_set(err, ERROR_SYSTEM,
                             "cannot share a socket of %s among %u workers; "
                             "give --workers a smaller number",
                             options->addresses[index].text, options->workers);
        }
        count++;
    }
    return true;
}

bool sockets_complete(struct sockets *sockets, const struct options *options, struct error *err)
{
    for (uint32_t i = 0; i < options->address_count; i++) {
        bool listens = false;
        if (!complete_datagrams(sockets, options, i, err))
            return false;
        for (uint32_t j = 0; j < sockets->listener_count; j++)
            listens = listens || sockets->listeners[j].address == i;
        if (listens)
            continue;
        int listener = listen_open_stream(&options->addresses[i], err);
        if (listener < 0)
            return false;
        (void)keep(sockets, i, listener, SOCK_STREAM);
    }
    return true;
}

static uint32_t keep_entries(struct sockets_datagram *entries, uint32_t entry_count, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < entry_count; i++)
        if (entries[i].address < count)
            entries[kept++] = entries[i];
        else
            fd_close(&entries[i].fd);
    return kept;
}

void sockets_keep(struct sockets *sockets, struct options *options, uint32_t count)
{
    sockets->datagram_count = keep_entries(sockets->datagrams, sockets->datagram_count, count);
    sockets->listener_count = keep_entries(sockets->listeners, sockets->listener_count, count);
    options->address_count = count;
}

void sockets_close(struct sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->datagram_count; i++)
        fd_close(&sockets->datagrams[i].fd);
    for (uint32_t i = 0; i < sockets->listener_count; i++)
        fd_close(&sockets->listeners[i].fd);
    sockets->datagram_count = sockets->listener_count = 0;
}
