//! Whole stories of instances, each with the states that readers see.

use super::fixture::*;
use crate::attempt::AttemptEvent;
use crate::attempt::AttemptResult;
use crate::ids::{TaskIndex, Timestamp};
use crate::instance::{Effect, Event};
use crate::states::{AttemptState, Command, OnTimeout, OperationStatus, Scope, TaskState};
use crate::task::TaskReport;

#[test]
fn a_join_starts_once_after_all_of_its_predecessors() {
    // a -> c, a -> b, b -> d, d -> c
    let mut world = World::of(vec![
        task("a", &[]),
        task("b", &[0]),
        task("c", &[0, 3]),
        task("d", &[1]),
    ]);
    world.succeed(0);
    assert_eq!(world.line(), "running succeeded waiting pending pending");
    world.succeed(1);
    world.succeed(3);
    assert_eq!(world.line(), "running succeeded succeeded waiting succeeded");
    world.succeed(2);
    assert_eq!(world.line(), "succeeded succeeded succeeded succeeded succeeded");
    assert_eq!(world.row(2).attempts, 1);
}

#[test]
fn a_forbidden_task_is_passed_through() {
    let mut world = World::of(vec![task("a", &[]), forbidden(task("b", &[0])), task("c", &[1])]);
    assert_eq!(world.line(), "running waiting pending pending");
    world.succeed(0);
    assert_eq!(world.line(), "running succeeded not_run waiting");
    world.succeed(2);
    assert_eq!(world.line(), "succeeded succeeded not_run succeeded");
}

#[test]
fn the_successors_of_a_forbidden_root_are_roots() {
    let world = World::of(vec![
        forbidden(task("a", &[])),
        forbidden(task("b", &[0])),
        task("c", &[1]),
    ]);
    assert_eq!(world.line(), "running not_run not_run waiting");
}

#[test]
fn an_instance_of_forbidden_tasks_succeeds_without_history() {
    let world = World::of(vec![forbidden(task("a", &[])), forbidden(task("b", &[0]))]);
    assert_eq!(world.line(), "succeeded not_run not_run");
    assert!(world.transitions.iter().all(|step| step.task_index.is_none()));
}

fn chosen(names: &[&str], scope: Scope) -> World {
    let tasks = vec![
        task("a", &[]),
        task("b", &[0]),
        task("c", &[0]),
        task("d", &[1, 2]),
    ];
    let mut start = start();
    start.tasks = names.iter().map(|name| (*name).to_owned()).collect();
    start.scope = scope;
    let mut world = World::new(workflow(tasks), start);
    world.send(Event::Loaded);
    world
}

#[test]
fn only_runs_a_middle_task_alone() {
    let mut world = chosen(&["b"], Scope::Only);
    world.succeed(1);
    assert_eq!(world.line(), "succeeded not_run succeeded not_run not_run");
}

#[test]
fn upstream_of_a_leaf_runs_the_diamond_down_to_it() {
    let mut world = chosen(&["c"], Scope::Upstream);
    world.succeed(0);
    world.succeed(2);
    assert_eq!(world.line(), "succeeded succeeded not_run succeeded not_run");
}

#[test]
fn two_starts_share_their_descendant() {
    let mut world = chosen(&["b", "c"], Scope::Downstream);
    assert_eq!(world.line(), "running not_run waiting waiting pending");
    world.succeed(1);
    world.succeed(2);
    world.succeed(3);
    assert_eq!(world.line(), "succeeded not_run succeeded succeeded succeeded");
    assert_eq!(world.row(3).attempts, 1);
}

#[test]
fn strategy_end_kills_the_others_and_waits_for_them() {
    let tasks = || {
        vec![
            task("a", &[]),
            task("b", &[]),
            task("c", &[]),
            task("d", &[]),
            task("e", &[2]),
        ]
    };
    let mut world = World::ending(tasks());
    for task_index in [0, 1, 2] {
        world.run(task_index);
    }
    let effects = world.end(0, AttemptResult::Failed);
    let kills = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Kill { .. }));
    assert_eq!(kills.count(), 2);
    assert_eq!(world.line(), "running failed running running not_run pending");
    let reason = world.state.record().reason.clone().unwrap();
    assert!(
        reason.contains("task `a` is failed") && reason.contains("worker w1"),
        "{reason}"
    );
    world.end(1, AttemptResult::Killed);
    assert_eq!(world.line(), "running failed killed running not_run pending");
    world.end(2, AttemptResult::Killed);
    assert_eq!(world.line(), "failed failed killed killed not_run not_run");

    let mut world = World::of(tasks());
    world.fail(0);
    assert_eq!(world.line(), "running failed waiting waiting waiting pending");
    for task_index in [1, 2, 3, 4] {
        world.succeed(task_index);
    }
    assert_eq!(
        world.line(),
        "failed failed succeeded succeeded succeeded succeeded"
    );
}

