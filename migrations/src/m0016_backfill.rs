//! Backfills: one row for each, and one for each of its dates, whose state follows that of its newest instance.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE backfill (
    id {id},
    project_id BIGINT NOT NULL REFERENCES project (id),
    workflow_id BIGINT NOT NULL REFERENCES workflow (id),
    version BIGINT NOT NULL,
    choices TEXT NOT NULL,
    start TEXT NOT NULL,
    control TEXT NOT NULL,
    parallelism BIGINT NOT NULL,
    on_failure TEXT NOT NULL,
    existing TEXT NOT NULL,
    reason TEXT,
    settled BOOLEAN NOT NULL DEFAULT FALSE,
    revision BIGINT NOT NULL DEFAULT 0,
    requested_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX backfill_unsettled ON backfill (id) WHERE NOT settled;
CREATE INDEX backfill_project ON backfill (project_id, id);
CREATE INDEX backfill_workflow ON backfill (workflow_id, id);

CREATE TABLE backfill_date (
    backfill BIGINT NOT NULL,
    position BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    scheduled_at BIGINT NOT NULL,
    timezone TEXT NOT NULL,
    state TEXT NOT NULL,
    instance BIGINT,
    reason TEXT,
    ended_at BIGINT,
    PRIMARY KEY (backfill, position)
) {hot_clustered};
CREATE INDEX backfill_date_state ON backfill_date (backfill, state, position);
CREATE INDEX backfill_date_instance ON backfill_date (instance) WHERE instance IS NOT NULL;
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE backfill_date;
DROP TABLE backfill;
",
);

migration!();
