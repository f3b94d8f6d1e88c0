//! What tasks wait for: which instance decides about an interval, and whom the end of one wakes.

use engine::dependent::{Candidate, CandidateTask, DependencyTarget, ItemObservation, TimeInterval};
use engine::ids::{Incarnation, InstanceId, TaskIndex, Timestamp};
use engine::spec::ProjectAccess;
use engine::states::{InstanceState, TaskState};
use ports::{
    CandidateQuery, CandidateWindow, DependencyStore as _, DependencyWaits, NamedWorkflowError,
    PassedOutputs, WaitedRange, WokenDependent, WorkflowLookup as _, WorkflowName,
};

use super::store_under_test::{Database, join};

on_both_databases!(
    the_newest_instance_of_an_interval_decides,
    what_never_ran_whole_decides_nothing,
    an_item_on_a_task_sees_the_task_of_that_version,
    an_item_on_its_own_workflow_sees_earlier_ones_only,
    what_ended_lately_is_found_by_its_end,
    an_end_wakes_those_that_wait_for_it_and_no_other,
    a_woken_task_is_listed_until_it_looks,
    waits_go_with_their_instance,
    what_is_lost_wakes_those_that_wait_for_it,
    an_end_that_was_not_recorded_is_found_by_comparing,
    names_mean_what_projects_grant,
);

/// An instance of workflow 1, final, whose base instant is `at`; `more` are columns and values.
async fn ended(database: &Database, id: i64, at: i64, state: &str, more: &[(&str, &str)]) {
    let at = at.to_string();
    let fixed = [
        ("scheduled_at", at.as_str()),
        ("started_at", "5"),
        ("ended_at", "9"),
    ];
    let given = |name: &str| more.iter().any(|(column, _)| *column == name);
    let columns: Vec<(&str, &str)> = fixed
        .into_iter()
        .filter(|(name, _)| !given(name))
        .chain(more.iter().copied())
        .collect();
    let names: String = columns.iter().map(|(name, _)| format!(", {name}")).collect();
    let values: String = columns.iter().map(|(_, value)| format!(", {value}")).collect();
    database
        .sql(&format!(
            "INSERT INTO instance (id, project_id, workflow_id, version, state, start, tasks_total, priority, \
             trigger_type, created_at{names}) VALUES ({id}, 1, 1, 1, '{state}', '{{}}', 1, 'medium', 'api', \
             7{values})"
        ))
        .await;
}

fn interval(from: i64, to: i64) -> TimeInterval {
    TimeInterval {
        from: Timestamp(from),
        to: Timestamp(to),
    }
}

fn about(intervals: &[(i64, i64)]) -> CandidateQuery {
    CandidateQuery {
        project_id: 1,
        workflow_id: 1,
        window: CandidateWindow::Intervals(intervals.iter().map(|(from, to)| interval(*from, *to)).collect()),
        target: DependencyTarget::Instance,
        before: None,
        outputs: PassedOutputs::Unread,
    }
}

async fn find(database: &Database, query: CandidateQuery) -> ItemObservation {
    let mut found = database.store.find_candidates(&[query]).await.expect("an answer");
    assert_eq!(found.len(), 1);
    found.remove(0)
}

async fn candidates(database: &Database, query: CandidateQuery) -> Vec<Option<Candidate>> {
    match find(database, query).await {
        ItemObservation::Candidates(candidates) => candidates,
        other => panic!("candidates were expected: {other:?}"),
    }
}

async fn ids(database: &Database, query: CandidateQuery) -> Vec<Option<i64>> {
    let found = candidates(database, query).await.into_iter();
    found.map(|one| one.map(|one| one.instance.0)).collect()
}

