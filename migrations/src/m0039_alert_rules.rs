//! The rules of alerts of all places: of the server, of projects, of versions of documents, of schedules, backfills and
//! starts.
//!
//! `timed` are those with `late` or `not_started`, which a time raises and not a change; their times are columns, so that one
//! query finds what is due. Rules that a later list replaces stay with the time at which they ended: an event counts for those of its own time.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE alert_rule (
    id {id},
    source TEXT NOT NULL,
    source_id BIGINT NOT NULL,
    project_id BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    events BIGINT NOT NULL,
    timed BOOLEAN NOT NULL,
    late_after_ms BIGINT,
    within_ms BIGINT,
    rule TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT
);
CREATE INDEX alert_rule_scope ON alert_rule (project_id, workflow_id, source, source_id);
CREATE INDEX alert_rule_timed ON alert_rule (timed, valid_until);
CREATE INDEX alert_rule_ended ON alert_rule (valid_until) WHERE valid_until IS NOT NULL;
",
);

const DOWN: Statements = Statements::Shared("DROP TABLE alert_rule;");

migration!();
