/* SPDX-License-Identifier: GPL-3.0-or-later */
/* faulty_vfs: a VFS between SQLite and the disk (sqlite.org/vfs.html) that fails the Nth write,
 * sync or truncate, and that can cut the power.
 *
 * For power cuts it keeps beside each file what would be on the disk: a write gets there with the
 * next sync that succeeds; a sync that fails drops what it should have saved, as Linux does, so
 * that the file reads well until the power goes ("Can Applications Recover from fsync Failures?",
 * USENIX ATC 2020). One process, one thread. */
#pragma once
#include <stdbool.h>

enum fault_kind {
    FAULT_EIO,        /* nothing is done, EIO */
    FAULT_LATE_EIO,   /* all is done, EIO nevertheless */
    FAULT_SHORT,      /* half of a write is done, EIO */
    FAULT_FULL,       /* ENOSPC for a write; a sync or truncate goes through */
    FAULT_KILL,       /* SIGKILL before it */
    FAULT_SHORT_KILL, /* half of a write, then SIGKILL */
    FAULT_CUT,        /* no power before it: what was not synced is gone */
    FAULT_TORN_CUT,   /* the same, but every other write since the last sync has arrived */
};

struct fault {
    enum fault_kind kind;
    int at;            /* the operation that fails, from 1; 0: none */
    bool is_lasting;   /* all after it fail, too */
    bool tracks_power; /* faulty_vfs_cut will be called, or kind is a cut */
};

/* Becomes SQLite's VFS for this process and its children. Once. */
void faulty_vfs_register(void);

void faulty_vfs_arm(struct fault fault); /* and counts from 0 */
int faulty_vfs_count(void);              /* operations since then */
bool faulty_vfs_has_failed(void);        /* the fault has come */

/* Puts all files into the state that they have after a power cut, then ends this process. */
_Noreturn void faulty_vfs_cut(void);
