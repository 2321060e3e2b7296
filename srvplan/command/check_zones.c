/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan check --lint-zone: zone files of whatever origin, by the same rules. */
#include "srvplan/command/check_build.h"
#include "srvplan/command/findings_print.h"
#include "srvplan/command/zone_file.h"
#include "zones/base/clock.h"
#include "zones/rrtype.h"

struct zones {
    struct arena arena;
    struct findings findings;
    struct lint_record *records; /* of all files */
    size_t count, capacity;
    uint32_t srv_count, file_count;
    struct check_host_metas host_metas;
};

static void faults_take(struct zones *zones, const char *path,
                        const struct zonefile_reading *reading)
{
    for (uint32_t i = 0; i < reading->fault_count; i++) {
        const struct zonefile_fault *fault = &reading->faults[i];
        findings_add(&zones->findings, &(struct finding){.severity = FINDING_ERROR,
                                                         .code = fault->code,
                                                         .file = path,
                                                         .line = fault->line,
                                                         .column = fault->column,
                                                         .message = fault->message,
                                                         .mend = fault->mend});
    }
}

static bool zone_take(struct zones *zones, const char *path, struct error *err)
{
    struct zonefile_reading reading;
    if (!zone_file_read(path, &zones->arena, &reading, err))
        return false;
    faults_take(zones, path, &reading);
    zones->records = arena_grow(&zones->arena, zones->records, &zones->capacity,
                                zones->count + reading.record_count, sizeof *zones->records);
    for (uint32_t i = 0; i < reading.record_count; i++) {
        const struct zonefile_record *record = &reading.records[i];
        zones->srv_count += record->type == RRTYPE_SRV;
        zones->records[zones->count++] = (struct lint_record){.owner = record->owner,
                                                              .type = record->type,
                                                              .ttl_s = record->ttl_s,
                                                              .rdata = record->rdata,
                                                              .file = path,
                                                              .line = record->line};
    }
    return true;
}

/* The zone of the only SOA, or a name without length. */
static struct name only_zone(const struct zones *zones)
{
    struct name only = {0};
    for (size_t i = 0; i < zones->count; i++) {
        if (zones->records[i].type != RRTYPE_SOA)
            continue;
        if (only.len)
            return (struct name){0};
        only = zones->records[i].owner;
    }
    return only;
}

static bool zones_read(struct zones *zones, const struct invocation *invocation, struct error *err)
{
    uint32_t position = 0;
    const char *path;
    while ((path = invocation_next(invocation, OPTION_LINT_ZONE, &position))) {
        zones->file_count++;
        if (!zone_take(zones, path, err))
            return false;
    }
    return check_host_metas_read(invocation, only_zone(zones), &zones->arena, &zones->host_metas,
                                 err);
}

/* All files are looked at together: one may hold the hosts of another. */
int check_zones(const struct context *context)
{
    const struct output *output = &context->output;
    struct zones zones = {0};
    struct error err = {0};
    int code;
    if (!zones_read(&zones, context->invocation, &err)) {
        code = output_fail(output, &err);
        goto out;
    }
    /* What could not be read is not missing: without it nothing is said about the rest. */
    if (zones.findings.errors == 0)
        lint_records(&(struct lint_records){.items = zones.records,
                                            .count = (uint32_t)zones.count,
                                            .input = LINT_FILE,
                                            .at_ms = clock_realtime_ms(),
                                            .host_metas = zones.host_metas.items,
                                            .host_meta_count = zones.host_metas.count},
                     &zones.findings);
    code = check_verdict(&zones.findings, context->invocation);
    if (output->is_json)
        findings_print_json(&zones.findings, output);
    else
        findings_print(&zones.findings, "", output);
    if (!output->is_json && code == EXIT_FINE)
        fprintf(output->out, "fine: %u file%s, %zu records, %u of them SRV\n", zones.file_count,
                zones.file_count == 1 ? "" : "s", zones.count, zones.srv_count);
out:
    findings_fini(&zones.findings);
    arena_fini(&zones.arena);
    return code;
}
