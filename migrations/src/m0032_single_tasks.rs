//! Work on single tasks and on instances that exist: what a retry changes of a task, the tasks of a run, what changed of
//! a start, and where reused results come from.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
ALTER TABLE task_instance ADD COLUMN overrides TEXT;
ALTER TABLE task_instance ADD COLUMN reused BIGINT;
ALTER TABLE instance ADD COLUMN run_range TEXT;
ALTER TABLE instance ADD COLUMN params TEXT;
ALTER TABLE instance ADD COLUMN labels TEXT;
ALTER TABLE instance ADD COLUMN note TEXT;
ALTER TABLE instance ADD COLUMN continued_from BIGINT;
",
);

const DOWN: Statements = Statements::Shared(
    "
ALTER TABLE instance DROP COLUMN continued_from;
ALTER TABLE instance DROP COLUMN note;
ALTER TABLE instance DROP COLUMN labels;
ALTER TABLE instance DROP COLUMN params;
ALTER TABLE instance DROP COLUMN run_range;
ALTER TABLE task_instance DROP COLUMN reused;
ALTER TABLE task_instance DROP COLUMN overrides;
",
);

migration!();
