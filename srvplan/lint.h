/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lint: the checks: what is wrong, or unwise, with SRV records for XMPP, and what to do about it.
 *
 * lint.def is the catalogue. Its rules look at two kinds of input, and where both can be looked at,
 * the same code does it:
 * - *records*: of a zone file, of live answers, or static ones of a zone of ours. Each record says
 *   where it stands, and a finding names that line;
 * - a *plan*: what an inventory publishes, with nodes, tiers, sites, states and policy behind it.
 *   Findings name the inventory by JSON pointer.
 * Rules work on sets, not on domains: 100,000 domains that share three sets cost three.
 *
 * An error is what would hurt when it is published; an inventory with one is not planned, written
 * or served. Warnings and notes are for `check` and `audit`. Pure: no I/O, no clock. */
#pragma once
#include "srvplan/finding.h"
#include "srvplan/host_meta.h"
#include "srvplan/plan.h"

enum lint_input {
    LINT_FILE = 1,      /* zone files */
    LINT_LIVE = 2,      /* answers of live DNS */
    LINT_INVENTORY = 4, /* inventories, and static records of their zones */
    LINT_HOST_META = 8, /* a host-meta file beside one of these */
    LINT_ANY = LINT_FILE | LINT_LIVE | LINT_INVENTORY,
};

enum lint_id {
#define LINT(id, code, severity, inputs, title, mend) LINT_##id,
#include "srvplan/lint.def"
#undef LINT
    LINT_COUNT
};

struct lint_row {
    const char *id, *code;
    enum finding_severity severity;
    unsigned inputs; /* enum lint_input */
    const char *title, *mend;
};
extern const struct lint_row lint_rows[LINT_COUNT];

struct lint_record {
    struct name owner;
    uint16_t type;
    uint32_t ttl_s;
    struct bytes rdata;  /* wire form, uncompressed */
    const char *file;    /* or whom the answer came from; NULL: no place */
    uint32_t line;       /* 0: none */
    const char *pointer; /* of a static record: of the zone in the inventory */
};

/* What an authority for the zone said. */
struct lint_authority {
    struct name name;
    const char *address; /* "192.0.2.53:53" */
    bool has_answered;
    uint32_t serial;
};

/* A host-meta file of a domain. */
struct lint_host_meta {
    struct name domain;
    struct host_meta meta;
};

struct lint_records {
    const struct lint_record *items;
    uint32_t count;
    enum lint_input input; /* LINT_FILE or LINT_LIVE */
    int64_t at_ms;         /* now, for signatures */
    const struct lint_host_meta *host_metas;
    uint32_t host_meta_count;
    /* Of live answers: */
    struct name apex; /* of the zone that holds the domain */
    const struct lint_authority *authorities;
    uint32_t authority_count;
};

/* All findings of these records. Every address of a target must be among live ones,
 * every alias too. */
void lint_records(const struct lint_records *records, struct findings *findings);

/* What is looked for; what is not is not computed either. */
enum lint_extent {
    LINT_ERRORS = FINDING_ERROR, /* what forbids to publish */
    LINT_WARNINGS = FINDING_WARNING,
    LINT_ALL = FINDING_INFO,
};

/* Whether an inventory's policy may accept what the row says: warnings, and errors that are a
 * matter of judgement. What is accepted is told as information. */
bool lint_is_acceptable(enum lint_id id);

/* All findings of a plan. `need` is what its layout was built for. */
void lint_plan(const struct plan *plan, enum layout_need need, enum lint_extent extent,
               struct findings *findings);

/* The findings of host-meta files beside a plan; lint_plan leaves them out. */
void lint_plan_host_metas(const struct plan *plan, const struct lint_host_meta *host_metas,
                          uint32_t count, struct findings *findings);

/* Adds a finding by its row, for those who meet it where lint does not look: the layout, the
 * loader, the timeline. `place` gives pointer, file, line and column; the rest is the row's. */
void lint_find_at(struct findings *findings, enum lint_id id, const struct finding *place,
                  const char *format, ...) PRINTF_LIKE(4, 5);
