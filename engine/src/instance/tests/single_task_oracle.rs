//! The naive reading of commands about one task, compared with the engine over random graphs.

use proptest::prelude::*;

use super::fixture::*;
use super::oracle::{Case, PASSED, edge, end_of, line_of, needs, plain_cases, play, read_states, world_of};
use super::properties::run_out;
use crate::attempt::AttemptResult;
use crate::ids::TaskIndex;
use crate::instance::{CommandArguments, Event, Operation};
use crate::states::{Command, FailureStrategy, OperationStatus, Scope, TaskState};

fn index(place: usize) -> TaskIndex {
    TaskIndex(u32::try_from(place).unwrap())
}

/// Marks what belongs to a run, over any number of edges.
fn inside(cases: &[Case], first: usize, scope: Scope) -> Vec<bool> {
    let mut inside = vec![false; cases.len()];
    inside[first] = true;
    let edges: Vec<(usize, usize)> = (0..cases.len())
        .flat_map(|place| {
            needs(cases, place)
                .into_iter()
                .map(move |need| (need.task.as_usize(), place))
        })
        .collect();
    for _ in 0..cases.len() {
        for (pred, place) in &edges {
            match scope {
                Scope::Downstream if inside[*pred] => inside[*place] = true,
                Scope::Upstream if inside[*place] => inside[*pred] = true,
                _ => {}
            }
        }
    }
    inside
}

/// Decides a task by what its predecessors are; of them only some are looked at.
fn decide_by_edges(
    cases: &[Case],
    place: usize,
    states: &[&'static str],
    is_seen: impl Fn(usize) -> bool,
) -> &'static str {
    let needs = needs(cases, place).into_iter();
    let edges: Vec<&str> = needs
        .filter(|need| is_seen(need.task.as_usize()))
        .map(|need| edge(need.on, states[need.task.as_usize()]))
        .collect();
    let any = |kind: &str| edges.contains(&kind);
    match () {
        () if any("dead") => "not_run",
        () if any("closed") || (any("void") && !any("open")) => "skipped",
        () if cases[place].disabled => PASSED,
        () if cases[place].fails_again => "failed",
        () => "succeeded",
    }
}

fn ends_of(cases: &[Case]) -> Vec<&'static str> {
    read_states(cases, |place| end_of(&cases[place]))
}

fn expected_after_run(cases: &[Case], first: usize, scope: Scope) -> String {
    let mut states = ends_of(cases);
    let inside = inside(cases, first, scope);
    for place in (0..cases.len()).filter(|place| inside[*place]) {
        states[place] = decide_by_edges(cases, place, &states, |pred| inside[pred]);
    }
    line_of(cases, &states)
}

fn expected_after_retry(cases: &[Case], first: usize) -> String {
    let mut states = ends_of(cases);
    let inside = inside(cases, first, Scope::Downstream);
    for place in (0..cases.len()).filter(|place| inside[*place]) {
        states[place] = decide_by_edges(cases, place, &states, |_| true);
    }
    line_of(cases, &states)
}

fn send(world: &mut World, command: Command, place: usize, scope: Option<Scope>) -> OperationStatus {
    let event = world.command_event(command, Some(index(place)));
    let Event::Command(operation) = event else {
        panic!("a command is an operation");
    };
    let arguments = CommandArguments {
        scope,
        ..CommandArguments::default()
    };
    let operation = Operation {
        arguments,
        ..operation
    };
    world.batch(&[Event::Command(operation)]).0.decisions[0].status
}

fn run_again(world: &mut World, cases: &[Case]) {
    run_out(world, &mut |task_index, _| {
        if cases[task_index.as_usize()].fails_again {
            AttemptResult::Failed
        } else {
            AttemptResult::Succeeded
        }
    });
}

/// Checks that what never ran is what its edges say, given what became of the others.
fn check_unstarted(world: &World, cases: &[Case]) -> Result<(), TestCaseError> {
    let mut states: Vec<&'static str> = Vec::new();
    for place in 0..cases.len() {
        let shown = world.shown(index(place));
        let row = world.state.task(index(place));
        let has_run = row.is_some_and(|row| row.attempts > 0) || shown == TaskState::ForcedSuccess;
        let state = if has_run {
            shown.as_str()
        } else {
            decide_by_edges(cases, place, &states, |_| true)
        };
        let fits = state == PASSED && shown == TaskState::NotRun || shown.as_str() == state;
        prop_assert!(
            fits,
            "task {} is {}, its edges say {}: {}",
            place,
            shown,
            state,
            world.state
        );
        states.push(state);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_run_of_a_task_ends_as_the_graph_says(cases in plain_cases(), which in any::<u8>(), scope in 0..3_usize) {
        let mut world = world_of(&cases, FailureStrategy::Continue);
        play(&mut world, &cases);
        let first = usize::from(which) % cases.len();
        let scope = [Scope::Only, Scope::Downstream, Scope::Upstream][scope];
        let status = send(&mut world, Command::RunTask, first, Some(scope));
        if cases[first].disabled {
            prop_assert_eq!(status, OperationStatus::Refused);
            return Ok(());
        }
        run_again(&mut world, &cases);
        prop_assert_eq!(world.line(), expected_after_run(&cases, first, scope));
    }

    #[test]
    fn a_retry_at_rest_ends_as_the_graph_says(cases in plain_cases(), which in any::<u8>()) {
        let mut world = world_of(&cases, FailureStrategy::Continue);
        play(&mut world, &cases);
        let first = usize::from(which) % cases.len();
        let can_apply = ends_of(&cases)[first] == "failed" && world.state.record().state.as_str() == "failed";
        let status = send(&mut world, Command::RetryTask, first, None);
        prop_assert_eq!(status == OperationStatus::Applied, can_apply);
        if can_apply {
            run_again(&mut world, &cases);
            prop_assert_eq!(world.line(), expected_after_retry(&cases, first));
        }
    }

    #[test]
    fn what_never_ran_is_what_its_edges_say_whatever_was_killed_skipped_and_retried(
        cases in plain_cases(), moves in prop::collection::vec((any::<u8>(), any::<u8>()), 0..40)
    ) {
        let mut world = world_of(&cases, FailureStrategy::Continue);
        for (what, which) in moves {
            let place = usize::from(which) % cases.len();
            let is_waiting = world.shown(index(place)) == TaskState::Waiting;
            let number = place as u32;
            match what % 6 {
                0 | 1 if is_waiting => world.succeed(number),
                2 if is_waiting => world.fail(number),
                3 => _ = send(&mut world, Command::SkipTask, place, None),
                4 => _ = send(&mut world, Command::KillTask, place, None),
                5 => _ = send(&mut world, Command::RetryTask, place, None),
                _ => {}
            }
            if world.state.record().state.is_final() {
                return Ok(());
            }
        }
        run_out(&mut world, &mut |_, _| AttemptResult::Succeeded);
        prop_assert!(world.state.record().state.is_final(), "{}", world.state);
        check_unstarted(&world, &cases)?;
    }
}
