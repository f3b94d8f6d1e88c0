//! A second, naive reading of the rules, compared with the engine over random graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::*;
use super::properties::{edges_of, run_out};
use crate::attempt::AttemptResult;
use crate::ids::TaskIndex;
use crate::instance::{Event, Instance};
use crate::plan::trigger_rule::TriggerRule;
use crate::spec::model::Predecessor;
use crate::states::{Command, FailureStrategy, TaskState};
use crate::task_type::TaskAction;
use crate::task_type::conditions::CONDITIONS;
use crate::task_type::switch::SWITCH;

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
    when: When,
    kind: Kind,
    /// Two bits for each predecessor: which branch of it names this task, if it has branches.
    naming: u16,
}

/// What the `when` of a task says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    Absent,
    True,
    False,
    Unknown,
}

/// What a task is; a shell without predecessors where conditions would have nothing to ask about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Shell,
    /// Asks whether the first predecessor ended so.
    Conditions(&'static str),
    /// Whether its one case holds.
    Switch(bool),
}

/// Cases without tasks that decide.
pub(super) fn plain_cases() -> impl Strategy<Value = Vec<Case>> {
    cases().prop_map(|cases| {
        let plain = |case: Case| Case {
            when: When::Absent,
            kind: Kind::Shell,
            ..case
        };
        cases.into_iter().map(plain).collect()
    })
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let case = (
        any::<u8>(),
        any::<u16>(),
        0..3_u32,
        0..3_u32,
        0..6_u8,
        any::<bool>(),
        (0..8_u8, 0..10_u8, any::<u16>()),
    );
    let case = case.prop_map(
        |(edges, rules, failures, retries, disabled, fails_again, (when, kind, naming))| Case {
            edges,
            rules,
            failures,
            retries,
            disabled: disabled == 0,
            fails_again,
            when: [When::True, When::False, When::Unknown]
                .get(usize::from(when))
                .copied()
                .unwrap_or(When::Absent),
            kind: match kind {
                0 => Kind::Conditions("succeeded"),
                1 => Kind::Conditions("failed"),
                2 => Kind::Conditions("skipped"),
                3 => Kind::Switch(true),
                4 => Kind::Switch(false),
                _ => Kind::Shell,
            },
            naming,
        },
    );
    prop::collection::vec(case, 1..9)
}

pub(super) fn needs(cases: &[Case], place: usize) -> Vec<Predecessor> {
    let mut needs = edges_of(place, cases[place].edges, cases[place].rules);
    if matches!(cases[place].kind, Kind::Conditions(_)) {
        for need in &mut needs {
            need.on = TriggerRule::OnSuccess;
        }
    }
    needs
}

fn kind_of(cases: &[Case], place: usize) -> Kind {
    match cases[place].kind {
        Kind::Conditions(_) if needs(cases, place).is_empty() => Kind::Shell,
        kind => kind,
    }
}

/// Returns which branches of a predecessor name a task: the first, the second, both, or none.
fn naming(cases: &[Case], place: usize, pred: usize) -> [bool; 2] {
    let is_plain = needs(cases, place)
        .iter()
        .any(|need| need.task.as_usize() == pred && need.on == TriggerRule::OnSuccess);
    let bits = cases[place].naming >> (2 * pred);
    let has_branches = kind_of(cases, pred) != Kind::Shell;
    [0, 1].map(|branch| is_plain && has_branches && bits & (1 << branch) != 0)
}

/// Whether a task follows another one over any number of edges.
fn follows(cases: &[Case], place: usize, other: usize) -> bool {
    needs(cases, place)
        .iter()
        .map(|need| need.task.as_usize())
        .any(|pred| pred == other || follows(cases, pred, other))
}

/// What the oracle calls a task that is not settled.
const OPEN: &str = "open";

/// What a task is whose `when` has no result.
const UNSTARTED: &str = "failed without an attempt";

/// What a disabled task is that would start.
pub(super) const PASSED: &str = "passed";

