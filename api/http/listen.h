/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listen: the sockets that the API listens on. We make them ourselves, so that what goes wrong
 * is said in our words, and so that the library never accepts a connection past our door. */
#pragma once
#include "zones/base/bytes.h"
#include "zones/base/error.h"
#include <netinet/in.h>
#include <sys/socket.h>

enum {
    HTTP_LISTEN_TEXT_SIZE = INET6_ADDRSTRLEN + 10
};

struct http_address {
    struct sockaddr_storage socket;
    socklen_t len;
    bool is_loopback;
};

/* "127.0.0.1:8053" or "[::1]:8053"; port 0 lets the kernel choose. */
NODISCARD bool http_address_parse(const char *text, struct http_address *address,
                                  struct error *err);

/* "127.0.0.1:8053", "[::1]:8053" */
const char *http_address_print(const struct sockaddr *address,
                               char text[static HTTP_LISTEN_TEXT_SIZE]);
uint16_t http_address_port(const struct sockaddr *address);

/* A listening socket, non-blocking; *address gets the port that it was given. -1 on failure. */
NODISCARD int http_listen_tcp(struct http_address *address, struct error *err);

/* A listening UNIX socket at path, of mode 0600, or 0660 for a group ((gid_t)-1: none). A socket
 * file that nobody listens on is replaced; one that somebody answers, or another kind of file, is
 * an error. -1 on failure. */
NODISCARD int http_listen_unix(const char *path, gid_t group, struct error *err);
