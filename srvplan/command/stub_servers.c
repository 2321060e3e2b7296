/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which servers a stub asks: addresses as text, and resolv.conf(5). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srvplan/command/stub.h"
#include "zones/base/file.h"

#define EXAMPLE "write 192.0.2.1, 192.0.2.1:5300 or [2001:db8::1]:5300"

enum {
    DNS_PORT = 53,
    RESOLV_CONF_MAX_BYTES = 1 << 20,
};

/* The numeric address `host` ("192.0.2.1", "2001:db8::1", "fe80::1%2") with that port. */
static bool server_set(struct stub_server *server, const char *host, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char plain[STUB_SERVER_TEXT_SIZE];
    uint64_t scope = 0;
    size_t len = strcspn(host, "%");
    if (strlen(host) >= sizeof plain)
        return false;
    memcpy(plain, host, len);
    plain[len] = '\0';
    if (host[len] && !text_to_u64(text_from(host + len + 1), 1, UINT32_MAX, &scope))
        return false; /* interface names are not ours to resolve */
    *server = (struct stub_server){0};
    if (!host[len] && inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(&server->address, &in, server->length = sizeof in);
        snprintf(server->text, sizeof server->text, "%s:%u", host, port);
        return true;
    }
    if (inet_pton(AF_INET6, plain, &in6.sin6_addr) != 1)
        return false;
    in6.sin6_scope_id = (uint32_t)scope;
    memcpy(&server->address, &in6, server->length = sizeof in6);
    /* Cut off rather than refused: it is for people, and only a scope can make it so long. */
    snprintf(server->text, sizeof server->text, "[%.52s]:%u", host, port);
    return true;
}

/* "ADDR", "ADDR:PORT" or "[ADDR]:PORT"; more than one colon without brackets is an IPv6 address. */
static bool server_parse(const char *text, struct stub_server *server)
{
    char host[STUB_SERVER_TEXT_SIZE];
    const char *port_text = NULL;
    uint64_t port = DNS_PORT;
    const char *colon = strrchr(text, ':');
    size_t len = strlen(text);
    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        if (!close || (close[1] && close[1] != ':'))
            return false;
        port_text = close[1] ? close + 2 : NULL;
        text++;
        len = (size_t)(close - text);
    } else if (colon && strchr(text, ':') == colon) {
        port_text = colon + 1;
        len = (size_t)(colon - text);
    }
    if (len >= sizeof host || (port_text && !text_to_u64(text_from(port_text), 1, 65535, &port)))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    return server_set(server, host, (uint16_t)port);
}

static void stub_clear(struct stub *stub)
{
    *stub = (struct stub){.timeout_ms = STUB_TIMEOUT_MS};
}

/* "nameserver ADDR" of a line, or NULL; the line is changed. */
static const char *line_server(char *line)
{
    char *rest = NULL;
    const char *word = strtok_r(line, " \t", &rest);
    return word && strcmp(word, "nameserver") == 0 ? strtok_r(NULL, " \t", &rest) : NULL;
}

bool stub_init_file(struct stub *stub, const char *path, struct error *err)
{
    struct bytes file;
    char *rest = NULL;
    stub_clear(stub);
    if (!file_read(path, RESOLV_CONF_MAX_BYTES, &file, err))
        return false;
    for (char *line = strtok_r((char *)(uintptr_t)file.ptr, "\r\n", &rest);
         line && stub->server_count < STUB_SERVERS_MAX; line = strtok_r(NULL, "\r\n", &rest)) {
        const char *address = line_server(line);
        if (address && server_set(&stub->servers[stub->server_count], address, DNS_PORT))
            stub->server_count++;
    }
    free((void *)(uintptr_t)file.ptr);
    return stub->server_count > 0 ||
           error_set(err, ERROR_NOT_FOUND,
                     "%s: names no server that can be asked; name one with --server ADDR", path);
}

bool stub_init(struct stub *stub, const char *server, struct error *err)
{
    if (!server)
        return stub_init_file(stub, "/etc/resolv.conf", err);
    stub_clear(stub);
    stub->server_count = 1;
    return server_parse(server, &stub->servers[0]) ||
           error_set(err, ERROR_USAGE, "--server '%.60s': no address; " EXAMPLE, server);
}

void stub_init_authority(struct stub *stub, struct bytes address, uint16_t port)
{
    char host[INET6_ADDRSTRLEN];
    stub_clear(stub);
    stub->is_iterative = true;
    stub->server_count = 1;
    inet_ntop(address.len == 4 ? AF_INET : AF_INET6, address.ptr, host, sizeof host);
    if (!server_set(&stub->servers[0], host, port))
        abort(); /* what inet_ntop wrote, inet_pton reads */
}

uint16_t stub_server_port(const struct stub_server *server)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (server->address.ss_family == AF_INET) {
        memcpy(&in, &server->address, sizeof in);
        return ntohs(in.sin_port);
    }
    memcpy(&in6, &server->address, sizeof in6);
    return ntohs(in6.sin6_port);
}
