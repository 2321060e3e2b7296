/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/jsonc_tree.h"

#include <string.h>

struct reading {
    struct text text;
    struct arena *arena;
    struct jsonc_tree tree;
    struct jsonc_node *open[JSONC_MAX_DEPTH + 1]; /* [0] is not used */
    uint32_t depth;
    struct jsonc_node *keyed;    /* has its key, and waits for its value */
    struct jsonc_node *last;     /* whose value or bracket the last token was */
    enum jsonc_kind last_kind;   /* JSONC_DONE: there was no token yet */
    struct jsonc_comments ahead; /* of what comes next */
};

/* What stands between two tokens, while it is gone through. */
struct gap {
    size_t at, end;
    uint32_t line_ends; /* since the last token or comment */
    bool is_new_line;   /* since the last token */
};

static void comment_add(struct reading *r, struct jsonc_comments *comments,
                        const struct jsonc_comment *comment)
{
    comments->items = arena_grow(r->arena, comments->items, &comments->capacity,
                                 comments->count + 1, sizeof *comments->items);
    comments->items[comments->count++] = *comment;
    r->tree.comment_count++;
}

static void comments_move(struct reading *r, struct jsonc_comments *to, struct jsonc_comments *from)
{
    for (size_t i = 0; i < from->count; i++)
        comment_add(r, to, &from->items[i]);
    r->tree.comment_count -= from->count;
    *from = (struct jsonc_comments){0};
}

static bool has_line_end(struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        if (jsonc_is_line_end(text.ptr[i]))
            return true;
    return false;
}

/* The comment at the gap's place; the gap goes on behind it. */
static struct text comment_take(struct reading *r, struct gap *gap)
{
    const char *from = r->text.ptr + gap->at;
    size_t len = 2, left = gap->end - gap->at;
    if (from[1] == '/')
        while (len < left && !jsonc_is_line_end(from[len]))
            len++;
    else
        while (!(from[len] == '*' && from[len + 1] == '/'))
            len++;
    len += from[1] == '*' ? 2 : 0;
    gap->at += len;
    while (from[1] == '/' && jsonc_is_space(from[len - 1]))
        len--;
    return (struct text){from, len};
}

/* Where a comment on the line of the last token belongs, or NULL: to what comes next. */
static struct jsonc_comments *home_on_line(struct reading *r, struct text comment,
                                           const struct gap *gap)
{
    bool ends_line = comment.ptr[1] == '/' ||
                     has_line_end((struct text){r->text.ptr + gap->at, gap->end - gap->at}) ||
                     gap->end == r->text.len;
    if (r->last_kind == JSONC_KEY)
        return comment.ptr[1] == '*' && !has_line_end(comment) ? &r->keyed->value : NULL;
    if (r->last_kind == JSONC_DONE || !ends_line)
        return NULL;
    return r->last_kind == JSONC_SCALAR || r->last_kind == JSONC_END ? &r->last->after
                                                                     : &r->last->opening;
}

/* Goes through the text between the last token and the one at `end`. Returns whether a blank line
 * stands right before that. */
static bool gap_read(struct reading *r, size_t from, size_t end)
{
    struct gap gap = {.at = from, .end = end};
    while (gap.at < end) {
        char c = r->text.ptr[gap.at];
        if (c != '/') { /* a space, a comma or a colon */
            bool is_pair = c == '\r' && gap.at + 1 < end && r->text.ptr[gap.at + 1] == '\n';
            if (jsonc_is_line_end(c) && !is_pair) {
                gap.line_ends++;
                gap.is_new_line = true;
            }
            gap.at++;
            continue;
        }
        struct jsonc_comment comment = {.blank_before = gap.line_ends > 1};
        comment.text = comment_take(r, &gap);
        struct jsonc_comments *home = gap.is_new_line ? NULL : home_on_line(r, comment.text, &gap);
        comment_add(r, home ? home : &r->ahead, &comment);
        gap.line_ends = 0;
    }
    return gap.line_ends > 1;
}

static struct jsonc_node *node_add(struct reading *r, struct text key, bool blank_before)
{
    struct jsonc_node *node = arena_new(r->arena, struct jsonc_node);
    node->key = key;
    node->blank_before = blank_before;
    comments_move(r, &node->before, &r->ahead);
    if (r->depth == 0) {
        r->tree.root = node;
        return node;
    }
    struct jsonc_node *parent = r->open[r->depth];
    parent->children = arena_grow(r->arena, parent->children, &parent->capacity, parent->count + 1,
                                  sizeof(struct jsonc_node *));
    parent->children[parent->count++] = node;
    return node;
}

static void event_take(struct reading *r, const struct jsonc_event *event, bool blank_before)
{
    struct text token = {r->text.ptr + event->offset, event->len};
    switch (event->kind) {
    case JSONC_KEY:
        r->keyed = node_add(r, token, blank_before);
        break;
    case JSONC_END:
        r->last = r->open[r->depth--];
        comments_move(r, &r->last->inner, &r->ahead);
        break;
    case JSONC_OBJECT:
    case JSONC_ARRAY:
    case JSONC_SCALAR:
        r->last = r->keyed ? r->keyed : node_add(r, (struct text){0}, blank_before);
        comments_move(r, &r->last->before, &r->ahead); /* of a line between key and value */
        r->last->kind = event->kind;
        r->last->token = token;
        r->keyed = NULL;
        if (event->kind != JSONC_SCALAR)
            r->open[++r->depth] = r->last;
        break;
    case JSONC_DONE:
        comments_move(r, &r->tree.tail, &r->ahead);
        break;
    case JSONC_FAULT:
        break;
    }
    r->last_kind = event->kind;
}

struct jsonc_tree jsonc_tree_read(struct bytes text, struct text clean, struct arena *arena)
{
    struct reading r = {
        .text = {(const char *)text.ptr, text.len}, .arena = arena, .last_kind = JSONC_DONE};
    struct jsonc_walk walk = jsonc_walk_over(clean);
    size_t from = text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (;;) {
        struct jsonc_event event = jsonc_walk_next(&walk);
        bool blank_before = gap_read(&r, from, event.offset);
        event_take(&r, &event, blank_before);
        if (event.kind == JSONC_DONE || event.kind == JSONC_FAULT)
            return r.tree;
        from = event.offset + event.len;
    }
}
