/* SPDX-License-Identifier: GPL-3.0-or-later */
/* echo: the bare responder of ../dns/echo.c as a process: what the kernel alone costs. */
#pragma once
#include <stdint.h>

struct echo {
    int pid;
    uint16_t port;
};

/* Starts it, bound to a CPU (-1: none), and waits until it answers; ends with its parent. */
void echo_start(struct echo *echo, const char *program, unsigned answer_bytes, int cpu);
void echo_stop(struct echo *echo);
