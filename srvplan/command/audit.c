/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan audit: judges the SRV records that a domain has in live DNS. */
#include "srvplan/command/audit.h"

#include <stdlib.h>
#include <string.h>

#include "srvplan/command/findings_print.h"
#include "srvplan/command/offline.h"
#include "srvplan/inventory_names.h"
#include "srvplan/report/report_json.h"
#include "zones/base/clock.h"
#include "zones/rrtype.h"
#include "zones/text.h"

/* ---- the grade ---- */

enum {
    SCORE_FULL = 100,
    ERROR_COSTS = 25,
    WARNING_COSTS = 7,
};

const char audit_rule[] =
    "of 100, each kind of error takes 25 and each kind of warning 7, notes nothing; A from 90, "
    "B from 75, C from 60, D from 40, F below or without any record";

static char grade_of(uint32_t score)
{
    static const struct {
        uint32_t least;
        char grade;
    } grades[] = {{90, 'A'}, {75, 'B'}, {60, 'C'}, {40, 'D'}, {0, 'F'}};
    size_t i = 0;
    while (score < grades[i].least)
        i++;
    return grades[i].grade;
}

/* True when a finding before has the same code and severity. */
static bool is_repeated(const struct findings *findings, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(findings->items[i].code, findings->items[index].code) == 0 &&
            findings->items[i].severity == findings->items[index].severity)
            return true;
    return false;
}

void audit_judge(struct audit *audit)
{
    uint32_t costs = 0;
    lint_records(&(struct lint_records){.items = audit->records,
                                        .count = (uint32_t)audit->record_count,
                                        .input = LINT_LIVE,
                                        .at_ms = clock_realtime_ms(),
                                        .apex = audit->apex,
                                        .authorities = audit->authorities,
                                        .authority_count = audit->authority_count},
                 &audit->findings);
    if (audit->srv_count == 0)
        findings_add(&audit->findings,
                     &(struct finding){
                         .severity = FINDING_ERROR,
                         .code = "no-srv-records",
                         .message = "there is no SRV record for XMPP: all clients and servers try "
                                    "the domain's own address, and nothing can be balanced",
                         .mend = "publish _xmpp-client._tcp and _xmpp-server._tcp"});
    for (size_t i = 0; i < audit->findings.count; i++) {
        enum finding_severity severity = audit->findings.items[i].severity;
        if (severity != FINDING_INFO && !is_repeated(&audit->findings, i))
            costs += severity == FINDING_ERROR ? ERROR_COSTS : WARNING_COSTS;
    }
    audit->score = costs < SCORE_FULL ? SCORE_FULL - costs : 0;
    audit->grade = audit->srv_count ? grade_of(audit->score) : 'F';
}

/* ---- for people ---- */

static int by_rdata(const void *left, const void *right)
{
    const struct lint_record *a = *(const struct lint_record *const *)left;
    const struct lint_record *b = *(const struct lint_record *const *)right;
    size_t shared = a->rdata.len < b->rdata.len ? a->rdata.len : b->rdata.len;
    int order = memcmp(a->rdata.ptr, b->rdata.ptr, shared);
    return order ? order : (a->rdata.len > b->rdata.len) - (a->rdata.len < b->rdata.len);
}

/* The SRV records of an owner by priority, weight, port and target: servers turn them. */
static const struct lint_record **set_sorted(const struct audit *audit, struct name owner,
                                             struct arena *arena, size_t *count)
{
    const struct lint_record **set =
        arena_array(arena, const struct lint_record *, audit->record_count);
    *count = 0;
    for (size_t i = 0; owner.len && i < audit->record_count; i++)
        if (audit->records[i].type == RRTYPE_SRV && name_equal(audit->records[i].owner, owner))
            set[(*count)++] = &audit->records[i];
    if (*count)
        qsort(set, *count, sizeof *set, by_rdata);
    return set;
}

/* "10 32512 5222 xmpp1.example.org." */
static const char *srv_print(const struct lint_record *record, struct arena *arena)
{
    struct reader r = reader_over(record->rdata);
    unsigned priority = read_u16(&r), weight = read_u16(&r), port = read_u16(&r);
    return arena_printf(arena, "%u %u %u %s", priority, weight, port,
                        name_print(arena, (struct name){r.next, reader_left(&r)}));
}

static void put_sets(struct audit *audit, struct arena *arena)
{
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        struct name owner = audit_owner(audit, kind);
        size_t count;
        const struct lint_record **set = set_sorted(audit, owner, arena, &count);
        for (size_t i = 0; i < count; i++)
            fprintf(audit->output->out, "  %s %u IN SRV %s\n", name_print(arena, owner),
                    set[i]->ttl_s, srv_print(set[i], arena));
    }
}

static void put_authorities(const struct audit *audit, struct arena *arena)
{
    for (uint32_t i = 0; i < audit->authority_count; i++) {
        const struct lint_authority *authority = &audit->authorities[i];
        if (authority->has_answered)
            fprintf(audit->output->out, "  %s (%s): serial %u\n",
                    name_print(arena, authority->name), authority->address, authority->serial);
    }
}

