/* SPDX-License-Identifier: GPL-3.0-or-later */
/* srvplan init: an inventory to begin with, by one of the four ways to spread clients that
 * Openfire's guide to load balancing knows, with what each cannot do beside it. */
#include <stdlib.h>
#include <string.h>

#include "srvplan/command/offline.h"
#include "srvplan/command/out_file.h"
#include "srvplan/inventory_load.h"

enum {
    NODES_MAX = 1000
};

struct init_node {
    const char *id;
    const char *addresses; /* separated by commas */
};

/* How the nodes of a strategy differ. */
enum init_shape {
    SHAPE_EQUAL,
    SHAPE_CAPACITIES, /* each following node has half of the first one's capacity */
    SHAPE_TIERS,      /* the second half is on standby */
};

struct strategy {
    const char *name;
    enum init_shape shape;
    uint32_t min_nodes, max_nodes;
    uint32_t sample_nodes; /* without --node */
    const char *about;     /* lines of comment, without their slashes */
};

static const struct strategy strategies[] = {
    {
        .name = "single",
        .shape = SHAPE_EQUAL,
        .min_nodes = 1,
        .max_nodes = 1,
        .sample_nodes = 1,
        .about =
            "Single look-up: one server, whose name and port clients learn from DNS.\n"
            "\n"
            "What it gives: the server may have another name than the domain, another address\n"
            "tomorrow, another port. What it does not: nobody takes over when it fails, and it\n"
            "cannot be drained, since a set must never become empty. To move to another machine,\n"
            "add that one as a second node, drain this one, and remove it when it is empty.\n",
    },
    {
        .name = "round-robin",
        .shape = SHAPE_EQUAL,
        .min_nodes = 2,
        .max_nodes = NODES_MAX,
        .sample_nodes = 3,
        .about =
            "Round robin: servers of equal size, each of which gets an equal part of new clients.\n"
            "\n"
            "Equal on average, over many clients, and of new connections only: sessions that are\n"
            "there stay where they are, for days. Some clients draw no lots but take the first\n"
            "answer, or always the same one; `srvplan simulate` says which. The rest must be able\n"
            "to bear the load when one server fails.\n",
    },
    {
        .name = "weighted",
        .shape = SHAPE_CAPACITIES,
        .min_nodes = 2,
        .max_nodes = NODES_MAX,
        .sample_nodes = 3,
        .about =
            "Weighted: servers of unequal size, each of which gets its part of new clients.\n"
            "\n"
            "Fewer clients than one should think honour a weight exactly: many use the rule of "
            "RFC\n"
            "2782, which errs with small weights (the scale \"universal\" keeps them large), some\n"
            "take the heaviest server always, some the first answer. `srvplan simulate` shows "
            "what\n"
            "each kind does, and `srvplan tune` looks for weights that suit your users. Weights\n"
            "count among servers of one tier only.\n",
    },
    {
        .name = "tiered",
        .shape = SHAPE_TIERS,
        .min_nodes = 2,
        .max_nodes = NODES_MAX,
        .sample_nodes = 4,
        .about =
            "Tiered fail-over: servers in daily use, and others that take over when all of those\n"
            "are out of reach.\n"
            "\n"
            "A client tries every server of the first tier before one of the next, and waits for\n"
            "each: a machine that is off costs it a time-out (half a minute with some), one that\n"
            "refuses connections costs nothing. Drain what is down, then nobody waits. The "
            "standby\n"
            "must bear the whole load, and gets none until then: test it. A weight has no effect\n"
            "between tiers. Clients do not come back by themselves when the first tier does.\n",
    },
};

static const char caveats[] =
    "What holds for all of them:\n"
    "\n"
    "- DNS moves new connections, never sessions, and as fast as caches forget: see \"ttl\".\n"
    "- Clients that resume a session (XEP-0198) go back to the server that had it, whatever DNS\n"
    "  says, as long as it listens.\n"
    "- Clients must look SRV records up. Browsers cannot: BOSH and WebSocket (ports 7070, 7443)\n"
    "  need a proxy with sticky sessions, and XEP-0156 to announce it.\n"
    "- DNS does not know whether a server answers. Clients find out, one by one.\n"
    "- Every server needs a certificate for the domain, not only for its own name.\n"
    "- Components (conference., pubsub. ...) need records of their own to be found by other\n"
    "  servers, and only those: \"components\" of a domain.\n"
    "- Ports of administration (9090, 9091) belong into no record, and behind a firewall.\n";

