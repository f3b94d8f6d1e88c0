//! Each invariant finds its violation, and nothing in a valid database.

use engine::states::{AttemptState, TaskState};

use crate::store::cases::{attempt, create, of_tasks, round, store, task};
use crate::store::store_under_test::{Database, join};
use test_support::invariants::{INVARIANTS, violations};

/// Statements that break a rule, and the beginnings of the invariants that notice it.
const PLANTED: [(&str, &[&str]); 26] = [
    ("UPDATE transition SET epoch = 9", &["I1: what was written"]),
    ("UPDATE attempt SET epoch = 9", &["I1: an attempt"]),
    (
        "INSERT INTO transition (instance, at, from_state, to_state, why, host, epoch) \
         SELECT id, 0, 'paused', 'running', '', host, 1 FROM instance",
        &["I3: each state"],
    ),
    (
        "UPDATE instance SET state = 'failed', owner = NULL, host = NULL",
        &["I3: the last stored step", "I3: a final instance"],
    ),
    (
        "INSERT INTO attempt (instance, task_index, number, epoch, state, created_at) \
         SELECT id, 0, 2, 1, 'lost', 0 FROM instance",
        &["I4"],
    ),
    (
        "INSERT INTO owner_log (instance, epoch, owner, host, at, why) \
         SELECT id, 2, 999, 'nowhere', 0, 'failover' FROM instance",
        &["I6", "I8"],
    ),
    (
        "UPDATE member SET state = 'dead', state_at = 0",
        &["I6", "I7", "I9"],
    ),
    ("UPDATE instance SET owner = NULL, host = NULL", &["I7"]),
    ("UPDATE instance SET host = 'elsewhere'", &["I10: owner and host"]),
    ("UPDATE instance SET state = 'paused'", &["I10: an idle instance"]),
    (
        "INSERT INTO inbox (instance, dedup_key, kind, command, run, requested_by, created_at) \
         SELECT id, 'command/1', 'command', 'pause', 1, 'admin', 0 FROM instance",
        &["I11"],
    ),
    (
        "UPDATE instance SET trigger_type = 'schedule', schedule = 's', scheduled_at = 5; \
         INSERT INTO instance (project_id, workflow_id, version, state, start, tasks_total, priority, trigger_type, \
         schedule, scheduled_at, created_at) SELECT project_id, workflow_id, version, state, start, tasks_total, \
         priority, trigger_type, schedule, scheduled_at, created_at FROM instance",
        &["I13: a fire"],
    ),
    (
        "INSERT INTO schedule (workflow_id, name, definition, timezone, enabled, managed_by, created_at, updated_at) \
         VALUES (1, 's', '{}', 'UTC', TRUE, 'api', 0, 0); \
         UPDATE instance SET trigger_type = 'schedule', schedule = 's', scheduled_at = 5",
        &["I13: an instance"],
    ),
    (
        "INSERT INTO backfill_date (backfill, position, workflow_id, scheduled_at, timezone, state, instance) \
         SELECT 7, 0, 1, 0, 'UTC', 'succeeded', id FROM instance",
        &["I14: a date"],
    ),
    ("UPDATE instance SET backfill = 7", &["I14: an open instance"]),
    (
        "INSERT INTO alert_event (event, at, instance, run) VALUES ('failed', 0, 1, 1)",
        &["A1"],
    ),
    (
        "INSERT INTO alert (id, event, subject, run, rule, at, facts, text) \
         VALUES (1, 'failed', '1', 1, 'project/0', 0, '{}', ''), (2, 'failed', '1', 1, 'project/1', 0, '{}', ''); \
         INSERT INTO alert_delivery (id, channel, state, created_at) \
         VALUES (1, 'a', 'delivered', 0), (2, 'a', 'delivered', 0); \
         INSERT INTO alert_delivery_item (alert, delivery) VALUES (1, 1), (2, 2)",
        &["A2"],
    ),
    (
        "INSERT INTO alert_delivery (channel, state, next_at, created_at) VALUES ('a', 'waiting', 0, 0)",
        &["A3"],
    ),
    (
        "INSERT INTO alert_rule (source, source_id, project_id, workflow_id, place, events, timed, rule, valid_from) \
         VALUES ('server', 0, 0, 0, 0, 2, FALSE, '{\"when\":null}', 0); \
         INSERT INTO transition (instance, at, from_state, to_state, why, host, epoch) \
         SELECT id, 10, 'running', 'failed', '', 'h1', 1 FROM instance",
        &["A4"],
    ),
    (
        "INSERT INTO alert (event, subject, run, rule, instance, at, facts, text) \
         SELECT 'failed', '1', 1, 'project/0', id, 10, '{}', '' FROM instance",
        &["A5"],
    ),
    (
        "INSERT INTO alert_delivery (channel, state, created_at) VALUES ('a', 'delivered', 0)",
        &["A6"],
    ),
    (
        "UPDATE instance SET parent = id, parent_task = 'each', parent_attempt = 9, parent_index = 0",
        &["I19: a child belongs"],
    ),
    (
        "INSERT INTO instance (project_id, workflow_id, version, state, start, tasks_total, priority, trigger_type, \
         parent, parent_task, parent_attempt, parent_index, created_at) SELECT project_id, workflow_id, version, \
         'running', start, tasks_total, priority, 'sub_workflow', id, 'each', 1, 0, created_at FROM instance; \
         UPDATE instance SET state = 'failed' WHERE parent IS NULL",
        &["I19: no child"],
    ),
    (
        "INSERT INTO instance (project_id, workflow_id, version, state, start, tasks_total, priority, trigger_type, \
         parent, parent_task, parent_attempt, parent_index, created_at) SELECT project_id, workflow_id, version, \
         'failed', start, tasks_total, priority, 'sub_workflow', id, 'each', 1, 0, created_at FROM instance; \
         INSERT INTO transition (instance, at, from_state, to_state, why, host, epoch) \
         SELECT id, 0, 'running', 'failed', '', 'h1', 1 FROM instance WHERE parent IS NOT NULL; \
         UPDATE instance SET state = 'failed' WHERE parent IS NULL",
        &["I19: a parent ends"],
    ),
    (
        "INSERT INTO named_limit (project_id, name, slots, used, created_at, updated_at) VALUES (NULL, 'l', 1, 1, 0, 0)",
        &["I20: a limit has"],
    ),
    (
        "INSERT INTO limit_request (instance, task_index, name, slots, state, instance_priority, task_priority, ready_at, \
         attempt, since) SELECT id, 0, 'l', 1, 'holding', 3, 3, 0, 9, 0 FROM instance; \
         UPDATE instance SET state = 'failed'",
        &["I20: slots of limits", "I20: an instance at rest"],
    ),
];