static void show(struct audit *audit)
{
    const struct output *output = audit->output;
    struct arena arena = {0};
    FILE *out = output->out;
    /* Here findings are the result. */
    struct output to_out = *output;
    to_out.err = output->out;
    to_out.colors_err = output->colors_out;
    findings_print(&audit->findings, audit->domain_text, &to_out);
    for (size_t i = 0; i < audit->remark_count; i++)
        output_say(output, "%s: not asked: %s", audit->domain_text,
                   output_text(output, audit->remarks[i], &arena));
    fprintf(out, "%s%s: grade %c (%u)\n", audit->findings.count ? "\n" : "", audit->domain_text,
            audit->grade, audit->score);
    fprintf(out, "  %s\n\nwhat is published%s:\n", audit_rule,
            audit->has_whole_ttls ? "" : " (TTLs as a cache had them)");
    put_sets(audit, &arena);
    if (audit->authority_count) {
        fprintf(out, "\nname servers of the zone:\n");
        put_authorities(audit, &arena);
    }
    if (audit->zone_text[0])
        fprintf(out, "\na corrected set for the zone:\n\n%s\nthe same as an inventory:\n\n%s",
                audit->zone_text, audit->inventory_text);
    arena_fini(&arena);
}

/* ---- for programs ---- */

static json_t *sets_json(struct audit *audit)
{
    struct arena arena = {0};
    json_t *sets = json_array();
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        struct name owner = audit_owner(audit, kind);
        size_t count;
        const struct lint_record **set = set_sorted(audit, owner, &arena, &count);
        json_t *records = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(records, json_string(srv_print(set[i], &arena)));
        if (count > 0)
            json_array_append_new(sets, json_pack("{s:s, s:s, s:I, s:O}", "name",
                                                  name_print(&arena, owner), "type", "SRV", "ttl",
                                                  (json_int_t)set[0]->ttl_s, "records", records));
        json_decref(records);
    }
    arena_fini(&arena);
    return sets;
}

static json_t *authorities_json(struct audit *audit)
{
    json_t *authorities = json_array();
    for (uint32_t i = 0; i < audit->authority_count; i++) {
        const struct lint_authority *authority = &audit->authorities[i];
        json_array_append_new(
            authorities,
            json_pack("{s:s, s:s, s:o}", "name", name_print(&audit->arena, authority->name),
                      "address", authority->address, "serial",
                      authority->has_answered ? json_integer(authority->serial) : json_null()));
    }
    return authorities;
}

static json_t *audit_json(struct audit *audit)
{
    json_t *remarks = json_array();
    for (size_t i = 0; i < audit->remark_count; i++)
        json_array_append_new(remarks, json_string(audit->remarks[i]));
    return json_pack("{s:s, s:s#, s:I, s:s, s:b, s:o, s:o, s:o, s:o, s:{s:s, s:s}}", "domain",
                     name_print(&audit->arena, audit->domain), "grade", &audit->grade, (size_t)1,
                     "score", (json_int_t)audit->score, "rule", audit_rule, "whole_ttls",
                     audit->has_whole_ttls, "findings", report_findings_json(&audit->findings),
                     "sets", sets_json(audit), "authorities", authorities_json(audit), "remarks",
                     remarks, "corrected", "zone", audit->zone_text, "inventory",
                     audit->inventory_text);
}

/* ---- the command ---- */

static bool domain_read(struct audit *audit, const char *text, struct error *err)
{
    struct text ascii;
    struct name_mistake mistake = {0};
    if (!inventory_name_to_ascii(&audit->arena, text_from(text), &ascii, &mistake))
        return error_set(err, ERROR_USAGE, "%.100s: %s; %s", text, mistake.what, mistake.mend);
    if (!text_name_parse(&audit->arena, ascii, &audit->domain, err))
        return error_within(err, "%.100s", text);
    const char *name = name_print(&audit->arena, audit->domain);
    size_t len = strlen(name);
    audit->domain_text = arena_cstr(&audit->arena, (struct text){name, len > 1 ? len - 1 : len});
    return audit->domain.len > 1 ||
           error_set(err, ERROR_USAGE, "%s: a domain as example.org is expected", text);
}

static void finish(struct audit *audit)
{
    findings_fini(&audit->findings);
    arena_fini(&audit->arena);
}

int command_audit(const struct context *context)
{
    const struct output *output = &context->output;
    const char *server = invocation_value(context->invocation, OPTION_SERVER, NULL);
    struct audit audit = {.output = output};
    struct error err = {0};
    int code;
    if (!domain_read(&audit, context->invocation->operands[0], &err) ||
        !stub_init(&audit.stub, server, &err)) {
        code = output_fail(output, &err);
        goto out;
    }
    /* Who names a server on another port has a laboratory, and its authorities are there too. */
    audit.authority_port = stub_server_port(&audit.stub.servers[0]);
    if (!audit_ask(&audit, &err)) {
        code = output_fail(output, &err);
        goto out;
    }
    audit_judge(&audit);
    audit_correct(&audit);
    if (output->is_verbose)
        output_say(output, "%u queries sent", audit.stub.query_count);
    if (output->is_json)
        offline_print_json(output, audit_json(&audit));
    else
        show(&audit);
    code = audit.findings.errors > 0 ? EXIT_FAILED : EXIT_FINE;
out:
    finish(&audit);
    return code;
}
