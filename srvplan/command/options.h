/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options: the command line as a table, and an argument vector read by it.
 *
 * One table of commands and one of options (commands.c) drive everything that knows a spelling:
 * getopt_long, `--help`, the usage of each command, the nearest suggestion for a typing error, and
 * the check of values. Global options stand before or after the command; a command's own options
 * only after it, where they and operands may be mixed; `--` ends options. */
#pragma once
#include <stdio.h>

#include "zones/base/arena.h"
#include "zones/base/error.h"

/* What scripts may rely on. */
enum exit_code {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_DIFFERENT = 2, /* differences or findings, where they were asked for */
    EXIT_GUARD = 3,
    EXIT_CONFLICT = 4,
    EXIT_UNREACHABLE = 5, /* nobody answers, 503, or stored and not yet served */
    EXIT_USAGE = 64,      /* EX_USAGE of sysexits(3) */
    EXIT_INTERRUPTED = 130,
};

enum command_id {
    COMMAND_PLAN,
    COMMAND_ZONE,
    COMMAND_CHECK,
    COMMAND_DIFF,
    COMMAND_SIMULATE,
    COMMAND_EXPLAIN,
    COMMAND_TUNE,
    COMMAND_AUDIT,
    COMMAND_WINDOW,
    COMMAND_FMT,
    COMMAND_INIT,
    COMMAND_SCHEMA,
    COMMAND_COMPLETION,
    COMMAND_SERVE,
    COMMAND_STATUS,
    COMMAND_CONTEXT,
    COMMAND_NODES,
    COMMAND_DOMAINS,
    COMMAND_SHOW,
    COMMAND_WINDOWS,
    COMMAND_DRAINS,
    COMMAND_DRAIN,
    COMMAND_UNDRAIN,
    COMMAND_WEIGHT,
    COMMAND_HISTORY,
    COMMAND_APPLY,
    COMMAND_ROLLBACK,
    COMMAND_AUDIT_LOG,
    COMMAND_BACKUP,
    COMMAND_EVENTS,
    COMMAND_RESTORE,
    COMMAND_TOKEN,
    COMMAND_VERSION,
    COMMAND_HELP,
    COMMAND_COUNT,
    COMMAND_NONE = COMMAND_COUNT,
};

enum option_id {
    OPTION_FILE,
    OPTION_SERVER,
    OPTION_SOCKET,
    OPTION_TOKEN_FILE,
    OPTION_CA_FILE,
    OPTION_CERT_FILE,
    OPTION_KEY_FILE,
    OPTION_CONTEXT,
    OPTION_OUTPUT,
    OPTION_COLOR,
    OPTION_QUIET,
    OPTION_VERBOSE,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_AT,
    OPTION_MODEL,
    OPTION_DOWN,
    OPTION_CLIENTS,
    OPTION_ANSWER_ORDER,
    OPTION_SVG,
    OPTION_STEPS_SHOWN,
    OPTION_DETAILED_EXITCODE,
    OPTION_AGAINST,
    OPTION_OUT,
    OPTION_FORMAT,
    OPTION_FRAGMENT,
    OPTION_CHECK,
    OPTION_SERIAL,
    OPTION_STRICT,
    OPTION_LINT_ZONE,
    OPTION_HOST_META,
    OPTION_STATE,
    OPTION_DNS,
    OPTION_API,
    OPTION_WORKERS,
    OPTION_INVENTORY,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_INSECURE,
    OPTION_RATE_LIMIT,
    OPTION_CONFIG,
    OPTION_CONFIG_CHECK,
    OPTION_WATCH,
    OPTION_FOLLOW,
    OPTION_KINDS,
    OPTION_REASON,
    OPTION_SERVICES,
    OPTION_SERVICE,
    OPTION_MODE,
    OPTION_TO,
    OPTION_RAMP,
    OPTION_UNTIL,
    OPTION_FOR,
    OPTION_DRY_RUN,
    OPTION_FORCE,
    OPTION_YES,
    OPTION_WAIT,
    OPTION_RESET,
    OPTION_ALL,
    OPTION_LIMIT,
    OPTION_DOMAIN,
    OPTION_NODE,
    OPTION_FROM,
    OPTION_WITHIN,
    OPTION_ID,
    OPTION_START,
    OPTION_END,
    OPTION_TIMEZONE,
    OPTION_RRULE,
    OPTION_IN_TURN,
    OPTION_TOGETHER,
    OPTION_UNDO,
    OPTION_SINCE,
    OPTION_ACTOR,
    OPTION_OBJECT,
    OPTION_HEAD,
    OPTION_KEEP,
    OPTION_ROLE,
    OPTION_NODES,
    OPTION_DOMAINS,
    OPTION_COUNT,
};

