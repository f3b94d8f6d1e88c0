//! Deletion of what ended long ago: who may delete, what goes and what stays, a few rows at a time.

use engine::ids::{Incarnation, InstanceId, Timestamp};
use engine::states::InstanceState;
use ports::{
    AgedRows, BatchOutcome, DeletedBatch, ExpirySelection, RetentionLease, RetentionRunId,
    RetentionStore as _, SWEEP,
};

use super::store_under_test::{Database, StoreUnderTest as _};

on_both_databases!(
    one_node_at_a_time_has_the_lease,
    a_batch_of_a_lost_lease_deletes_nothing,
    only_what_ended_long_ago_and_is_at_rest_expires,
    an_instance_goes_with_its_parent_and_not_before,
    rows_are_purged_a_few_at_a_time,
    a_deletion_counts_what_was_counted_before,
    logs_are_counted_by_their_stored_sizes,
    an_instance_that_runs_again_stays,
    rows_without_an_instance_have_their_own_age,
    other_deletions_take_all_rows_at_once,
    an_instance_stays_while_its_backfill_is_open_and_goes_before_it,
);

const NOW: Timestamp = Timestamp(1_000_000);

async fn lease(database: &Database) -> RetentionLease {
    let node = database.add_member("a", "a:1").await;
    let lease = database.store.claim_retention(node.incarnation, NOW).await;
    lease.expect("an answer").expect("the lease")
}

/// Stores an ended instance with two rows of its history, a task with an attempt, and a label.
async fn add_instance(database: &Database, id: i64, state: &str, ended_at: &str) {
    database
        .sql(&format!(
            "INSERT INTO instance (id, project_id, workflow_id, version, state, start, tasks_total, priority, \
             trigger_type, requested_by, created_at, ended_at) \
             VALUES ({id}, 1, 1, 1, '{state}', '{{}}', 1, 'medium', 'api', 'admin', 0, {ended_at});
             INSERT INTO transition (instance, at, to_state, why, host, epoch) VALUES ({id}, 0, 'running', '', '', 1);
             INSERT INTO transition (instance, at, to_state, why, host, epoch) VALUES ({id}, 0, '{state}', '', '', 1);
             INSERT INTO task_instance (instance, task_index, state) VALUES ({id}, 0, 'succeeded');
             INSERT INTO attempt (instance, task_index, number, dispatch_id, worker, worker_name, epoch, state, \
             created_at) VALUES ({id}, 0, 1, 'd{id}', 1, 'worker', 1, 'succeeded', 0);
             INSERT INTO instance_label (instance, name, value) VALUES ({id}, 'team', 'bi')"
        ))
        .await;
}

/// Rows of an instance that `add_instance` stores.
const ROWS: u64 = 6;

fn selection(ended_before: i64) -> ExpirySelection {
    let states = InstanceState::ALL.iter().filter(|state| state.is_final());
    ExpirySelection {
        project: 1,
        states: states.copied().collect(),
        ended_before: Timestamp(ended_before),
    }
}

async fn expired(database: &Database, selection: &ExpirySelection) -> Vec<i64> {
    let listed = database.store.list_expired(selection, None, 100).await;
    listed.expect("a list").iter().map(|ended| ended.id.0).collect()
}

async fn delete(database: &Database, lease: RetentionLease, run: i64, ids: &[i64]) -> DeletedBatch {
    let ids: Vec<InstanceId> = ids.iter().copied().map(InstanceId).collect();
    let outcome = database
        .store
        .delete_instances(lease, RetentionRunId(run), &ids, NOW)
        .await;
    deleted(outcome.expect("an answer"))
}

#[track_caller]
fn deleted(outcome: BatchOutcome) -> DeletedBatch {
    match outcome {
        BatchOutcome::Deleted(batch) => batch,
        BatchOutcome::LeaseLost => panic!("the lease is lost"),
    }
}

/// Purges with this limit until nothing is left; returns what each batch deleted.
async fn purge_all(database: &Database, lease: RetentionLease, limit: u32) -> Vec<DeletedBatch> {
    let mut batches = Vec::new();
    while database
        .store
        .find_retention_work()
        .await
        .expect("work")
        .has_purges
    {
        assert!(batches.len() < 1_000, "it should end");
        let outcome = database.store.purge_instances(lease, limit, NOW).await;
        batches.push(deleted(outcome.expect("an answer")));
    }
    batches
}