async fn the_newest_instance_of_an_interval_decides(database: &Database) {
    ended(database, 3, 100, "failed", &[]).await;
    ended(database, 2, 150, "succeeded", &[]).await;
    ended(database, 5, 201, "succeeded", &[]).await;
    // Without a base instant of its own it counts by its creation.
    ended(database, 4, 0, "stopped", &[("scheduled_at", "NULL")]).await;
    let found = ids(
        database,
        about(&[(100, 200), (201, 300), (301, 400), (7, 7), (151, 200)]),
    )
    .await;
    assert_eq!(found, [Some(3), Some(5), None, Some(4), None]);
    let queries = [about(&[(100, 100)]), about(&[(201, 201), (0, 6)])];
    let answers = database.store.find_candidates(&queries).await.expect("answers");
    let states: Vec<Vec<Option<InstanceState>>> = answers
        .iter()
        .map(|answer| match answer {
            ItemObservation::Candidates(all) => all.iter().flatten().map(|one| Some(one.state)).collect(),
            _ => Vec::new(),
        })
        .collect();
    assert_eq!(
        states,
        [
            vec![Some(InstanceState::Failed)],
            vec![Some(InstanceState::Succeeded)]
        ]
    );
}

async fn what_never_ran_whole_decides_nothing(database: &Database) {
    ended(
        database,
        1,
        100,
        "succeeded",
        &[("outputs", "'{\"rows\":\"4\"}'")],
    )
    .await;
    ended(database, 2, 100, "succeeded", &[("dry_run", "TRUE")]).await;
    ended(database, 3, 100, "stopped", &[("started_at", "NULL")]).await;
    ended(database, 4, 100, "succeeded", &[("chosen_tasks", "TRUE")]).await;
    database
        .sql("INSERT INTO task_instance (instance, task_index, state) VALUES (1, 0, 'killed')")
        .await;
    let found = candidates(
        database,
        CandidateQuery {
            outputs: PassedOutputs::Read,
            ..about(&[(100, 100)])
        },
    )
    .await;
    let found = found[0].clone().expect("a candidate");
    assert_eq!((found.instance, found.has_failed_tasks), (InstanceId(1), true));
    assert_eq!(found.outputs["rows"], "4");
}

async fn an_item_on_a_task_sees_the_task_of_that_version(database: &Database) {
    let model = r#"{"version": 1, "name": "flow", "tasks": {"a": {"type": "noop"}, "b": {"type": "noop"},
        "off": {"type": "noop", "enabled": false}}}"#;
    database
        .sql(&format!(
            "INSERT INTO workflow_version (workflow_id, version, source, source_format, model, hash, created_at, \
             created_by) VALUES (1, 1, '', 'json', '{model}', 'h', 0, 'admin')"
        ))
        .await;
    ended(database, 1, 100, "failed", &[("chosen_tasks", "TRUE")]).await;
    database
        .sql(
            "INSERT INTO task_instance (instance, task_index, state, outputs) VALUES (1, 1, 'succeeded', \
             '{\"rows\":\"7\"}')",
        )
        .await;
    let on = |task: &str| CandidateQuery {
        target: DependencyTarget::Task(task.to_owned()),
        outputs: PassedOutputs::Read,
        ..about(&[(100, 100)])
    };
    let task_of = async |name: &str| {
        let found = candidates(database, on(name)).await;
        let found = found[0].clone().expect("a candidate");
        (found.task.expect("a task"), found.outputs.get("rows").cloned())
    };
    assert_eq!(
        task_of("a").await,
        (CandidateTask::InState(TaskState::Pending), None)
    );
    let b = (CandidateTask::InState(TaskState::Succeeded), Some("7".to_owned()));
    assert_eq!(task_of("b").await, b);
    assert_eq!(task_of("off").await, (CandidateTask::Disabled, None));
    assert_eq!(task_of("c").await, (CandidateTask::Missing, None));
}

async fn an_item_on_its_own_workflow_sees_earlier_ones_only(database: &Database) {
    let before = |at: i64| CandidateQuery {
        before: Some(Timestamp(at)),
        ..about(&[(100, 200)])
    };
    ended(database, 1, 150, "succeeded", &[]).await;
    ended(
        database,
        2,
        150,
        "succeeded",
        &[("dry_run", "TRUE"), ("scheduled_at", "100")],
    )
    .await;
    assert_eq!(find(database, before(150)).await, ItemObservation::NothingEarlier);
    assert_eq!(ids(database, before(151)).await, [Some(1)]);
    ended(database, 3, 90, "failed", &[]).await;
    assert_eq!(ids(database, before(150)).await, [None]);
    assert_eq!(find(database, before(90)).await, ItemObservation::NothingEarlier);
}

