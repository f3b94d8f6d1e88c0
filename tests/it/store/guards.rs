//! The database refuses what no program of ours would write, and concurrent claimers never share.

use std::collections::BTreeSet;

use actors::ports::{Claim, Claimed, Store as _};
use engine::ids::Millis;

use super::cases::create;
use super::subject::{Database, Subject, join};

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

async fn removes_children(database: &Database) {
    let me = join(database, "one", "h1").await;
    create(database, Some(&me)).await;
    database.sql("DELETE FROM instance").await;
    for table in ["transition", "owner_log"] {
        let rows = database.rows(&format!("SELECT 1 FROM {table}")).await;
        assert_eq!(rows.len(), 0, "{table}");
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
async fn claim_all(store: &porpoise::store::Store, me: actors::ports::Me) -> Vec<engine::ids::InstanceId> {
    let claim = Claim {
        me,
        only: None,
        limit: 5,
        at: Millis(1),
    };
    let mut mine = Vec::new();
    loop {
        let taken: Vec<Claimed> = store.claim(&claim).await.expect("an answer");
        if taken.is_empty() {
            return mine;
        }
        mine.extend(taken.into_iter().map(|claimed| claimed.id));
    }
}
