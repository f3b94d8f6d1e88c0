//! Connections of projects and shared ones, who may use the shared ones, and which documents name which.
//!
//! The secret fields of a connection stand sealed in a column of their own, by the pointer of each.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE connection (
    id {id},
    project_id BIGINT REFERENCES project (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    fields TEXT NOT NULL,
    sealed TEXT NOT NULL DEFAULT '{}',
    secret_names TEXT NOT NULL DEFAULT '{}',
    host_keys TEXT,
    granted_to_all BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);
CREATE UNIQUE INDEX connection_name ON connection (project_id, name) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX connection_shared_name ON connection (name) WHERE project_id IS NULL;

CREATE TABLE connection_grant (
    connection_id BIGINT NOT NULL REFERENCES connection (id),
    project_id BIGINT NOT NULL REFERENCES project (id),
    PRIMARY KEY (connection_id, project_id)
) {clustered};
CREATE INDEX connection_grant_project ON connection_grant (project_id);

CREATE TABLE workflow_connection (
    workflow_id BIGINT NOT NULL REFERENCES workflow (id),
    name TEXT NOT NULL,
    PRIMARY KEY (workflow_id, name)
) {clustered};
CREATE INDEX workflow_connection_name ON workflow_connection (name, workflow_id);
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE workflow_connection;
DROP TABLE connection_grant;
DROP TABLE connection;
",
);

migration!();
