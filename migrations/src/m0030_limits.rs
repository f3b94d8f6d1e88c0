//! Named limits, which tasks wait for them or hold their slots, and how projects share workers.
//!
//! The cap of a project's tasks is the limit of that project without a name. A row of a task in `limit_request` agrees
//! with its state, since one commit writes both; it names no foreign key, like all rows of the group commit.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE named_limit (
    id {id},
    project_id BIGINT REFERENCES project (id),
    name TEXT NOT NULL,
    slots BIGINT NOT NULL,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    description TEXT NOT NULL DEFAULT '',
    used BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) {hot};
CREATE UNIQUE INDEX named_limit_name ON named_limit (project_id, name) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX named_limit_shared_name ON named_limit (name) WHERE project_id IS NULL;

CREATE TABLE limit_request (
    instance BIGINT NOT NULL,
    task_index BIGINT NOT NULL,
    name TEXT NOT NULL,
    limit_id BIGINT,
    slots BIGINT NOT NULL,
    state TEXT NOT NULL,
    forced BOOLEAN NOT NULL DEFAULT FALSE,
    worker_group TEXT NOT NULL DEFAULT '',
    instance_priority BIGINT NOT NULL,
    task_priority BIGINT NOT NULL,
    ready_at BIGINT NOT NULL,
    attempt BIGINT,
    since BIGINT NOT NULL,
    PRIMARY KEY (instance, task_index, name)
) {hot_clustered};
CREATE INDEX limit_request_queue
    ON limit_request (limit_id, instance_priority, task_priority, ready_at, instance, task_index)
    WHERE state <> 'holding';
CREATE INDEX limit_request_holders ON limit_request (limit_id, instance, task_index) WHERE state = 'holding';

CREATE TABLE workflow_limit (
    workflow_id BIGINT NOT NULL REFERENCES workflow (id),
    name TEXT NOT NULL,
    PRIMARY KEY (workflow_id, name)
) {clustered};
CREATE INDEX workflow_limit_name ON workflow_limit (name, workflow_id);

ALTER TABLE project ADD COLUMN max_tasks BIGINT;
ALTER TABLE project ADD COLUMN weight BIGINT NOT NULL DEFAULT 1;
ALTER TABLE task_instance ADD COLUMN expired_waits BIGINT NOT NULL DEFAULT 0;
",
);

const DOWN: Statements = Statements::Shared(
    "
ALTER TABLE task_instance DROP COLUMN expired_waits;
ALTER TABLE project DROP COLUMN weight;
ALTER TABLE project DROP COLUMN max_tasks;
DROP TABLE workflow_limit;
DROP TABLE limit_request;
DROP TABLE named_limit;
",
);

migration!();
