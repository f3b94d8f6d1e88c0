//! The channels of alerts; the fields of a type are JSON text, the secret ones apart and sealed.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE channel (
    id {id},
    project_id BIGINT REFERENCES project (id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    fields TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);
CREATE UNIQUE INDEX channel_name ON channel (project_id, name) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX channel_shared_name ON channel (name) WHERE project_id IS NULL;
",
);

const DOWN: Statements = Statements::Shared("DROP TABLE channel;");

migration!();
