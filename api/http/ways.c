/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/ways.h"

#include "zones/base/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Its place among the listeners, where there is one. */
enum {
    TCP_LISTENER = 0
};

/* ---- names ---- */

static void names_free(struct text *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((char *)(uintptr_t)names[i].ptr);
    free(names);
}

static void names_add(struct http_ways *ways, struct text name)
{
    struct text *names = realloc(ways->names, (ways->name_count + 1) * sizeof *names);
    char *copy = strndup(name.ptr, name.len);
    if (!names || !copy)
        abort();
    for (char *c = copy; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
    ways->names = names;
    ways->names[ways->name_count++] = text_from(copy);
}

/* Names that a browser or a person may have typed to get here. */
static void names_make(struct http_ways *ways)
{
    const char *colon = strrchr(ways->address, ':');
    ways->names = NULL;
    ways->name_count = 0;
    names_add(ways, text_from("localhost"));
    names_add(ways, text_from("127.0.0.1"));
    names_add(ways, text_from("[::1]"));
    names_add(ways, (struct text){ways->address, (size_t)(colon - ways->address)});
    for (const char *const *host = ways->options.hosts; host && *host; host++)
        names_add(ways, text_from(*host));
    size_t count = 0;
    const struct text *names =
        ways->options.tls ? tls_context_names(ways->options.tls, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        names_add(ways, names[i]);
}

static struct gate_hosts hosts_of(const struct http_ways *ways)
{
    return (struct gate_hosts){.takes_addresses = ways->is_wildcard,
                               .names = ways->names,
                               .name_count = ways->name_count,
                               .port = ways->port};
}

/* ---- sockets ---- */

static bool is_wildcard(const struct http_address *address)
{
    if (address->socket.ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->socket)->sin6_addr);
    return ((const struct sockaddr_in *)&address->socket)->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* A name alone, or an IPv6 address in brackets: the port is that of the address. */
static bool check_hosts(const struct http_ways *ways, struct error *err)
{
    for (const char *const *host = ways->options.hosts; host && *host; host++) {
        bool is_bracketed = (*host)[0] == '[';
        if (strpbrk(*host, is_bracketed ? "/ ,@" : "/ ,@:") || !**host)
            return error_set(err, ERROR_USAGE,
                             "api-host '%.100s': expected a name without scheme and port, as "
                             "dns-admin.example.org",
                             *host);
    }
    return true;
}

static bool listen_tcp(struct http_ways *ways, struct door_listener *listener, struct error *err)
{
    struct http_address address;
    if (!check_hosts(ways, err))
        return false;
    const struct sockaddr *bound = (const struct sockaddr *)&address.socket;
    if (!http_address_parse(ways->options.address, &address, err))
        return false;
    if (!address.is_loopback && !ways->options.tls && !ways->options.is_insecure)
        return error_set(err, ERROR_USAGE,
                         "%s: is not a loopback address, and tokens would travel in the clear; "
                         "give --tls-cert and --tls-key, or --api a loopback address, or, where "
                         "something else keeps the network private, --insecure",
                         ways->options.address);
    int fd = http_listen_tcp(&address, err);
    if (fd < 0)
        return false;
    http_address_print(bound, ways->address);
    ways->port = http_address_port(bound);
    ways->is_wildcard = is_wildcard(&address);
    names_make(ways);
    listener->hosts = hosts_of(ways);
    *(ways->options.tls ? &ways->tls_fd : &listener->fd) = fd;
    return true;
}

static bool listen_unix(struct http_ways *ways, struct door_listener *listener, struct error *err)
{
    listener->fd = http_listen_unix(ways->options.socket_path, ways->options.socket_group, err);
    listener->is_unix = true;
    listener->hosts.is_any = true;
    ways->has_socket = listener->fd >= 0;
    return ways->has_socket;
}

bool ways_open(struct http_ways *ways, const struct ways_options *options,
               struct door_listener listeners[static 2], size_t *count, struct error *err)
{
    *ways = (struct http_ways){.options = *options, .tls_fd = -1};
    listeners[0] = listeners[1] = (struct door_listener){.fd = -1};
    *count = 0;
    if (options->address && !listen_tcp(ways, &listeners[(*count)++], err))
        return false;
    if (!options->socket_path || listen_unix(ways, &listeners[(*count)++], err))
        return true;
    fd_close(&listeners[TCP_LISTENER].fd);
    return false;
}

bool ways_start(struct http_ways *ways, struct door *door, const struct door_limits *limits,
                struct error *err)
{
    if (ways->tls_fd < 0)
        return true;
    /* Beyond those that the door counts, the ones that say good-bye. */
    struct tls_relay_options options = {.listener_fd = ways->tls_fd,
                                        .context = tls_context_ref(ways->options.tls),
                                        .door = door,
                                        .door_listener = TCP_LISTENER,
                                        .connections = limits->connections * 2,
                                        .handshake_ms = limits->head_ms};
    ways->tls_fd = -1;
    ways->relay = tls_relay_start(&options, err);
    return ways->relay != NULL;
}

void ways_set_tls(struct http_ways *ways, struct door *door, struct tls_context *tls)
{
    if (!ways->relay) {
        tls_context_unref(tls);
        return;
    }
    struct text *old = ways->names;
    size_t old_count = ways->name_count;
    tls_relay_set_context(ways->relay, tls_context_ref(tls));
    tls_context_unref(ways->options.tls);
    ways->options.tls = tls;
    names_make(ways);
    struct gate_hosts hosts = hosts_of(ways);
    door_set_hosts(door, TCP_LISTENER, &hosts);
    names_free(old, old_count);
}

void ways_shut(struct http_ways *ways)
{
    if (ways->relay)
        tls_relay_shut(ways->relay);
}

void ways_close(struct http_ways *ways, unsigned wait_ms)
{
    tls_relay_stop(ways->relay, wait_ms);
    fd_close(&ways->tls_fd);
    tls_context_unref(ways->options.tls);
    names_free(ways->names, ways->name_count);
    if (ways->has_socket)
        unlink(ways->options.socket_path);
    *ways = (struct http_ways){.tls_fd = -1};
}
