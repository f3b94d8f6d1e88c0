use std::collections::BTreeMap;

use super::children::{child, parsed_task};
use super::fixture::{ASK, World, task, waiting};
use crate::attempt::AttemptResult;
use crate::ids::{AttemptNumber, TaskIndex};
use crate::instance::{Effect, Event, pending_effects};
use crate::spec::model::TaskDefinition;
use crate::states::{Command, InstanceState, KillCause, OnTimeout, OperationStatus};
use crate::task::{ApprovalDecision, ApprovalVerdict, ChildrenSeen, Observation, TaskReport, WatchGoal};
use crate::task_type::TaskType;

fn limited(task_type: &'static TaskType, timeout_ms: i64) -> TaskDefinition {
    TaskDefinition {
        timeout_ms: Some(timeout_ms),
        ..waiting("a", task_type)
    }
}

fn observed(attempt: u32, observation: Observation) -> Event {
    Event::Report(TaskReport::Observed {
        task_index: TaskIndex(0),
        attempt: AttemptNumber(attempt),
        observation,
    })
}

/// A task with two children.
fn parent(timeout_ms: Option<i64>) -> TaskDefinition {
    let fan_out = "type: dynamic\nworkflow: part\nparallelism: 2\nover: { k: [a, b] }";
    TaskDefinition {
        timeout_ms,
        ..parsed_task(fan_out)
    }
}

/// Two children: so many are open and not paused, so many are paused, the others were stopped.
fn children(open: usize, paused: usize) -> Observation {
    let states = [InstanceState::Running; 2].into_iter().take(open);
    let states = states.chain([InstanceState::Paused; 2].into_iter().take(paused));
    let states = states.chain([InstanceState::Stopped; 2]).take(2);
    Observation::Children(ChildrenSeen::new(
        (0..)
            .zip(states)
            .map(|(index, state)| child(index, state))
            .collect(),
    ))
}

fn approved() -> Observation {
    let outputs = BTreeMap::from([("why".to_owned(), "good".to_owned())]);
    Observation::Approval(ApprovalDecision {
        verdict: ApprovalVerdict::Approved(outputs),
        by: "ann".to_owned(),
        comment: None,
    })
}

fn goals(world: &World) -> Vec<WatchGoal> {
    let effects = pending_effects(&world.plan, &world.state).into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Watch { goal, .. } => Some(goal),
            _ => None,
        })
        .collect()
}

#[test]
fn an_attempt_in_the_owner_waits_and_ends_by_what_is_observed() {
    let mut world = World::of(vec![waiting("a", &ASK), task("b", &[0])]);
    assert_eq!(world.line(), "running running pending");
    assert_eq!(goals(&world), [WatchGoal::Run]);
    world.send(observed(2, approved()));
    assert_eq!(world.line(), "running running pending", "of another attempt");
    world.send(observed(1, approved()));
    assert_eq!(world.line(), "running succeeded waiting");
    assert_eq!(world.row(0).outputs["why"], "good");
    assert_eq!(world.row(0).progress, None);
}

#[test]
fn a_pause_keeps_the_attempt_open_and_its_time_limit_stands_still() {
    let mut world = World::of(vec![limited(&ASK, 1_000)]);
    let due = world.row(0).due_at;
    assert_eq!(due, Some(world.now.plus(1_000)));
    world.now = world.now.plus(400);
    world.command(Command::Pause);
    assert_eq!(world.line(), "paused not_run");
    assert_eq!(world.row(0).due_at, None);
    world.pass(10_000);
    world.command(Command::Resume);
    assert_eq!(world.line(), "running running");
    assert_eq!(world.row(0).due_at, Some(world.now.plus(600)));
    assert_eq!(world.row(0).attempts, 1);
    world.pass(601);
    assert_eq!(world.line(), "failed failed");
    let error = world
        .row(0)
        .attempt
        .as_ref()
        .and_then(|attempt| attempt.error.clone());
    assert_eq!(error.as_deref(), Some("timed out after 1s"));
}

#[test]
fn a_stop_ends_a_wait_at_once_also_while_it_is_paused() {
    for is_paused in [false, true] {
        let mut world = World::of(vec![waiting("a", &ASK)]);
        if is_paused {
            world.command(Command::Pause);
        }
        world.command(Command::Stop);
        assert_eq!(world.line(), "stopped killed");
    }
}

#[test]
fn children_pause_before_their_task_and_are_stopped_before_it_is_killed() {
    let mut world = World::of(vec![parent(None)]);
    world.send(observed(1, children(2, 0)));
    world.command(Command::Pause);
    assert_eq!(world.line(), "pausing running");
    assert_eq!(goals(&world), [WatchGoal::Pause]);
    world.send(observed(1, children(1, 1)));
    assert_eq!(world.line(), "pausing running");
    world.send(observed(1, children(0, 2)));
    assert_eq!(world.line(), "paused not_run");
    world.command(Command::Stop);
    assert_eq!(world.line(), "stopping running");
    assert_eq!(goals(&world), [WatchGoal::End(KillCause::Stop)]);
    world.send(observed(1, children(0, 0)));
    assert_eq!(world.line(), "stopped killed");
}

