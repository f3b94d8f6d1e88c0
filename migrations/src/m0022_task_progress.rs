//! What is kept of an open attempt that waits in the owner of its instance.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared("ALTER TABLE task_instance ADD COLUMN progress TEXT;");

const DOWN: Statements = Statements::Shared("ALTER TABLE task_instance DROP COLUMN progress;");

migration!();
