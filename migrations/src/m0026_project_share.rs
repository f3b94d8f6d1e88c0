//! What the documents of one project may do with the workflows of another.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE project_share (
    project_id BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    other_id BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (project_id, other_id)
);
CREATE INDEX project_share_other ON project_share (other_id);
",
);

const DOWN: Statements = Statements::Shared("DROP TABLE project_share;");

migration!();
