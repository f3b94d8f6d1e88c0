//! What a project says for its workflows: values where they are silent, and for how long ended instances are kept.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
ALTER TABLE project ADD COLUMN defaults TEXT NOT NULL DEFAULT '{}';
ALTER TABLE project ADD COLUMN retention TEXT;
",
);

const DOWN: Statements = Statements::Shared(
    "
ALTER TABLE project DROP COLUMN retention;
ALTER TABLE project DROP COLUMN defaults;
",
);

migration!();
