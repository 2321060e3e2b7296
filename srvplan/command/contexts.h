/* SPDX-License-Identifier: GPL-3.0-or-later */
/* contexts: the servers that an operator knows by name, and the one that is meant when none is
 * named.
 *
 *   $XDG_CONFIG_HOME/srvplan/contexts.jsonc, else ~/.config/srvplan/contexts.jsonc
 *   { "current": "prod",
 *     "contexts": { "prod": { "server": "https://dns-admin.example.org", "token_file":
 * "~/prod.token" }, "lab":  { "socket": "/run/srvplan-lab/api.sock" } } }
 *
 * The file never holds a token, only where one lies. `srvplan context` writes it whole; one that
 * has comments was written by hand and is left to that hand, since they would be lost. */
#pragma once
#include "srvplan/command/client.h"
#include "zones/base/arena.h"
#include "zones/base/error.h"

enum {
    CONTEXT_NAME_MAX = 64,
    CONTEXTS_MAX = 1000,
};

struct known_context {
    const char *name;
    const char *server, *socket; /* one of them */
    const char *token_file; /* NULL: none; a path that begins with "~/" is in the home folder */
    struct client_tls tls;  /* likewise */
};

struct contexts {
    struct arena arena;
    const char *path;            /* NULL: there is no home to look in */
    const char *current;         /* NULL: none */
    struct known_context *items; /* by name */
    uint32_t count;
    bool has_comments;
};

/* A missing file holds none. False: it cannot be read, or has a mistake: *err says which.
 * contexts_fini in either case. */
NODISCARD bool contexts_read(struct contexts *contexts, struct error *err);
void contexts_fini(struct contexts *contexts);

/* NULL: there is none of that name. */
struct known_context *contexts_find(const struct contexts *contexts, const char *name);

/* Reports that there is no such context, with the nearest or all names. Returns false. */
bool contexts_unknown(const struct contexts *contexts, const char *name, struct error *err);

/* A context more, at its place; its name must be new. Texts are borrowed. */
void contexts_add(struct contexts *contexts, const struct known_context *item);
void contexts_remove(struct contexts *contexts, const char *name);

/* Letters, digits, '.', '_' and '-', at most CONTEXT_NAME_MAX, not beginning with '-'. */
NODISCARD bool contexts_name_check(const char *name, struct error *err);

/* Writes the file, mode 0600, and its folders. ERROR_CONFLICT: it has comments. */
NODISCARD bool contexts_write(const struct contexts *contexts, struct error *err);

/* A path of the file as the system wants it: "~/" is the home folder. In the arena. */
const char *contexts_path(const char *path, struct arena *arena);
