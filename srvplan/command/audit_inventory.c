/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An inventory of what an audit found: a node for each target, tiers by priority, capacities in
 * the ratio of the weights. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "srvplan/command/audit.h"
#include "zones/rrtype.h"

enum {
    ID_SIZE = LABEL_MAX_BYTES + 8,
};

static const uint16_t usual_ports[AUDIT_KINDS] = {5222, 5223, 5269, 5270};

struct node {
    struct name host;
    char id[ID_SIZE];
    uint16_t priority, weight;   /* of the first set that has it */
    uint16_t ports[AUDIT_KINDS]; /* 0: not in that set */
};

struct draft {
    struct audit *audit;
    const struct audit_set *sets;
    struct node *nodes;
    uint32_t node_count;
    int32_t offsets[AUDIT_KINDS]; /* priorities of a service behind those of the tiers */
};

/* ---- nodes ---- */

static bool id_is_taken(const struct draft *draft, const char *id)
{
    for (uint32_t i = 0; i < draft->node_count; i++)
        if (strcmp(draft->nodes[i].id, id) == 0)
            return true;
    return false;
}

/* An id of the host's first label, as inventories want it, and of nobody else. */
static void id_make(struct draft *draft, struct node *node)
{
    size_t len = 0;
    for (size_t i = 1; i <= node->host.wire[0]; i++) {
        uint8_t byte = name_lower_byte(node->host.wire[i]);
        bool is_good = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (is_good || (byte == '-' && len > 0))
            node->id[len++] = (char)byte;
    }
    while (len > 0 && node->id[len - 1] == '-')
        len--;
    if (len == 0 || len > 50)
        len = (size_t)snprintf(node->id, sizeof node->id, "node");
    node->id[len] = '\0';
    for (uint32_t number = 2; id_is_taken(draft, node->id); number++)
        snprintf(node->id + len, sizeof node->id - len, "-%u", number);
}

static struct node *node_of(struct draft *draft, const struct audit_srv *srv)
{
    for (uint32_t i = 0; i < draft->node_count; i++)
        if (name_equal(draft->nodes[i].host, srv->target))
            return &draft->nodes[i];
    struct node *node = &draft->nodes[draft->node_count];
    *node = (struct node){.host = srv->target, .priority = srv->priority, .weight = srv->weight};
    id_make(draft, node);
    draft->node_count++;
    return node;
}

/* The services in the order in which they decide tiers and weights: those that most have. */
static void nodes_take(struct draft *draft)
{
    static const int order[AUDIT_KINDS] = {0, 2, 1, 3};
    size_t most = 0;
    for (int kind = 0; kind < AUDIT_KINDS; kind++)
        most += draft->sets[kind].count;
    draft->nodes = arena_array(&draft->audit->arena, struct node, most);
    for (int i = 0; i < AUDIT_KINDS; i++) {
        const struct audit_set *set = &draft->sets[order[i]];
        for (uint32_t j = 0; j < set->count; j++) {
            struct node *node = node_of(draft, &set->items[j]);
            if (node->ports[order[i]] == 0)
                node->ports[order[i]] = set->items[j].port;
        }
    }
}

/* An offset that all nodes of the service share, else none. */
static void offsets_find(struct draft *draft)
{
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        const struct audit_set *set = &draft->sets[kind];
        for (uint32_t i = 0; i < set->count; i++) {
            int32_t offset = set->items[i].priority - node_of(draft, &set->items[i])->priority;
            if (i > 0 && offset != draft->offsets[kind]) {
                draft->offsets[kind] = 0;
                break;
            }
            draft->offsets[kind] = offset;
        }
    }
}

/* ---- text ---- */

/* The smallest whole numbers in the ratio of the weights of the tier. */
static uint32_t capacity_of(const struct draft *draft, const struct node *node)
{
    uint32_t divisor = 0;
    for (uint32_t i = 0; i < draft->node_count; i++) {
        uint32_t a = draft->nodes[i].weight, b = divisor;
        if (draft->nodes[i].priority != node->priority)
            continue;
        while (b) {
            uint32_t rest = a % b;
            a = b;
            b = rest;
        }
        divisor = a;
    }
    return divisor ? node->weight / divisor : 1;
}

static void put_addresses(const struct draft *draft, FILE *out, struct name host)
{
    const struct audit *audit = draft->audit;
    const char *between = "";
    for (size_t i = 0; i < audit->record_count; i++) {
        const struct lint_record *record = &audit->records[i];
        char text[INET6_ADDRSTRLEN];
        bool is_ipv4 = record->type == RRTYPE_A;
        if ((!is_ipv4 && record->type != RRTYPE_AAAA) || !name_equal(record->owner, host))
            continue;
        inet_ntop(is_ipv4 ? AF_INET : AF_INET6, record->rdata.ptr, text, sizeof text);
        fprintf(out, "%s\"%s\"", between, text);
        between = ", ";
    }
}

