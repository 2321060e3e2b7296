/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "echo.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "responder.h"

enum {
    BATCH = 32,
    BUFFER_BYTES = 2048,
};

_Noreturn static void echo_run(int fd, unsigned answer_bytes)
{
    static uint8_t buffer[BATCH][BUFFER_BYTES];
    static struct sockaddr_in peer[BATCH];
    static struct iovec part[BATCH];
    static struct mmsghdr message[BATCH];
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            part[i] = (struct iovec){buffer[i], BUFFER_BYTES};
            message[i].msg_hdr = (struct msghdr){.msg_name = &peer[i],
                                                 .msg_namelen = sizeof peer[i],
                                                 .msg_iov = &part[i],
                                                 .msg_iovlen = 1};
        }
        int count = recvmmsg(fd, message, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < count; i++)
            part[i].iov_len = answer_bytes;
        for (int at = 0; at < count;) {
            int sent = sendmmsg(fd, message + at, (unsigned)(count - at), MSG_DONTWAIT);
            at += sent > 0 ? sent : 1;
        }
    }
}

void echo_start(struct echo *echo, unsigned answer_bytes, int cpu)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (answer_bytes > BUFFER_BYTES || fd < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("echo");
        exit(EXIT_FAILURE);
    }
    echo->port = ntohs(address.sin_port);
    echo->pid = fork();
    if (echo->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bind_cpu(cpu);
        echo_run(fd, answer_bytes);
    }
    close(fd);
}

void echo_stop(struct echo *echo)
{
    kill(echo->pid, SIGKILL);
    waitpid(echo->pid, NULL, 0);
}
