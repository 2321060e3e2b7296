/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "srvplan/report/escape.h"
#include "srvplan/report/sheet_write.h"

#include <string.h>

static void put_field(FILE *out, const char *text, char end)
{
    escape_csv(out, text);
    fputc(end, out);
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void put_pair(FILE *out, struct sheet_pair pair, bool has_before)
{
    if (has_before)
        put_field(out, or_empty(pair.was), ',');
    put_field(out, or_empty(pair.is), ',');
}

static void put_row(FILE *out, const struct sheet *sheet, const struct sheet_set *set,
                    const char *owner, const struct sheet_row *row)
{
    static const char *const actions[] = {[CHANGE_NONE] = "keep",
                                          [CHANGE_ADD] = "add",
                                          [CHANGE_UPDATE] = "update",
                                          [CHANGE_REMOVE] = "remove"};
    bool has_before = sheet->was != NULL;
    put_field(out, has_before ? actions[row->kind] : row->is_out ? "out" : "publish", ',');
    put_field(out, owner, ',');
    put_field(out, set->type, ',');
    put_pair(out, set->ttl, has_before);
    put_pair(out, row->priority, has_before);
    put_pair(out, row->weight, has_before);
    put_pair(out, row->port, has_before);
    put_field(out, row->data, ',');
    put_pair(out, row->share, has_before);
    put_field(out, row->because, '\n');
}

void sheet_write_csv(FILE *out, const struct sheet *sheet)
{
    fputs(sheet->was
              ? "action,name,type,ttl_before,ttl_after,priority_before,priority_after,"
                "weight_before,weight_after,port_before,port_after,data,share_before,share_after,"
                "because\n"
              : "action,name,type,ttl,priority,weight,port,data,share,because\n",
          out);
    for (uint32_t i = 0; i < sheet->group_count; i++) {
        const struct sheet_group *group = &sheet->groups[i];
        for (uint32_t j = 0; j < group->set_count; j++) {
            const struct sheet_set *set = &group->sets[j];
            for (uint32_t owner = 0; owner < set->owner_count; owner++)
                for (uint32_t row = 0; row < set->row_count; row++)
                    put_row(out, sheet, set, set->owners[owner], &set->rows[row]);
        }
    }
}
