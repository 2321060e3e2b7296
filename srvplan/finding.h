/* SPDX-License-Identifier: GPL-3.0-or-later */
/* finding: a mistake, or something worth knowing, in a document that somebody wrote.
 *
 * Unlike an error it does not stop the reading: all findings of a file come in one run, each with
 * a stable code, its place (file, line, column, JSON pointer by RFC 6901), what was expected, and
 * the mend. Findings live in the arena of their list. */
#pragma once
#include "zones/base/arena.h"

enum finding_severity {
    FINDING_ERROR,
    FINDING_WARNING,
    FINDING_INFO,
};

struct finding {
    enum finding_severity severity;
    const char *code; /* stable: "unknown-key", "N14" */
    const char *pointer;
    const char *file;
    uint32_t line, column; /* 1-based; 0: the document as a whole */
    const char *message;
    const char *mend;
};

struct findings {
    struct arena arena;
    struct finding *items;
    size_t count, capacity;
    size_t errors; /* how many of them are errors */
};

void findings_fini(struct findings *findings);

/* Adds one; texts are copied. `message` and `mend` are formatted by the caller. */
void findings_add(struct findings *findings, const struct finding *finding);

/* "error", "warning", "info" */
const char *finding_severity_print(enum finding_severity severity);