/* -- the text -----------------------------------------------------------------------------------
 */

static void put_comment(FILE *out, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        fprintf(out, len ? "// %.*s\n" : "//\n", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

/* As JSON writes it. */
static void put_string(FILE *out, struct text text)
{
    json_t *string = json_stringn(text.ptr, text.len);
    if (string)
        json_dumpf(string, out, JSON_ENCODE_ANY);
    else /* no UTF-8: the loader says so */
        fprintf(out, "\"\xef\xbf\xbd\"");
    json_decref(string);
}

static void put_addresses(FILE *out, const char *list)
{
    fputc('[', out);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        fputs(at == list ? "" : ", ", out);
        put_string(out, (struct text){at, strcspn(at, ",")});
    }
    fputc(']', out);
}

static void put_defaults(FILE *out, const char *domain)
{
    fputs(
        "  \"defaults\": {\n"
        "    // How long caches may keep a record, and so how long a drain takes to be felt.\n"
        "    \"ttl\": \"5m\",\n\n"
        "    // Users, and other servers. If your servers offer Direct TLS (5223 and 5270; "
        "XEP-0368), "
        "add:\n"
        "    //   \"xmpps-client\", \"xmpps-server\"\n"
        "    \"services\": [\"xmpp-client\", \"xmpp-server\"],\n\n"
        "    // Who answers for the zone. The address is one for examples: put your own here. "
        "Without\n"
        "    // name_servers, `srvplan zone --fragment` still gives records for a zone of yours.\n"
        "    \"name_servers\": [{ \"host\": ",
        out);
    put_string(out, text_from(domain));
    fputs(", \"addresses\": [\"192.0.2.53\"] }],\n  },\n\n", out);
}

static void put_tiers(FILE *out, enum init_shape shape)
{
    fputs("  // Clients use the tier with the lowest priority of which a server answers.\n"
          "  \"tiers\": {\n    \"primary\": { \"priority\": 10 },\n",
          out);
    if (shape == SHAPE_TIERS)
        fputs("    \"standby\": { \"priority\": 20 },\n", out);
    fputs("  },\n\n", out);
}

static void put_nodes(FILE *out, const struct strategy *strategy, const struct init_node *nodes,
                      uint32_t count)
{
    fputs("  // A server's host is its key below the domain; \"host\" says another. It must be the "
          "name "
          "that\n  // the server itself knows, since some ways to log in check it.\n",
          out);
    if (strategy->shape == SHAPE_CAPACITIES)
        fputs("  // Capacity is in any unit, here sessions; only the ratios within a tier count.\n",
              out);
    fputs("  \"nodes\": {\n", out);
    for (uint32_t i = 0; i < count; i++) {
        bool is_standby = strategy->shape == SHAPE_TIERS && i >= (count + 1) / 2;
        fputs("    ", out);
        put_string(out, text_from(nodes[i].id));
        fputs(": { \"addresses\": ", out);
        put_addresses(out, nodes[i].addresses);
        fprintf(out, ", \"tier\": \"%s\"", is_standby ? "standby" : "primary");
        if (strategy->shape == SHAPE_CAPACITIES)
            fprintf(out, ", \"capacity\": %u", i == 0 ? 10000 : 5000);
        fputs(" },\n", out);
    }
    fputs("  },\n", out);
}

static char *text_make(const struct strategy *strategy, const char *domain,
                       const struct init_node *nodes, uint32_t count, struct arena *arena)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    put_comment(out, strategy->about);
    fputs("//\n", out);
    put_comment(out, caveats);
    put_comment(out,
                "\nJSON with comments and trailing commas; all keys: srvplan-inventory(5). Next:\n"
                "\n  srvplan check -f FILE    is it right?\n"
                "  srvplan plan -f FILE     which records, and why\n");
    fputs("{\n  \"srvplan\": 1, // version of this format\n\n  \"domains\": { ", out);
    put_string(out, text_from(domain));
    fputs(": {} },\n\n", out);
    put_defaults(out, arena_printf(arena, "ns1.%s", domain));
    put_tiers(out, strategy->shape);
    put_nodes(out, strategy, nodes, count);
    fputs("}\n", out);
    if (fclose(out) != 0)
        abort(); /* no memory */
    return text;
}

