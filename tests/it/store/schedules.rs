//! Fires of schedules and their instances: one commit, once, against what the decision was made on.

use engine::ids::{InstanceId, ScheduleId, Timestamp};
use engine::schedule::SkippedFires;
use engine::trigger::Trigger;
use ports::{
    FireCommit, FireOutcome, FireRefusal, FireStart, NewInstance, NodeIdentity, ScheduleStore as _,
    UpcomingSchedule,
};

use super::store_under_test::{Database, join, new_instance};

on_both_databases!(
    due_schedules_are_listed_by_their_due_time,
    a_fire_and_its_instance_are_one_commit,
    a_decision_on_an_old_row_changes_nothing,
    an_edit_of_the_workflow_comes_before_or_after_a_fire,
    two_masters_fire_once,
    no_fire_is_recorded_twice,
    skipped_fires_in_a_row_are_one_entry,
    a_refused_fire_shows_until_the_next_that_works,
    schedules_go_with_their_record,
);

/// Adds schedules whose next fire is at 1,000 times their number.
async fn add_schedules(database: &Database, count: i64) {
    for id in 1..=count {
        let at = id * 1_000;
        database
            .sql(&format!(
                "INSERT INTO schedule (id, workflow_id, name, definition, timezone, calendar, enabled, managed_by, \
                 next_fire_at, due_at, created_at, updated_at) VALUES ({id}, 1, 's{id}', \
                 '{{\"cron\":\"* * * * * ?\",\"calendar\":\"work\"}}', 'Asia/Shanghai', 'work', TRUE, 'api', \
                 {at}, {at}, 0, 0)"
            ))
            .await;
    }
}

async fn upcoming(database: &Database, until: i64) -> Vec<UpcomingSchedule> {
    let listed = database
        .store
        .list_upcoming_schedules(Timestamp(until), 100)
        .await;
    listed.expect("a list")
}

fn fire_of(upcoming: UpcomingSchedule, fire_at: i64, owner: &NodeIdentity) -> FireCommit {
    let instance = NewInstance {
        trigger: Trigger::Schedule {
            schedule: "s1".to_owned(),
            fire_at: Timestamp(fire_at),
        },
        requested_by: None,
        ..new_instance(Some(owner))
    };
    FireCommit {
        upcoming,
        workflow_id: 1,
        at: Timestamp(fire_at + 3),
        skipped: None,
        starts: vec![FireStart {
            fire_at: Timestamp(fire_at),
            late_ms: 3,
            instance: Ok(instance),
        }],
        next_fire_at: Some(Timestamp(fire_at + 1_000)),
        due_at: Some(Timestamp(fire_at + 1_000)),
    }
}

async fn commit(database: &Database, batch: &[FireCommit]) -> Vec<FireOutcome> {
    database.store.commit_fires(batch).await.expect("an answer")
}

fn instance_of(outcome: &FireOutcome) -> InstanceId {
    match outcome {
        FireOutcome::Stored(instances) => instances[0].0,
        other => panic!("{other:?}"),
    }
}

/// The text of the first column of a query, row by row.
async fn texts(database: &Database, sql: &str) -> Vec<String> {
    let rows = database.rows(sql).await;
    rows.iter()
        .map(|row| row.try_get_by_index(0).expect("a text"))
        .collect()
}

const FIRES: &str = "SELECT outcome || ' ' || first_fire_at || '-' || fire_at || ' x' || fires || ' ' || \
    coalesce(why, '') FROM schedule_fire ORDER BY schedule_id, fire_at";

async fn due_schedules_are_listed_by_their_due_time(database: &Database) {
    add_schedules(database, 3).await;
    database
        .sql(
            "INSERT INTO calendar (project_id, name, days, exclude, created_at, updated_at) \
              VALUES (NULL, 'work', 'weekdays', '[]', 0, 0), (1, 'work', 'all', '[\"2026-01-01\"]', 0, 0)",
        )
        .await;
    database
        .sql("UPDATE schedule SET due_at = 500 WHERE id = 3")
        .await;
    let ids: Vec<i64> = upcoming(database, 1_000)
        .await
        .iter()
        .map(|one| one.id.0)
        .collect();
    assert_eq!(ids, [3, 1]);
    database
        .sql("UPDATE schedule SET due_at = NULL, next_fire_at = NULL WHERE id = 2")
        .await;
    let loaded = database
        .store
        .load_schedules(&[ScheduleId(1), ScheduleId(2)])
        .await
        .expect("schedules");
    assert_eq!(loaded.len(), 1, "one without a next fire is left out");
    let one = &loaded[0];
    assert_eq!((one.name.as_str(), one.next_fire_at), ("s1", Timestamp(1_000)));
    assert_eq!(one.zone.name(), "Asia/Shanghai");
    let calendar = one.calendar.as_ref().expect("the calendar of the project");
    assert_eq!(
        calendar.exclude.len(),
        1,
        "a project's own goes before a shared one"
    );
}

