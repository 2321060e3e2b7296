/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/report_svg.h"

#include "srvplan/report/report_numbers.h"
#include "srvplan/report/svg.h"

#include <math.h>
#include <string.h>

/* Pixels. */
enum {
    WIDTH = 960,
    MARGIN = 32,
    NAMES = 196,  /* the column of names, left of the bars */
    PARTS = 56,   /* the part of the users, between name and bar */
    MODELS = 170, /* what stands right of the bars */
    BARS_X = MARGIN + NAMES + PARTS,
    BARS = WIDTH - BARS_X - MODELS - MARGIN,
    ROW = 26,
    BAR = 18,
    BASELINE = 13, /* of text, below the top of its bar */
    HEAD = 132,    /* title, subtitle, legend */
    CURVE_HEIGHT = 230,
    CURVE_WIDTH = 480,
    CURVE_STEPS = 96,
    FONT = 13,
};

/* Nodes with a colour of their own; the others of a large pool share the last one. */
enum {
    SLOTS = 8,
};

/* Fills by Okabe and Ito: told apart with every kind of colour vision, on white and on black. */
static const char style[] =
    "svg{color-scheme:light dark;font:13px system-ui,'DejaVu Sans',sans-serif}\n"
    ".page{fill:#ffffff}.ink{fill:#1f2328}.soft{fill:#59636e}.head{fill:#1f2328;font-size:20px;"
    "font-weight:600}.strong{fill:#1f2328;font-weight:600}.small{fill:#59636e;font-size:11px}\n"
    ".axis{stroke:#59636e;stroke-width:1}.grid{stroke:#d9dee3;stroke-width:1}\n"
    ".ideal{stroke:#1f2328;stroke-width:1.5;stroke-dasharray:3 4;opacity:.75}\n"
    ".track{fill:#eef1f4}\n"
    ".n0{fill:#0072b2}.n1{fill:#e69f00}.n2{fill:#009e73}.n3{fill:#cc79a7}.n4{fill:#56b4e9}"
    ".n5{fill:#d55e00}.n6{fill:#f0e442}.n7{fill:#8a8f98}\n"
    ".t0,.t2,.t5{fill:#ffffff}.t1,.t3,.t4,.t6,.t7{fill:#1f2328}.in{font-size:11px;"
    "font-weight:600}\n"
    ".c{fill:none;stroke-width:2.5;stroke-linejoin:round}.published{stroke:#0072b2}"
    ".lowered{stroke:#009e73}.client-cache{stroke:#cc79a7;stroke-dasharray:7 4}"
    ".resolvers{stroke:#d55e00;stroke-dasharray:2 4}\n"
    ".dot.published{fill:#0072b2}.dot.lowered{fill:#009e73}.dot.client-cache{fill:#cc79a7}"
    ".dot.resolvers{fill:#d55e00}.dot{stroke:none}.safe{stroke:#0072b2;stroke-width:1.5;"
    "stroke-dasharray:5 4}\n"
    "@media(prefers-color-scheme:dark){.page{fill:#0d1117}.ink,.head,.strong{fill:#e6edf3}"
    ".soft,.small{fill:#9aa4af}.axis{stroke:#9aa4af}.grid{stroke:#2a313a}"
    ".ideal{stroke:#e6edf3}.track{fill:#1b222b}.published{stroke:#4aa8e0}.safe{stroke:#4aa8e0}"
    ".dot.published{fill:#4aa8e0}}\n";

struct picture {
    struct svg svg;
    const struct simulation *simulation;
    struct arena *arena;
    uint32_t *slot; /* colour by node */
    bool has_rest;  /* more nodes than colours */
};

/* -- nodes --------------------------------------------------------------------------------------
 */

static const char *node_id(const struct simulation *simulation, uint32_t node, struct arena *arena)
{
    const struct inventory *inventory = simulation->question.plan->input.layout->inventory;
    return arena_cstr(arena, inventory->nodes[simulation->pool->nodes[node]].id);
}

/* The first nodes by their ideal share get a colour; ties go to the first. */
static void slots_give(struct picture *picture)
{
    const struct simulation *simulation = picture->simulation;
    uint32_t count = simulation->pool->node_count, own = count > SLOTS ? SLOTS - 1 : count;
    picture->slot = arena_array(picture->arena, uint32_t, count);
    picture->has_rest = count > SLOTS;
    bool *has_one = arena_array(picture->arena, bool, count);
    for (uint32_t given = 0; given < own; given++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < count; i++)
            if (!has_one[i] &&
                (best == UINT32_MAX ||
                 rational_compare(simulation->ideal.shares[i], simulation->ideal.shares[best]) > 0))
                best = i;
        has_one[best] = true;
    }
    uint32_t slot = 0;
    for (uint32_t i = 0; i < count; i++)
        picture->slot[i] = has_one[i] ? slot++ : SLOTS - 1;
}

