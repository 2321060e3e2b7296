/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/store/internal.h"

/* Schema 3. Times are UTC milliseconds, 0 for "none" as in store/store.h; digests are SHA-256.
 * STRICT keeps types honest (sqlite.org/stricttables.html), CHECKs what no reader would believe. */
/* clang-format off */
/* What schema 3 added: the same statements make it anew and of schema 2. */
#define TOKENS "CREATE TABLE tokens (" \
    "  id TEXT NOT NULL PRIMARY KEY," \
    "  name TEXT NOT NULL UNIQUE," \
    "  role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 3)," \
    "  nodes TEXT NOT NULL," \
    "  domains TEXT NOT NULL," \
    "  actor TEXT NOT NULL," \
    "  created_at_ms INTEGER NOT NULL," \
    "  expires_at_ms INTEGER NOT NULL," \
    "  secret BLOB NOT NULL UNIQUE CHECK (length(secret) = 32)" \
    ") STRICT"
#define AUDIT_TABLE \
    "CREATE TABLE audit (" \
    "  id INTEGER PRIMARY KEY AUTOINCREMENT," \
    "  at_ms INTEGER NOT NULL," \
    "  revision INTEGER NOT NULL," \
    "  actor TEXT NOT NULL," \
    "  source TEXT NOT NULL," \
    "  action TEXT NOT NULL," \
    "  object TEXT NOT NULL," \
    "  detail TEXT NOT NULL," \
    "  outcome TEXT NOT NULL," \
    "  before TEXT NOT NULL," \
    "  after TEXT NOT NULL," \
    "  hash BLOB NOT NULL CHECK (length(hash) = 32)" \
    ") STRICT"
#define AUDIT_OBJECT "CREATE INDEX audit_object ON audit (object)"
#define AUDIT_NOT_CHANGED \
    "CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit" \
    "  BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END"
#define AUDIT_NOT_DELETED \
    "CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit" \
    "  BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END"
#define WINDOW_TABLES \
      "CREATE TABLE windows (" \
      "  id TEXT NOT NULL PRIMARY KEY," \
      "  body TEXT NOT NULL," \
      "  actor TEXT NOT NULL," \
      "  reason TEXT NOT NULL," \
      "  created_at_ms INTEGER NOT NULL," \
      "  since_at_ms INTEGER NOT NULL," \
      "  ended_at_ms INTEGER NOT NULL," \
      "  version INTEGER NOT NULL CHECK (version > 0)" \
      ") STRICT, WITHOUT ROWID", \
      "CREATE TABLE window_openings (" \
      "  window TEXT NOT NULL," /* of the inventory or of windows, so it refers to neither */ \
      "  opens_at_ms INTEGER NOT NULL," \
      "  change INTEGER NOT NULL CHECK (change IN (0, 1))," \
      "  at_ms INTEGER NOT NULL," \
      "  actor TEXT NOT NULL," \
      "  reason TEXT NOT NULL," \
      "  PRIMARY KEY (window, opens_at_ms)" \
      ") STRICT, WITHOUT ROWID", \
      "CREATE TABLE calendar (" \
      "  id INTEGER PRIMARY KEY CHECK (id = 1)," \
      "  key_digest BLOB NOT NULL CHECK (length(key_digest) = 32)" \
      ") STRICT"

#define ANSWERS_TABLE \
    "CREATE TABLE answers (" \
    "  actor TEXT NOT NULL," \
    "  key TEXT NOT NULL," \
    "  request BLOB NOT NULL CHECK (length(request) = 32)," \
    "  at_ms INTEGER NOT NULL," \
    "  revision INTEGER NOT NULL," \
    "  objects TEXT NOT NULL," \
    "  status INTEGER NOT NULL," \
    "  etag TEXT NOT NULL," \
    "  location TEXT NOT NULL," \
    "  body TEXT NOT NULL," \
    "  PRIMARY KEY (actor, key)" \
    ") STRICT, WITHOUT ROWID"