async fn a_fire_and_its_instance_are_one_commit(database: &Database) {
    let me = join(database, "one", "h1").await;
    add_schedules(database, 2).await;
    let due = upcoming(database, 2_000).await;
    let batch = [fire_of(due[0], 1_000, &me), fire_of(due[1], 2_000, &me)];
    let outcomes = commit(database, &batch).await;
    let ids: Vec<InstanceId> = outcomes.iter().map(instance_of).collect();
    assert!(ids[0] < ids[1], "{ids:?}");
    let rows = texts(
        database,
        "SELECT s.next_fire_at || ' ' || s.due_at || ' ' || s.last_fire_at || ' ' || s.revision || ' ' || \
         (s.last_instance = f.instance AND f.instance = i.id) || ' ' || i.host FROM schedule s \
         JOIN schedule_fire f ON f.schedule_id = s.id JOIN instance i ON i.id = s.last_instance ORDER BY s.id",
    )
    .await;
    let truth = if rows[0].contains("true") { "true" } else { "1" };
    assert_eq!(
        rows,
        [
            format!("2000 2000 1000 2 {truth} h1"),
            format!("3000 3000 2000 2 {truth} h1")
        ]
    );
    assert_eq!(
        texts(database, FIRES).await,
        ["started 1000-1000 x1 ", "started 2000-2000 x1 "]
    );
}

async fn a_decision_on_an_old_row_changes_nothing(database: &Database) {
    let me = join(database, "one", "h1").await;
    add_schedules(database, 2).await;
    let due = upcoming(database, 2_000).await;
    database
        .sql("UPDATE schedule SET revision = revision + 1 WHERE id = 1")
        .await;
    let batch = [fire_of(due[0], 1_000, &me), fire_of(due[1], 2_000, &me)];
    let outcomes = commit(database, &batch).await;
    assert_eq!(outcomes[0], FireOutcome::Changed);
    assert!(
        matches!(outcomes[1], FireOutcome::Stored(_)),
        "the others of the batch are stored"
    );
    assert_eq!(texts(database, FIRES).await, ["started 2000-2000 x1 "]);
    let count = texts(database, "SELECT CAST(count(*) AS TEXT) FROM instance").await;
    assert_eq!(count, ["1"]);
}

async fn an_edit_of_the_workflow_comes_before_or_after_a_fire(database: &Database) {
    let me = join(database, "one", "h1").await;
    add_schedules(database, 1).await;
    for edit in [
        "UPDATE workflow SET version = version + 1",
        "UPDATE workflow SET enabled = FALSE",
        "UPDATE workflow SET enabled = TRUE, deleted_at = 5",
        "UPDATE project SET revision = revision + 1",
    ] {
        let due = upcoming(database, 1_000).await;
        database.sql(edit).await;
        let outcomes = commit(database, &[fire_of(due[0], 1_000, &me)]).await;
        assert_eq!(outcomes, [FireOutcome::Changed], "{edit}");
    }
    database.sql("UPDATE workflow SET deleted_at = NULL").await;
    let due = upcoming(database, 1_000).await;
    let outcomes = commit(database, &[fire_of(due[0], 1_000, &me)]).await;
    assert!(matches!(outcomes[0], FireOutcome::Stored(_)));
}

/// Two masters that both believe that 50 schedules are theirs.
async fn two_masters_fire_once(database: &Database) {
    let me = join(database, "one", "h1").await;
    add_schedules(database, 50).await;
    let due = upcoming(database, 1_000_000).await;
    let batch: Vec<FireCommit> = due.iter().map(|one| fire_of(*one, one.due_at.0, &me)).collect();
    let reversed: Vec<FireCommit> = batch.iter().rev().cloned().collect();
    let (first, second) = tokio::join!(
        database.store.commit_fires(&batch),
        database.store.commit_fires(&reversed)
    );
    let (first, mut second) = (first.expect("an answer"), second.expect("an answer"));
    second.reverse();
    let is_stored = |outcome: &FireOutcome| matches!(outcome, FireOutcome::Stored(_));
    for (one, other) in first.iter().zip(&second) {
        assert!(!(is_stored(one) && is_stored(other)), "{one:?} {other:?}");
    }
    let stored = first
        .iter()
        .chain(&second)
        .filter(|outcome| is_stored(outcome))
        .count();
    assert!(stored > 0);
    let counts = texts(
        database,
        "SELECT (SELECT count(*) FROM instance) || ' ' || (SELECT count(*) FROM schedule_fire)",
    )
    .await;
    assert_eq!(counts, [format!("{stored} {stored}")]);
}