/* Shares by colour; nodes keep their order. */
static void shares_by_slot(const struct picture *picture, const struct rational *shares,
                           double by_slot[SLOTS])
{
    memset(by_slot, 0, SLOTS * sizeof *by_slot);
    for (uint32_t i = 0; i < picture->simulation->pool->node_count; i++)
        by_slot[picture->slot[i]] += rational_to_double(shares[i]);
}

static const char *slot_name(const struct picture *picture, uint32_t slot)
{
    uint32_t count = 0;
    const char *name = "";
    for (uint32_t i = 0; i < picture->simulation->pool->node_count; i++) {
        if (picture->slot[i] != slot)
            continue;
        name = node_id(picture->simulation, i, picture->arena);
        count++;
    }
    return count > 1 ? arena_printf(picture->arena, "%u other nodes", count) : name;
}

static uint32_t slot_count(const struct picture *picture)
{
    uint32_t count = picture->simulation->pool->node_count;
    return count < SLOTS ? count : SLOTS;
}

/* -- the bars -----------------------------------------------------------------------------------
 */

struct bar {
    const char *name, *part, *remark;
    const struct rational *shares;
    const char *name_class;
    int decimals;
    double y;
};

static const char *bar_label(const struct picture *picture, const struct bar *bar,
                             const double by_slot[SLOTS])
{
    const char *label = bar->name;
    for (uint32_t i = 0; i < slot_count(picture); i++)
        label = arena_printf(picture->arena, "%s%s %s %s", label, i ? "," : ":",
                             slot_name(picture, i), number_percent(by_slot[i], picture->arena));
    return label;
}

static void bar_draw(struct picture *picture, const struct bar *bar)
{
    double by_slot[SLOTS], x = BARS_X, baseline = bar->y + BASELINE;
    struct svg *svg = &picture->svg;
    shares_by_slot(picture, bar->shares, by_slot);
    svg_group(svg, "row", bar_label(picture, bar, by_slot));
    svg_text(svg, bar->name_class, (struct svg_point){MARGIN, baseline}, SVG_START, bar->name);
    svg_text(svg, "soft", (struct svg_point){BARS_X - 12, baseline}, SVG_END, bar->part);
    svg_rect(svg, "track", (struct svg_box){BARS_X, bar->y, BARS, BAR}, 3);
    for (uint32_t i = 0; i < slot_count(picture); i++) {
        double width = by_slot[i] * BARS;
        if (width >= 0.05)
            svg_rect(svg, arena_printf(picture->arena, "n%u", i),
                     (struct svg_box){x, bar->y, width > 1.5 ? width - 1 : width, BAR}, 2);
        x += width;
    }
    svg_text(svg, "small", (struct svg_point){BARS_X + BARS + 12, baseline}, SVG_START,
             bar->remark);
    svg_group_end(svg);
}

/* The numbers in a bar, over the dashes of the ideal. */
static void bar_numbers_draw(struct picture *picture, const struct bar *bar)
{
    double by_slot[SLOTS], x = BARS_X;
    shares_by_slot(picture, bar->shares, by_slot);
    for (uint32_t i = 0; i < slot_count(picture); i++) {
        double width = by_slot[i] * BARS;
        const char *text = arena_printf(picture->arena, "%.*f", bar->decimals, by_slot[i] * 100);
        if (width > svg_text_width(text, 11) + 12)
            svg_text(&picture->svg, arena_printf(picture->arena, "in t%u", i),
                     (struct svg_point){x + 7, bar->y + BASELINE}, SVG_START, text);
        x += width;
    }
}

static void legend_draw(struct picture *picture, double y)
{
    double x = MARGIN;
    for (uint32_t i = 0; i < slot_count(picture); i++) {
        const char *name = slot_name(picture, i);
        svg_rect(&picture->svg, arena_printf(picture->arena, "n%u", i),
                 (struct svg_box){x, y, 12, 12}, 2);
        svg_text(&picture->svg, "ink", (struct svg_point){x + 18, y + 10.5}, SVG_START, name);
        x += 18 + svg_text_width(name, FONT) + 22;
    }
    svg_line(&picture->svg, "ideal", (struct svg_point){x, y + 6},
             (struct svg_point){x + 24, y + 6});
    svg_text(&picture->svg, "ink", (struct svg_point){x + 30, y + 10.5}, SVG_START,
             "ideal boundary");
}

