//! The database refuses what no program of ours would write, and concurrent claimers never share.

use std::collections::BTreeSet;

use engine::ids::Timestamp;
use engine::states::{AttemptState, Command, InstanceState, MemberState, TaskState};
use ports::{Claim, ClaimStore as _, ClaimedInstance};

use super::cases::{attempt, create, of_tasks, round, store, task};
use super::store_under_test::{Database, StoreUnderTest, join};

const BAD: [(&str, &str); 5] = [
    ("the epoch never falls", "UPDATE instance SET epoch = epoch - 1"),
    (
        "a new owner needs the next epoch",
        "UPDATE instance SET owner = owner + 1",
    ),
    (
        "a new owner needs the next epoch",
        "UPDATE instance SET owner = owner + 1, epoch = epoch + 2",
    ),
    ("", "UPDATE instance SET host = NULL"),
    (
        "a member only moves forward",
        "UPDATE member SET state = 'joining'",
    ),
];

async fn refuses_bad_sql(database: &Database) {
    let me = join(database, "one", "h1").await;
    create(database, Some(&me)).await;
    for (message, sql) in BAD {
        let error = database.try_sql(sql).await.expect_err(sql).to_string();
        assert!(error.contains(message), "{sql}: {error}");
    }
    database
        .sql("UPDATE instance SET state = 'failed', owner = NULL, host = NULL")
        .await;
    let left = "UPDATE instance SET state = 'running'";
    let error = database.try_sql(left).await.expect_err(left).to_string();
    assert!(error.contains("a final state is left only"), "{error}");
    database
        .sql("UPDATE instance SET state = 'running', run = run + 1")
        .await;
    database.sql("UPDATE instance SET state = 'failed'").await;
    database.sql("UPDATE instance SET state = 'succeeded'").await;
    let state = database.rows("SELECT state FROM member").await;
    assert_eq!(state[0].try_get_by_index::<String>(0).unwrap(), "active");
}

/// What unique keys and checks refuse beside an instance with an open attempt.
const IMPOSSIBLE: [(&str, &str); 9] = [
    (
        "two live members of one name",
        "INSERT INTO member (name, host, roles, state, version, joined_at, state_at) \
         VALUES ('one', 'h9', 'master', 'draining', 'test', 0, 0)",
    ),
    (
        "two live members at one host",
        "INSERT INTO member (name, host, roles, state, version, joined_at, state_at) \
         VALUES ('nine', 'h1', 'worker', 'joining', 'test', 0, 0)",
    ),
    (
        "a second row of the cluster",
        "INSERT INTO cluster_meta (one, generation) VALUES (2, 1)",
    ),
    (
        "two open attempts of one task",
        "INSERT INTO attempt (instance, task_index, number, epoch, state, created_at) \
         SELECT instance, task_index, 2, 1, 'created', 0 FROM attempt",
    ),
    (
        "one uid twice",
        "INSERT INTO attempt (instance, task_index, number, dispatch_id, worker, epoch, state, created_at) \
         SELECT instance, 7, 1, dispatch_id, worker, 1, 'lost', 0 FROM attempt",
    ),
    ("a uid without a worker", "UPDATE attempt SET worker = NULL"),
    (
        "two owners of one epoch",
        "INSERT INTO owner_log (instance, epoch, owner, host, at, why) \
         SELECT instance, epoch, owner + 1, host, at, why FROM owner_log",
    ),
    (
        "one key twice in an inbox",
        "INSERT INTO inbox (instance, dedup_key, kind, requested_by, created_at) \
         SELECT instance, dedup_key, kind, requested_by, created_at FROM inbox",
    ),
    (
        "two notes of one take-over",
        "INSERT INTO failover (dead, dead_host, survivor, survivor_host, reason, declared_at) \
         SELECT dead, dead_host, survivor, survivor_host, reason, declared_at FROM failover",
    ),
];

/// An instance with a row in every table of its children.
async fn with_children(database: &Database) {
    let me = join(database, "one", "h1").await;
    let id = create(database, Some(&me)).await;
    let running = attempt(id, 0, 1, AttemptState::Running);
    let tasks = of_tasks([(0, task(TaskState::Running, Some(running)))]);
    store(database, round(&me, id, 0, tasks)).await;
    database.ask(id, Command::Pause, 1).await;
}

async fn refuses_the_impossible(database: &Database) {
    with_children(database).await;
    database
        .sql(
            "INSERT INTO failover (dead, dead_host, survivor, survivor_host, reason, declared_at) \
             VALUES (1, 'h1', 2, 'h2', 'it fell', 0)",
        )
        .await;
    for (what, sql) in IMPOSSIBLE {
        assert!(database.try_sql(sql).await.is_err(), "{what}");
    }
}