/* -- the command line ---------------------------------------------------------------------------
 */

static const struct strategy *strategy_find(const char *name, struct error *err)
{
    for (size_t i = 0; i < COUNT_OF(strategies); i++)
        if (strcmp(strategies[i].name, name) == 0)
            return &strategies[i];
    error_set(err, ERROR_USAGE, "init '%.60s': expected %s", name,
              command_rows[COMMAND_INIT].operands);
    return NULL;
}

static struct init_node *sample_nodes(uint32_t count, struct arena *arena)
{
    struct init_node *nodes = arena_array(arena, struct init_node, count);
    for (uint32_t i = 0; i < count; i++)
        nodes[i] = (struct init_node){
            .id = arena_printf(arena, "xmpp%u", i + 1),
            .addresses = arena_printf(arena, "192.0.2.%u,2001:db8::%x", 11 + i, 0x11 + i)};
    return nodes;
}

/* --node ID=ADDR[,ADDR]…, or NULL with *err. Ids and addresses are the loader's to judge. */
static struct init_node *given_nodes(const struct invocation *invocation,
                                     const struct strategy *strategy, struct arena *arena,
                                     uint32_t *count, struct error *err)
{
    struct init_node *nodes = arena_array(arena, struct init_node, invocation->given_count);
    uint32_t position = 0;
    const char *value;
    *count = 0;
    while ((value = invocation_next(invocation, OPTION_NODE, &position))) {
        const char *equals = strchr(value, '=');
        if (!equals || equals == value || !equals[1]) {
            error_set(err, ERROR_USAGE,
                      "--node '%.100s': expected ID=ADDR[,ADDR]..., as "
                      "xmpp1=192.0.2.11,2001:db8::11",
                      value);
            return NULL;
        }
        struct text id = {value, (size_t)(equals - value)};
        nodes[(*count)++] = (struct init_node){arena_cstr(arena, id), equals + 1};
    }
    if (*count >= strategy->min_nodes && *count <= strategy->max_nodes)
        return nodes;
    error_set(err, ERROR_USAGE, "init %s: needs %s%u node%s, found %u", strategy->name,
              strategy->min_nodes == strategy->max_nodes ? "" : "at least ", strategy->min_nodes,
              strategy->min_nodes == 1 ? "" : "s", *count);
    return NULL;
}

/* What --domain and --node gave may be no names, ids or addresses: the loader says so. */
static int text_check(const struct output *output, const char *text)
{
    struct offline offline = {.file = "init"};
    struct bytes bytes = {(const uint8_t *)text, strlen(text)};
    offline.inventory = inventory_load(bytes, "init", &offline.findings);
    int code = offline.inventory ? EXIT_FINE : EXIT_USAGE;
    if (code != EXIT_FINE)
        offline_print_findings(&offline, output);
    offline_close(&offline);
    return code;
}

static int text_write(const struct context *context, const char *text)
{
    struct error err = {0};
    const char *file = invocation_value(context->invocation, OPTION_OUT, NULL);
    enum out_file_mode mode =
        invocation_has(context->invocation, OPTION_FORCE) ? OUT_FILE_REPLACE : OUT_FILE_NEW;
    if (!file) {
        fputs(text, context->output.out);
        return EXIT_FINE;
    }
    return out_file_write(file, text_from(text), mode, &err) ? EXIT_FINE
                                                             : output_fail(&context->output, &err);
}

int command_init(const struct context *context)
{
    const struct invocation *invocation = context->invocation;
    struct arena arena = {0};
    struct error err = {0};
    char *text = NULL;
    int code = EXIT_USAGE;
    const struct strategy *strategy = strategy_find(invocation->operands[0], &err);
    uint32_t count = strategy ? strategy->sample_nodes : 0;
    struct init_node *nodes = NULL;
    if (strategy && invocation_has(invocation, OPTION_NODE))
        nodes = given_nodes(invocation, strategy, &arena, &count, &err);
    else if (strategy)
        nodes = sample_nodes(count, &arena);
    if (!nodes) {
        code = output_fail(&context->output, &err);
        goto out;
    }
    text = text_make(strategy, invocation_value(invocation, OPTION_DOMAIN, "example.org"), nodes,
                     count, &arena);
    code = text_check(&context->output, text);
    if (code == EXIT_FINE)
        code = text_write(context, text);
out:
    free(text);
    arena_fini(&arena);
    return code;
}