/// Reads off the graph what each task is, given what became of those that run.
pub(super) fn read_states(cases: &[Case], ran: impl Fn(usize) -> &'static str) -> Vec<&'static str> {
    let mut states: Vec<&'static str> = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        let edges: Vec<&str> = needs(cases, place)
            .into_iter()
            .map(|need| edge_to(cases, &states, place, need))
            .collect();
        let any = |kind: &str| edges.contains(&kind);
        let may_be_turned_down =
            (0..place).any(|pred| naming(cases, place, pred).contains(&true) && states[pred] == OPEN);
        states.push(match () {
            () if any("turned down") => "skipped",
            () if any("dead") && !may_be_turned_down => "not_run",
            () if any("waiting") => OPEN,
            () if any("closed") || (any("void") && !any("open")) => "skipped",
            () if case.when == When::False => "skipped",
            () if case.when == When::Unknown => UNSTARTED,
            () if case.disabled => PASSED,
            () if kind_of(cases, place) != Kind::Shell => "succeeded",
            () => ran(place),
        });
    }
    states
}

fn edge_to(cases: &[Case], states: &[&'static str], place: usize, need: Predecessor) -> &'static str {
    let pred = need.task.as_usize();
    let names = naming(cases, place, pred);
    let on = match kind_of(cases, place) {
        Kind::Conditions(_) => TriggerRule::OnSettled,
        Kind::Shell | Kind::Switch(_) => need.on,
    };
    let by_rule = edge(on, states[pred]);
    if !names.contains(&true) || states[pred] != "succeeded" {
        return by_rule;
    }
    let branch = usize::from(!holds(cases, states, pred));
    if names[branch] {
        return by_rule;
    }
    let mut chosen = (0..cases.len()).filter(|task| naming(cases, *task, pred)[branch]);
    if chosen.any(|chosen| follows(cases, place, chosen)) {
        return "void";
    }
    "turned down"
}

/// Whether what a deciding task asks holds.
fn holds(cases: &[Case], states: &[&'static str], place: usize) -> bool {
    let first = || states[needs(cases, place)[0].task.as_usize()];
    match kind_of(cases, place) {
        Kind::Shell => false,
        Kind::Switch(holds) => holds,
        Kind::Conditions("succeeded") => ["succeeded", "forced_success", PASSED].contains(&first()),
        Kind::Conditions("failed") => ["failed", "killed", UNSTARTED].contains(&first()),
        Kind::Conditions(is) => first() == is,
    }
}

/// The table of contract: rows are what became of the predecessor.
pub(super) fn edge(on: TriggerRule, predecessor: &str) -> &'static str {
    let row = match predecessor {
        "succeeded" | "forced_success" | PASSED => ["open", "closed", "open"],
        "failed" | "killed" | UNSTARTED => ["dead", "open", "open"],
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
            .map(|(successor, need)| match kind_of(cases, successor) {
                // Conditions handle what they ask about.
                Kind::Conditions(_) => (TriggerRule::OnFailure, states[successor]),
                Kind::Shell | Kind::Switch(_) => (need.on, states[successor]),
            })
            .collect();
        let can_be_handled = edges.iter().all(|(on, _)| *on != TriggerRule::OnSuccess);
        let may_handle = |(on, state): &(TriggerRule, &str)| {
            *on == TriggerRule::OnFailure && !matches!(*state, "skipped" | "not_run" | UNSTARTED)
        };
        let has_failed = matches!(states[*place], "failed" | UNSTARTED);
        has_failed && !(can_be_handled && edges.iter().any(may_handle))
    };
    (0..cases.len()).filter(stands).collect()
}

pub(super) fn line_of(cases: &[Case], states: &[&'static str]) -> String {
    let is_lost = |(state, case): (&&str, &Case)| *state == "not_run" && !case.disabled;
    let fails = !standing(cases, states).is_empty() || states.iter().zip(cases).any(is_lost);
    let shown = states.iter().map(|state| match *state {
        PASSED => "not_run",
        UNSTARTED => "failed",
        state => state,
    });
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
        task.action = action_of(cases, place).unwrap_or(task.action);
        task.when = match case.when {
            When::Absent => None,
            When::True => Some("1 == 1".to_owned()),
            When::False => Some("1 == 2".to_owned()),
            When::Unknown => Some("absent == 1".to_owned()),
        };
        if case.disabled { forbidden(task) } else { task }
    });
    let mut start = start();
    start.failure_strategy = strategy;
    let mut world = World::new(workflow(tasks.collect()), start);
    world.send(Event::Loaded);
    world
}

/// Returns the action of a task that decides.
fn action_of(cases: &[Case], place: usize) -> Option<TaskAction> {
    let named = |branch: usize| -> Value {
        let named = (0..cases.len()).filter(|task| naming(cases, *task, place)[branch]);
        named.map(|task| format!("t{task}")).collect()
    };
    match kind_of(cases, place) {
        Kind::Shell => None,
        Kind::Conditions(is) => {
            let first = format!("t{}", needs(cases, place)[0].task.as_usize());
            let question = json!([{ "any": [{ "task": first, "is": is }] }]);
            let fields = vec![("all", question), ("then", named(0)), ("else", named(1))];
            Some(TaskAction::with_fields(&CONDITIONS, fields))
        }
        Kind::Switch(holds) => {
            let cases = json!([{ "when": holds.to_string(), "then": named(0) }]);
            let fields = vec![("cases", cases), ("default", named(1))];
            Some(TaskAction::with_fields(&SWITCH, fields))
        }
    }
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
            UNSTARTED => shown == TaskState::Failed,
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

/// Returns every graph of three tasks, of four kinds, with every kind of edge and branch.
fn graphs_of_three_tasks() -> impl Iterator<Item = Vec<Case>> {
    const KINDS: [(Kind, u32); 4] = [
        (Kind::Shell, 0),
        (Kind::Shell, 1),
        (Kind::Conditions("failed"), 0),
        (Kind::Switch(true), 0),
    ];
    const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];
    let digit = |number: usize, base: usize, place: u32| number / base.pow(place) % base;
    let graphs = (0..4_usize.pow(6) * 3_usize.pow(3)).map(move |number| {
        let (shapes, names) = (number % 4_usize.pow(6), number / 4_usize.pow(6));
        let mut cases: Vec<Case> = (0..3)
            .map(|task| {
                let (kind, failures) = KINDS[digit(shapes, 4, task)];
                Case {
                    edges: 0,
                    rules: 0,
                    failures,
                    retries: 0,
                    disabled: false,
                    fails_again: false,
                    when: When::Absent,
                    kind,
                    naming: 0,
                }
            })
            .collect();
        for (place, (pred, task)) in (0..).zip(PAIRS) {
            let rule = digit(shapes, 4, 3 + place);
            if rule < 3 {
                cases[task].edges |= 1 << pred;
                cases[task].rules |= (rule as u16) << (2 * pred);
            }
            cases[task].naming |= (digit(names, 3, place) as u16) << (2 * pred);
        }
        cases
    });
    // A name on an edge that cannot be a branch changes nothing: such a graph is listed without it.
    graphs.filter(|cases| {
        let is_branch = |task: usize, pred: usize| naming(cases, task, pred).contains(&true);
        let is_named = |task: usize, pred: usize| cases[task].naming >> (2 * pred) & 3 != 0;
        PAIRS
            .iter()
            .all(|(pred, task)| !is_named(*task, *pred) || is_branch(*task, *pred))
    })
}

#[test]
fn every_graph_of_three_tasks_ends_as_the_rules_say() {
    let mut graphs = 0;
    for cases in graphs_of_three_tasks() {
        let mut world = world_of(&cases, FailureStrategy::Continue);
        play(&mut world, &cases);
        assert_eq!(world.line(), expected(&cases), "{cases:?}");
        graphs += 1;
    }
    assert!(graphs > 4_000, "{graphs} graphs");
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
            let failed = match kind_of(&cases, place) {
                Kind::Shell => case.failures.min(case.retries),
                Kind::Conditions(_) | Kind::Switch(_) => 0,
            };
            prop_assert_eq!(row.attempts, failed + 1, "task {}", place);
        }
    }
}
