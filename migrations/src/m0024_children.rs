//! A task starts each of its children once: an attempt has one child of an index, whatever dies while it is made.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE UNIQUE INDEX instance_child ON instance (parent, parent_task, parent_attempt, parent_index)
    WHERE parent IS NOT NULL;
",
);

const DOWN: Statements = Statements::Shared("DROP INDEX instance_child;");

migration!();
