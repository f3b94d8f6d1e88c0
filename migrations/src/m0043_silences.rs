//! Which alerts are stored and not sent.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE silence (
    id {id},
    name TEXT NOT NULL,
    project_id BIGINT REFERENCES project (id),
    workflow TEXT,
    event TEXT,
    until BIGINT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL
);
CREATE UNIQUE INDEX silence_name ON silence (name);
",
);

const DOWN: Statements = Statements::Shared("DROP TABLE silence;");

migration!();