#[test]
fn a_failure_and_a_success_of_the_same_moment_both_count() {
    for failing_first in [true, false] {
        let mut world = World::of(vec![task("a", &[]), task("b", &[]), task("c", &[1])]);
        world.run(0);
        world.run(1);
        let mut events = vec![
            world.ended(0, AttemptResult::Failed),
            world.ended(1, AttemptResult::Succeeded),
        ];
        if !failing_first {
            events.reverse();
        }
        world.batch(&events);
        assert_eq!(world.line(), "running failed succeeded waiting");
        world.succeed(2);
        assert_eq!(world.line(), "failed failed succeeded succeeded");
    }
}

#[test]
fn forcing_the_only_failed_task_makes_the_instance_succeed() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[])]);
    world.fail(0);
    world.fail(1);
    assert_eq!(world.line(), "failed failed failed");
    assert_eq!(world.force(0), OperationStatus::Applied);
    assert_eq!(world.line(), "failed forced_success failed");
    assert_eq!(world.force(0), OperationStatus::Refused);
    assert_eq!(world.force(1), OperationStatus::Applied);
    assert_eq!(world.line(), "succeeded forced_success forced_success");
    assert_eq!(world.state.record().reason, None);
}

#[test]
fn what_follows_a_forced_task_runs_after_recover() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[0])]);
    world.fail(0);
    assert_eq!(world.force(0), OperationStatus::Applied);
    assert_eq!(world.line(), "failed forced_success not_run");
    assert_eq!(world.command(Command::Recover), OperationStatus::Applied);
    assert_eq!(world.line(), "running forced_success waiting");
}

#[test]
fn pause_lets_what_runs_end_and_resume_runs_the_rest() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[]), task("c", &[0])]);
    world.run(0);
    assert_eq!(world.command(Command::Pause), OperationStatus::Applied);
    assert_eq!(world.line(), "pausing running not_run not_run");
    world.end(0, AttemptResult::Succeeded);
    assert_eq!(world.line(), "paused succeeded not_run not_run");
    assert_eq!(world.command(Command::Resume), OperationStatus::Applied);
    assert_eq!(world.line(), "running succeeded waiting waiting");
    world.succeed(1);
    world.succeed(2);
    assert_eq!(world.line(), "succeeded succeeded succeeded succeeded");
    assert_eq!(world.row(0).attempts, 1);
    assert_eq!(world.state.record().run.0, 1);
}

#[test]
fn stop_ends_at_once_when_nothing_is_at_a_worker() {
    let mut delayed = task("delayed", &[]);
    delayed.delay_ms = Some(5000);
    let retrying = with_retries(1, 5000, task("retrying", &[]));
    let mut world = World::of(vec![
        task("waiting", &[]),
        noop("noop", &[]),
        delayed,
        retrying,
        task("after", &[0]),
    ]);
    world.fail(3);
    assert_eq!(
        world.line(),
        "running waiting running delayed waiting_retry pending"
    );
    assert_eq!(world.command(Command::Stop), OperationStatus::Applied);
    assert_eq!(world.line(), "stopped not_run killed not_run killed not_run");
    assert!(world.state.counters.due.is_empty());
}

#[test]
fn stop_waits_until_the_worker_confirms() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[]), task("c", &[0])]);
    world.run(0);
    world.grant(1);
    world.command(Command::Stop);
    assert_eq!(world.line(), "stopping running dispatched not_run");
    let reason = world.state.record().reason.clone().unwrap();
    assert!(
        reason.contains("worker w1") && reason.contains("task `a`"),
        "{reason}"
    );
    world.end(0, AttemptResult::Killed);
    let uid = world.uid(1);
    world.send(Event::Report(TaskReport::Attempt {
        uid,
        event: AttemptEvent::NotStarted {
            reason: "tombstoned".into(),
        },
    }));
    assert_eq!(world.line(), "stopped killed killed not_run");
    assert_eq!(world.row(1).attempt.as_ref().unwrap().state, AttemptState::Killed);
}

#[test]
fn a_dead_worker_confirms_a_kill() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    world.command(Command::Stop);
    let uid = world.uid(0);
    world.send(Event::Report(TaskReport::Attempt {
        uid,
        event: AttemptEvent::Lost {
            reason: "worker w1 is gone; its processes could not be checked".into(),
        },
    }));
    assert_eq!(world.line(), "stopped killed");
    assert_eq!(world.row(0).attempt.as_ref().unwrap().state, AttemptState::Lost);
    let reason = world.row(0).reason.clone().unwrap();
    assert_eq!(reason.matches("could not be checked").count(), 1, "{reason}");
}

