/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sheet: a plan, or a difference, laid out for people: what every format shows, in which order.
 *
 * One layout serves text, Markdown, HTML and CSV (report_text, report_md, report_html, report_csv),
 * so that a merge request says what the terminal says. Everything is text already, but nothing is
 * escaped or coloured: that is the format's part. A value that changes is a pair; the arrow between
 * is the format's, too. Everything lives in the arena. */
#pragma once
#include "srvplan/compare.h"

/* is NULL: gone. was NULL: new, or there is nothing to compare with. */
struct sheet_pair {
    const char *was, *is;
};

struct sheet_row {
    enum change_kind kind;
    bool is_out;                              /* a member that a plan withdraws */
    struct sheet_pair priority, weight, port; /* both NULL: no SRV record */
    const char *data;                         /* the target, or the whole record */
    struct sheet_pair share;                  /* "62.5 %", "standby" */
    const char *because;                      /* "" when nobody says why */
};

struct sheet_set {
    enum change_kind kind;
    const char *name; /* relative to the group; "" for the group's own name */
    const char *type;
    struct sheet_pair ttl;
    const char *const *owners; /* all of them, the first one included */
    uint32_t owner_count;
    const struct sheet_row *rows;
    uint32_t row_count;
};

struct sheet_group { /* "example.org", without the final dot */
    const char *name;
    const struct sheet_set *sets;
    uint32_t set_count;
};

struct sheet {
    const char *title;        /* "Plan" */
    const char *was, *is;     /* labels of the sides; was NULL: a plan alone */
    const char *summary;      /* "1 set changed, 1 record withdrawn." */
    const char *const *notes; /* refusals and findings, a sentence each */
    uint32_t note_count;
    bool is_refused;
    const struct sheet_group *groups;
    uint32_t group_count;
};

/* A difference. */
struct sheet *sheet_of_comparison(const struct comparison *comparison, const char *title,
                                  struct arena *arena);

/* The SRV sets of one side. */
struct sheet *sheet_of_published(const struct published *published, const char *title,
                                 struct arena *arena);

/* Adds what a plan says about itself: refusals, the capacity that is left, the next change.
 * `findings` are those of all steps. */
void sheet_add_plan(struct sheet *sheet, const struct plan *plan, const struct findings *findings,
                    struct arena *arena);

/* "62.5 %", "standby", "" for none. */
const char *share_print(struct share share, struct arena *arena);

/* "5 -> 3", or the one that is there; "" for none. `arrow` is " -> " or what the format has. */
const char *sheet_pair_print(struct sheet_pair pair, const char *arrow, struct arena *arena);

/* "+", "~", "-", or " ". */
const char *change_symbol(enum change_kind kind);