static void scale_draw(struct picture *picture, double top, double bottom)
{
    for (int percent = 0; percent <= 100; percent += 25) {
        double x = BARS_X + BARS * percent / 100.0;
        svg_line(&picture->svg, "grid", (struct svg_point){x, top},
                 (struct svg_point){x, bottom + 5});
        svg_text(&picture->svg, "small", (struct svg_point){x, bottom + 20}, SVG_MIDDLE,
                 arena_printf(picture->arena, "%d", percent));
    }
    svg_text(&picture->svg, "soft", (struct svg_point){BARS_X + BARS / 2.0, bottom + 38},
             SVG_MIDDLE, "share of new connections, %");
    if (picture->simulation->pool->service_count > 1)
        svg_text(&picture->svg, "small", (struct svg_point){BARS_X + BARS + 12, bottom + 38},
                 SVG_START, "T: STARTTLS, D: Direct TLS");
}

/* Dashed lines where one node's ideal share ends and the next one's begins. */
static void ideal_draw(struct picture *picture, double top, double bottom)
{
    double by_slot[SLOTS], x = BARS_X;
    shares_by_slot(picture, picture->simulation->ideal_reached.shares, by_slot);
    for (uint32_t i = 0; i + 1 < slot_count(picture); i++) {
        x += by_slot[i] * BARS;
        if (by_slot[i] > 0 && x < BARS_X + BARS - 1)
            svg_line(&picture->svg, "ideal", (struct svg_point){x - 0.5, top},
                     (struct svg_point){x - 0.5, bottom});
    }
}

static const char *load_remark(const struct picture *picture, const struct simulation_line *line)
{
    return arena_printf(picture->arena, "worst load %s on %s",
                        number_load(rational_to_double(line->loads[line->worst]), picture->arena),
                        node_id(picture->simulation, line->worst, picture->arena));
}

/* With an audience its programs, without one all of them; the rest of nothing is the ideal. */
static bool is_drawn(const struct simulation *simulation, const struct simulation_client *client)
{
    return simulation->audience.is_declared ? client->who.part_ppb > 0 : !client->who.is_rest;
}

static double bars_height(const struct simulation *simulation)
{
    uint32_t rows = simulation->audience.is_declared ? 2 : 1;
    for (uint32_t i = 0; i < simulation->client_count; i++)
        rows += is_drawn(simulation, &simulation->clients[i]);
    return rows * (double)ROW + 14;
}

/* The bars from top to bottom: ideal, audience, clients. */
static uint32_t bars_make(const struct picture *picture, double y, struct bar *bars)
{
    const struct simulation *simulation = picture->simulation;
    uint32_t count = 0;
    bars[count++] = (struct bar){
        "ideal", "", "in proportion to the weights", simulation->ideal_reached.shares, "strong",
        1,       y};
    y += ROW;
    if (simulation->audience.is_declared) {
        bars[count++] = (struct bar){"your audience",
                                     "",
                                     load_remark(picture, &simulation->merged_reached),
                                     simulation->merged_reached.shares,
                                     "strong",
                                     1,
                                     y};
        y += ROW;
    }
    y += 10;
    for (uint32_t i = 0; i < simulation->client_count; i++) {
        const struct simulation_client *client = &simulation->clients[i];
        const struct audience_part *who = &client->who;
        if (!is_drawn(simulation, client))
            continue;
        bars[count++] = (struct bar){
            client_name(who, picture->arena),
            who->part_ppb ? number_part(who->part_ppb, picture->arena) : "",
            who->profile ? arena_printf(picture->arena, "%s, %s", audience_part_model(who),
                                        share_merge_print(who->merge))
                         : "",
            client->reached,
            "ink",
            0,
            y};
        y += ROW;
    }
    return count;
}

static void bars_draw(struct picture *picture, double top)
{
    double bottom = top + bars_height(picture->simulation);
    struct bar *bars =
        arena_array(picture->arena, struct bar, picture->simulation->client_count + 2);
    uint32_t count = bars_make(picture, top, bars);
    scale_draw(picture, top - 4, bottom);
    for (uint32_t i = 0; i < count; i++)
        bar_draw(picture, &bars[i]);
    ideal_draw(picture, top - 4, bottom - 8);
    for (uint32_t i = 0; i < count; i++)
        bar_numbers_draw(picture, &bars[i]);
}