async fn what_ended_lately_is_found_by_its_end(database: &Database) {
    ended(database, 1, 100, "succeeded", &[("ended_at", "50")]).await;
    ended(database, 2, 100, "failed", &[("ended_at", "90")]).await;
    let since = |at: i64| CandidateQuery {
        window: CandidateWindow::EndedSince(Timestamp(at)),
        ..about(&[])
    };
    assert_eq!(ids(database, since(50)).await, [Some(1)]);
    assert_eq!(ids(database, since(51)).await, [None]);
}

/// An open instance whose task 0 waits for base instants of workflow 1, owned by `owner`.
async fn waiting(database: &Database, id: i64, bases: (i64, i64), owner: Incarnation) {
    let owner = owner.to_string();
    let more = [
        ("owner", owner.as_str()),
        ("host", "'h1'"),
        ("ended_at", "NULL"),
        ("epoch", "1"),
    ];
    ended(database, id, 0, "running", &more).await;
    let wait = DependencyWaits {
        instance: InstanceId(id),
        task_index: TaskIndex(0),
        ranges: vec![WaitedRange {
            workflow_id: 1,
            bases: interval(bases.0, bases.1),
        }],
    };
    database
        .store
        .store_dependency_waits(&[wait])
        .await
        .expect("stored");
}

async fn woken(database: &Database) -> Vec<i64> {
    let woken: Vec<WokenDependent> = database.store.wake_dependents().await.expect("an answer");
    woken.iter().map(|one| one.instance.0).collect()
}

async fn ends(database: &Database, id: i64, at: i64, state: &str) {
    ended(database, id, at, "running", &[("ended_at", "NULL")]).await;
    database
        .sql(&format!(
            "UPDATE instance SET state = '{state}', ended_at = 9 WHERE id = {id}"
        ))
        .await;
}

async fn an_end_wakes_those_that_wait_for_it_and_no_other(database: &Database) {
    let me = join(database, "one", "h1").await;
    for (id, bases) in [(1, (100, 200)), (2, (201, 300)), (3, (200, 201))] {
        waiting(database, id, bases, me.incarnation).await;
    }
    assert!(woken(database).await.is_empty());
    ends(database, 10, 99, "succeeded").await;
    assert!(woken(database).await.is_empty(), "nothing waits for it");
    ends(database, 11, 200, "failed").await;
    assert_eq!(woken(database).await, [1, 3]);
    ended(
        database,
        12,
        250,
        "running",
        &[("ended_at", "NULL"), ("dry_run", "TRUE")],
    )
    .await;
    database
        .sql("UPDATE instance SET state = 'succeeded' WHERE id = 12")
        .await;
    assert_eq!(woken(database).await, [1, 3], "a dry run wakes no task");
    let listed = database.store.wake_dependents().await.expect("an answer");
    assert_eq!(listed[0].owner, Some(me.incarnation));
    assert_eq!(database.rows("SELECT id FROM dependency_end").await.len(), 0);
}

async fn a_woken_task_is_listed_until_it_looks(database: &Database) {
    let me = join(database, "one", "h1").await;
    waiting(database, 1, (100, 200), me.incarnation).await;
    ends(database, 10, 150, "succeeded").await;
    assert_eq!(woken(database).await, [1]);
    assert_eq!(woken(database).await, [1], "a lost notice is found again");
    let keys = [(InstanceId(1), TaskIndex(0))];
    database.store.clear_woken(&keys).await.expect("cleared");
    assert!(woken(database).await.is_empty());
    ends(database, 11, 150, "stopped").await;
    assert_eq!(woken(database).await, [1]);
}

async fn waits_go_with_their_instance(database: &Database) {
    let me = join(database, "one", "h1").await;
    waiting(database, 1, (100, 200), me.incarnation).await;
    waiting(database, 2, (100, 200), me.incarnation).await;
    database
        .sql("UPDATE instance SET state = 'stopped', owner = NULL, host = NULL WHERE id = 1")
        .await;
    let left = database.rows("SELECT instance FROM dependency_wait").await;
    assert_eq!(left.len(), 1);
    database.sql("DELETE FROM instance WHERE id = 2").await;
    assert!(
        database
            .rows("SELECT instance FROM dependency_wait")
            .await
            .is_empty()
    );
}

async fn look(database: &Database, ids: &[i64]) {
    let keys: Vec<_> = ids.iter().map(|id| (InstanceId(*id), TaskIndex(0))).collect();
    database.store.clear_woken(&keys).await.expect("cleared");
    assert!(woken(database).await.is_empty());
}

