/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "echo.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "responder.h"

enum {
    TRY_US = 20000,
    TRIES = 250,
};

static void become(const char *program, uint16_t port, unsigned answer_bytes, int cpu)
{
    char port_text[8], bytes_text[16];
    snprintf(port_text, sizeof port_text, "%u", port);
    snprintf(bytes_text, sizeof bytes_text, "%u", answer_bytes);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bind_cpu(cpu);
    execl(program, program, port_text, bytes_text, (char *)NULL);
    perror(program);
    _exit(127);
}

static bool answers(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval tick = {.tv_usec = TRY_US};
    uint8_t query[POOL_QUERY_BYTES];
    size_t len = pool_query(query, 0, POOL_APEX, 0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool answered = fd >= 0 &&
                    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
                    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof tick) == 0 &&
                    send(fd, query, len, 0) > 0 && recv(fd, query, sizeof query, 0) > 0;
    close(fd);
    return answered;
}

void echo_start(struct echo *echo, const char *program, unsigned answer_bytes, int cpu)
{
    echo->port = free_port();
    echo->pid = fork();
    if (echo->pid == 0)
        become(program, echo->port, answer_bytes, cpu);
    for (int tries = 0; tries < TRIES; tries++) {
        if (answers(echo->port))
            return;
        usleep(TRY_US);
    }
    fputs("echo: does not answer\n", stderr);
    exit(EXIT_FAILURE);
}

void echo_stop(struct echo *echo)
{
    kill(echo->pid, SIGKILL);
    waitpid(echo->pid, NULL, 0);
}