/// A row whose next fire was set back by hand.
async fn no_fire_is_recorded_twice(database: &Database) {
    let me = join(database, "one", "h1").await;
    add_schedules(database, 2).await;
    let due = upcoming(database, 2_000).await;
    commit(database, &[fire_of(due[0], 1_000, &me)]).await;
    let again = upcoming(database, 2_000).await;
    let batch: Vec<FireCommit> = again
        .iter()
        .map(|one| fire_of(*one, if one.id.0 == 1 { 1_000 } else { 2_000 }, &me))
        .collect();
    let outcomes = commit(database, &batch).await;
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, FireOutcome::Rejected(_)));
    assert_eq!(refused.count(), 1, "{outcomes:?}");
    assert_eq!(
        texts(database, FIRES).await,
        ["started 1000-1000 x1 ", "started 2000-2000 x1 "],
        "the refused entry is alone"
    );
}

fn skip(upcoming: UpcomingSchedule, (first, last, count): (i64, i64, u32), why: &str) -> FireCommit {
    FireCommit {
        upcoming,
        workflow_id: 1,
        at: Timestamp(last),
        skipped: Some((
            SkippedFires {
                first: Timestamp(first),
                last: Timestamp(last),
                count,
            },
            why.to_owned(),
        )),
        starts: Vec::new(),
        next_fire_at: Some(Timestamp(last + 1_000)),
        due_at: Some(Timestamp(last + 1_000)),
    }
}

async fn skipped_fires_in_a_row_are_one_entry(database: &Database) {
    let me = join(database, "one", "h1").await;
    add_schedules(database, 1).await;
    let one = async || upcoming(database, i64::MAX).await[0];
    commit(database, &[skip(one().await, (1_000, 3_000, 3), "missed")]).await;
    commit(database, &[skip(one().await, (4_000, 5_000, 2), "late")]).await;
    assert_eq!(texts(database, FIRES).await, ["skipped 1000-5000 x5 late"]);
    commit(database, &[fire_of(one().await, 6_000, &me)]).await;
    commit(database, &[skip(one().await, (7_000, 9_000, 9_999), "missed")]).await;
    commit(database, &[skip(one().await, (10_000, 11_000, 2), "missed")]).await;
    assert_eq!(
        texts(database, FIRES).await,
        [
            "skipped 1000-5000 x5 late",
            "started 6000-6000 x1 ",
            "skipped 7000-11000 x10000 missed"
        ]
    );
}

async fn a_refused_fire_shows_until_the_next_that_works(database: &Database) {
    let me = join(database, "one", "h1").await;
    add_schedules(database, 1).await;
    let due = upcoming(database, 1_000).await;
    let mut refused = fire_of(due[0], 1_000, &me);
    refused.starts[0].instance = Err(FireRefusal {
        code: "UNKNOWN_PARAMETER".to_owned(),
        detail: "the workflow declares no input `day`".to_owned(),
    });
    let outcomes = commit(database, &[refused]).await;
    assert_eq!(outcomes, [FireOutcome::Stored(Vec::new())]);
    let shown = "SELECT coalesce(attention, 'none') || ' ' || coalesce(CAST(last_fire_at AS TEXT), 'never') \
                 FROM schedule";
    let attention = texts(database, shown).await;
    assert!(
        attention[0].contains("UNKNOWN_PARAMETER") && attention[0].ends_with("never"),
        "{attention:?}"
    );
    assert_eq!(
        texts(database, FIRES).await,
        ["refused 1000-1000 x1 the workflow declares no input `day`"]
    );
    let due = upcoming(database, 2_000).await;
    commit(database, &[fire_of(due[0], 2_000, &me)]).await;
    assert_eq!(texts(database, shown).await, ["none 2000"]);
}

async fn schedules_go_with_their_record(database: &Database) {
    let me = join(database, "one", "h1").await;
    add_schedules(database, 1).await;
    let due = upcoming(database, 1_000).await;
    commit(database, &[fire_of(due[0], 1_000, &me)]).await;
    database.sql("DELETE FROM schedule").await;
    assert_eq!(texts(database, FIRES).await, Vec::<String>::new());
}