async fn what_is_lost_wakes_those_that_wait_for_it(database: &Database) {
    let me = join(database, "one", "h1").await;
    database
        .sql(
            "INSERT INTO project (id, name, created_at, updated_at) VALUES (2, 'other', 0, 0); \
             INSERT INTO project_share (project_id, other_id, permission) VALUES (1, 2, 'read')",
        )
        .await;
    for (id, bases) in [(1, (100, 200)), (2, (201, 300))] {
        waiting(database, id, bases, me.incarnation).await;
    }
    ended(database, 10, 150, "failed", &[]).await;
    assert!(woken(database).await.is_empty());
    database.sql("DELETE FROM instance WHERE id = 10").await;
    assert_eq!(woken(database).await, [1], "an older instance may decide now");
    look(database, &[1]).await;
    database
        .sql("DELETE FROM project_share WHERE project_id = 1")
        .await;
    assert_eq!(woken(database).await, [1, 2], "a grant is gone");
    look(database, &[1, 2]).await;
    database
        .sql("UPDATE workflow SET deleted_at = 9 WHERE id = 1")
        .await;
    assert_eq!(woken(database).await, [1, 2], "the workflow is gone");
}

async fn an_end_that_was_not_recorded_is_found_by_comparing(database: &Database) {
    let me = join(database, "one", "h1").await;
    let other = join(database, "two", "h2").await;
    for (id, bases, owner) in [
        (1, (100, 200), &me),
        (2, (201, 300), &me),
        (3, (100, 200), &other),
    ] {
        waiting(database, id, bases, owner.incarnation).await;
    }
    // Stored as ended, so that nothing records it.
    ended(database, 10, 150, "succeeded", &[("ended_at", "500")]).await;
    ended(
        database,
        11,
        250,
        "succeeded",
        &[("ended_at", "500"), ("dry_run", "TRUE")],
    )
    .await;
    let compare = async |since: i64| {
        let compared = database.store.compare_with_ends(me.incarnation, Timestamp(since));
        compared.await.expect("an answer");
        woken(database).await
    };
    assert!(compare(501).await.is_empty(), "it ended before");
    assert_eq!(compare(500).await, [1], "each master compares its own");
}

async fn names_mean_what_projects_grant(database: &Database) {
    database
        .sql(
            "INSERT INTO project (id, name, created_at, updated_at) VALUES (2, 'other', 0, 0); \
             INSERT INTO workflow (id, project_id, name, version, created_at, updated_at) \
             VALUES (2, 2, 'load', 3, 0, 0), (3, 2, 'being stored', 0, 0, 0)",
        )
        .await;
    let name = |project: &str, workflow: &str| WorkflowName {
        project: project.to_owned(),
        workflow: workflow.to_owned(),
    };
    let names = [
        name("other", "load"),
        name("other", "being stored"),
        name("nowhere", "load"),
        name("default", "flow"),
    ];
    let find = async || {
        let found = database.store.find_named_workflows("default", &names).await;
        found.expect("an answer")
    };
    let needs = |named: &ports::NamedWorkflow, access| {
        named.require("default", access).map(|found| found.workflow_id)
    };
    let found = find().await;
    let refused = needs(&found[0], ProjectAccess::Read);
    assert!(
        matches!(refused, Err(NamedWorkflowError::NotGranted { .. })),
        "{refused:?}"
    );
    assert!(matches!(
        needs(&found[2], ProjectAccess::Read),
        Err(NamedWorkflowError::NoProject { .. })
    ));
    assert_eq!(needs(&found[3], ProjectAccess::Execute), Ok(1));
    database
        .sql("INSERT INTO project_share (project_id, other_id, permission) VALUES (2, 1, 'read')")
        .await;
    let found = find().await;
    assert_eq!(needs(&found[0], ProjectAccess::Read), Ok(2));
    assert!(needs(&found[0], ProjectAccess::Execute).is_err());
    assert!(matches!(
        needs(&found[1], ProjectAccess::Read),
        Err(NamedWorkflowError::NoWorkflow { .. })
    ));
    assert_eq!(found[0].target.map(|target| target.version), Some(3));
}
