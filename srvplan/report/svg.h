/* SPDX-License-Identifier: GPL-3.0-or-later */
/* svg: writes one SVG 1.1 document, element by element.
 *
 * Documents stand alone: one style sheet inside, no script, no font, no reference to anything
 * else. Colours are classes of that sheet, which has a light and a dark half, so that the reader's
 * browser chooses. Text is escaped here, and control characters and broken UTF-8 are replaced, so
 * that no name of a node can break the document. Title and description are what a screen reader
 * says (role="img"). */
#pragma once
#include "zones/base/attributes.h"

#include <stdio.h>

struct svg {
    FILE *out;
};

enum svg_anchor {
    SVG_START,
    SVG_MIDDLE,
    SVG_END,
};

struct svg_box {
    double x, y, width, height;
};

struct svg_point {
    double x, y;
};

struct svg_page {
    double width, height;
    const char *title, *description;
    const char *style; /* the rules of the sheet, ours and trusted */
};
struct svg svg_begin(FILE *out, const struct svg_page *page);
void svg_end(struct svg *svg);

/* A group whose `label` shows when the pointer rests on it; NULL: none. */
void svg_group(struct svg *svg, const char *class, const char *label);
void svg_group_end(struct svg *svg);

void svg_rect(struct svg *svg, const char *class, struct svg_box box, double radius);
void svg_line(struct svg *svg, const char *class, struct svg_point from, struct svg_point to);
void svg_polyline(struct svg *svg, const char *class, const struct svg_point *points, size_t count);
void svg_circle(struct svg *svg, const char *class, struct svg_point centre, double radius);
void svg_text(struct svg *svg, const char *class, struct svg_point at, enum svg_anchor anchor,
              const char *text);

/* About how wide `text` is in `size` pixels of a sans-serif face, for what must fit. */
double svg_text_width(const char *text, double size);
