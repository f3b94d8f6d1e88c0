//! Deletion of ended instances: which node deletes, what was requested, and the indexes that find what is next.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE retention_lease (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    owner BIGINT,
    epoch BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL DEFAULT 0,
    swept_at BIGINT NOT NULL DEFAULT 0
);
INSERT INTO retention_lease (id) VALUES (1);

CREATE TABLE retention_run (
    id {id},
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_before BIGINT NOT NULL,
    project_id BIGINT,
    states TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'pending',
    instances BIGINT NOT NULL DEFAULT 0,
    deleted_rows BIGINT NOT NULL DEFAULT 0,
    ended_at BIGINT
);
CREATE UNIQUE INDEX retention_run_pending ON retention_run (outcome) WHERE outcome = 'pending';

CREATE INDEX instance_ended ON instance (project_id, ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX schedule_fire_at ON schedule_fire (at);
ALTER TABLE log_removal ADD COLUMN requested_at BIGINT NOT NULL DEFAULT 0;
UPDATE log_removal SET requested_at = {now};
CREATE INDEX log_removal_requested ON log_removal (requested_at);
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP INDEX log_removal_requested;
ALTER TABLE log_removal DROP COLUMN requested_at;
DROP INDEX schedule_fire_at;
DROP INDEX instance_ended;
DROP TABLE retention_run;
DROP TABLE retention_lease;
",
);

migration!();