/* How results are written: -o. */
enum output_format {
    OUTPUT_TABLE,
    OUTPUT_JSON,
    OUTPUT_YAML,
    OUTPUT_CSV,
    OUTPUT_MD,
};

/* What a command can write, as a bit a format. */
enum {
    WRITES_TABLE = 1 << OUTPUT_TABLE,
    WRITES_TREE = 1 << OUTPUT_JSON | 1 << OUTPUT_YAML,
    WRITES_ROWS = 1 << OUTPUT_CSV | 1 << OUTPUT_MD,
};

struct context;

struct command_row {
    const char *name;
    const char *operands; /* as in the usage line: "NODE…" is written NODE... */
    const char *summary;
    const char *example; /* what stands in usage errors and in --help */
    int (*run)(const struct context *context);
    uint32_t min_operands, max_operands;
    uint32_t outputs;    /* WRITES_…; 0: table and JSON */
    bool takes_negative; /* "-10" is an operand */
    bool is_offline;
};

enum option_value {
    VALUE_NONE,
    VALUE_TEXT,
    VALUE_CHOICE, /* one of `choices`, separated by '|' */
    VALUE_TIME,   /* RFC 3339 */
    VALUE_DURATION,
    VALUE_NUMBER, /* min..max */
};

#define ON(command) (UINT64_C(1) << COMMAND_##command)
#define ON_ALL UINT64_MAX

struct option_row {
    const char *name;
    const char *metavar;
    const char *help;
    const char *choices;
    const char *later; /* choices that the design has and this version does not */
    uint64_t commands; /* ON(…) | …; ON_ALL: a global option */
    uint64_t min, max; /* of VALUE_NUMBER; min seconds of VALUE_DURATION */
    enum option_value value;
    char letter; /* 0: long only */
    bool repeats;
};

extern const struct command_row command_rows[COMMAND_COUNT];
extern const struct option_row option_rows[OPTION_COUNT];

struct given_option {
    enum option_id id;
    const char *value; /* NULL for flags */
};

/* A command line, read. Values are borrowed from argv. */
struct invocation {
    struct arena arena;
    enum command_id command; /* COMMAND_NONE: only --help or --version */
    struct given_option *given;
    uint32_t given_count;
    const char **operands;
    uint32_t operand_count;
};

/* Reads argv (argv[0] is the program). False: *err is ERROR_USAGE, with the mend. *invocation is
 * to be given to invocation_fini in either case. --help and --version switch off the checks of what
 * is missing, not of what is wrong. */
NODISCARD bool invocation_parse(struct invocation *invocation, int argc, char **argv,
                                struct error *err);
void invocation_fini(struct invocation *invocation);

bool invocation_has(const struct invocation *invocation, enum option_id id);

/* The format that -o asks for, which the command can write. */
enum output_format invocation_format(const struct invocation *invocation);

/* "table|json|yaml": what -o may be for a command. */
const char *command_formats(enum command_id command, struct arena *arena);

/* The last value given, or `otherwise`. */
const char *invocation_value(const struct invocation *invocation, enum option_id id,
                             const char *otherwise);

/* A VALUE_NUMBER's value, already within its row's limits. */
uint64_t invocation_number(const struct invocation *invocation, enum option_id id,
                           uint64_t otherwise);

/* The next value of a repeating option at or after *position in `given`; NULL: no more. */
const char *invocation_next(const struct invocation *invocation, enum option_id id,
                            uint32_t *position);

/* The command of that name, or COMMAND_NONE. */
enum command_id command_find(const char *name);

/* "unknown command 'drian'; did you mean drain?" for `srvplan help drian` too. */
bool command_unknown(const char *name, struct error *err);

/* The help of a command, or of the program (COMMAND_NONE). */
void help_print(FILE *out, enum command_id command);

/* Failed, unreachable, …: the exit code of an error. */
enum exit_code error_exit_code(enum error_kind kind);