async fn count(database: &Database, table_where: &str) -> usize {
    database.rows(&format!("SELECT 1 FROM {table_where}")).await.len()
}

async fn one_node_at_a_time_has_the_lease(database: &Database) {
    let (a, b) = (
        database.add_member("a", "a:1").await.incarnation,
        database.add_member("b", "b:1").await.incarnation,
    );
    let claim = async |owner: Incarnation, at: i64| {
        let claimed = database.store.claim_retention(owner, Timestamp(at)).await;
        claimed.expect("an answer")
    };
    let first = claim(a, 0).await.expect("a free lease");
    assert_eq!(claim(b, 30_000).await, None, "a living owner has it");
    let again = claim(a, 0).await.expect("its own lease");
    assert!(again.epoch > first.epoch);
    let second = claim(b, 30_001).await.expect("an expired lease");
    database
        .sql(&format!(
            "UPDATE member SET state = 'dead' WHERE incarnation = {b}"
        ))
        .await;
    assert_eq!(claim(b, 30_001).await, None, "a dead node claims nothing");
    let third = claim(a, 30_001).await.expect("the lease of a dead node");
    database.store.release_retention(second).await.expect("an answer");
    assert_eq!(
        count(database, "retention_lease WHERE owner IS NOT NULL").await,
        1
    );
    database.store.release_retention(third).await.expect("an answer");
    assert_eq!(count(database, "retention_lease WHERE owner IS NULL").await, 1);
    assert_eq!(
        claim(Incarnation(999), 0).await,
        None,
        "an unknown node claims nothing"
    );
}

async fn a_batch_of_a_lost_lease_deletes_nothing(database: &Database) {
    let old = lease(database).await;
    add_instance(database, 1, "succeeded", "10").await;
    let new = database
        .store
        .claim_retention(old.owner, NOW)
        .await
        .expect("an answer");
    let store = &database.store;
    let ids = [InstanceId(1)];
    for outcome in [
        store.delete_instances(old, SWEEP, &ids, NOW).await,
        store.purge_instances(old, 10, NOW).await,
        store.delete_aged(old, (AgedRows::Audit, NOW), 10, NOW).await,
        store.end_retention_run(old, SWEEP, NOW).await,
        store.record_sweep(old, NOW).await,
    ] {
        assert_eq!(outcome, Ok(BatchOutcome::LeaseLost));
    }
    assert_eq!(count(database, "instance").await, 1);
    assert_eq!(
        delete(database, new.expect("the lease"), 0, &[1]).await.instances,
        1
    );
}

async fn only_what_ended_long_ago_and_is_at_rest_expires(database: &Database) {
    add_instance(database, 1, "failed", "300").await;
    add_instance(database, 2, "succeeded", "100").await;
    add_instance(database, 3, "stopped", "200").await;
    add_instance(database, 4, "running", "NULL").await;
    add_instance(database, 5, "succeeded", "100").await;
    assert!(expired(database, &selection(99)).await.is_empty());
    assert_eq!(expired(database, &selection(200)).await, [2, 5, 3]);
    let failed = ExpirySelection {
        states: vec![InstanceState::Failed],
        ..selection(300)
    };
    assert_eq!(expired(database, &failed).await, [1]);
    let elsewhere = ExpirySelection {
        project: 2,
        ..selection(300)
    };
    assert!(expired(database, &elsewhere).await.is_empty());
    let command = "INSERT INTO inbox (instance, dedup_key, kind, command, run, requested_by, created_at) \
                   VALUES (2, 'command/1', 'command', 'rerun', 1, 'admin', 0)";
    database.sql(command).await;
    database
        .sql("UPDATE instance SET owner = 1, host = 'a:1', epoch = 1 WHERE id = 3")
        .await;
    assert_eq!(expired(database, &selection(300)).await, [5, 1]);
    let page = database
        .store
        .list_expired(&selection(300), None, 1)
        .await
        .expect("a list");
    let next = database
        .store
        .list_expired(&selection(300), page.last().copied(), 9)
        .await;
    assert_eq!(
        next.expect("a list")
            .iter()
            .map(|ended| ended.id.0)
            .collect::<Vec<_>>(),
        [1]
    );
}

