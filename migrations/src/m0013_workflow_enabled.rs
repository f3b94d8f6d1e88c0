//! A workflow can be disabled: it starts nothing new then.

use crate::migration::{Statements, migration};

const UP: Statements =
    Statements::Shared("ALTER TABLE workflow ADD COLUMN enabled BOOLEAN NOT NULL DEFAULT TRUE;");

const DOWN: Statements = Statements::Shared("ALTER TABLE workflow DROP COLUMN enabled;");

migration!();