/* For the deletion of inventories, which looks for revisions of them. */
#define REVISIONS_INVENTORY "CREATE INDEX revisions_inventory ON revisions (inventory_id)"
#define ANSWERS_AT "CREATE INDEX answers_at ON answers (at_ms)"

const char *const store_schema[] = {
    "CREATE TABLE inventories ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  source INTEGER NOT NULL CHECK (source IN (0, 1)),"
    "  file TEXT NOT NULL,"
    "  file_digest BLOB NOT NULL CHECK (length(file_digest) = 32),"
    "  text TEXT NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  at_ms INTEGER NOT NULL"
    ") STRICT",

    "CREATE TABLE revisions ("
    "  number INTEGER PRIMARY KEY CHECK (number > 0),"
    "  at_ms INTEGER NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  cause TEXT NOT NULL,"
    "  inventory_id INTEGER NOT NULL REFERENCES inventories (id),"
    "  inventory_digest BLOB NOT NULL CHECK (length(inventory_digest) = 32),"
    "  overlays TEXT NOT NULL,"
    "  served_at_ms INTEGER NOT NULL"
    ") STRICT",
    "CREATE INDEX revisions_served ON revisions (number) WHERE served_at_ms > 0",
    REVISIONS_INVENTORY,

    "CREATE TABLE drains ("
    "  id TEXT NOT NULL PRIMARY KEY,"
    "  node TEXT NOT NULL,"
    "  services TEXT NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  override_reason TEXT NOT NULL,"
    "  mode INTEGER NOT NULL DEFAULT 0 CHECK (mode BETWEEN 0 AND 3),"
    "  to_ppb INTEGER NOT NULL DEFAULT 0 CHECK (to_ppb BETWEEN 0 AND 1000000000),"
    "  ramp_s INTEGER NOT NULL DEFAULT 0 CHECK (ramp_s BETWEEN 0 AND 4294967295),"
    "  ramp_steps INTEGER NOT NULL DEFAULT 0 CHECK (ramp_steps BETWEEN 0 AND 4294967295),"
    "  is_lead_auto INTEGER NOT NULL DEFAULT 0 CHECK (is_lead_auto IN (0, 1)),"
    "  since_at_ms INTEGER NOT NULL,"
    "  until_at_ms INTEGER NOT NULL,"
    "  served_at_ms INTEGER NOT NULL,"
    "  ended_at_ms INTEGER NOT NULL,"
    "  ended_actor TEXT NOT NULL,"
    "  clear_at_ms INTEGER NOT NULL,"
    "  revision INTEGER NOT NULL,"
    "  ended_revision INTEGER NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  for_s INTEGER NOT NULL DEFAULT 0 CHECK (for_s BETWEEN 0 AND 4294967295),"
    "  blocked_at_ms INTEGER NOT NULL DEFAULT 0,"
    "  blocked_because TEXT NOT NULL DEFAULT '',"
    "  delay_ms INTEGER NOT NULL DEFAULT 0,"
    "  is_aborted INTEGER NOT NULL DEFAULT 0 CHECK (is_aborted IN (0, 1))"
    ") STRICT",
    "CREATE INDEX drains_ended ON drains (ended_at_ms)",

    "CREATE TABLE weights ("
    "  node TEXT NOT NULL,"
    "  service TEXT NOT NULL,"
    "  form INTEGER NOT NULL,"
    "  value INTEGER NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  reason TEXT NOT NULL,"
    "  since_at_ms INTEGER NOT NULL,"
    "  until_at_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (node, service)"
    ") STRICT, WITHOUT ROWID",

    WINDOW_TABLES,

    "CREATE TABLE slots ("
    "  slot INTEGER PRIMARY KEY CHECK (slot BETWEEN 0 AND 4294967295),"
    "  serial INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295)"
    ") STRICT",
    /* RFC 1982: ahead is what is less than half the circle away. */
    "CREATE TRIGGER slots_never_go_back BEFORE UPDATE OF serial ON slots"
    "  WHEN ((NEW.serial - OLD.serial) & 4294967295) >= 2147483648"
    "  BEGIN SELECT RAISE(ABORT, 'a serial would go back'); END",

    "CREATE TABLE zones ("
    "  name TEXT NOT NULL PRIMARY KEY,"
    "  slot INTEGER NOT NULL REFERENCES slots (slot)"
    ") STRICT, WITHOUT ROWID",
    "CREATE INDEX zones_slot ON zones (slot)", /* a slot that goes looks for its zones */

    "CREATE TABLE retired_zones ("
    "  name TEXT NOT NULL PRIMARY KEY,"
    "  serial INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295)"
    ") STRICT, WITHOUT ROWID",

    "CREATE TABLE set_versions ("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  key BLOB NOT NULL CHECK (length(key) = 32),"
    "  label TEXT NOT NULL,"
    "  first_revision INTEGER NOT NULL,"
    "  last_revision INTEGER NOT NULL,"
    "  ttl_s INTEGER NOT NULL,"
    "  nodes TEXT NOT NULL,"
    "  last_served_s INTEGER NOT NULL,"
    "  retired_at_ms INTEGER NOT NULL"
    ") STRICT",
    "CREATE INDEX set_versions_retired ON set_versions (retired_at_ms)",

    TOKENS,

    "CREATE TABLE changes ("
    "  change_id TEXT NOT NULL PRIMARY KEY,"
    "  revision INTEGER NOT NULL"
    ") STRICT",

    AUDIT_TABLE,
    AUDIT_OBJECT,
    AUDIT_NOT_CHANGED,
    AUDIT_NOT_DELETED,
    ANSWERS_TABLE,
    ANSWERS_AT,
    NULL,
};