/* -- the curves ---------------------------------------------------------------------------------
 */

struct frame {
    struct svg_box box;
    double last_s; /* at the right edge */
    double unit_s;
    const char *unit;
};

static struct svg_point frame_point(const struct frame *frame, double after_s, double part)
{
    return (struct svg_point){frame->box.x + after_s / frame->last_s * frame->box.width,
                              frame->box.y + (1 - part) * frame->box.height};
}

/* Wide enough for all curves but that of the resolvers, whose tail would press the others into the
 * corner. */
static struct frame frame_for(const struct forecast *forecast, struct svg_box box)
{
    struct frame frame = {.box = box};
    for (uint32_t i = 0; i < forecast->curve_count; i++)
        if (strcmp(forecast->curves[i].id, "resolvers") != 0)
            frame.last_s = fmax(frame.last_s, forecast->curves[i].safe_s);
    frame.last_s = fmax(1.3 * frame.last_s, 1);
    frame.unit_s = frame.last_s > 4 * 3600 ? 3600 : frame.last_s > 240 ? 60 : 1;
    frame.unit = frame.unit_s > 60 ? "hours" : frame.unit_s > 1 ? "minutes" : "seconds";
    return frame;
}

/* 1, 2 or 5 times a power of ten: six ticks or fewer. */
static double tick_step(double span)
{
    double step = pow(10, floor(log10(span / 6)));
    static const double factors[] = {1, 2, 5, 10};
    for (size_t i = 0; i < COUNT_OF(factors); i++)
        if (span / (step * factors[i]) <= 6.5)
            return step * factors[i];
    return step * 10;
}

static void frame_draw(struct picture *picture, const struct frame *frame)
{
    double bottom = frame->box.y + frame->box.height;
    double span = frame->last_s / frame->unit_s, step = tick_step(span);
    for (int percent = 0; percent <= 100; percent += 25) {
        struct svg_point at = frame_point(frame, 0, percent / 100.0);
        svg_line(&picture->svg, percent ? "grid" : "axis", at,
                 (struct svg_point){frame->box.x + frame->box.width, at.y});
        svg_text(&picture->svg, "small", (struct svg_point){at.x - 8, at.y + 4}, SVG_END,
                 arena_printf(picture->arena, "%d", percent));
    }
    for (double tick = 0; tick <= span * 1.0001; tick += step) {
        struct svg_point at = frame_point(frame, tick * frame->unit_s, 0);
        svg_line(&picture->svg, "axis", at, (struct svg_point){at.x, bottom + 5});
        svg_text(&picture->svg, "small", (struct svg_point){at.x, bottom + 20}, SVG_MIDDLE,
                 arena_printf(picture->arena, "%g", tick));
    }
    svg_text(&picture->svg, "soft",
             (struct svg_point){frame->box.x + frame->box.width / 2, bottom + 38}, SVG_MIDDLE,
             arena_printf(picture->arena, "time after the withdrawal, %s", frame->unit));
    svg_text(&picture->svg, "soft", (struct svg_point){MARGIN, frame->box.y - 14}, SVG_START,
             "caches that still name the node, %");
}

static void curve_draw(struct picture *picture, const struct frame *frame,
                       const struct forecast_curve *curve)
{
    struct svg_point points[CURVE_STEPS + 2];
    double last_s = fmin(curve->end_s, frame->last_s);
    size_t count = 0;
    for (int i = 0; i <= CURVE_STEPS; i++) {
        double after_s = last_s * i / CURVE_STEPS;
        points[count++] = frame_point(frame, after_s, decay_stale(&curve->decay, after_s));
    }
    svg_group(&picture->svg, "curve", curve->label);
    svg_polyline(&picture->svg, arena_printf(picture->arena, "c %s", curve->id), points, count);
    if (curve->safe_s <= frame->last_s)
        svg_circle(&picture->svg, arena_printf(picture->arena, "dot %s", curve->id),
                   frame_point(frame, curve->safe_s, 0), 5);
    svg_group_end(&picture->svg);
}

