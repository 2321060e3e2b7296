/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks one thing of the API again and again over a number of connections, and counts.
 *
 *     ask_many PORT PATH TOKEN CONNECTIONS SECONDS
 *
 * A request is sent, and its answer read to the last byte that Content-Length names. The connection
 * is used again as long as the server leaves it open; else the next one is made, as any client
 * would. Prints one JSON object: answers, those that were not 200, failures of the connection,
 * seconds, and the connections that it took. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 4096,
    HEAD_MAX_BYTES = 16 * 1024,
};

struct connection {
    int fd;
    bool is_sent, is_head_done, is_closing;
    size_t head_len;
    int64_t body_left;
    char head[HEAD_MAX_BYTES];
};

static struct {
    int epoll;
    struct sockaddr_in address;
    char request[2048];
    size_t request_len;
    uint64_t answers, refused, failed, made;
} load;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void await(struct connection *connection, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(load.epoll, how, connection->fd, &event);
}

static void begin(struct connection *connection)
{
    connection->is_sent = connection->is_head_done = false;
    connection->head_len = 0;
    connection->body_left = 0;
}

static void open_again(struct connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    load.made++;
    begin(connection);
    connection->is_closing = false;
    if (connection->fd < 0 ||
        (connect(connection->fd, (struct sockaddr *)&load.address, sizeof load.address) < 0 &&
         errno != EINPROGRESS)) {
        perror("ask_many: connect");
        exit(EXIT_FAILURE);
    }
    await(connection, EPOLLOUT, EPOLL_CTL_ADD);
}

static void fail(struct connection *connection)
{
    load.failed++;
    open_again(connection);
}

static void send_request(struct connection *connection)
{
    if (send(connection->fd, load.request, load.request_len, MSG_NOSIGNAL) !=
        (ssize_t)load.request_len) {
        fail(connection);
        return;
    }
    connection->is_sent = true;
    await(connection, EPOLLIN, EPOLL_CTL_MOD);
}

static void is_answered(struct connection *connection)
{
    load.answers++;
    load.refused += strncmp(connection->head + 9, "200", 3) != 0;
    if (connection->is_closing) {
        open_again(connection);
        return;
    }
    begin(connection);
    send_request(connection);
}

/* The head is whole: how long is what follows, and does the server close then? */
static bool read_head(struct connection *connection, size_t body_came)
{
    const char *length = strcasestr(connection->head, "\r\nContent-Length:");
    connection->is_closing = strcasestr(connection->head, "\r\nConnection: close") != NULL;
    connection->is_head_done = true;
    connection->body_left = (length ? atoll(length + 17) : 0) - (int64_t)body_came;
    return length != NULL;
}

static void read_some(struct connection *connection)
{
    static char waste[256 * 1024];
    bool in_head = !connection->is_head_done;
    char *into = in_head ? connection->head + connection->head_len : waste;
    size_t room = in_head ? sizeof connection->head - 1 - connection->head_len : sizeof waste;
    ssize_t got = recv(connection->fd, into, room, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        fail(connection);
        return;
    }
    if (in_head) {
        connection->head_len += (size_t)got;
        connection->head[connection->head_len] = '\0';
        char *end = strstr(connection->head, "\r\n\r\n");
        if (!end)
            return;
        size_t head_len = (size_t)(end - connection->head) + 4;
        end[2] = '\0';
        if (!read_head(connection, connection->head_len - head_len)) {
            fail(connection);
            return;
        }
    } else {
        connection->body_left -= got;
    }
    if (connection->body_left <= 0)
        is_answered(connection);
}

int main(int argc, char **argv)
{
    static struct connection connections[CONNECTIONS_MAX];
    if (argc != 6 || atoi(argv[4]) < 1 || atoi(argv[4]) > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: ask_many PORT PATH TOKEN CONNECTIONS SECONDS\n");
        return 64;
    }
    int count = atoi(argv[4]);
    load.address.sin_family = AF_INET;
    load.address.sin_port = htons((uint16_t)atoi(argv[1]));
    load.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load.request_len = (size_t)snprintf(
        load.request, sizeof load.request,
        "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", argv[2], argv[3]);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; i++) {
        connections[i].fd = -1;
        open_again(&connections[i]);
    }
    int64_t start_ns = now_ns(), end_ns = start_ns + (int64_t)(atof(argv[5]) * 1e9);
    while (now_ns() < end_ns) {
        struct epoll_event events[256];
        int got = epoll_wait(load.epoll, events, 256, 100);
        for (int i = 0; i < got; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->is_sent)
                read_some(connection);
            else
                send_request(connection);
        }
    }
    printf("{\"answers\": %llu, \"not_200\": %llu, \"failed\": %llu, \"connections\": %llu, "
           "\"seconds\": %.3f}\n",
           (unsigned long long)load.answers, (unsigned long long)load.refused,
           (unsigned long long)load.failed, (unsigned long long)load.made,
           (double)(now_ns() - start_ns) / 1e9);
    return EXIT_SUCCESS;
}
