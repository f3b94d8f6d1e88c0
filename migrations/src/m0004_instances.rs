//! The state of instances, their tasks and attempts: the tables of the group commit.
//!
//! Children name their instance without a foreign key: a row is only ever written joined to its instance, and
//! checking a key again for each row would only slow the group commit down. A trigger of `m0006_guards`
//! removes them with their instance.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE instance (
    id {id},
    project_id BIGINT NOT NULL REFERENCES project (id),
    workflow_id BIGINT NOT NULL REFERENCES workflow (id),
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    attention TEXT,
    run BIGINT NOT NULL DEFAULT 1,
    owner BIGINT,
    host TEXT,
    epoch BIGINT NOT NULL DEFAULT 0,
    revision BIGINT NOT NULL DEFAULT 0,
    claims_without_progress BIGINT NOT NULL DEFAULT 0,
    start TEXT NOT NULL,
    project_params TEXT NOT NULL DEFAULT '{}',
    outputs TEXT NOT NULL DEFAULT '{}',
    tasks_total BIGINT NOT NULL,
    tasks_excluded BIGINT NOT NULL DEFAULT 0,
    priority TEXT NOT NULL,
    trigger_type TEXT NOT NULL,
    schedule TEXT,
    backfill BIGINT,
    parent BIGINT,
    parent_task TEXT,
    parent_attempt BIGINT,
    parent_index BIGINT,
    requested_by TEXT,
    scheduled_at BIGINT,
    dry_run BOOLEAN NOT NULL DEFAULT FALSE,
    due_at BIGINT,
    time_left_ms BIGINT,
    timed_out BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    CHECK ((owner IS NULL) = (host IS NULL))
) {hot};
CREATE INDEX instance_owner ON instance (owner, id) WHERE owner IS NOT NULL;
CREATE INDEX instance_unowned ON instance (id)
    WHERE owner IS NULL AND attention IS NULL AND state IN ('running', 'pausing', 'stopping');
CREATE INDEX instance_project ON instance (project_id, id);
CREATE INDEX instance_workflow ON instance (workflow_id, id);
CREATE INDEX instance_state ON instance (state, id);
CREATE INDEX instance_trigger ON instance (trigger_type, id);
CREATE INDEX instance_schedule ON instance (schedule, id) WHERE schedule IS NOT NULL;
CREATE INDEX instance_backfill ON instance (backfill, id) WHERE backfill IS NOT NULL;
CREATE INDEX instance_parent ON instance (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX instance_requested_by ON instance (requested_by, id);
CREATE INDEX instance_scheduled ON instance (scheduled_at, workflow_id) WHERE scheduled_at IS NOT NULL;
CREATE INDEX instance_created ON instance (created_at, id);

CREATE TABLE instance_label (
    instance BIGINT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (instance, name)
) {clustered};
CREATE INDEX instance_label_value ON instance_label (name, value, instance);

CREATE TABLE task_instance (
    instance BIGINT NOT NULL,
    task_index BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    attempts_before_run BIGINT NOT NULL DEFAULT 0,
    lost_in_run BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    outputs TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (instance, task_index)
) {hot_clustered};

CREATE TABLE attempt (
    instance BIGINT NOT NULL,
    task_index BIGINT NOT NULL,
    number BIGINT NOT NULL,
    dispatch_number BIGINT NOT NULL DEFAULT 0,
    dispatch_id TEXT,
    worker BIGINT,
    worker_name TEXT,
    epoch BIGINT NOT NULL,
    state TEXT NOT NULL,
    kill_cause TEXT,
    pid BIGINT,
    exit_code BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    PRIMARY KEY (instance, task_index, number),
    CHECK ((dispatch_id IS NULL) = (worker IS NULL))
) {hot_clustered};
CREATE UNIQUE INDEX attempt_dispatch ON attempt (dispatch_id) WHERE dispatch_id IS NOT NULL;
CREATE UNIQUE INDEX attempt_one_open ON attempt (instance, task_index)
    WHERE state IN ('created', 'running');
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE attempt;
DROP TABLE task_instance;
DROP TABLE instance_label;
DROP TABLE instance;
",
);

migration!();
