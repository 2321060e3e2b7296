/* SPDX-License-Identifier: GPL-3.0-or-later */
/* echo: what the kernel alone costs: receives datagrams in batches and sends each back, its ID in
 * front, filled up to the size of a usual answer. */
#pragma once
#include <stdint.h>

struct echo {
    int pid;
    uint16_t port;
};

/* Starts it as a process of its own, bound to a CPU (-1: none); ends with its parent. */
void echo_start(struct echo *echo, unsigned answer_bytes, int cpu);
void echo_stop(struct echo *echo);
