/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dnsd/steer.h"

#include <glob.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include "zones/base/attributes.h"

struct steering steer_plan(enum steer choice, const cpu_set_t *processors, uint32_t workers,
                           uint32_t receive_queues)
{
    const struct steering by_hash = {0};
    uint32_t count = (uint32_t)CPU_COUNT(processors), first = 0;
    if (choice == STEER_BY_HASH || workers != count || count < 2 ||
        (choice == STEER_AUTO && receive_queues < workers))
        return by_hash;
    while (!CPU_ISSET(first, processors))
        first++;
    for (uint32_t i = 0; i < count; i++)
        if (first + i >= CPU_SETSIZE || !CPU_ISSET(first + i, processors))
            return by_hash;
    return (struct steering){.first = first, .count = count};
}

uint32_t steer_count_queues(void)
{
    glob_t found = {0};
    uint32_t most = 0, here = 0;
    size_t card_len = 0;
    const char *card = NULL;
    if (glob("/sys/class/net/*/queues/rx-*", 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) { /* sorted: those of a card stand together */
        const char *path = found.gl_pathv[i];
        size_t len = (size_t)(strrchr(path, '/') - path);
        if (!card || len != card_len || memcmp(card, path, len) != 0)
            here = 0;
        card = path;
        card_len = len;
        here++;
        most = here > most ? here : most;
    }
    globfree(&found);
    return most;
}

/* Descriptors may be copies of one socket: its cookie tells. */
static bool are_different(const int *fds, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++) {
            uint64_t a = 0, b = 0;
            socklen_t a_len = sizeof a, b_len = sizeof b;
            if (getsockopt(fds[i], SOL_SOCKET, SO_COOKIE, &a, &a_len) != 0 ||
                getsockopt(fds[j], SOL_SOCKET, SO_COOKIE, &b, &b_len) != 0 || a == b)
                return false;
        }
    return true;
}

bool steer_sockets(const struct steering *steering, const int *fds, uint32_t count)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_CPU)),
        BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, steering->first),
        BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, steering->count), /* of processors that are not ours */
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    const struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};
    const int none = 0;
    if (count == 0)
        return false;
    if (steering->count == count && are_different(fds, count) &&
        setsockopt(fds[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0)
        return true;
    /* Sockets that were given to us may be steered still: to workers that are no more. */
    (void)!setsockopt(fds[0], SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &none, sizeof none);
    return false;
}
