/* SPDX-License-Identifier: GPL-3.0-or-later */
/* audit: what live DNS says about a domain, gathered, judged, and put right; only the files of
 * `srvplan audit` include it.
 *
 * Nothing is sent but DNS queries: to the resolver (or --server), and for serials and whole TTLs to
 * the zone's own name servers, without recursion. What cannot be asked beside the SRV sets becomes
 * a remark, not a failure. */
#pragma once
#include <jansson.h>

#include "srvplan/command/context.h"
#include "srvplan/command/stub.h"
#include "srvplan/lint.h"

enum {
    AUDIT_MAX_TARGETS = 64,     /* an answer of more is wrong anyway (S02) */
    AUDIT_MAX_AUTHORITIES = 13, /* as many as the root has */
    AUDIT_MS = 60 * 1000,       /* all questions together */
    AUDIT_KINDS = 4,
};

struct audit {
    const struct output *output;
    struct arena arena;
    struct stub stub;
    uint16_t authority_port;
    struct name domain;
    const char *domain_text; /* without its final dot */

    struct lint_record *records;
    size_t record_count, record_capacity;
    struct name apex; /* of the zone that holds the domain; len 0: not found out */
    struct lint_authority authorities[AUDIT_MAX_AUTHORITIES];
    uint32_t authority_count;
    bool has_whole_ttls; /* from an authority, not what a cache has left */
    uint32_t srv_count;
    const char **remarks;
    size_t remark_count, remark_capacity;

    struct findings findings;
    uint32_t score;
    char grade;
    const char *zone_text, *inventory_text; /* the corrected set */
};

/* The owner of one of the four services of XMPP, 0..AUDIT_KINDS. */
struct name audit_owner(struct audit *audit, int kind);
extern const char *const audit_services[AUDIT_KINDS]; /* "xmpp-client", … */

void audit_remark(struct audit *audit, const char *format, ...) PRINTF_LIKE(2, 3);

/* Asks all there is to ask. False: the SRV sets could not be had. */
NODISCARD bool audit_ask(struct audit *audit, struct error *err);

/* Fills findings, score and grade. */
void audit_judge(struct audit *audit);
extern const char audit_rule[]; /* how the grade is made, a sentence */

/* Fills zone_text and inventory_text. */
void audit_correct(struct audit *audit);

/* ---- between the files that correct ---- */

/* A record of a corrected set. */
struct audit_srv {
    uint16_t priority, weight, port;
    struct name target;
};
struct audit_set {
    bool is_there;  /* it is published, or should be */
    bool is_absent; /* as 0 0 0 . */
    uint32_t ttl_s;
    struct audit_srv *items; /* by priority, then target */
    uint32_t count;
};
/* An inventory that publishes these sets, in the arena. */
const char *audit_inventory(struct audit *audit, const struct audit_set sets[AUDIT_KINDS]);