/* What was stored before drains had modes and ramps is a removal at once: every default is 0. */
static const char *const from_1[] = {
    "ALTER TABLE drains ADD COLUMN mode INTEGER NOT NULL DEFAULT 0 CHECK (mode BETWEEN 0 AND 3)",
    "ALTER TABLE drains ADD COLUMN to_ppb INTEGER NOT NULL DEFAULT 0"
    " CHECK (to_ppb BETWEEN 0 AND 1000000000)",
    "ALTER TABLE drains ADD COLUMN ramp_s INTEGER NOT NULL DEFAULT 0"
    " CHECK (ramp_s BETWEEN 0 AND 4294967295)",
    "ALTER TABLE drains ADD COLUMN ramp_steps INTEGER NOT NULL DEFAULT 0"
    " CHECK (ramp_steps BETWEEN 0 AND 4294967295)",
    "ALTER TABLE drains ADD COLUMN is_lead_auto INTEGER NOT NULL DEFAULT 0"
    " CHECK (is_lead_auto IN (0, 1))",
    NULL,
};

/* The lines of the old audit are chained by store_chain_audit. */
static const char *const from_2[] = {
    TOKENS,
    "DROP TRIGGER audit_is_not_changed",
    "DROP TRIGGER audit_is_not_deleted",
    "ALTER TABLE audit RENAME TO audit_2",
    AUDIT_TABLE,
    AUDIT_OBJECT,
    AUDIT_NOT_CHANGED,
    AUDIT_NOT_DELETED,
    ANSWERS_TABLE,
    ANSWERS_AT,
    REVISIONS_INVENTORY,
    WINDOW_TABLES,
    "ALTER TABLE drains ADD COLUMN for_s INTEGER NOT NULL DEFAULT 0"
    " CHECK (for_s BETWEEN 0 AND 4294967295)",
    "ALTER TABLE drains ADD COLUMN blocked_at_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE drains ADD COLUMN blocked_because TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE drains ADD COLUMN delay_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE drains ADD COLUMN is_aborted INTEGER NOT NULL DEFAULT 0"
    " CHECK (is_aborted IN (0, 1))",
    NULL,
};
/* clang-format on */

const char *const *const store_migrations[STORE_SCHEMA_VERSION] = {[1] = from_1, [2] = from_2};

store_migration_step *const store_migration_steps[STORE_SCHEMA_VERSION] = {[2] = store_chain_audit};