static void put_name(struct draft *draft, FILE *out, struct name name)
{
    const char *text = name_print(&draft->audit->arena, name);
    fprintf(out, "%.*s", (int)strlen(text) - 1, text);
}

/* Services that a node does not offer although others do, and ports that are its own. */
static void put_services(const struct draft *draft, FILE *out, const struct node *node)
{
    bool is_partial = false;
    const char *between = "";
    for (int kind = 0; kind < AUDIT_KINDS; kind++)
        is_partial |= draft->sets[kind].count > 0 && node->ports[kind] == 0;
    if (is_partial) {
        fprintf(out, ",\n      \"services\": [");
        for (int kind = 0; kind < AUDIT_KINDS; kind++) {
            if (node->ports[kind] == 0)
                continue;
            fprintf(out, "%s\"%s\"", between, audit_services[kind]);
            between = ", ";
        }
        fprintf(out, "]");
    }
    between = ",\n      \"ports\": {";
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        if (node->ports[kind] == 0 || node->ports[kind] == usual_ports[kind])
            continue;
        fprintf(out, "%s \"%s\": %u", between, audit_services[kind], node->ports[kind]);
        between = ",";
    }
    fprintf(out, "%s", between[1] ? "" : " }");
}

static void put_nodes(struct draft *draft, FILE *out)
{
    fprintf(out, "  \"nodes\": {\n");
    for (uint32_t i = 0; i < draft->node_count; i++) {
        const struct node *node = &draft->nodes[i];
        fprintf(out, "    \"%s\": {\n      \"host\": \"", node->id);
        put_name(draft, out, node->host);
        fprintf(out, "\", \"tier\": \"p%u\", \"capacity\": %u,\n      \"addresses\": [",
                node->priority, capacity_of(draft, node));
        put_addresses(draft, out, node->host);
        fprintf(out, "]");
        put_services(draft, out, node);
        fprintf(out, "\n    }%s\n", i + 1 < draft->node_count ? "," : "");
    }
    fprintf(out, "  },\n");
}

static void put_tiers(const struct draft *draft, FILE *out)
{
    const char *between = "";
    fprintf(out, "  \"tiers\": {");
    for (uint32_t i = 0; i < draft->node_count; i++) {
        bool is_new = true;
        for (uint32_t j = 0; j < i; j++)
            is_new &= draft->nodes[j].priority != draft->nodes[i].priority;
        if (!is_new)
            continue;
        fprintf(out, "%s \"p%u\": { \"priority\": %u }", between, draft->nodes[i].priority,
                draft->nodes[i].priority);
        between = ",";
    }
    fprintf(out, " },\n");
}

static void put_domain(struct draft *draft, FILE *out)
{
    const char *between = "";
    uint32_t ttl_s = UINT32_MAX;
    for (int kind = 0; kind < AUDIT_KINDS; kind++)
        if (draft->sets[kind].count && draft->sets[kind].ttl_s < ttl_s)
            ttl_s = draft->sets[kind].ttl_s;
    fprintf(out, "  \"domains\": { \"");
    put_name(draft, out, draft->audit->domain);
    fprintf(out, "\": { \"ttl\": %u, \"services\": [", ttl_s);
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        if (draft->sets[kind].count == 0)
            continue;
        fprintf(out, "%s\"%s\"", between, audit_services[kind]);
        between = ", ";
    }
    fprintf(out, "] } },\n");
}

static void put_service_settings(const struct draft *draft, FILE *out)
{
    const char *between = "";
    fprintf(out, "  \"services\": {");
    for (int kind = 0; kind < AUDIT_KINDS; kind++) {
        const struct audit_set *set = &draft->sets[kind];
        if (set->is_absent)
            fprintf(out, "%s \"%s\": { \"absent\": true }", between, audit_services[kind]);
        else if (set->count && draft->offsets[kind])
            fprintf(out, "%s \"%s\": { \"priority_offset\": %d }", between, audit_services[kind],
                    draft->offsets[kind]);
        else
            continue;
        between = ",";
    }
    fprintf(out, " }\n");
}

const char *audit_inventory(struct audit *audit, const struct audit_set sets[AUDIT_KINDS])
{
    struct draft draft = {.audit = audit, .sets = sets};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    nodes_take(&draft);
    offsets_find(&draft);
    fprintf(out, "{\n  \"srvplan\": 1,\n");
    put_domain(&draft, out);
    put_tiers(&draft, out);
    put_nodes(&draft, out);
    put_service_settings(&draft, out);
    fprintf(out, "}\n");
    if (fclose(out) != 0)
        abort();
    const char *copy = arena_cstr(&audit->arena, (struct text){text, size});
    free(text);
    return copy;
}
