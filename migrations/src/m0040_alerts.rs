//! Events that wait to become alerts, alerts, and their deliveries.
//!
//! An event is stored in the commit of the change when a rule may want it, and deleted in the commit of its alerts.

use crate::migration::{Statements, migration};

const UP: Statements = Statements::Shared(
    "
CREATE TABLE alert_event (
    id {id},
    event TEXT NOT NULL,
    at BIGINT NOT NULL,
    instance BIGINT,
    run BIGINT,
    task_index BIGINT,
    attempt BIGINT,
    schedule_id BIGINT,
    fire_at BIGINT,
    backfill BIGINT,
    incarnation BIGINT,
    survivor BIGINT,
    rule_id BIGINT,
    reason TEXT
);

CREATE TABLE alert (
    id {id},
    event TEXT NOT NULL,
    subject TEXT NOT NULL,
    run BIGINT NOT NULL,
    rule TEXT NOT NULL,
    project_id BIGINT,
    workflow_id BIGINT,
    instance BIGINT,
    at BIGINT NOT NULL,
    facts TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE UNIQUE INDEX alert_key ON alert (subject, run, event, rule);
CREATE INDEX alert_project ON alert (project_id, id);
CREATE INDEX alert_instance ON alert (instance) WHERE instance IS NOT NULL;
CREATE INDEX alert_at ON alert (at);

CREATE TABLE alert_delivery (
    id {id},
    project_id BIGINT,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    first_try_at BIGINT,
    last_error TEXT,
    next_at BIGINT,
    gathering TEXT,
    owner BIGINT,
    epoch BIGINT NOT NULL DEFAULT 0,
    leased_until BIGINT,
    created_at BIGINT NOT NULL
) {hot};
CREATE INDEX alert_delivery_due ON alert_delivery (next_at, id) WHERE state = 'waiting';
CREATE UNIQUE INDEX alert_delivery_gathering ON alert_delivery (gathering) WHERE gathering IS NOT NULL;

CREATE TABLE alert_delivery_item (
    alert BIGINT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    delivery BIGINT NOT NULL REFERENCES alert_delivery (id) ON DELETE CASCADE,
    PRIMARY KEY (alert, delivery)
) {clustered};
CREATE INDEX alert_delivery_item_delivery ON alert_delivery_item (delivery);

CREATE TABLE alert_progress (
    id BIGINT NOT NULL PRIMARY KEY,
    checked_until BIGINT NOT NULL
);
INSERT INTO alert_progress (id, checked_until) VALUES (1, {now});
",
);

const DOWN: Statements = Statements::Shared(
    "
DROP TABLE alert_progress;
DROP TABLE alert_delivery_item;
DROP TABLE alert_delivery;
DROP TABLE alert;
DROP TABLE alert_event;
",
);

migration!();