async fn an_instance_goes_with_its_parent_and_not_before(database: &Database) {
    let lease = lease(database).await;
    for id in 1..=6 {
        add_instance(database, id, "succeeded", "100").await;
    }
    // 1 -> 2 -> 3, 4 -> 5, and the parent of 6 is gone.
    database
        .sql(
            "UPDATE instance SET parent = 1, trigger_type = 'sub_workflow' WHERE id = 2; \
             UPDATE instance SET parent = 2, trigger_type = 'sub_workflow' WHERE id = 3; \
             UPDATE instance SET parent = 4, trigger_type = 'sub_workflow', state = 'running', ended_at = NULL, \
             run = 2 WHERE id = 5; UPDATE instance SET parent = 99, trigger_type = 'sub_workflow' WHERE id = 6",
        )
        .await;
    assert_eq!(
        expired(database, &selection(100)).await,
        [1, 6],
        "4 has an open child"
    );
    let counted = database
        .store
        .count_expired(&[InstanceId(1)])
        .await
        .expect("a count");
    assert_eq!((counted.instances, counted.rows), (3, 3 * ROWS));
    assert_eq!(delete(database, lease, 0, &[1, 2, 4]).await.instances, 1);
    purge_all(database, lease, 4).await;
    let left = database.rows("SELECT id FROM instance ORDER BY id").await;
    let left: Vec<i64> = left
        .iter()
        .map(|row| row.try_get_by_index(0).expect("an id"))
        .collect();
    assert_eq!(left, [4, 5, 6]);
}

async fn rows_are_purged_a_few_at_a_time(database: &Database) {
    let lease = lease(database).await;
    for id in 1..=5 {
        add_instance(database, id, "succeeded", "100").await;
    }
    assert_eq!(
        delete(database, lease, 0, &[1, 2, 3, 4]).await,
        DeletedBatch {
            instances: 4,
            rows: 4
        }
    );
    assert_eq!(count(database, "log_removal WHERE requested_at > 0").await, 4);
    let batches = purge_all(database, lease, 3).await;
    assert!(
        batches
            .iter()
            .all(|batch| batch.rows <= 3 && batch.instances == 0),
        "{batches:?}"
    );
    assert_eq!(
        batches.iter().map(|batch| batch.rows).sum::<u64>(),
        4 * (ROWS - 1)
    );
    for table in [
        "transition",
        "task_instance",
        "attempt",
        "instance_label",
        "instance",
    ] {
        let left = if table == "transition" { 2 } else { 1 };
        assert_eq!(count(database, table).await, left, "{table}");
    }
}

async fn a_deletion_counts_what_was_counted_before(database: &Database) {
    let lease = lease(database).await;
    add_instance(database, 1, "succeeded", "100").await;
    add_instance(database, 2, "succeeded", "100").await;
    database
        .sql("UPDATE instance SET parent = 1, trigger_type = 'sub_workflow' WHERE id = 2")
        .await;
    database
        .sql(
            "INSERT INTO retention_run (id, requested_by, created_at, ended_before, states) \
             VALUES (7, 'admin', 0, 100, '[\"failed\"]')",
        )
        .await;
    let work = database.store.find_retention_work().await.expect("work");
    let requested = work.requested.expect("a request");
    assert_eq!((requested.id.0, requested.ended_before.0), (7, 100));
    assert_eq!(requested.states, [InstanceState::Failed]);
    let counted = database
        .store
        .count_expired(&[InstanceId(1)])
        .await
        .expect("a count");
    delete(database, lease, 7, &[1]).await;
    purge_all(database, lease, 2).await;
    database
        .store
        .end_retention_run(lease, requested.id, NOW)
        .await
        .expect("an answer");
    let run = database
        .rows("SELECT instances, deleted_rows, outcome FROM retention_run")
        .await;
    let (instances, rows): (i64, i64) = (
        run[0].try_get_by_index(0).expect("a count"),
        run[0].try_get_by_index(1).expect("a count"),
    );
    assert_eq!(
        (instances.unsigned_abs(), rows.unsigned_abs()),
        (counted.instances, counted.rows)
    );
    assert_eq!(
        run[0].try_get_by_index::<String>(2).expect("an outcome"),
        "applied"
    );
    assert_eq!(
        database
            .store
            .find_retention_work()
            .await
            .expect("work")
            .requested,
        None
    );
}

