/* SPDX-License-Identifier: GPL-3.0-or-later */
/* echo PORT BYTES [--wrong N] [--drop N]: the floor of every server on sockets.
 *
 * Takes up to 32 datagrams with one recvmmsg and sends as many back with one sendmmsg, on loopback
 * and one thread. What it sends is the query with the answer bit set, padded to BYTES: it looks at
 * nothing and copies nothing, so its time is the kernel's. Two switches try `load`: every N-th
 * answer is wrong (another id, another question, no answer bit, another rcode, in turn), or is not
 * sent. Ends by a signal. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 32,
    BUFFER_BYTES = 4096 + 64, /* the heads of all buffers do not share a few sets of the cache */
    WRONG_KINDS = 4,
};

static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec part[BATCH];
static struct sockaddr_in peer[BATCH];
static _Alignas(4096) uint8_t buffer[BATCH][BUFFER_BYTES];
static unsigned long seen, wrong_every, drop_every;

static int open_socket(uint16_t port)
{
    const struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0 ||
        bind(fd, (const struct sockaddr *)&here, sizeof here) != 0) {
        perror("echo");
        exit(EXIT_FAILURE);
    }
    return fd;
}

static void plant_wrong(uint8_t *answer, unsigned long kind)
{
    switch (kind % WRONG_KINDS) {
    case 0:
        answer[1] ^= 0x55;
        return;
    case 1:
        answer[13] ^= 1;
        return;
    case 2:
        answer[2] &= 0x7F;
        return;
    default:
        answer[3] |= 5;
        return;
    }
}

static unsigned make_answers(unsigned count, size_t bytes)
{
    unsigned answers = 0;
    for (unsigned i = 0; i < count; i++) {
        seen++;
        if (in[i].msg_len < 17 || (drop_every && seen % drop_every == 0))
            continue;
        buffer[i][2] |= 0x80;
        if (wrong_every && seen % wrong_every == 0)
            plant_wrong(buffer[i], seen / wrong_every);
        part[i].iov_len = bytes > in[i].msg_len ? bytes : in[i].msg_len;
        out[answers++].msg_hdr = in[i].msg_hdr;
    }
    return answers;
}

static void run(int fd, size_t bytes)
{
    for (;;) {
        for (unsigned i = 0; i < BATCH; i++) {
            part[i] = (struct iovec){.iov_base = buffer[i], .iov_len = BUFFER_BYTES};
            in[i].msg_hdr = (struct msghdr){.msg_name = &peer[i],
                                            .msg_namelen = sizeof peer[i],
                                            .msg_iov = &part[i],
                                            .msg_iovlen = 1};
        }
        int count = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);
        unsigned answers = count > 0 ? make_answers((unsigned)count, bytes) : 0;
        for (unsigned at = 0; at < answers;) {
            int sent = sendmmsg(fd, out + at, answers - at, MSG_DONTWAIT);
            at += sent > 0 ? (unsigned)sent : 1;
        }
    }
}

int main(int argc, char **argv)
{
    unsigned long bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--wrong") == 0)
            wrong_every = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--drop") == 0)
            drop_every = strtoul(argv[i + 1], NULL, 10);
        else
            bytes = 0;
    }
    if (argc < 3 || bytes < 1 || bytes > 4096) {
        fputs("usage: echo PORT BYTES [--wrong N] [--drop N]\n", stderr);
        return 64;
    }
    run(open_socket((uint16_t)strtoul(argv[1], NULL, 10)), bytes);
}
