//! A second, naive reading of the rules, compared with the engine over random graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::fixture::*;
use super::properties::{edges_of, run_out};
use crate::attempt::AttemptResult;
use crate::ids::TaskIndex;
use crate::instance::{Event, Instance};
use crate::plan::trigger_rule::TriggerRule;
use crate::spec::model::Predecessor;
use crate::states::{Command, FailureStrategy, TaskState};

/// One task for the oracle: what it needs, how many attempts fail, how many may.
#[derive(Debug, Clone)]
pub(super) struct Case {
    edges: u8,
    rules: u16,
    failures: u32,
    retries: u32,
    pub(super) disabled: bool,
    /// Whether it fails again after a recover.
    pub(super) fails_again: bool,
}

pub(super) fn cases() -> impl Strategy<Value = Vec<Case>> {
    let case = (
        any::<u8>(),
        any::<u16>(),
        0..3_u32,
        0..3_u32,
        0..6_u8,
        any::<bool>(),
    );
    let case = case.prop_map(|(edges, rules, failures, retries, disabled, fails_again)| Case {
        edges,
        rules,
        failures,
        retries,
        disabled: disabled == 0,
        fails_again,
    });
    prop::collection::vec(case, 1..9)
}

pub(super) fn needs(cases: &[Case], place: usize) -> Vec<Predecessor> {
    edges_of(place, cases[place].edges, cases[place].rules)
}

/// What the oracle calls a task that is not settled.
const OPEN: &str = "open";

/// What a disabled task is that would start.
pub(super) const PASSED: &str = "passed";

/// Reads off the graph what each task is, given what became of those that run.
pub(super) fn read_states(cases: &[Case], ran: impl Fn(usize) -> &'static str) -> Vec<&'static str> {
    let mut states: Vec<&'static str> = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        let edges: Vec<&str> = needs(cases, place)
            .into_iter()
            .map(|need| edge(need.on, states[need.task.as_usize()]))
            .collect();
        let any = |kind: &str| edges.contains(&kind);
        states.push(match () {
            () if any("dead") => "not_run",
            () if any("waiting") => OPEN,
            () if any("closed") || (any("void") && !any("open")) => "skipped",
            () if case.disabled => PASSED,
            () => ran(place),
        });
    }
    states
}

/// The table of contract: rows are what became of the predecessor.
pub(super) fn edge(on: TriggerRule, predecessor: &str) -> &'static str {
    let row = match predecessor {
        "succeeded" | "forced_success" | PASSED => ["open", "closed", "open"],
        "failed" | "killed" => ["dead", "open", "open"],
        "skipped" => ["void", "void", "void"],
        "not_run" => ["dead", "dead", "open"],
        _ => ["waiting", "waiting", "waiting"],
    };
    match on {
        TriggerRule::OnSuccess => row[0],
        TriggerRule::OnFailure => row[1],
        TriggerRule::OnSettled => row[2],
    }
}

/// Lists the failures that stand when the tasks are in these states.
fn standing(cases: &[Case], states: &[&str]) -> BTreeSet<usize> {
    let stands = |place: &usize| {
        let edges: Vec<(TriggerRule, &str)> = (0..cases.len())
            .flat_map(|successor| {
                let needs = needs(cases, successor).into_iter();
                needs.map(move |need| (successor, need))
            })
            .filter(|(_, need)| need.task.as_usize() == *place)
            .map(|(successor, need)| (need.on, states[successor]))
            .collect();
        let can_be_handled = edges.iter().all(|(on, _)| *on != TriggerRule::OnSuccess);
        let may_handle = |(on, state): &(TriggerRule, &str)| {
            *on == TriggerRule::OnFailure && !matches!(*state, "skipped" | "not_run")
        };
        states[*place] == "failed" && !(can_be_handled && edges.iter().any(may_handle))
    };
    (0..cases.len()).filter(stands).collect()
}

pub(super) fn line_of(cases: &[Case], states: &[&'static str]) -> String {
    let is_lost = |(state, case): (&&str, &Case)| *state == "not_run" && !case.disabled;
    let fails = !standing(cases, states).is_empty() || states.iter().zip(cases).any(is_lost);
    let shown = states
        .iter()
        .map(|state| if *state == PASSED { "not_run" } else { *state });
    let mut words = vec![if fails { "failed" } else { "succeeded" }];
    words.extend(shown);
    words.join(" ")
}

pub(super) fn end_of(case: &Case) -> &'static str {
    if case.failures <= case.retries {
        "succeeded"
    } else {
        "failed"
    }
}

/// Reads the outcome off the graph.
pub(super) fn expected(cases: &[Case]) -> String {
    line_of(cases, &read_states(cases, |place| end_of(&cases[place])))
}

/// Reads the outcome of a recover off the graph: what stands, what did not run and all that follows runs again.
fn expected_after_recover(cases: &[Case]) -> String {
    let before = read_states(cases, |place| end_of(&cases[place]));
    let mut again: Vec<bool> = Vec::new();
    let stand = standing(cases, &before);
    for place in 0..cases.len() {
        let held = before[place] == "not_run" && !cases[place].disabled;
        let follows = needs(cases, place).iter().any(|need| again[need.task.as_usize()]);
        again.push(held || stand.contains(&place) || follows);
    }
    let after = read_states(cases, |place| match again[place] {
        false => before[place],
        true if cases[place].fails_again => "failed",
        true => "succeeded",
    });
    line_of(cases, &after)
}

