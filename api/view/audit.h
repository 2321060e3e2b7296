/* SPDX-License-Identifier: GPL-3.0-or-later */
/* audit: objects as the JSON that stands in the audit as "before" and "after".
 *
 * Keys are those of the API, in order; what an object does not have is left out. Secrets never
 * stand there: of a token its id and role, of an inventory its digest. Pure; texts live in the
 * arena. */
#pragma once
#include "api/store/store.h"
#include "api/store/audit.h"
#include "api/store/backup.h"

#include <jansson.h>

/* Any object: takes the reference. For objects whose rows are another file's. */
struct text audit_print(struct arena *arena, json_t *object);

struct text audit_print_drain(struct arena *arena, const struct store_drain *drain);
struct text audit_print_weight(struct arena *arena, const struct store_weight *weight);
struct text audit_print_token(struct arena *arena, const struct store_token *token);
/* `digest`: of its text. */
struct text audit_print_inventory(struct arena *arena, const struct store_inventory *inventory,
                                  const struct digest *digest);

struct text audit_print_backup(struct arena *arena, const struct store_backup_made *made);

/* "17:5f0c…": the number of a line and its hash, to be noted elsewhere. */
enum {
    AUDIT_HEAD_SIZE = 20 + 1 + DIGEST_TEXT_SIZE
};
const char *audit_head_print(const struct store_audit_head *head,
                             char text[static AUDIT_HEAD_SIZE]);

/* False: it is no head, and *head is left alone. */
NODISCARD bool audit_head_parse(struct text text, struct store_audit_head *head);

/* A line as the API gives it; a new reference. */
json_t *audit_row_json(const struct store_audit_row *row);