#[test]
fn a_skip_and_a_kill_of_a_task_stop_its_children_first() {
    let mut world = World::of(vec![parent(None), task("b", &[0])]);
    world.send(observed(1, children(2, 0)));
    assert_eq!(
        world.command_on(Command::SkipTask, Some(TaskIndex(0))),
        OperationStatus::Applied
    );
    assert_eq!(world.line(), "running running pending");
    assert_eq!(goals(&world), [WatchGoal::End(KillCause::Skip)]);
    world.send(observed(1, children(1, 0)));
    world.send(observed(1, children(0, 0)));
    assert_eq!(world.line(), "running forced_success waiting");
    assert_eq!(world.row(0).reason.as_deref(), Some("skipped by ann"));

    let mut world = World::of(vec![parent(None), task("b", &[0])]);
    world.send(observed(1, children(2, 0)));
    assert_eq!(
        world.command_on(Command::KillTask, Some(TaskIndex(0))),
        OperationStatus::Applied
    );
    assert_eq!(goals(&world), [WatchGoal::End(KillCause::Kill)]);
    world.send(observed(1, children(0, 0)));
    assert_eq!(world.line(), "failed killed not_run");
    assert_eq!(world.row(0).reason.as_deref(), Some("killed by ann"));
}

#[test]
fn a_skip_while_paused_waits_for_paused_children_to_end_and_is_paused_again() {
    let mut world = World::of(vec![parent(None), task("b", &[0])]);
    world.send(observed(1, children(2, 0)));
    world.command(Command::Pause);
    world.send(observed(1, children(0, 2)));
    assert_eq!(world.line(), "paused not_run not_run");
    assert_eq!(
        world.command_on(Command::SkipTask, Some(TaskIndex(0))),
        OperationStatus::Applied
    );
    assert_eq!(world.line(), "pausing running not_run");
    assert_eq!(goals(&world), [WatchGoal::End(KillCause::Skip)]);
    world.send(observed(1, children(0, 0)));
    assert_eq!(world.line(), "paused forced_success not_run");
    world.command(Command::Resume);
    assert_eq!(world.line(), "running forced_success waiting");
}

#[test]
fn a_skip_of_a_wait_for_a_person_ends_it_at_once() {
    let mut world = World::of(vec![waiting("a", &ASK), task("b", &[0])]);
    assert_eq!(
        world.command_on(Command::SkipTask, Some(TaskIndex(0))),
        OperationStatus::Applied
    );
    assert_eq!(world.line(), "running forced_success waiting");
    assert_eq!(goals(&world), []);
    let mut world = World::of(vec![waiting("a", &ASK), task("b", &[0])]);
    assert_eq!(
        world.command_on(Command::KillTask, Some(TaskIndex(0))),
        OperationStatus::Applied
    );
    assert_eq!(world.line(), "failed killed not_run");
}

#[test]
fn a_failure_while_pausing_waits_for_paused_children_to_end() {
    let mut world = World::of(vec![parent(None), task("b", &[])]);
    world.run(1);
    world.command(Command::Pause);
    world.send(observed(1, children(0, 1)));
    assert_eq!(world.line(), "pausing not_run running");
    world.end(1, AttemptResult::Failed);
    assert_eq!(world.line(), "pausing running failed");
    assert_eq!(goals(&world), [WatchGoal::End(KillCause::Strategy)]);
    world.send(observed(1, children(0, 0)));
    assert_eq!(world.line(), "failed killed failed");
}

#[test]
fn a_time_limit_stops_children_and_a_limit_that_warns_does_not() {
    let mut world = World::of(vec![parent(Some(1_000))]);
    world.pass(1_001);
    assert_eq!(goals(&world), [WatchGoal::End(KillCause::Timeout)]);
    world.send(observed(1, children(0, 0)));
    assert_eq!(world.line(), "failed failed");
    let warned = TaskDefinition {
        on_timeout: OnTimeout::Warn,
        ..parent(Some(1_000))
    };
    let mut world = World::of(vec![warned]);
    world.pass(1_001);
    assert_eq!(goals(&world), [WatchGoal::Run]);
    assert_eq!(world.row(0).due_at, None);
}

#[test]
fn a_clock_step_moves_the_times_of_a_wait() {
    let mut world = World::of(vec![limited(&ASK, 1_000)]);
    world.now = world.now.plus(60_000);
    world.send(Event::ClockStepped { by_ms: 60_000 });
    assert_eq!(world.row(0).due_at, Some(world.now.plus(1_000)));
    world.pass(900);
    assert_eq!(world.line(), "running running");
    world.pass(101);
    assert_eq!(world.line(), "failed failed");
}
