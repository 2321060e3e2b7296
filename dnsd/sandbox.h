/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sandbox: takes from the process, for good, what it does not need to answer.
 *
 * Two steps. sandbox_drop, while there is one thread: another user when we are root, no
 * supplementary groups, no capability (not even to gain one by exec), no core dumps and no tracing,
 * no file system (Landlock, where the kernel has it). sandbox_close, when all threads run: a list
 * of system calls for all of them; none opens a file, makes a socket, starts or traces a process.
 *
 * What is not on the list fails with EPERM. It does not kill: a library may try something odd in a
 * rare case and do without (malloc of glibc opens /proc/sys/vm/overcommit_memory when an arena
 * shrinks); strangers must not find in that a way to end us. What the process needs
 * from outside later is brought by the porter (porter.h), which has a shorter list of its own.
 *
 * Built with sanitizers, the lists have what these need in addition; leaks are not looked for at
 * the end of a process that is in the sandbox, for that takes tracing. */
#pragma once
#include "zones/base/error.h"
#include <sys/types.h>

struct sandbox_user {
    uid_t uid;
    gid_t gid;
    bool is_other; /* than who we are: become it */
};

/* Who to be: `name`, or when that is NULL, "nobody" if we are root and who we are otherwise. */
NODISCARD bool sandbox_find_user(const char *name, struct sandbox_user *user, struct error *err);

/* The owner of the directory that `path` lies in, if we are root; else who we are. */
NODISCARD bool sandbox_find_owner(const char *path, struct sandbox_user *user, struct error *err);

/* Step one. Files below `readable` may be read (-1: none). */
NODISCARD bool sandbox_drop(const struct sandbox_user *user, int readable, struct error *err);

enum sandbox_role {
    SANDBOX_ANSWERS,
    SANDBOX_PORTER,
};

/* Step two. */
NODISCARD bool sandbox_close(enum sandbox_role role, struct error *err);
