//! Lookups in the queues of limits whose time does not grow with the queues: tasks that want more slots than are free,
//! and tasks that a person lets start.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE INDEX limit_request_slots ON limit_request (limit_id, slots) WHERE state <> 'holding';
CREATE INDEX limit_request_forced ON limit_request (instance, task_index) WHERE forced;
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP INDEX limit_request_forced;
DROP INDEX limit_request_slots;
",
);

migration!();
