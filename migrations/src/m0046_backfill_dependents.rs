//! Dates of workflows that depend on the workflow of a backfill: what they run, and the dates that they run after.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
ALTER TABLE backfill_date ADD COLUMN version BIGINT;
ALTER TABLE backfill_date ADD COLUMN task TEXT;
ALTER TABLE backfill_date ADD COLUMN awaited_first BIGINT;
ALTER TABLE backfill_date ADD COLUMN awaited_last BIGINT;
",
);

const DOWN: Statements = Statements::Shared(
    "
ALTER TABLE backfill_date DROP COLUMN awaited_last;
ALTER TABLE backfill_date DROP COLUMN awaited_first;
ALTER TABLE backfill_date DROP COLUMN task;
ALTER TABLE backfill_date DROP COLUMN version;
",
);

migration!();