/// Tries every step of a life; the database allows those forward and no others.
async fn moves_members_forward_only(database: &Database) {
    for from in MemberState::ALL {
        for to in MemberState::ALL {
            let me = database.add_member("walker", "h7").await.incarnation;
            // A life begins where it likes; only what follows is guarded.
            database
                .sql(&format!("DELETE FROM member WHERE incarnation = {me}"))
                .await;
            database
                .sql(&format!(
                    "INSERT INTO member (incarnation, name, host, roles, state, version, joined_at, state_at) \
                     VALUES ({me}, 'walker', 'h7', 'master', '{from}', 'test', 0, 0)"
                ))
                .await;
            let step = format!("UPDATE member SET state = '{to}' WHERE incarnation = {me}");
            let is_over = matches!(from, MemberState::Left | MemberState::Dead);
            let is_forward = from == to || (from < to && !is_over);
            assert_eq!(
                database.try_sql(&step).await.is_ok(),
                is_forward,
                "{from} to {to}"
            );
            database
                .sql(&format!("DELETE FROM member WHERE incarnation = {me}"))
                .await;
        }
    }
}

/// Tries to leave every final state for every other state in the same run.
async fn leaves_no_final_state(database: &Database) {
    for from in InstanceState::ALL.iter().filter(|state| state.is_final()) {
        for to in InstanceState::ALL {
            let id = create(database, None).await;
            database
                .sql(&format!("UPDATE instance SET state = '{from}' WHERE id = {id}"))
                .await;
            let step = format!("UPDATE instance SET state = '{to}' WHERE id = {id}");
            let is_allowed = from == to || *to == InstanceState::Succeeded;
            assert_eq!(
                database.try_sql(&step).await.is_ok(),
                is_allowed,
                "{from} to {to}"
            );
            let two_runs = format!("UPDATE instance SET state = 'queued', run = run + 2 WHERE id = {id}");
            assert!(
                database.try_sql(&two_runs).await.is_err(),
                "{from} and two runs on"
            );
        }
    }
}

async fn removes_children(database: &Database) {
    with_children(database).await;
    let tables = ["transition", "owner_log", "task_instance", "attempt", "inbox"];
    for table in tables {
        let rows = database.rows(&format!("SELECT 1 FROM {table}")).await;
        assert_eq!(rows.len(), 1, "{table}");
    }
    database.sql("DELETE FROM instance").await;
    for table in tables {
        let rows = database.rows(&format!("SELECT 1 FROM {table}")).await;
        assert_eq!(rows.len(), 0, "{table}");
    }
}

#[tokio::test]
async fn every_guard_holds_on_sqlite() {
    refuses_the_impossible(&Database::on_sqlite().await).await;
    moves_members_forward_only(&Database::on_sqlite().await).await;
    leaves_no_final_state(&Database::on_sqlite().await).await;
}

#[tokio::test]
async fn every_guard_holds_on_postgres() {
    for guard in 0..3 {
        let Some(database) = Database::on_postgres().await else {
            return;
        };
        match guard {
            0 => refuses_the_impossible(&database).await,
            1 => moves_members_forward_only(&database).await,
            _ => leaves_no_final_state(&database).await,
        }
    }
}

#[tokio::test]
async fn sqlite_refuses_bad_sql() {
    refuses_bad_sql(&Database::on_sqlite().await).await;
}

#[tokio::test]
async fn postgres_refuses_bad_sql() {
    if let Some(database) = Database::on_postgres().await {
        refuses_bad_sql(&database).await;
    }
}

#[tokio::test]
async fn an_instance_takes_its_rows_along() {
    removes_children(&Database::on_sqlite().await).await;
    if let Some(database) = Database::on_postgres().await {
        removes_children(&database).await;
    }
}

#[tokio::test]
async fn concurrent_claimers_never_take_the_same_instance() {
    let Some(database) = Database::on_postgres().await else {
        return;
    };
    let dead = join(&database, "dead", "h0").await;
    let mut expected = BTreeSet::new();
    for place in 0..60 {
        let owner = (place % 2 == 0).then_some(&dead);
        expected.insert(create(&database, owner).await);
    }
    let mut claimers = vec![join(&database, "c0", "c0").await];
    for number in 1..4 {
        let name = format!("c{number}");
        claimers.push(database.add_member(&name, &name).await);
    }
    let claims = claimers.into_iter().map(|me| {
        let store = database.store.clone();
        tokio::spawn(async move { claim_all(&store, me).await })
    });
    let mut taken = Vec::new();
    for claimer in claims.collect::<Vec<_>>() {
        taken.extend(claimer.await.expect("a claimer"));
    }
    assert_eq!(taken.len(), 60, "nothing twice");
    assert_eq!(
        taken.into_iter().collect::<BTreeSet<_>>(),
        expected,
        "nothing missed"
    );
}

/// Claims five at a time until nothing is left.
async fn claim_all(store: &store::Store, me: ports::NodeIdentity) -> Vec<engine::ids::InstanceId> {
    let claim = Claim {
        claimant: me,
        only: None,
        limit: 5,
        at: Timestamp(1),
    };
    let mut mine = Vec::new();
    loop {
        let taken: Vec<ClaimedInstance> = store.claim_instances(&claim).await.expect("an answer");
        if taken.is_empty() {
            return mine;
        }
        mine.extend(taken.into_iter().map(|claimed| claimed.id));
    }
}
