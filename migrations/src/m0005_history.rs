//! The history and the inbox of instances: transitions, commands, the owner log, failovers.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE transition (
    id {id},
    instance BIGINT NOT NULL,
    at BIGINT NOT NULL,
    task_index BIGINT,
    attempt BIGINT,
    from_state TEXT,
    to_state TEXT NOT NULL,
    why TEXT NOT NULL,
    host TEXT NOT NULL,
    epoch BIGINT NOT NULL
);
CREATE INDEX transition_instance ON transition (instance, id);

CREATE TABLE inbox (
    id {id},
    instance BIGINT NOT NULL,
    dedup_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    command TEXT,
    run BIGINT,
    task TEXT,
    body TEXT,
    reason TEXT,
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    applied_at BIGINT,
    applied_epoch BIGINT,
    outcome TEXT NOT NULL DEFAULT 'pending',
    detail TEXT
);
CREATE UNIQUE INDEX inbox_dedup ON inbox (instance, dedup_key);
CREATE INDEX inbox_unapplied ON inbox (instance, id) WHERE applied_at IS NULL;

CREATE TABLE owner_log (
    instance BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    owner BIGINT NOT NULL,
    host TEXT NOT NULL,
    from_host TEXT,
    at BIGINT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (instance, epoch)
);

CREATE TABLE failover (
    id {id},
    dead BIGINT NOT NULL,
    dead_host TEXT NOT NULL,
    survivor BIGINT NOT NULL,
    survivor_host TEXT NOT NULL,
    reason TEXT NOT NULL,
    suspected_at BIGINT,
    declared_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    instances BIGINT NOT NULL DEFAULT 0,
    attempts_reattached BIGINT NOT NULL DEFAULT 0,
    attempts_lost BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX failover_pair ON failover (dead, survivor);
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE failover;
DROP TABLE owner_log;
DROP TABLE inbox;
DROP TABLE transition;
",
);

migration!();
