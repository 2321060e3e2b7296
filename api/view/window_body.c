/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/window_body.h"

#include "srvplan/window_document.h"

#include <stdlib.h>

struct window_body *window_body_read(struct text id, struct text text, struct error *err)
{
    struct findings findings = {0};
    json_t *tree = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
    struct window_body *body = calloc(1, sizeof *body);
    if (!body)
        abort();
    body->refs = 1;
    bool is_good =
        tree && window_document_read(&body->arena, NULL, id, tree, &body->window, &findings);
    json_decref(tree);
    if (!is_good) {
        error_set(err, ERROR_INVALID, "window %.*s cannot be read: %s", (int)id.len, id.ptr,
                  findings.count ? findings.items[0].message : "it is not JSON");
        window_body_unref(body);
        body = NULL;
    }
    findings_fini(&findings);
    return body;
}

struct window_body *window_body_ref(struct window_body *body)
{
    if (body)
        __atomic_add_fetch(&body->refs, 1, __ATOMIC_RELAXED);
    return body;
}

void window_body_unref(struct window_body *body)
{
    if (!body || __atomic_sub_fetch(&body->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    arena_fini(&body->arena);
    free(body);
}

bool window_body_is_same(const struct window_body *a, const struct window_body *b)
{
    const struct inventory_window *x = &a->window.window, *y = &b->window.window;
    if (a->window.selector_count != b->window.selector_count)
        return false;
    for (uint32_t i = 0; i < a->window.selector_count; i++)
        if (!text_equal(a->window.selectors[i], b->window.selectors[i]))
            return false;
    return text_equal(x->start, y->start) && text_equal(x->end, y->end) &&
           x->duration_s == y->duration_s && text_equal(x->timezone, y->timezone) &&
           text_equal(x->rrule, y->rrule) && x->is_serial == y->is_serial;
}
