/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/view/zone_export.h"

#include "api/view/record_view.h"
#include "srvplan/report/report_yaml.h"
#include "srvplan/report/sheet_write.h"
#include "zones/text.h"
#include "zones/zonefile.h"

#include <stdlib.h>

static bool write_master(FILE *out, const struct json_scene *scene, uint32_t zone,
                         enum zonefile_extent extent, struct error *err)
{
    return zonefile_write(out, &scene->plan->input.layout->names, &scene->plan->content, zone,
                          world_zone_serial(scene->view, zone), extent, err);
}

static bool write_zone(FILE *out, const struct json_scene *scene, uint32_t zone, struct error *err)
{
    return write_master(out, scene, zone, ZONEFILE_WHOLE, err);
}

static bool write_fragment(FILE *out, const struct json_scene *scene, uint32_t zone,
                           struct error *err)
{
    return write_master(out, scene, zone, ZONEFILE_FRAGMENT, err);
}

/* -- trees -- */

static json_t *tree_of(const struct json_scene *scene, uint32_t zone)
{
    json_t *json = json_object();
    json_object_set_new(json, "zone",
                        json_view_name(scene->plan->input.layout->names.zones[zone].apex));
    json_object_set_new(json, "serial", json_integer(world_zone_serial(scene->view, zone)));
    json_object_set_new(json, "revision", json_integer((json_int_t)scene->view->revision));
    json_object_set_new(json, "sets", record_view_zone(scene->view, zone));
    return json;
}

static bool write_json(FILE *out, const struct json_scene *scene, uint32_t zone, struct error *err)
{
    (void)err;
    json_t *json = tree_of(scene, zone);
    json_dumpf(json, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(json);
    return true;
}

static bool write_yaml(FILE *out, const struct json_scene *scene, uint32_t zone, struct error *err)
{
    (void)err;
    json_t *json = tree_of(scene, zone);
    report_yaml(out, json);
    json_decref(json);
    return true;
}

/* -- sheets -- */

/* What the plan publishes, less what lies in other zones. */
static struct published *published_of_zone(const struct json_scene *scene, uint32_t zone,
                                           struct arena *arena)
{
    const struct layout *layout = scene->plan->input.layout;
    struct name apex = layout->names.zones[zone].apex;
    struct published *published = arena_new(arena, struct published);
    *published = *published_of_plan(
        scene->plan,
        arena_printf(arena, "revision %llu", (unsigned long long)scene->view->revision), arena);
    struct published_entry *entries =
        arena_array(arena, struct published_entry, published->entry_count);
    uint32_t count = 0;
    for (uint32_t i = 0; i < published->entry_count; i++) {
        struct name owner = published->entries[i].owner;
        uint32_t home = inventory_zone_of(layout->inventory, owner);
        if (home != INVENTORY_NONE && name_equal(layout->inventory->zones[home].apex, apex))
            entries[count++] = published->entries[i];
    }
    published->entries = entries;
    published->entry_count = count;
    return published;
}

static bool write_sheet(FILE *out, const struct json_scene *scene, uint32_t zone,
                        void (*write)(FILE *out, const struct sheet *sheet))
{
    struct arena arena = {0};
    const char *title =
        arena_printf(&arena, "Zone %s",
                     text_name_print(&arena, scene->plan->input.layout->names.zones[zone].apex));
    write(out, sheet_of_published(published_of_zone(scene, zone, &arena), title, &arena));
    arena_fini(&arena);
    return true;
}

static void plain(FILE *out, const struct sheet *sheet)
{
    sheet_write_text(out, sheet, (struct report_style){.utf8 = true});
}

static bool write_text(FILE *out, const struct json_scene *scene, uint32_t zone, struct error *err)
{
    (void)err;
    return write_sheet(out, scene, zone, plain);
}

static bool write_csv(FILE *out, const struct json_scene *scene, uint32_t zone, struct error *err)
{
    (void)err;
    return write_sheet(out, scene, zone, sheet_write_csv);
}

static bool write_md(FILE *out, const struct json_scene *scene, uint32_t zone, struct error *err)
{
    (void)err;
    return write_sheet(out, scene, zone, sheet_write_md);
}

static bool write_html(FILE *out, const struct json_scene *scene, uint32_t zone, struct error *err)
{
    (void)err;
    return write_sheet(out, scene, zone, sheet_write_html);
}

const struct zone_export zone_exports[] = {
    {"zone", "text/dns; charset=us-ascii", write_zone}, /* RFC 4027 */
    {"fragment", "text/dns; charset=us-ascii", write_fragment},
    {"json", "application/json", write_json},
    {"yaml", "application/yaml", write_yaml}, /* RFC 9512 */
    {"text", "text/plain; charset=utf-8", write_text},
    {"csv", "text/csv; charset=utf-8", write_csv},    /* RFC 4180 */
    {"md", "text/markdown; charset=utf-8", write_md}, /* RFC 7763 */
    {"html", "text/html; charset=utf-8", write_html},
};
const size_t zone_export_count = COUNT_OF(zone_exports);

const struct zone_export *zone_export_find(struct text name)
{
    for (size_t i = 0; i < zone_export_count; i++)
        if (text_is(name, zone_exports[i].name))
            return &zone_exports[i];
    return NULL;
}

const char *zone_export_names(struct arena *arena)
{
    const char *names = "";
    for (size_t i = 0; i < zone_export_count; i++)
        names = arena_printf(arena, "%s%s%s", names, i ? ", " : "", zone_exports[i].name);
    return names;
}

char *zone_export_print(const struct zone_export *format, const struct json_scene *scene,
                        uint32_t zone, struct error *err)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort(); /* without memory */
    bool ok = format->write(out, scene, zone, err);
    if (fclose(out) != 0)
        abort();
    if (ok)
        return text;
    free(text);
    return NULL;
}
