//! Operations on many instances, the list of tasks across instances, where tasks are drawn, which workflows name which,
//! and what users prefer.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE bulk_operation (
    id {id},
    verb TEXT NOT NULL,
    reason TEXT,
    user_id BIGINT NOT NULL,
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    owner BIGINT,
    epoch BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL DEFAULT 0,
    total BIGINT NOT NULL,
    applied BIGINT NOT NULL DEFAULT 0,
    refused BIGINT NOT NULL DEFAULT 0,
    ended_at BIGINT
);
CREATE INDEX bulk_operation_open ON bulk_operation (id) WHERE ended_at IS NULL;

CREATE TABLE bulk_item (
    operation BIGINT NOT NULL REFERENCES bulk_operation (id) ON DELETE CASCADE,
    instance BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    command BIGINT,
    detail TEXT,
    PRIMARY KEY (operation, instance)
) {clustered};
CREATE INDEX bulk_item_state ON bulk_item (operation, state, instance);

CREATE TABLE user_preference (
    user_id BIGINT PRIMARY KEY REFERENCES user_account (id) ON DELETE CASCADE,
    preferences TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE workflow_layout (
    workflow_id BIGINT PRIMARY KEY REFERENCES workflow (id),
    layout TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE workflow_reference (
    workflow_id BIGINT NOT NULL REFERENCES workflow (id),
    task TEXT NOT NULL,
    kind TEXT NOT NULL,
    to_project TEXT NOT NULL,
    to_workflow TEXT NOT NULL,
    PRIMARY KEY (workflow_id, task, kind, to_project, to_workflow)
) {clustered};
CREATE INDEX workflow_reference_to ON workflow_reference (to_project, to_workflow);

CREATE INDEX attempt_first ON attempt (created_at, instance, task_index) WHERE number = 1;
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP INDEX attempt_first;
DROP TABLE workflow_reference;
DROP TABLE workflow_layout;
DROP TABLE user_preference;
DROP TABLE bulk_item;
DROP TABLE bulk_operation;
",
);

migration!();
