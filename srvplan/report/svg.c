/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/svg.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 character at `text` that XML may hold, or 0. */
static size_t character_bytes(const unsigned char *text)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (size_t extra = 0; extra < COUNT_OF(forms); extra++) {
        if ((text[0] & forms[extra].mask) != forms[extra].lead)
            continue;
        uint32_t value = text[0] & (unsigned char)~forms[extra].mask;
        for (size_t i = 1; i <= extra; i++) {
            if ((text[i] & 0xC0) != 0x80) /* also the NUL behind the text */
                return 0;
            value = value << 6 | (text[i] & 0x3Fu);
        }
        bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
        bool is_character = value >= 0x20 && value != 0x7F && value != 0xFFFE && value != 0xFFFF;
        return value >= forms[extra].least && value <= 0x10FFFF && is_character && !is_surrogate
                   ? extra + 1
                   : 0;
    }
    return 0;
}

static void put_escaped(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        size_t bytes = character_bytes(at);
        if (bytes == 0)
            fputc('?', out);
        else if (*at == '&')
            fputs("&amp;", out);
        else if (*at == '<')
            fputs("&lt;", out);
        else if (*at == '>')
            fputs("&gt;", out);
        else if (*at == '"')
            fputs("&quot;", out);
        else
            fwrite(at, 1, bytes, out);
        at += bytes ? bytes : 1;
    }
}

struct svg svg_begin(FILE *out, const struct svg_page *page)
{
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
            "aria-labelledby=\"title desc\" viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\">\n",
            page->width, page->height, page->width, page->height);
    fputs("<title id=\"title\">", out);
    put_escaped(out, page->title);
    fputs("</title>\n<desc id=\"desc\">", out);
    put_escaped(out, page->description);
    fprintf(out, "</desc>\n<style>\n%s</style>\n", page->style);
    return (struct svg){out};
}

void svg_end(struct svg *svg)
{
    fputs("</svg>\n", svg->out);
}

void svg_group(struct svg *svg, const char *class, const char *label)
{
    fprintf(svg->out, "<g class=\"%s\">\n", class);
    if (!label)
        return;
    fputs("<title>", svg->out);
    put_escaped(svg->out, label);
    fputs("</title>\n", svg->out);
}

void svg_group_end(struct svg *svg)
{
    fputs("</g>\n", svg->out);
}

void svg_rect(struct svg *svg, const char *class, struct svg_box box, double radius)
{
    fprintf(svg->out,
            "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" rx=\"%g\"/>\n",
            class, box.x, box.y, box.width, box.height, radius);
}

void svg_line(struct svg *svg, const char *class, struct svg_point from, struct svg_point to)
{
    fprintf(svg->out, "<line class=\"%s\" x1=\"%.2f\" y1=\"%.2f\" x2=\"%.2f\" y2=\"%.2f\"/>\n",
            class, from.x, from.y, to.x, to.y);
}

void svg_polyline(struct svg *svg, const char *class, const struct svg_point *points, size_t count)
{
    fprintf(svg->out, "<polyline class=\"%s\" points=\"", class);
    for (size_t i = 0; i < count; i++)
        fprintf(svg->out, "%s%.2f,%.2f", i ? " " : "", points[i].x, points[i].y);
    fputs("\"/>\n", svg->out);
}

void svg_circle(struct svg *svg, const char *class, struct svg_point centre, double radius)
{
    fprintf(svg->out, "<circle class=\"%s\" cx=\"%.2f\" cy=\"%.2f\" r=\"%g\"/>\n", class, centre.x,
            centre.y, radius);
}

void svg_text(struct svg *svg, const char *class, struct svg_point at, enum svg_anchor anchor,
              const char *text)
{
    static const char *const anchors[] = {
        [SVG_START] = "start", [SVG_MIDDLE] = "middle", [SVG_END] = "end"};
    fprintf(svg->out, "<text class=\"%s\" x=\"%.2f\" y=\"%.2f\" text-anchor=\"%s\">", class, at.x,
            at.y, anchors[anchor]);
    put_escaped(svg->out, text);
    fputs("</text>\n", svg->out);
}

double svg_text_width(const char *text, double size)
{
    size_t characters = 0;
    for (const char *at = text; *at; at++)
        characters += ((unsigned char)*at & 0xC0) != 0x80;
    return (double)characters * size * 0.56; /* digits and lower case of the usual faces */
}
