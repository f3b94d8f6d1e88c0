use std::sync::Arc;

use super::*;
use crate::instance::tests_support::{forbidden, start, task, workflow};
use crate::states::Scope;

fn plan() -> Plan {
    let tasks = vec![task("a", &[]), forbidden(task("b", &[0])), task("c", &[])];
    let mut start = start();
    start.tasks = vec!["a".into()];
    start.scope = Scope::Downstream;
    Plan::new(Arc::new(workflow(tasks)), Arc::new(start))
}

fn words(instance: InstanceState, task_index: u32, row: Option<(TaskState, Option<&str>)>) -> String {
    let DisplayState { state, reason } = display_state(&plan(), instance, TaskIndex(task_index), row);
    format!("{state}: {}", reason.unwrap_or_default())
}

#[test]
fn a_task_without_a_row_is_pending_until_its_instance_stops_starting_tasks() {
    let shown: Vec<String> = InstanceState::ALL
        .iter()
        .map(|state| format!("{state} {}", words(*state, 0, None)))
        .collect();
    assert_eq!(
        shown,
        [
            "queued pending: the instance is queued",
            "running pending: waits for a master",
            "pausing not_run: paused",
            "paused not_run: paused",
            "stopping not_run: stopped",
            "stopped not_run: stopped",
            "failed not_run: the instance failed before it could start",
            "succeeded not_run: the instance ended without it",
        ]
    );
}

#[test]
fn a_task_with_predecessors_waits_for_them() {
    let tasks = vec![task("a", &[]), task("b", &[0])];
    let plan = Plan::new(Arc::new(workflow(tasks)), Arc::new(start()));
    let shown = display_state(&plan, InstanceState::Running, TaskIndex(1), None);
    assert_eq!(shown.reason.as_deref(), Some("waits for its predecessors"));
}

#[test]
fn a_reset_row_is_shown_like_no_row() {
    for state in InstanceState::ALL.iter().copied() {
        let reset = words(state, 0, Some((TaskState::Pending, None)));
        assert_eq!(reset, words(state, 0, None), "{state}");
    }
}

#[test]
fn a_forbidden_task_is_pending_until_its_edges_decide_about_it() {
    assert_eq!(
        words(InstanceState::Running, 1, None),
        "pending: waits for its predecessors"
    );
    let forbidden = "not_run: forbidden: the task is not enabled";
    let row = Some((TaskState::NotRun, Some(DISABLED_REASON)));
    assert_eq!(words(InstanceState::Running, 1, row), forbidden);
    assert_eq!(words(InstanceState::Stopped, 1, None), forbidden);
    let row = Some((TaskState::Skipped, Some("task `a` is skipped")));
    assert_eq!(
        words(InstanceState::Running, 1, row),
        "skipped: task `a` is skipped"
    );
}

#[test]
fn unchosen_tasks_are_not_run_from_the_start() {
    assert_eq!(
        words(InstanceState::Running, 2, None),
        "not_run: outside the chosen range"
    );
    assert_eq!(
        words(InstanceState::Running, 99, None),
        "not_run: outside the chosen range"
    );
}

#[test]
fn other_rows_are_shown_as_they_are_stored() {
    let row = Some((TaskState::Failed, Some("exit code 1")));
    assert_eq!(words(InstanceState::Running, 0, row), "failed: exit code 1");
    let row = Some((TaskState::NotRun, Some("paused; lost")));
    assert_eq!(words(InstanceState::Paused, 0, row), "not_run: paused; lost");
}

#[test]
fn what_a_predecessor_kept_from_starting_says_so_whatever_happens_to_the_instance() {
    let reason = "task `a` is failed; this task waits for its success";
    for state in InstanceState::ALL.iter().copied() {
        let row = Some((TaskState::NotRun, Some(reason)));
        assert_eq!(words(state, 0, row), format!("not_run: {reason}"), "{state}");
    }
}

#[test]
fn counts_say_what_the_single_tasks_say() {
    let rows = BTreeMap::from([
        (TaskState::Pending, 1),
        (TaskState::Succeeded, 2),
        (TaskState::NotRun, 1),
    ]);
    let of = |state| display_counts(state, 10, 3, &rows);
    assert_eq!(
        of(InstanceState::Running),
        BTreeMap::from([
            (TaskState::Pending, 4),
            (TaskState::Succeeded, 2),
            (TaskState::NotRun, 4),
        ])
    );
    assert_eq!(
        of(InstanceState::Failed),
        BTreeMap::from([(TaskState::Succeeded, 2), (TaskState::NotRun, 8)])
    );
}
