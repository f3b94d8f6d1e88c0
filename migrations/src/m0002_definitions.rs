//! The definition side: projects, workflows and their versions.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE project (
    id {id},
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    params TEXT NOT NULL DEFAULT '{}',
    revision BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX project_name ON project (name) WHERE deleted_at IS NULL;
INSERT INTO project (name, created_at, updated_at) SELECT 'default', at, at FROM (SELECT {now} AS at) AS birth;

CREATE TABLE workflow (
    id {id},
    project_id BIGINT NOT NULL REFERENCES project (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    labels TEXT NOT NULL DEFAULT '{}',
    tasks BIGINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE UNIQUE INDEX workflow_name ON workflow (project_id, name) WHERE deleted_at IS NULL;

CREATE TABLE workflow_version (
    workflow_id BIGINT NOT NULL REFERENCES workflow (id),
    version BIGINT NOT NULL,
    source TEXT NOT NULL,
    source_format TEXT NOT NULL,
    model TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (workflow_id, version)
);
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE workflow_version;
DROP TABLE workflow;
DROP TABLE project;
",
);

migration!();
