//! Secrets of projects, their values, which values each attempt was given, and changes of the key.
//!
//! A value has a row of its own that is never changed but for another key: attempts that were given it name it, so that
//! it is masked in their logs also after the secret was changed or deleted. `attempt_secret` names no foreign key to
//! instances, like all rows that go with them.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE secret (
    id {id},
    project_id BIGINT NOT NULL REFERENCES project (id),
    name TEXT NOT NULL,
    value_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);
CREATE UNIQUE INDEX secret_name ON secret (project_id, name);

CREATE TABLE secret_value (
    id {id},
    sealed TEXT NOT NULL,
    replaced_at BIGINT
);
CREATE INDEX secret_value_replaced ON secret_value (replaced_at) WHERE replaced_at IS NOT NULL;

CREATE TABLE attempt_secret (
    instance BIGINT NOT NULL,
    task_index BIGINT NOT NULL,
    number BIGINT NOT NULL,
    value_id BIGINT NOT NULL REFERENCES secret_value (id),
    PRIMARY KEY (instance, task_index, number, value_id)
) {clustered};
CREATE INDEX attempt_secret_value ON attempt_secret (value_id);

CREATE TABLE secret_rotation (
    id {id},
    key_id TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    owner BIGINT,
    epoch BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL DEFAULT 0,
    rotated BIGINT NOT NULL DEFAULT 0,
    refusal TEXT,
    ended_at BIGINT
);
CREATE INDEX secret_rotation_open ON secret_rotation (id) WHERE ended_at IS NULL;

CREATE TABLE workflow_secret (
    workflow_id BIGINT NOT NULL REFERENCES workflow (id),
    name TEXT NOT NULL,
    PRIMARY KEY (workflow_id, name)
) {clustered};
CREATE INDEX workflow_secret_name ON workflow_secret (name, workflow_id);
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE workflow_secret;
DROP TABLE secret_rotation;
DROP TABLE attempt_secret;
DROP TABLE secret_value;
DROP TABLE secret;
",
);

migration!();
