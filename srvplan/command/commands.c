/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables of commands and options. A new spelling is a row here and nothing else; the manual
 * page names every row (tests/e2e/test_cli_offline.py compares). */
#include "srvplan/command/context.h"
#include "srvplan/command/options.h"

/* clang-format off */
const struct command_row command_rows[COMMAND_COUNT] = {
    [COMMAND_PLAN] = {
        .name = "plan", .operands = "", .run = command_plan, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS, .is_offline = true,
        .summary = "show the record sets that an inventory makes, and why",
        .example = "srvplan plan -f inventory.jsonc"},
    [COMMAND_ZONE] = {
        .name = "zone", .operands = "[ZONE]", .max_operands = 1, .run = command_zone, .outputs = WRITES_TABLE, .is_offline = true,
        .summary = "write the zone file of one zone, or of all",
        .example = "srvplan zone -f inventory.jsonc example.org"},
    [COMMAND_CHECK] = {
        .name = "check", .operands = "", .run = command_check, .outputs = WRITES_TABLE | WRITES_TREE, .is_offline = true,
        .summary = "read an inventory and report everything that is wrong with it",
        .example = "srvplan check -f inventory.jsonc --strict"},
    [COMMAND_DIFF] = {
        .name = "diff", .operands = "A B", .min_operands = 2, .max_operands = 2, .run = command_diff, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS, .is_offline = true,
        .summary = "show what differs between two inventories, plans or zone files",
        .example = "srvplan diff old.jsonc new.jsonc"},
    [COMMAND_SIMULATE] = {
        .name = "simulate", .operands = "DOMAIN/SERVICE", .min_operands = 1, .max_operands = 1, .run = command_simulate, .is_offline = true,
        .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "show where each kind of client goes, exactly",
        .example = "srvplan simulate -f inventory.jsonc example.org/xmpp-client"},
    [COMMAND_EXPLAIN] = {
        .name = "explain", .operands = "NODE [DOMAIN/SERVICE]", .min_operands = 1, .max_operands = 2, .run = command_explain, .is_offline = true,
        .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "say why a node has what it has, and which clients will not follow",
        .example = "srvplan explain -f inventory.jsonc xmpp1"},
    [COMMAND_TUNE] = {
        .name = "tune", .operands = "DOMAIN/SERVICE", .min_operands = 1, .max_operands = 1, .run = command_tune, .is_offline = true,
        .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "search the weights that suit the audience best",
        .example = "srvplan tune -f inventory.jsonc example.org/xmpp-client"},
    [COMMAND_AUDIT] = {
        .name = "audit", .operands = "DOMAIN", .min_operands = 1, .max_operands = 1, .run = command_audit, .is_offline = true,
        .summary = "judge the SRV records that a domain has in live DNS",
        .example = "srvplan audit example.org"},
    [COMMAND_FMT] = {
        .name = "fmt", .operands = "[FILE...]", .max_operands = 1000, .run = command_fmt, .outputs = WRITES_TABLE, .is_offline = true,
        .summary = "write an inventory in its canonical form",
        .example = "srvplan fmt inventory.jsonc"},
    [COMMAND_INIT] = {
        .name = "init", .operands = "single|round-robin|weighted|tiered", .min_operands = 1, .max_operands = 1, .run = command_init, .outputs = WRITES_TABLE, .is_offline = true,
        .summary = "write an inventory to begin with",
        .example = "srvplan init tiered >inventory.jsonc"},
    [COMMAND_SCHEMA] = {
        .name = "schema", .operands = "", .run = command_schema, .outputs = WRITES_TABLE, .is_offline = true,
        .summary = "write the JSON Schema of the inventory",
        .example = "srvplan schema >inventory-v1.json"},
    [COMMAND_COMPLETION] = {
        .name = "completion", .operands = "bash|zsh|fish", .min_operands = 1, .max_operands = 1, .run = command_completion, .outputs = WRITES_TABLE, .is_offline = true,
        .summary = "write the completion script of a shell",
        .example = "srvplan completion bash"},
    [COMMAND_SERVE] = {
        .name = "serve", .operands = "", .run = command_serve, .outputs = WRITES_TABLE,
        .summary = "run the control plane and the DNS server, in the foreground",
        .example = "srvplan serve -f inventory.jsonc --state /var/lib/srvplan"},
    [COMMAND_STATUS] = {
        .name = "status", .operands = "", .run = command_status, .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "show what is served, and what operators changed",
        .example = "srvplan status"},
    [COMMAND_CONTEXT] = {
        .name = "context", .operands = "ls|show|add|use|rm [CONTEXT]", .min_operands = 1, .max_operands = 2, .run = command_context,
        .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "keep servers by name, and choose the one that commands go to",
        .example = "srvplan context add prod -s https://dns-admin.example.org --token-file ~/prod.token"},
    [COMMAND_NODES] = {
        .name = "nodes", .operands = "", .run = command_nodes, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "list the nodes, their state, weights and shares",
        .example = "srvplan nodes"},
    [COMMAND_DOMAINS] = {
        .name = "domains", .operands = "", .run = command_domains, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "list the domains, who is in their sets, and with which shares",
        .example = "srvplan domains"},
    [COMMAND_SHOW] = {
        .name = "show", .operands = "OBJECT", .min_operands = 1, .max_operands = 1, .run = command_show, .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "show one thing that the server knows, with all that it says of it",
        .example = "srvplan show xmpp2"},
    [COMMAND_WINDOWS] = {
        .name = "windows", .operands = "", .run = command_windows, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "list the maintenance windows, and when they open",
        .example = "srvplan windows"},
    [COMMAND_WINDOW] = {
        .name = "window", .operands = "add|ls|show|edit|rm|skip|end|calendar|suggest NODE|WINDOW...",
        .min_operands = 1, .max_operands = 1000, .run = command_window, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "make, show, change, skip and end maintenance windows, or find a schedule",
        .example = "srvplan window add xmpp1 xmpp2 --start 2026-12-06T02:00 --for 2h -m 'kernel update'"},
    [COMMAND_DRAINS] = {
        .name = "drains", .operands = "[NODE...]", .max_operands = 1000, .run = command_drains, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "list the drains in force",
        .example = "srvplan drains --all"},
    [COMMAND_DRAIN] = {
        .name = "drain", .operands = "NODE...", .min_operands = 1, .max_operands = 1000,
        .run = command_drain, .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "move new connections away from nodes",
        .example = "srvplan drain xmpp2 -m 'kernel update'"},
    [COMMAND_UNDRAIN] = {
        .name = "undrain", .operands = "NODE...", .min_operands = 1, .max_operands = 1000,
        .run = command_undrain, .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "end the drains of nodes",
        .example = "srvplan undrain xmpp2"},
    [COMMAND_WEIGHT] = {
        .name = "weight", .operands = "NODE [VALUE|+N|-N|N%]", .min_operands = 1,
        .max_operands = 2, .takes_negative = true, .run = command_weight, .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "change the weight of a node, or go back to the inventory's",
        .example = "srvplan weight xmpp2 50% -m 'slow disk'"},
    [COMMAND_HISTORY] = {
        .name = "history", .operands = "", .run = command_history, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "list the published revisions, newest first",
        .example = "srvplan history --limit 50"},
    [COMMAND_APPLY] = {
        .name = "apply", .operands = "[PLANFILE]", .max_operands = 1, .run = command_apply, .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "bring an inventory into force, or a plan of plan --out",
        .example = "srvplan apply -f inventory.jsonc -m 'two more nodes'"},
    [COMMAND_ROLLBACK] = {
        .name = "rollback", .operands = "REV", .min_operands = 1, .max_operands = 1, .run = command_rollback, .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "go back to the inventory of a revision",
        .example = "srvplan rollback 41 -m 'too early'"},
    [COMMAND_AUDIT_LOG] = {
        .name = "audit-log", .operands = "[verify]", .max_operands = 1, .run = command_audit_log, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "list who did what to what, newest first; or check that nobody altered it",
        .example = "srvplan audit-log --object xmpp2"},
    [COMMAND_BACKUP] = {
        .name = "backup", .operands = "", .run = command_backup, .outputs = WRITES_TABLE | WRITES_TREE,
        .summary = "write a copy of the store of a running server",
        .example = "srvplan backup --keep 14"},
    [COMMAND_RESTORE] = {
        .name = "restore", .operands = "FILE", .min_operands = 1, .max_operands = 1, .run = command_restore, .outputs = WRITES_TABLE, .is_offline = true,
        .summary = "put a copy of the store back, while no server runs",
        .example = "srvplan restore --state /var/lib/srvplan backup/srvplan-r42.db"},
    [COMMAND_TOKEN] = {
        .name = "token", .operands = "create NAME|ls|revoke NAME...", .min_operands = 1, .max_operands = 1000,
        .run = command_token, .outputs = WRITES_TABLE | WRITES_TREE | WRITES_ROWS,
        .summary = "make, list and revoke tokens of the server's API",
        .example = "srvplan token create deploy-bot --role operator --for 90d"},
    [COMMAND_EVENTS] = {
        .name = "events", .operands = "", .run = command_events, .outputs = WRITES_TABLE | 1 << OUTPUT_JSON,
        .summary = "show what has happened, and what happens",
        .example = "srvplan events --follow"},
    [COMMAND_VERSION] = {
        .name = "version", .operands = "", .run = command_version, .outputs = WRITES_TABLE | WRITES_TREE, .is_offline = true,
        .summary = "show the version", .example = "srvplan version"},
    [COMMAND_HELP] = {
        .name = "help", .operands = "[COMMAND]", .max_operands = 1, .run = command_help, .outputs = WRITES_TABLE,
        .is_offline = true,
        .summary = "explain a command", .example = "srvplan help drain"},
};