async fn logs_are_counted_by_their_stored_sizes(database: &Database) {
    let logs_of = async |ids: &[i64]| {
        let ids: Vec<_> = ids.iter().copied().map(InstanceId).collect();
        let counted = database.store.count_expired(&ids).await.expect("a count");
        (counted.log_bytes(), counted.unknown_logs)
    };
    assert_eq!(logs_of(&[]).await, (Some(0), 0), "no log has no bytes");
    for id in 1..=4 {
        add_instance(database, id, "succeeded", "100").await;
    }
    assert_eq!(logs_of(&[1, 2]).await, (None, 2), "nothing is known of old rows");
    database
        .sql(
            "UPDATE attempt SET log_bytes = 5000000000 WHERE instance = 1; \
             UPDATE attempt SET log_bytes = 7 WHERE instance = 2; \
             UPDATE attempt SET dispatch_id = NULL, worker = NULL, worker_name = NULL WHERE instance = 4",
        )
        .await;
    assert_eq!(logs_of(&[1, 2]).await, (Some(5_000_000_007), 0));
    assert_eq!(logs_of(&[1, 2, 3]).await, (Some(5_000_000_007), 1));
    assert_eq!(logs_of(&[3]).await, (None, 1));
    assert_eq!(
        logs_of(&[4]).await,
        (Some(0), 0),
        "without a worker there is no log"
    );
}

async fn an_instance_that_runs_again_stays(database: &Database) {
    let lease = lease(database).await;
    add_instance(database, 1, "succeeded", "100").await;
    assert_eq!(expired(database, &selection(100)).await, [1]);
    database
        .sql("UPDATE instance SET state = 'running', run = 2, ended_at = NULL WHERE id = 1")
        .await;
    assert_eq!(delete(database, lease, 0, &[1]).await, DeletedBatch::default());
    assert_eq!(count(database, "instance_purge").await, 0);
    assert_eq!(count(database, "attempt").await, 1);
}

async fn rows_without_an_instance_have_their_own_age(database: &Database) {
    let lease = lease(database).await;
    add_instance(database, 1, "succeeded", "100").await;
    database
        .sql(
            "INSERT INTO schedule (id, workflow_id, name, definition, timezone, enabled, managed_by, created_at, \
             updated_at) VALUES (1, 1, 's', '{}', 'UTC', TRUE, 'api', 0, 0);
             INSERT INTO schedule_fire (schedule_id, fire_at, first_fire_at, outcome, instance, at) \
             VALUES (1, 1, 1, 'started', 1, 1), (1, 2, 2, 'skipped', NULL, 2), (1, 3, 3, 'started', 77, 3), \
             (1, 9, 9, 'skipped', NULL, 9);
             INSERT INTO audit (at, user_name, action, resource_kind, resource) \
             VALUES (1, 'u', 'a', 'k', 'r'), (2, 'u', 'a', 'k', 'r'), (9, 'u', 'a', 'k', 'r');
             INSERT INTO log_removal (worker_name, instance, requested_at) \
             VALUES ('gone', 1, 1), ('gone', 2, 2), ('gone', 3, 9);
             INSERT INTO retention_run (requested_by, created_at, ended_before, states, outcome, ended_at) \
             VALUES ('u', 1, 1, '[]', 'applied', 2), ('u', 1, 1, '[]', 'pending', NULL);
             INSERT INTO bulk_operation (verb, user_id, requested_by, created_at, total, ended_at) \
             VALUES ('stop', 1, 'u', 1, 1, 2), ('stop', 1, 'u', 1, 1, NULL);
             INSERT INTO bulk_item (operation, instance, state) VALUES (1, 1, 'refused')",
        )
        .await;
    let purge = async |rows, limit| {
        let outcome = database
            .store
            .delete_aged(lease, (rows, Timestamp(5)), limit, NOW)
            .await;
        deleted(outcome.expect("an answer")).rows
    };
    for (rows, gone) in [
        (AgedRows::Fires, 2),
        (AgedRows::Audit, 2),
        (AgedRows::LogRemovals, 2),
        (AgedRows::RetentionRuns, 1),
        (AgedRows::BulkOperations, 1),
    ] {
        assert_eq!(purge(rows, 1).await, 1, "{rows:?}");
        assert_eq!(purge(rows, 10).await, gone - 1, "{rows:?}");
        assert_eq!(purge(rows, 10).await, 0, "{rows:?}");
    }
    let fires = database
        .rows("SELECT fire_at FROM schedule_fire ORDER BY fire_at")
        .await;
    assert_eq!(
        fires.len(),
        2,
        "the fire of an instance goes with it, a young one stays"
    );
    delete(database, lease, 0, &[1]).await;
    purge_all(database, lease, 100).await;
    assert_eq!(count(database, "schedule_fire").await, 1);
}