pub(super) fn world_of(cases: &[Case], strategy: FailureStrategy) -> World {
    let tasks = cases.iter().enumerate().map(|(place, case)| {
        let mut task = with_retries(case.retries, 10, task(&format!("t{place}"), &[]));
        task.needs = needs(cases, place);
        if case.disabled { forbidden(task) } else { task }
    });
    let mut start = start();
    start.failure_strategy = strategy;
    let mut world = World::new(workflow(tasks.collect()), start);
    world.send(Event::Loaded);
    world
}

pub(super) fn play(world: &mut World, cases: &[Case]) {
    run_out(world, &mut |task_index, number| {
        if number <= cases[task_index.as_usize()].failures {
            AttemptResult::Failed
        } else {
            AttemptResult::Succeeded
        }
    });
}

/// Compares every task and every standing failure with the graph, while some tasks still run.
fn compare_open(world: &World, cases: &[Case]) -> Result<(), TestCaseError> {
    let index = |place: usize| TaskIndex(u32::try_from(place).unwrap());
    let read = read_states(cases, |place| match world.shown(index(place)) {
        TaskState::Succeeded => "succeeded",
        TaskState::Failed => "failed",
        _ => OPEN,
    });
    for (place, state) in read.iter().enumerate() {
        let shown = world.shown(index(place));
        let fits = match *state {
            OPEN => !matches!(shown, TaskState::Skipped | TaskState::NotRun),
            PASSED => shown == TaskState::NotRun,
            state => shown.as_str() == state,
        };
        prop_assert!(fits, "task {} is {}, and should be {}", place, shown, state);
    }
    let stand: BTreeSet<TaskIndex> = standing(cases, &read).into_iter().map(index).collect();
    prop_assert_eq!(&stand, &world.state.counters.failed);
    let taken_over = Instance::load(&world.plan, world.state.rows.clone());
    let (changes, _) = decide(&world.plan, &taken_over, &[Event::Loaded], world.now);
    prop_assert!(changes.is_empty(), "a take-over changes nothing: {:?}", changes);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_ends_as_the_graph_says(cases in cases()) {
        let mut world = world_of(&cases, FailureStrategy::Continue);
        play(&mut world, &cases);
        prop_assert_eq!(world.line(), expected(&cases));
    }

    #[test]
    fn the_order_in_which_tasks_end_changes_nothing(cases in cases(), choices in prop::collection::vec(any::<u8>(), 40)) {
        let cases: Vec<Case> = cases.into_iter().map(|case| Case { retries: 0, ..case }).collect();
        let mut world = world_of(&cases, FailureStrategy::Continue);
        for choice in choices {
            let active: Vec<TaskIndex> = world.state.counters.active.iter().copied().collect();
            if active.is_empty() {
                break;
            }
            compare_open(&world, &cases)?;
            let task_index = active[usize::from(choice) % active.len()];
            match end_of(&cases[task_index.as_usize()]) {
                "failed" => world.fail(task_index.0),
                _ => world.succeed(task_index.0),
            }
        }
        prop_assert_eq!(world.line(), expected(&cases));
    }

    #[test]
    fn a_recover_runs_again_what_the_graph_says(cases in cases()) {
        let mut world = world_of(&cases, FailureStrategy::Continue);
        play(&mut world, &cases);
        if world.state.record().state.as_str() == "succeeded" {
            return Ok(());
        }
        world.command(Command::Recover);
        run_out(&mut world, &mut |task_index, _| {
            if cases[task_index.as_usize()].fails_again {
                AttemptResult::Failed
            } else {
                AttemptResult::Succeeded
            }
        });
        prop_assert_eq!(world.line(), expected_after_recover(&cases));
    }

    #[test]
    fn strategy_end_ends_with_the_same_verdict_and_runs_nothing_that_the_graph_forbids(cases in cases()) {
        let mut world = world_of(&cases, FailureStrategy::End);
        play(&mut world, &cases);
        let said = expected(&cases);
        let line = world.line();
        let (mut said, mut got) = (said.split(' '), line.split(' '));
        prop_assert_eq!(said.next(), got.next());
        for (said, got) in said.zip(got) {
            let held = got == "not_run" || got == "killed";
            prop_assert!(said == got || (held && said != "not_run"), "{} but {}", said, got);
        }
    }

    #[test]
    fn attempts_are_as_many_as_it_takes(cases in cases()) {
        let mut world = world_of(&cases, FailureStrategy::Continue);
        play(&mut world, &cases);
        for (place, case) in cases.iter().enumerate() {
            let row = world.state.task(TaskIndex(u32::try_from(place).unwrap()));
            let Some(row) = row.filter(|row| row.attempts > 0) else { continue };
            prop_assert_eq!(row.attempts, case.failures.min(case.retries) + 1, "task {}", place);
        }
    }
}
