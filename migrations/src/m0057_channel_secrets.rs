//! The secrets of a project that the fields of its channels name.

use crate::migration::{Statements, migration};

const UP: Statements =
    Statements::Shared("ALTER TABLE channel ADD COLUMN secret_names TEXT NOT NULL DEFAULT '{}';");

const DOWN: Statements = Statements::Shared("ALTER TABLE channel DROP COLUMN secret_names;");

migration!();