static void curve_legend_draw(struct picture *picture, const struct forecast *forecast,
                              struct svg_point at)
{
    for (uint32_t i = 0; i < forecast->curve_count; i++, at.y += 46) {
        const struct forecast_curve *curve = &forecast->curves[i];
        const char *safe = arena_printf(picture->arena, "safe after %s",
                                        number_duration(curve->safe_s, picture->arena));
        svg_line(&picture->svg, arena_printf(picture->arena, "c %s", curve->id), at,
                 (struct svg_point){at.x + 28, at.y});
        svg_text(&picture->svg, "ink", (struct svg_point){at.x + 38, at.y + 4}, SVG_START,
                 curve->label);
        svg_text(&picture->svg, "soft", (struct svg_point){at.x + 38, at.y + 21}, SVG_START, safe);
    }
}

static void safe_draw(struct picture *picture, const struct frame *frame,
                      const struct forecast_curve *curve)
{
    struct svg_point low = frame_point(frame, curve->safe_s, 0);
    struct svg_point high = frame_point(frame, curve->safe_s, 1);
    svg_line(&picture->svg, "safe", low, high);
    svg_text(
        &picture->svg, "strong", (struct svg_point){high.x - 8, high.y + 16}, SVG_END,
        arena_printf(picture->arena, "safe: %s", number_duration(curve->safe_s, picture->arena)));
}

static void curves_draw(struct picture *picture, double top)
{
    const struct forecast *forecast = &picture->simulation->forecast;
    struct svg_box box = {MARGIN + 34, top + 62, CURVE_WIDTH, CURVE_HEIGHT};
    struct frame frame = frame_for(forecast, box);
    svg_text(&picture->svg, "head", (struct svg_point){MARGIN, top + 16}, SVG_START,
             "How long caches keep a node that was withdrawn");
    frame_draw(picture, &frame);
    for (uint32_t i = forecast->curve_count; i-- > 0;)
        curve_draw(picture, &frame, &forecast->curves[i]);
    safe_draw(picture, &frame, &forecast->curves[0]);
    curve_legend_draw(picture, forecast, (struct svg_point){box.x + box.width + 36, box.y + 20});
}

/* -- the whole ----------------------------------------------------------------------------------
 */

static const char *line_print(const struct picture *picture, const char *name,
                              const struct simulation_line *line)
{
    double by_slot[SLOTS];
    const char *text = name;
    shares_by_slot(picture, line->shares, by_slot);
    for (uint32_t i = 0; i < slot_count(picture); i++)
        text = arena_printf(picture->arena, "%s%s %s %s", text, i ? "," : ":",
                            slot_name(picture, i), number_percent(by_slot[i], picture->arena));
    return text;
}

static const char *down_print(const struct picture *picture)
{
    const struct simulation *simulation = picture->simulation;
    const char *text = "";
    for (uint32_t i = 0; simulation->has_down && i < simulation->pool->node_count; i++)
        if (simulation->question.is_down[i])
            text =
                arena_printf(picture->arena, "%s%s%s", text,
                             text[0] ? ", " : " · down: ", node_id(simulation, i, picture->arena));
    return text;
}

void report_simulation_svg(FILE *out, const struct simulation *simulation)
{
    struct arena arena = {0};
    struct picture picture = {.simulation = simulation, .arena = &arena};
    const struct simulation_question *question = &simulation->question;
    const struct forecast_curve *curve = &simulation->forecast.curves[0];
    const char *label = simulate_pool_label(&question->pool, &arena);
    double curves_top = HEAD + bars_height(simulation) + 84;
    double height = curves_top + 62 + CURVE_HEIGHT + 60;

    slots_give(&picture);
    const char *title = arena_printf(&arena, "Where new connections to %s go", label);
    const char *description = arena_printf(
        &arena, "%s. %s. After a withdrawal, caches that keep to the TTL are clean after %s.",
        line_print(&picture, "Ideal", &simulation->ideal_reached),
        line_print(&picture, "Audience", &simulation->merged_reached),
        number_duration(curve->safe_s, &arena));
    picture.svg = svg_begin(out, &(struct svg_page){WIDTH, height, title, description, style});
    svg_rect(&picture.svg, "page", (struct svg_box){0, 0, WIDTH, height}, 0);
    svg_text(&picture.svg, "head", (struct svg_point){MARGIN, 44}, SVG_START, title);
    svg_text(&picture.svg, "soft", (struct svg_point){MARGIN, 68}, SVG_START,
             arena_printf(&arena, "first choices by program · answers %s · TTL %s%s",
                          simulate_order_print(question->order),
                          number_duration(question->plan->sets[question->pool.set].ttl_s, &arena),
                          down_print(&picture)));
    legend_draw(&picture, 88);
    bars_draw(&picture, HEAD);
    curves_draw(&picture, curves_top);
    svg_end(&picture.svg);
    arena_fini(&arena);
}
