/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include "zones/base/bytes.h"
#include "zones/base/file.h"

enum {
    /* The default holds 256 small queries; see socket(7). The kernel doubles and may cap it. */
    RECEIVE_BUFFER_BYTES = 4 << 20,
    BACKLOG = 1024,
};

#define EXAMPLE "write 192.0.2.1:53 or [2001:db8::1]:53"

/* Splits at the last colon; an IPv6 address stands in brackets. */
static bool split(const char *text, char host[static LISTEN_TEXT_BYTES], const char **port)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    const char *start = text;
    size_t len = (size_t)(colon - text);
    if (text[0] == '[') {
        if (len < 2 || colon[-1] != ']')
            return false;
        start++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return false;
    }
    if (len == 0 || len >= LISTEN_TEXT_BYTES)
        return false;
    memcpy(host, start, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

bool listen_parse(const char *text, struct listen_address *address, struct error *err)
{
    char host[LISTEN_TEXT_BYTES];
    const char *port_text;
    uint64_t port;
    if (strlen(text) >= LISTEN_TEXT_BYTES || !split(text, host, &port_text))
        return error_set(err, ERROR_USAGE, "\"%.100s\" is not ADDRESS:PORT; " EXAMPLE, text);
    if (!text_to_u64(text_from(port_text), 1, UINT16_MAX, &port))
        return error_set(err, ERROR_USAGE, "\"%s\": the port must be 1 to 65535; " EXAMPLE, text);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, /* never asks a name server */
                             .ai_family = text[0] == '[' ? AF_INET6 : AF_INET,
                             .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0 || !found)
        return error_set(err, ERROR_USAGE, "\"%s\": \"%s\" is not an IP address; " EXAMPLE, text,
                         host);
    *address = (struct listen_address){.len = found->ai_addrlen};
    memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (address->socket.any.sa_family == AF_INET)
        address->socket.v4.sin_port = htons((uint16_t)port);
    else
        address->socket.v6.sin6_port = htons((uint16_t)port);
    memcpy(address->text, text, strlen(text) + 1);
    return true;
}

bool listen_is_wildcard(const struct listen_address *address)
{
    if (address->socket.any.sa_family == AF_INET)
        return address->socket.v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->socket.v6.sin6_addr);
}

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

static bool say_bind_failed(const struct listen_address *address, struct error *err)
{
    if (errno == EADDRINUSE)
        return error_set(err, ERROR_SYSTEM,
                         "%s: address already in use; stop the other server, or give another "
                         "address with --listen",
                         address->text);
    if (errno == EACCES)
        return error_system(err, address->text, "give CAP_NET_BIND_SERVICE, or a port above 1023",
                            "cannot listen");
    return error_system(err, address->text, "give an address of this machine with --listen",
                        "cannot listen");
}

/* Binds; an address that this machine has not got yet (boot, failover) is bound early. */
static bool bind_early(int fd, const struct listen_address *address)
{
    bool is_v4 = address->socket.any.sa_family == AF_INET;
    if (bind(fd, &address->socket.any, address->len) == 0)
        return true;
    if (errno != EADDRNOTAVAIL)
        return false;
    if (is_v4 ? !set_option(fd, IPPROTO_IP, IP_FREEBIND, 1)
              : !set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1))
        return false;
    return bind(fd, &address->socket.any, address->len) == 0;
}

/* Answers are small enough for every path and never follow ICMP; wildcards need to know the
 * address that was asked. */
bool listen_set_up_datagram(int fd, const struct listen_address *address)
{
    bool is_v4 = address->socket.any.sa_family == AF_INET;
    bool is_wildcard = listen_is_wildcard(address);
    (void)!set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES); /* more is better */
    if (is_v4)
        return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) &&
               (!is_wildcard || set_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
    return set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) &&
           (!is_wildcard || set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
}

static int open_datagram(const struct listen_address *address, uint32_t worker, struct error *err)
{
    int fd = socket(address->socket.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_system(err, address->text, NULL, "cannot make a UDP socket");
        return -1;
    }
    if ((address->socket.any.sa_family == AF_INET6 &&
         !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
        !listen_set_up_datagram(fd, address) ||
        (worker > 0 && !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1))) {
        error_system(err, address->text, NULL, "cannot set up a UDP socket");
    } else if (!bind_early(fd, address)) {
        say_bind_failed(address, err);
    } else if (worker == 0 && !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) {
        error_system(err, address->text, NULL, "cannot share the UDP address among workers");
    } else {
        return fd;
    }
    fd_close(&fd);
    return -1;
}

bool listen_open_datagrams(const struct listen_address *address, int *fds, uint32_t count,
                           struct error *err)
{
    for (uint32_t i = 0; i < count; i++)
        fds[i] = -1;
    for (uint32_t i = 0; i < count; i++) {
        fds[i] = open_datagram(address, i, err);
        if (fds[i] >= 0)
            continue;
        while (i > 0)
            fd_close(&fds[--i]);
        return false;
    }
    return true;
}

int listen_open_stream(const struct listen_address *address, struct error *err)
{
    int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error_system(err, address->text, NULL, "cannot make a TCP socket");
        return -1;
    }
    /* SO_REUSEADDR: old connections in TIME_WAIT do not hold up a restart; a second listener
     * fails all the same. */
    if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
        (address->socket.any.sa_family == AF_INET6 &&
         !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)))
        error_system(err, address->text, NULL, "cannot set up a TCP socket");
    else if (!bind_early(fd, address) || listen(fd, BACKLOG) != 0)
        say_bind_failed(address, err);
    else
        return fd;
    fd_close(&fd);
    return -1;
}
