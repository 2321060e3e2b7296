-- SPDX-License-Identifier: GPL-3.0-or-later
-- Schema 2 of the store, as srvplan wrote it before schema 3: what migrations must start from.
PRAGMA application_id = 1397904976;
PRAGMA user_version = 2;
CREATE TABLE inventories (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source INTEGER NOT NULL CHECK (source IN (0, 1)),
  file TEXT NOT NULL,
  file_digest BLOB NOT NULL CHECK (length(file_digest) = 32),
  text TEXT NOT NULL,
  actor TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE revisions (
  number INTEGER PRIMARY KEY CHECK (number > 0),
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  cause TEXT NOT NULL,
  inventory_id INTEGER NOT NULL REFERENCES inventories (id),
  inventory_digest BLOB NOT NULL CHECK (length(inventory_digest) = 32),
  overlays TEXT NOT NULL,
  served_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX revisions_served ON revisions (number) WHERE served_at_ms > 0;
CREATE TABLE drains (
  id TEXT NOT NULL PRIMARY KEY,
  node TEXT NOT NULL,
  services TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  override_reason TEXT NOT NULL,
  mode INTEGER NOT NULL DEFAULT 0 CHECK (mode BETWEEN 0 AND 3),
  to_ppb INTEGER NOT NULL DEFAULT 0 CHECK (to_ppb BETWEEN 0 AND 1000000000),
  ramp_s INTEGER NOT NULL DEFAULT 0 CHECK (ramp_s BETWEEN 0 AND 4294967295),
  ramp_steps INTEGER NOT NULL DEFAULT 0 CHECK (ramp_steps BETWEEN 0 AND 4294967295),
  is_lead_auto INTEGER NOT NULL DEFAULT 0 CHECK (is_lead_auto IN (0, 1)),
  since_at_ms INTEGER NOT NULL,
  until_at_ms INTEGER NOT NULL,
  served_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER NOT NULL,
  ended_actor TEXT NOT NULL,
  clear_at_ms INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  ended_revision INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX drains_ended ON drains (ended_at_ms);
CREATE TABLE weights (
  node TEXT NOT NULL,
  service TEXT NOT NULL,
  form INTEGER NOT NULL,
  value INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  since_at_ms INTEGER NOT NULL,
  until_at_ms INTEGER NOT NULL,
  PRIMARY KEY (node, service)
) STRICT, WITHOUT ROWID;
CREATE TABLE slots (
  slot INTEGER PRIMARY KEY CHECK (slot BETWEEN 0 AND 4294967295),
  serial INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295)
) STRICT;
CREATE TRIGGER slots_never_go_back BEFORE UPDATE OF serial ON slots
  WHEN ((NEW.serial - OLD.serial) & 4294967295) >= 2147483648
  BEGIN SELECT RAISE(ABORT, 'a serial would go back'); END;
CREATE TABLE zones (
  name TEXT NOT NULL PRIMARY KEY,
  slot INTEGER NOT NULL REFERENCES slots (slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX zones_slot ON zones (slot);
CREATE TABLE retired_zones (
  name TEXT NOT NULL PRIMARY KEY,
  serial INTEGER NOT NULL CHECK (serial BETWEEN 0 AND 4294967295)
) STRICT, WITHOUT ROWID;
CREATE TABLE set_versions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key BLOB NOT NULL CHECK (length(key) = 32),
  label TEXT NOT NULL,
  first_revision INTEGER NOT NULL,
  last_revision INTEGER NOT NULL,
  ttl_s INTEGER NOT NULL,
  nodes TEXT NOT NULL,
  last_served_s INTEGER NOT NULL,
  retired_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX set_versions_retired ON set_versions (retired_at_ms);
CREATE TABLE changes (
  change_id TEXT NOT NULL PRIMARY KEY,
  revision INTEGER NOT NULL
) STRICT;
CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  source TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END;
