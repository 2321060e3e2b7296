/* SPDX-License-Identifier: GPL-3.0-or-later */
/* jsonc_tree: a JSONC text as a tree that has its comments and blank lines, for who writes it anew.
 *
 * A comment belongs to what a reader would say it belongs to: on the line of a value, to that
 * value; on lines of its own, to what follows; behind an opening bracket, to what is opened; before
 * a closing one, to the end of what is closed. Every comment of the text is in the tree once. */
#pragma once
#include "srvplan/jsonc.h"

struct jsonc_comment {
    struct text text;  /* with its slashes, without a line end behind it */
    bool blank_before; /* a blank line stands before it */
};

struct jsonc_comments {
    struct jsonc_comment *items;
    size_t count, capacity;
};

struct jsonc_node {
    enum jsonc_kind kind; /* JSONC_OBJECT, JSONC_ARRAY or JSONC_SCALAR */
    struct text key;      /* the token, with its quotes; len 0: an item, or the whole */
    struct text token;    /* of a scalar */
    bool blank_before;
    struct jsonc_comments before;  /* on lines of their own */
    struct jsonc_comments value;   /* between the key and its value */
    struct jsonc_comments opening; /* behind the opening bracket, on its line */
    struct jsonc_comments inner;   /* before the closing bracket */
    struct jsonc_comments after;   /* behind the value, on its line */
    struct jsonc_node **children;
    size_t count, capacity;
};

struct jsonc_tree {
    struct jsonc_node *root;
    struct jsonc_comments tail; /* behind the root, on lines of their own */
    size_t comment_count;       /* all of them */
};

/* `clean` is that of jsonc_clean, and has passed jsonc_check; the tree borrows from `text`. */
struct jsonc_tree jsonc_tree_read(struct bytes text, struct text clean, struct arena *arena);