async fn other_deletions_take_all_rows_at_once(database: &Database) {
    add_instance(database, 1, "succeeded", "100").await;
    database.sql("DELETE FROM instance WHERE id = 1").await;
    for table in [
        "transition",
        "task_instance",
        "attempt",
        "instance_label",
        "instance_purge",
    ] {
        assert_eq!(count(database, table).await, 0, "{table}");
    }
    assert_eq!(count(database, "log_removal WHERE requested_at > 0").await, 1);
}

async fn an_instance_stays_while_its_backfill_is_open_and_goes_before_it(database: &Database) {
    let lease = lease(database).await;
    for id in 1..=4 {
        add_instance(database, id, "succeeded", "100").await;
        let control = ["active", "active", "paused", "cancelled"][usize::try_from(id - 1).expect("an index")];
        let dates = if id == 1 { "waiting" } else { "failed" };
        database
            .sql(&format!(
                "UPDATE instance SET trigger_type = 'backfill', backfill = {id} WHERE id = {id};
                 INSERT INTO backfill (id, project_id, workflow_id, version, choices, start, control, parallelism, \
                 on_failure, existing, requested_by, created_at) \
                 VALUES ({id}, 1, 1, 1, '{{}}', '{{}}', '{control}', 1, 'continue', 'run', 'admin', 0);
                 INSERT INTO backfill_date (backfill, position, workflow_id, scheduled_at, timezone, state, ended_at) \
                 VALUES ({id}, 0, 1, 0, 'UTC', 'succeeded', 100), ({id}, 1, 1, 1, 'UTC', '{dates}', NULL)"
            ))
            .await;
    }
    assert_eq!(
        expired(database, &selection(100)).await,
        [2, 4],
        "1 waits, 3 is paused"
    );
    let delete_backfills = async |older_than: i64| {
        let aged = AgedRows::Backfills;
        let outcome = database
            .store
            .delete_aged(lease, (aged, Timestamp(older_than)), 10, NOW)
            .await;
        deleted(outcome.expect("an answer")).rows
    };
    assert_eq!(delete_backfills(100).await, 0, "their instances are there");
    delete(database, lease, 0, &[2, 4]).await;
    assert_eq!(delete_backfills(99).await, 0, "their dates ended later");
    assert_eq!(delete_backfills(100).await, 2);
    assert_eq!(delete_backfills(100).await, 0);
    assert_eq!(count(database, "backfill WHERE id IN (1, 3)").await, 2);
    let purge = async |rows, limit| {
        let batch = database.store.delete_aged(lease, (rows, NOW), limit, NOW).await;
        deleted(batch.expect("an answer")).rows
    };
    assert_eq!(purge(AgedRows::BackfillDates, 3).await, 3, "a few at a time");
    assert_eq!(purge(AgedRows::BackfillPurges, 3).await, 1, "one has a date left");
    assert_eq!(purge(AgedRows::BackfillDates, 3).await, 1);
    assert_eq!(purge(AgedRows::BackfillDates, 3).await, 0);
    assert_eq!(count(database, "backfill_date").await, 4);
    assert_eq!(purge(AgedRows::BackfillPurges, 3).await, 1);
    assert_eq!(count(database, "backfill_purge").await, 0);
}