/// An instance with an attempt that runs.
async fn seed(database: &Database) {
    let me = join(database, "one", "h1").await;
    let id = create(database, Some(&me)).await;
    let running = attempt(id, 0, 1, AttemptState::Running);
    let tasks = of_tasks([(0, task(TaskState::Running, Some(running)))]);
    store(database, round(&me, id, 0, tasks)).await;
    assert_eq!(violations(&database.store, 0).await, Vec::<String>::new());
}

async fn finds(database: &Database, sql: &str, expected: &[&str]) {
    database.sql(sql).await;
    let found = violations(&database.store, 0).await;
    for name in expected {
        assert!(
            found.iter().any(|found| found.starts_with(name)),
            "{sql}: {found:?}"
        );
    }
}

#[tokio::test]
async fn every_invariant_finds_its_fault() {
    for (sql, expected) in PLANTED {
        let database = Database::on_sqlite().await;
        seed(&database).await;
        finds(&database, sql, expected).await;
    }
    let found: Vec<&str> = PLANTED
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    for invariant in &INVARIANTS {
        assert!(
            found.iter().any(|name| invariant.name.starts_with(name)),
            "{}",
            invariant.name
        );
    }
}

#[tokio::test]
async fn postgres_understands_every_invariant() {
    for (sql, expected) in PLANTED {
        let Some(database) = Database::on_postgres().await else {
            return;
        };
        seed(&database).await;
        finds(&database, sql, expected).await;
    }
}
