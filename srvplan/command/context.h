/* SPDX-License-Identifier: GPL-3.0-or-later */
/* context: what every command gets: the command line, and where to write.
 *
 * Results go to `out`, talk to `err`, so that a pipe sees results alone. Text that came from
 * elsewhere (a server, a file) is written by output_text: no control character of a stranger
 * reaches the terminal, and outside a UTF-8 locale only ASCII does. */
#pragma once
#include <jansson.h>

#include "srvplan/command/options.h"

struct output {
    FILE *out, *err;
    bool is_utf8;
    bool colors_out, colors_err; /* whether each takes colours */
    bool is_quiet, is_verbose;
    enum output_format format;
    bool is_json; /* a tree rather than text for people: JSON or YAML */
};

struct context {
    const struct invocation *invocation;
    struct output output;
};

/* Looks at locale (setlocale was called), environment, terminal and options. */
struct output output_for(const struct invocation *invocation);

/* `text` for people, safe for a terminal; lives in the arena. */
const char *output_text(const struct output *output, const char *text, struct arena *arena);

/* A line of talk on stderr, unless --quiet. */
void output_say(const struct output *output, const char *format, ...) PRINTF_LIKE(2, 3);

/* "srvplan: …" on stderr, also with --quiet. */
void output_complain(const struct output *output, const char *format, ...) PRINTF_LIKE(2, 3);

/* Complains about *err and gives its exit code. */
int output_fail(const struct output *output, const struct error *err);

/* Flushes stdout: a full disk or a closed pipe turns success into EXIT_FAILED. */
int output_finish(const struct output *output, int code);

/* A tree on stdout, as JSON or YAML. */
void output_tree(const struct output *output, const json_t *document);

/* The same for an answer of the server: as JSON byte for byte as it came. */
void output_reply(const struct output *output, const json_t *document, const char *text);

/* "4m 12s", "2h 5m", "3d 4h": at most two units. */
const char *duration_print(int64_t duration_s, struct arena *arena);

int command_plan(const struct context *context);
int command_zone(const struct context *context);
int command_check(const struct context *context);
int command_diff(const struct context *context);
int command_simulate(const struct context *context);
int command_explain(const struct context *context);
int command_tune(const struct context *context);
int command_audit(const struct context *context);
int command_window(const struct context *context);
int command_fmt(const struct context *context);
int command_init(const struct context *context);
int command_schema(const struct context *context);
int command_completion(const struct context *context);
int command_serve(const struct context *context);
int command_status(const struct context *context);
int command_context(const struct context *context);
int command_nodes(const struct context *context);
int command_domains(const struct context *context);
int command_show(const struct context *context);
int command_windows(const struct context *context);
int command_drains(const struct context *context);
int command_drain(const struct context *context);
int command_undrain(const struct context *context);
int command_weight(const struct context *context);
int command_apply(const struct context *context);
int command_rollback(const struct context *context);
int command_history(const struct context *context);
int command_audit_log(const struct context *context);
int command_backup(const struct context *context);
int command_events(const struct context *context);
int command_restore(const struct context *context);
int command_token(const struct context *context);
int command_version(const struct context *context);
int command_help(const struct context *context);
