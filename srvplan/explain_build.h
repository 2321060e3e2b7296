/* SPDX-License-Identifier: GPL-3.0-or-later */
/* explain_build: what the files behind explain_node share; nobody else includes it. */
#pragma once
#include "srvplan/explain.h"

struct explain_work {
    const struct explain_question *question;
    struct explanation *explanation;
    struct error *err;
};

/* explain_culprits.c */
void explain_culprits(const struct explain_work *work, struct explain_set *set);

/* explain_drain.c: false on what shares.h cannot say. */
NODISCARD bool explain_drain(const struct explain_work *work, struct explain_set *set);

/* explain_notes.c */
void explain_notes(const struct explain_work *work, struct explain_set *set);
