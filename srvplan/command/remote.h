/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remote: the server as the commands see it: JSON asked, JSON answered, refusals told.
 *
 * Every function that talks returns an exit code. Everything but EXIT_FINE has been told to the
 * operator by then; EXIT_UNREACHABLE for 202 (stored, not yet served) comes with a document. */
#pragma once
#include <jansson.h>

#include "srvplan/command/client.h"
#include "srvplan/command/context.h"

struct remote {
    struct arena arena;
    const struct output *output;
    struct client_target target;
    struct client *client;
};

/* Whether a command that can do without a server shall ask one: it is named (client_is_named), and
 * no inventory is given. Both on one command line is a mistake, which *err says; false then. */
NODISCARD bool remote_is_wanted(const struct context *context, bool *is_wanted, struct error *err);

/* "prod (https://dns-admin.example.org)": where it goes to, for a person; in the arena. */
const char *remote_print(const struct remote *remote, struct arena *arena);

/* Finds the server by options and environment; does not connect yet. */
NODISCARD int remote_open(struct remote *remote, const struct context *context);
void remote_close(struct remote *remote);

struct remote_reply {
    long status;
    char etag[CLIENT_ETAG_SIZE];
    json_t *document; /* NULL unless the status is 2xx */
    char *text;       /* the same as it came; heap */
};

/* One request. `body` may be NULL and is borrowed. */
NODISCARD int remote_call(struct remote *remote, const struct client_request *request,
                          const json_t *body, struct remote_reply *reply);
NODISCARD int remote_get(struct remote *remote, const char *path, struct remote_reply *reply);

/* The same for what need not be there: then EXIT_FINE without a document, and nothing is told. */
NODISCARD int remote_find(struct remote *remote, const char *path, struct remote_reply *reply);

/* The same for who asks again and again: what went wrong is in *err, and nothing is told. */
NODISCARD int remote_try(struct remote *remote, const char *path, struct remote_reply *reply,
                         struct error *err);

/* The answer as text, whatever it is, on *out (a zone file, a calendar). */
NODISCARD int remote_copy(struct remote *remote, const char *path, FILE *out);
/* A GET whose answer goes to request->take as it comes. EXIT_FINE: it came to its end. A server
 * that is not there is told unless `is_quiet`. */
NODISCARD int remote_stream(struct remote *remote, const struct client_request *request,
                            bool is_quiet);
void remote_reply_fini(struct remote_reply *reply);

/* All items of a list, page after page, at most `limit` of them; *items is a new reference. */
NODISCARD int remote_list(struct remote *remote, const char *path, size_t limit, json_t **items);

/* Prints a list as {"items":[…],"next":null}. */
void remote_print_items(const struct output *output, json_t *items);

/* What a status means for a script. `is_guard`: the problem came from a guard. */
enum exit_code remote_exit_code(long status, bool is_guard);

/* Members of an object, with something to show when they are missing or of another type. */
const char *member_text(const json_t *object, const char *key, const char *otherwise);
int64_t member_number(const json_t *object, const char *key, int64_t otherwise);
double member_ratio(const json_t *object, const char *key, double otherwise);
