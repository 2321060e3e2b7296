/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/listen.h"

#include "zones/base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BACKLOG = 128
};

static bool parse_host(struct text host, bool is_ipv6, uint16_t port, struct http_address *address)
{
    char text[INET6_ADDRSTRLEN];
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    memset(address, 0, sizeof *address);
    if (is_ipv6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->socket;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        address->len = sizeof *in6;
        if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
            return false;
        address->is_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
        return true;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)&address->socket;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    address->len = sizeof *in;
    if (inet_pton(AF_INET, text, &in->sin_addr) != 1)
        return false;
    address->is_loopback = ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return true;
}

bool http_address_parse(const char *text, struct http_address *address, struct error *err)
{
    struct http_address parsed;
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    bool is_ipv6 = text[0] == '[';
    if (colon && text_to_u64(text_from(colon + 1), 0, UINT16_MAX, &port)) {
        struct text host = {text, (size_t)(colon - text)};
        bool is_closed = host.len > 2 && host.ptr[host.len - 1] == ']';
        if (is_ipv6 && is_closed)
            host = (struct text){host.ptr + 1, host.len - 2};
        if (is_ipv6 == is_closed && parse_host(host, is_ipv6, (uint16_t)port, &parsed)) {
            *address = parsed;
            return true;
        }
    }
    return error_set(err, ERROR_USAGE,
                     "'%.100s' is no address to listen on; give ADDRESS:PORT, as 127.0.0.1:8053 or "
                     "[::1]:8053",
                     text);
}

uint16_t http_address_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}

const char *http_address_print(const struct sockaddr *address,
                               char text[static HTTP_LISTEN_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "?";
    bool is_ipv6 = address->sa_family == AF_INET6;
    if (is_ipv6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, host,
                  sizeof host);
    else
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, host,
                  sizeof host);
    snprintf(text, HTTP_LISTEN_TEXT_SIZE, is_ipv6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)http_address_port(address));
    return text;
}

static bool fail_to_listen(const char *name, struct error *err)
{
    if (errno == EADDRINUSE)
        return error_set(err, ERROR_SYSTEM,
                         "%s: address already in use; stop the other server or give --api another "
                         "address",
                         name);
    if (errno == EADDRNOTAVAIL)
        return error_set(err, ERROR_SYSTEM,
                         "%s: this machine does not have that address; give --api one of its own",
                         name);
    return error_system(err, name, "give --api another address", "cannot listen");
}

int http_listen_tcp(struct http_address *address, struct error *err)
{
    char name[HTTP_LISTEN_TEXT_SIZE];
    struct sockaddr *bound = (struct sockaddr *)&address->socket;
    http_address_print(bound, name);
    int on = 1;
    int fd = socket(bound->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        fail_to_listen(name, err);
        return -1;
    }
    /* A restart must not wait for old connections in TIME_WAIT; [::] stays apart from IPv4. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        (bound->sa_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0) ||
        bind(fd, bound, address->len) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, bound, &address->len) < 0) {
        fail_to_listen(name, err);
        fd_close(&fd);
    }
    return fd;
}

/* True when the path is free now: nothing was there, or a socket that nobody listens on. */
static bool make_way(const char *path, const struct sockaddr_un *address, struct error *err)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return errno == ENOENT || error_system(err, path, NULL, "cannot look at the socket");
    if (!S_ISSOCK(status.st_mode))
        return error_set(err, ERROR_CONFLICT,
                         "%s: is no socket; move it away, srvpland puts its own there", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_system(err, path, NULL, "cannot make a socket");
    bool is_answered = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
                       errno == EAGAIN; /* its queue is full: somebody has it */
    fd_close(&fd);
    if (is_answered)
        return error_set(err, ERROR_CONFLICT,
                         "%s: another server listens there; stop it, or give --state another "
                         "directory",
                         path);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_system(err, path, NULL, "cannot remove the old socket");
    return true;
}

int http_listen_unix(const char *path, gid_t group, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        error_set(
            err, ERROR_USAGE,
            "%.200s: the path of a UNIX socket can have %zu bytes; give --state a shorter one",
            path, sizeof address.sun_path - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (!make_way(path, &address, err))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Before bind, so that there is no moment in which others can connect (unix(7)). */
    bool has_group = group != (gid_t)-1;
    if (fd < 0 || fchmod(fd, 0600) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        (has_group && chown(path, (uid_t)-1, group) < 0) ||
        chmod(path, has_group ? 0660 : 0600) < 0 || listen(fd, BACKLOG) < 0) {
        error_system(err, path, "look at the directory's owner and mode", "cannot listen");
        fd_close(&fd);
    }
    return fd;
}
