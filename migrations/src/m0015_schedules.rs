//! Schedules of workflows, what became of their fires, and the calendars that they keep to.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE schedule (
    id {id},
    workflow_id BIGINT NOT NULL REFERENCES workflow (id),
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    timezone TEXT NOT NULL,
    calendar TEXT,
    enabled BOOLEAN NOT NULL,
    managed_by TEXT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 1,
    next_fire_at BIGINT,
    due_at BIGINT,
    decided_until BIGINT,
    last_fire_at BIGINT,
    last_instance BIGINT,
    attention TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) {hot};
CREATE UNIQUE INDEX schedule_name ON schedule (workflow_id, name);
CREATE INDEX schedule_due ON schedule (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX schedule_calendar ON schedule (calendar) WHERE calendar IS NOT NULL;

CREATE TABLE schedule_fire (
    schedule_id BIGINT NOT NULL REFERENCES schedule (id) ON DELETE CASCADE,
    fire_at BIGINT NOT NULL,
    first_fire_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    why TEXT,
    late_ms BIGINT,
    instance BIGINT,
    fires BIGINT NOT NULL DEFAULT 1,
    at BIGINT NOT NULL,
    PRIMARY KEY (schedule_id, fire_at)
);
CREATE INDEX schedule_fire_instance ON schedule_fire (instance) WHERE instance IS NOT NULL;

CREATE TABLE calendar (
    id {id},
    project_id BIGINT REFERENCES project (id),
    name TEXT NOT NULL,
    timezone TEXT,
    days TEXT NOT NULL,
    exclude TEXT NOT NULL DEFAULT '[]',
    include TEXT NOT NULL DEFAULT '[]',
    description TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX calendar_name ON calendar (project_id, name) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX calendar_shared_name ON calendar (name) WHERE project_id IS NULL;
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE calendar;
DROP TABLE schedule_fire;
DROP TABLE schedule;
",
);

migration!();