#[test]
fn stop_overrides_pause_and_a_second_stop_kills_again() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    world.command(Command::Pause);
    assert_eq!(world.command(Command::Stop), OperationStatus::Applied);
    world.effects.clear();
    assert_eq!(world.command(Command::Pause), OperationStatus::Refused);
    assert_eq!(world.command(Command::Stop), OperationStatus::Applied);
    assert!(
        world
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Kill { .. }))
    );
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "stopped killed");
}

#[test]
fn a_process_killed_by_hand_fails_the_instance_and_recover_is_fresh() {
    let mut world = World::of(vec![with_retries(1, 0, task("a", &[]))]);
    world.fail(0);
    world.pass(0);
    world.run(0);
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "failed killed");
    assert_eq!(world.row(0).attempts, 2);
    world.command(Command::Recover);
    world.fail(0);
    assert_eq!(world.line(), "running waiting_retry");
    world.pass(0);
    world.succeed(0);
    assert_eq!(world.line(), "succeeded succeeded");
    assert_eq!(world.row(0).attempts, 4);
}

#[test]
fn a_warning_is_said_once_per_attempt() {
    let mut slow = with_retries(1, 0, task("a", &[]));
    slow.timeout_ms = Some(1000);
    slow.on_timeout = OnTimeout::Warn;
    let mut world = World::of(vec![slow]);
    for attempt in 1..=2 {
        world.run(0);
        world.pass(999);
        world.pass(1);
        world.pass(5000);
        let warnings = world
            .effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Warn { .. }));
        assert_eq!(warnings.count(), attempt);
        world.end(0, AttemptResult::Failed);
        world.pass(0);
    }
    assert!(
        world.history().contains("runs longer than 1s"),
        "{}",
        world.history()
    );
}

#[test]
fn an_attempt_out_of_time_is_killed_failed_and_retried_with_its_own_limit() {
    let mut slow = with_retries(1, 500, task("a", &[]));
    slow.timeout_ms = Some(1000);
    let mut world = World::of(vec![slow]);
    world.run(0);
    let effects = world.pass(1000);
    assert!(matches!(effects[..], [Effect::Kill { .. }, ..]), "{effects:?}");
    world.end(0, AttemptResult::Killed);
    let error = world.row(0).attempt.clone().unwrap().error.unwrap();
    assert!(error.contains("timed out"), "{error}");
    assert_eq!(world.line(), "running waiting_retry");
    world.pass(500);
    world.run(0);
    assert_eq!(world.row(0).due_at, Some(world.now.plus(1000)));
    world.end(0, AttemptResult::TimedOut);
    assert_eq!(world.line(), "failed failed");
}

#[test]
fn the_instance_limit_warns_once_per_run() {
    let mut definition = workflow(vec![task("a", &[])]);
    definition.timeout_ms = Some(1000);
    let mut world = World::new(definition, start());
    world.send(Event::Loaded);
    for run in 1..=2 {
        world.pass(1000);
        world.pass(1000);
        let warnings = world
            .effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Warn { task_index: None, .. }));
        assert_eq!(warnings.count(), run);
        world.succeed(0);
        assert_eq!(world.line(), "succeeded succeeded");
        world.command(Command::Rerun);
    }
}

#[test]
fn the_instance_limit_kills_then_fails() {
    let mut definition = workflow(vec![task("a", &[]), task("b", &[])]);
    definition.timeout_ms = Some(1000);
    definition.on_timeout = OnTimeout::Both;
    let mut world = World::new(definition, start());
    world.send(Event::Loaded);
    world.run(0);
    world.pass(1000);
    assert_eq!(world.line(), "running running not_run");
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "failed killed not_run");
    let reason = world.state.record().reason.clone().unwrap();
    assert_eq!(reason, "it ran longer than 1s");
}

#[test]
fn recover_keeps_what_succeeded_and_runs_the_rest_anew() {
    let mut world = World::of(vec![
        task("a", &[]),
        with_retries(1, 0, task("b", &[0])),
        task("c", &[1]),
        task("d", &[0]),
    ]);
    world.succeed(0);
    world.fail(1);
    world.pass(0);
    world.fail(1);
    world.succeed(3);
    assert_eq!(world.line(), "failed succeeded failed not_run succeeded");
    assert_eq!(world.state.record().ended_at, Some(world.now));
    world.now = Timestamp(9000);
    assert_eq!(world.command(Command::Recover), OperationStatus::Applied);
    assert_eq!(world.state.record().ended_at, None);
    assert_eq!(world.state.record().run.0, 2);
    assert_eq!(world.line(), "running succeeded waiting pending succeeded");
    world.fail(1);
    assert_eq!(world.shown(TaskIndex(1)), TaskState::WaitingRetry);
    world.pass(0);
    world.succeed(1);
    world.succeed(2);
    assert_eq!(world.line(), "succeeded succeeded succeeded succeeded succeeded");
    assert_eq!((world.row(0).attempts, world.row(1).attempts), (1, 4));
}