const struct option_row option_rows[OPTION_COUNT] = {
    [OPTION_FILE] = {
        .name = "file", .letter = 'f', .metavar = "FILE", .value = VALUE_TEXT, .commands = ON_ALL,
        .help = "the inventory (default /etc/srvplan/inventory.jsonc)"},
    [OPTION_SERVER] = {
        .name = "server", .letter = 's', .metavar = "URL", .value = VALUE_TEXT, .commands = ON_ALL,
        .help = "the server's address, as http://127.0.0.1:8053 (SRVPLAN_SERVER)"},
    [OPTION_SOCKET] = {
        .name = "socket", .metavar = "PATH", .value = VALUE_TEXT, .commands = ON_ALL,
        .help = "the server's UNIX socket (SRVPLAN_SOCKET)"},
    [OPTION_TOKEN_FILE] = {
        .name = "token-file", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON_ALL,
        .help = "file that holds the token (SRVPLAN_TOKEN_FILE, SRVPLAN_TOKEN)"},
    [OPTION_CA_FILE] = {
        .name = "ca-file", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON_ALL,
        .help = "who vouches for an https server, PEM (SRVPLAN_CA_FILE)"},
    [OPTION_CERT_FILE] = {
        .name = "cert-file", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON_ALL,
        .help = "a client certificate for it, PEM (SRVPLAN_CERT_FILE)"},
    [OPTION_KEY_FILE] = {
        .name = "key-file", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON_ALL,
        .help = "its key, PEM (SRVPLAN_KEY_FILE)"},
    [OPTION_CONTEXT] = {
        .name = "context", .metavar = "CONTEXT", .value = VALUE_TEXT, .commands = ON_ALL,
        .help = "the server of that name (SRVPLAN_CONTEXT; see srvplan context)"},
    [OPTION_OUTPUT] = {
        .name = "output", .letter = 'o', .metavar = "table|json|yaml|csv|md", .value = VALUE_CHOICE,
        .choices = "table|json|yaml|csv|md", .commands = ON_ALL,
        .help = "how results are written (default table)"},
    [OPTION_COLOR] = {
        .name = "color", .metavar = "auto|always|never", .value = VALUE_CHOICE,
        .choices = "auto|always|never", .commands = ON_ALL,
        .help = "colours (default auto: on a terminal, unless NO_COLOR is set)"},
    [OPTION_QUIET] = {
        .name = "quiet", .letter = 'q', .commands = ON_ALL, .help = "say nothing but errors"},
    [OPTION_VERBOSE] = {
        .name = "verbose", .letter = 'v', .commands = ON_ALL, .help = "say what is asked of whom"},
    [OPTION_HELP] = {
        .name = "help", .letter = 'h', .commands = ON_ALL, .help = "explain the command"},
    [OPTION_VERSION] = {
        .name = "version", .letter = 'V', .commands = ON_ALL, .help = "show the version"},
    [OPTION_AT] = {
        .name = "at", .metavar = "TIME", .value = VALUE_TIME,
        .commands = ON(PLAN) | ON(ZONE) | ON(DIFF) | ON(SIMULATE) | ON(EXPLAIN) | ON(TUNE),
        .help = "the instant to plan for, as 2026-12-06T01:17:30Z (default now)"},
    [OPTION_MODEL] = {
        .name = "model", .metavar = "MODEL", .value = VALUE_TEXT, .repeats = true,
        .commands = ON(SIMULATE), .help = "only this model, as rfc2782; repeats (default all)"},
    [OPTION_DOWN] = {
        .name = "down", .metavar = "NODE", .value = VALUE_TEXT, .repeats = true,
        .commands = ON(SIMULATE), .help = "a node that is published but does not answer; repeats"},
    [OPTION_CLIENTS] = {
        .name = "clients", .metavar = "N", .value = VALUE_NUMBER, .min = 1, .max = 1000000000000,
        .commands = ON(SIMULATE) | ON(EXPLAIN), .help = "how many are connected, for numbers beside shares"},
    [OPTION_ANSWER_ORDER] = {
        .name = "answer-order", .metavar = "weighted|fixed|rotated", .value = VALUE_CHOICE,
        .choices = "weighted|fixed|rotated",
        .commands = ON(SIMULATE) | ON(EXPLAIN) | ON(TUNE),
        .help = "in which order records reach clients (default weighted)"},
    [OPTION_SVG] = {
        .name = "svg", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON(SIMULATE),
        .help = "write a picture of it there, too"},
    [OPTION_STEPS_SHOWN] = {
        .name = "steps", .commands = ON(TUNE), .help = "show every step of the search"},
    [OPTION_DETAILED_EXITCODE] = {
        .name = "detailed-exitcode", .commands = ON(PLAN),
        .help = "exit 2 when there is a difference, or without --against a set to publish; 0 when not"},
    [OPTION_AGAINST] = {
        .name = "against", .metavar = "FILE|zone:FILE|dns[:ADDR]|rev:N", .value = VALUE_TEXT,
        .commands = ON(PLAN),
        .help = "show what changes against a zone file, live DNS, a revision of the server, or a plan"},
    [OPTION_OUT] = {
        .name = "out", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON(PLAN) | ON(INIT),
        .help = "write it to FILE, which is then there whole or not at all; a plan as JSON"},
    [OPTION_FORMAT] = {
        .name = "format", .metavar = "text|json|yaml|csv|md|html", .value = VALUE_CHOICE,
        .choices = "text|json|yaml|csv|md|html", .commands = ON(PLAN) | ON(DIFF),
        .help = "how it is written; as -o, and HTML (default text)"},
    [OPTION_FRAGMENT] = {
        .name = "fragment", .commands = ON(ZONE),
        .help = "without SOA and NS, for $INCLUDE in a zone of your own"},
    [OPTION_CHECK] = {
        .name = "check", .commands = ON(FMT),
        .help = "write nothing; name the files that would change, and exit 2 if there are any"},
    [OPTION_SERIAL] = {
        .name = "serial", .metavar = "N", .value = VALUE_NUMBER, .max = UINT32_MAX,
        .commands = ON(ZONE), .help = "the SOA serial (default: by soa.serial of the inventory)"},
    [OPTION_STRICT] = {
        .name = "strict", .commands = ON(CHECK), .help = "exit 2 on any finding that is no error"},
    [OPTION_LINT_ZONE] = {
        .name = "lint-zone", .metavar = "FILE", .value = VALUE_TEXT, .repeats = true,
        .commands = ON(CHECK),
        .help = "check a zone file instead of an inventory; repeats, they are read together"},
    [OPTION_HOST_META] = {
        .name = "host-meta", .metavar = "[DOMAIN=]FILE", .value = VALUE_TEXT, .repeats = true,
        .commands = ON(CHECK),
        .help = "check a host-meta or host-meta.json file too; repeats"},
    [OPTION_STATE] = {
        .name = "state", .metavar = "DIR", .value = VALUE_TEXT, .commands = ON(SERVE) | ON(RESTORE),
        .help = "where the store and the image lie (default /var/lib/srvplan)"},
    [OPTION_DNS] = {
        .name = "dns", .metavar = "ADDR:PORT", .value = VALUE_TEXT, .repeats = true,
        .commands = ON(SERVE), .help = "answer DNS there; repeats (default 127.0.0.1:5300)"},
    [OPTION_API] = {
        .name = "api", .metavar = "ADDR:PORT", .value = VALUE_TEXT, .commands = ON(SERVE),
        .help = "answer REST there (default 127.0.0.1:8053)"},
    [OPTION_WORKERS] = {
        .name = "workers", .metavar = "N", .value = VALUE_NUMBER, .min = 1, .max = 64,
        .commands = ON(SERVE), .help = "threads of the DNS server for each address (default 1)"},
    [OPTION_INVENTORY] = {
        .name = "inventory", .metavar = "file|store", .value = VALUE_CHOICE,
        .choices = "file|store", .commands = ON(SERVE),
        .help = "which one holds when both the file and the store changed"},
    [OPTION_TLS_CERT] = {
        .name = "tls-cert", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON(SERVE),
        .help = "certificate and chain of the REST server, PEM; with it, it speaks TLS"},
    [OPTION_TLS_KEY] = {
        .name = "tls-key", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON(SERVE),
        .help = "its key, PEM, without a passphrase"},
    [OPTION_INSECURE] = {
        .name = "insecure", .commands = ON(SERVE),
        .help = "let --api be any address without TLS, for everybody to read tokens"},
    [OPTION_RATE_LIMIT] = {
        .name = "rate-limit", .metavar = "N", .value = VALUE_NUMBER, .max = UINT32_MAX,
        .commands = ON(SERVE),
        .help = "UDP answers a second of one kind to one network (default 200; 0: all)"},
    [OPTION_CONFIG] = {
        .name = "config", .metavar = "FILE", .value = VALUE_TEXT, .commands = ON(SERVE),
        .help = "the server's configuration file (default /etc/srvplan/srvplan.jsonc, if it is there)"},
    [OPTION_CONFIG_CHECK] = {
        .name = "config-check", .commands = ON(SERVE),
        .help = "read command line and configuration file, say what is wrong, and exit"},
    [OPTION_WATCH] = {
        .name = "watch", .commands = ON(STATUS),
        .help = "stay, and show it again whenever something changes"},
    [OPTION_FOLLOW] = {
        .name = "follow", .commands = ON(EVENTS), .help = "stay, and show what happens from now on"},
    [OPTION_KINDS] = {
        .name = "kinds", .metavar = "LIST", .value = VALUE_TEXT, .commands = ON(EVENTS),
        .help = "only these, as drain,weight,window,revision,served,inventory,dnsd,ready (default all)"},
    [OPTION_REASON] = {
        .name = "reason", .letter = 'm', .metavar = "REASON", .value = VALUE_TEXT,
        .commands = ON(DRAIN) | ON(WEIGHT) | ON(WINDOW) | ON(APPLY) | ON(ROLLBACK),
        .help = "why, for colleagues and the history"},
    [OPTION_SERVICES] = {
        .name = "services", .metavar = "LIST", .value = VALUE_TEXT, .commands = ON(DRAIN),
        .help = "only these services, as xmpp-client,xmpp-server (default all)"},
    [OPTION_SERVICE] = {
        .name = "service", .metavar = "SERVICE", .value = VALUE_TEXT, .commands = ON(WEIGHT),
        .help = "only this service (default all)"},
    [OPTION_MODE] = {
        .name = "mode", .metavar = "remove|demote|weight|zero", .value = VALUE_CHOICE,
        .choices = "remove|demote|weight|zero", .commands = ON(DRAIN),
        .help = "what it does to the records (default: the policy's)"},
    [OPTION_TO] = {
        .name = "to", .metavar = "N%", .value = VALUE_TEXT, .commands = ON(DRAIN),
        .help = "with --mode weight: the part of its weight that a node keeps"},
    [OPTION_RAMP] = {
        .name = "ramp", .metavar = "D", .value = VALUE_DURATION, .commands = ON(DRAIN),
        .help = "go there in steps over D; 0s: at once (default: the policy's)"},
    [OPTION_UNTIL] = {
        .name = "until", .metavar = "TIME", .value = VALUE_TIME, .commands = ON(DRAIN) | ON(TOKEN),
        .help = "end by itself at that instant"},
    [OPTION_FOR] = {
        .name = "for", .metavar = "D", .value = VALUE_DURATION, .min = 1,
        .commands = ON(DRAIN) | ON(WEIGHT) | ON(WINDOW) | ON(TOKEN),
        .help = "end by itself after D, as 90s, 2h, 1h30m; of a window: how long each turn is"},
    [OPTION_DRY_RUN] = {
        .name = "dry-run", .commands = ON(DRAIN) | ON(WINDOW) | ON(APPLY) | ON(ROLLBACK),
        .help = "show what would change, change nothing"},
    [OPTION_FORCE] = {
        .name = "force", .commands = ON(DRAIN) | ON(APPLY) | ON(ROLLBACK) | ON(INIT),
        .help = "override the guards that allow it; init: replace the file"},
    [OPTION_YES] = {
        .name = "yes", .letter = 'y',
        .commands = ON(DRAIN) | ON(APPLY) | ON(ROLLBACK), .help = "do not ask on a terminal"},
    [OPTION_WAIT] = {
        .name = "wait", .commands = ON(DRAIN) | ON(DRAINS),
        .help = "stay until no correct cache can name the nodes"},
    [OPTION_RESET] = {
        .name = "reset", .commands = ON(WEIGHT), .help = "go back to the inventory's weight"},
    [OPTION_ALL] = {
        .name = "all", .letter = 'a', .commands = ON(DRAINS) | ON(PLAN) | ON(DIFF),
        .help = "drains: closed ones too; plan, diff: all records, not only those of our services"},
    [OPTION_LIMIT] = {
        .name = "limit", .metavar = "N", .value = VALUE_NUMBER, .min = 1, .max = 1000,
        .commands = ON(HISTORY) | ON(AUDIT_LOG) | ON(EVENTS) | ON(WINDOW),
        .help = "how many (default 20; of openings of a window 5)"},
    [OPTION_DOMAIN] = {
        .name = "domain", .metavar = "DOMAIN", .value = VALUE_TEXT, .commands = ON(INIT),
        .help = "the domain of the users (default example.org)"},
    [OPTION_NODE] = {
        .name = "node", .metavar = "ID=ADDR[,ADDR]...", .value = VALUE_TEXT, .repeats = true,
        .commands = ON(INIT), .help = "a server and its addresses; repeats (default: examples)"},
    [OPTION_FROM] = {
        .name = "from", .metavar = "TIME", .value = VALUE_TIME, .commands = ON(WINDOW),
        .help = "suggest: change nothing before that instant; show: openings from then on (default now)"},
    [OPTION_ID] = {
        .name = "id", .metavar = "ID", .value = VALUE_TEXT, .commands = ON(WINDOW),
        .help = "add: the name of the window (default: one is made up)"},
    [OPTION_START] = {
        .name = "start", .metavar = "LOCAL", .value = VALUE_TEXT, .commands = ON(WINDOW),
        .help = "when it opens first, as 2026-12-06T02:00, in its time zone"},
    [OPTION_END] = {
        .name = "end", .metavar = "LOCAL", .value = VALUE_TEXT, .commands = ON(WINDOW),
        .help = "when the first opening ends, instead of --for"},
    [OPTION_TIMEZONE] = {
        .name = "timezone", .metavar = "ZONE", .value = VALUE_TEXT, .commands = ON(WINDOW),
        .help = "of the IANA database, as Europe/Amsterdam (default UTC)"},
    [OPTION_RRULE] = {
        .name = "rrule", .metavar = "RULE", .value = VALUE_TEXT, .commands = ON(WINDOW),
        .help = "when it opens again, as FREQ=WEEKLY;BYDAY=SU (RFC 5545); none: once"},
    [OPTION_IN_TURN] = {
        .name = "in-turn", .commands = ON(WINDOW),
        .help = "one node after the other, each for the whole time"},
    [OPTION_TOGETHER] = {
        .name = "together", .commands = ON(WINDOW), .help = "edit: all nodes at once again"},
    [OPTION_UNDO] = {
        .name = "undo", .commands = ON(WINDOW), .help = "skip: the opening comes after all"},
    [OPTION_WITHIN] = {
        .name = "within", .metavar = "D", .value = VALUE_DURATION, .min = 1,
        .commands = ON(WINDOW), .help = "fail when it is not all over after D"},
    [OPTION_SINCE] = {
        .name = "since", .metavar = "TIME", .value = VALUE_TIME, .commands = ON(AUDIT_LOG),
        .help = "nothing older than that instant"},
    [OPTION_ACTOR] = {
        .name = "actor", .metavar = "NAME", .value = VALUE_TEXT, .commands = ON(AUDIT_LOG),
        .help = "only what this user or token did"},
    [OPTION_OBJECT] = {
        .name = "object", .metavar = "ID", .value = VALUE_TEXT, .commands = ON(AUDIT_LOG),
        .help = "only what was done to this drain, node, window or token"},
    [OPTION_HEAD] = {
        .name = "head", .metavar = "LINE:HASH", .value = VALUE_TEXT, .commands = ON(AUDIT_LOG),
        .help = "verify: this line, noted elsewhere, must be there still; check what came after it"},
    [OPTION_KEEP] = {
        .name = "keep", .metavar = "N", .value = VALUE_NUMBER, .min = 1, .max = 10000, .commands = ON(BACKUP),
        .help = "remove the oldest copies beyond N (default: none)"},
    [OPTION_ROLE] = {
        .name = "role", .metavar = "viewer|operator|admin", .value = VALUE_CHOICE,
        .choices = "viewer|operator|admin", .commands = ON(TOKEN),
        .help = "what a new token may do: read; also drain and weigh; everything"},
    [OPTION_NODES] = {
        .name = "nodes", .metavar = "LIST", .value = VALUE_TEXT, .commands = ON(TOKEN) | ON(WINDOW),
        .help = "a new token changes only these nodes, as xmpp1,xmpp2 (default all); window edit: "
                "the nodes from now on"},
    [OPTION_DOMAINS] = {
        .name = "domains", .metavar = "LIST", .value = VALUE_TEXT, .commands = ON(TOKEN),
        .help = "a new token changes only nodes that serve none but these (default all)"},
};
/* clang-format on */
