//! The time of the project `default` in databases that were created before it was stored: that of their first migration.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
UPDATE project SET
    created_at = (SELECT min(applied_at) * 1000 FROM seaql_migrations),
    updated_at = CASE WHEN updated_at > 0 THEN updated_at
        ELSE (SELECT min(applied_at) * 1000 FROM seaql_migrations) END
WHERE created_at = 0;
",
);

/// The time stays: it is right for every earlier schema too.
const DOWN: Statements = Statements::Shared("SELECT 1;");

migration!();
