//! Properties over random graphs with random events. The world checks its invariants after every batch.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::children::see_child;
use super::fixture::*;
use crate::attempt::AttemptEvent;
use crate::attempt::AttemptResult;
use crate::dependent::{Candidate, ItemObservation};
use crate::ids::{AttemptNumber, DispatchId, InstanceId, TaskIndex};
use crate::instance::{CommandArguments, Effect, Event, Operation, pending_effects};
use crate::overrides::TaskOverrides;
use crate::plan::trigger_rule::TriggerRule;
use crate::spec::model::{LimitUse, Predecessor, TaskDefinition};
use crate::states::Attention;
use crate::states::{Command, FailureStrategy, InstanceState, OnTimeout, OnWorkerLost, Priority, Scope};
use crate::task::{ApprovalDecision, ApprovalVerdict, DependenciesSeen, Observation, TaskReport, WatchGoal};
use crate::task_type::WatchKind;

/// One random task of a graph whose edges go back.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    edges: u8,
    /// Two bits for each edge: what it waits for.
    rules: u16,
    kind: u8,
    retries: u32,
    flags: u8,
}

pub(super) fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let shape = (any::<u8>(), any::<u16>(), any::<u8>(), 0..3_u32, any::<u8>());
    let shape = shape.prop_map(|(edges, rules, kind, retries, flags)| Shape {
        edges,
        rules,
        kind,
        retries,
        flags,
    });
    prop::collection::vec(shape, 1..7)
}

pub(super) fn graph(shapes: &[Shape]) -> Vec<TaskDefinition> {
    let tasks = shapes.iter().enumerate().map(|(place, shape)| {
        let name = format!("t{place}");
        let mut task = match shape.kind % 5 {
            0 => noop(&name, &[]),
            2 if shape.kind > 200 => dependent(&name),
            2 if shape.kind > 150 => waiting(&name, &ASK),
            3 if shape.kind > 150 => parent(&name),
            4 if shape.kind > 150 => switch(&name),
            1 if shape.kind > 200 => forbidden(task(&name, &[])),
            _ => with_retries(shape.retries, 100, task(&name, &[])),
        };
        task.needs = edges_of(place, shape.edges, shape.rules);
        if shape.flags & 1 != 0 {
            task.delay_ms = Some(50);
        }
        if shape.flags & 2 != 0 {
            task.timeout_ms = Some(300);
            task.on_timeout = OnTimeout::ALL[usize::from(shape.flags >> 2) % 3];
        }
        if shape.flags & 64 != 0 {
            task.when = Some(format!("tasks.t0.state {} 'failed'", ["==", "!="][place % 2]));
        }
        if shape.flags & 128 != 0 {
            task.limits = vec![LimitUse {
                name: "a".to_owned(),
                slots: 1,
            }];
        }
        if shape.flags & 32 != 0 {
            task.on_worker_lost = OnWorkerLost::Fail;
        }
        task
    });
    tasks.collect()
}

/// Returns the edges to the task at a place: one bit each says whether it is there, two bits what it waits for.
pub(super) fn edges_of(place: usize, edges: u8, rules: u16) -> Vec<Predecessor> {
    let present = (0..place.min(8)).filter(|bit| edges & (1 << bit) != 0);
    let rule = |bit: usize| match rules >> (2 * bit) & 3 {
        0 => TriggerRule::OnFailure,
        1 => TriggerRule::OnSettled,
        _ => TriggerRule::OnSuccess,
    };
    present
        .map(|bit| need(u32::try_from(bit).unwrap(), rule(bit)))
        .collect()
}

/// A random event: what, about which task, with which detail.
pub(super) type Move = (u8, u8, u8);

pub(super) fn world_of(shapes: &[Shape], flags: u8) -> World {
    let mut definition = workflow(graph(shapes));
    if flags & 1 != 0 {
        definition.timeout_ms = Some(2000);
        definition.on_timeout = OnTimeout::ALL[usize::from(flags >> 1) % 3];
    }
    let mut start = start();
    if flags & 16 != 0 {
        start.failure_strategy = FailureStrategy::End;
    }
    start.dry_run = flags & 96 == 96;
    World::new(definition, start)
}

fn uid_of(world: &World, task_index: TaskIndex, detail: u8) -> DispatchId {
    let stored = world
        .state
        .task(task_index)
        .and_then(|row| row.attempt.as_ref()?.uid);
    let mut uid = stored.unwrap_or(DispatchId {
        generation: world.state.rows.generation,
        instance: world.state.rows.id,
        task_index,
        attempt: AttemptNumber(1),
        dispatch_number: 1,
    });
    if detail % 16 == 15 {
        uid.dispatch_number += 1;
    }
    uid
}

/// Makes an event of a random move; time passes with it.
pub(super) fn event_of(world: &mut World, (kind, which, detail): Move) -> Event {
    world.now = world.now.plus(i64::from(detail % 8) * 20);
    let tasks = u32::try_from(world.plan.nodes.len()).unwrap();
    let task_index = TaskIndex(u32::from(which) % tasks);
    let uid = uid_of(world, task_index, detail);
    let reason = "for a reason".to_owned();
    match kind % 32 {
        0..=6 => Event::Report(TaskReport::SlotGranted {
            task_index,
            worker: worker(),
        }),
        7..=10 => Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Started {
                pid: Some(1),
                at: world.now,
            },
        }),
        11..=16 => {
            let result = match detail % 10 {
                0..=5 => AttemptResult::Succeeded,
                6 | 7 => AttemptResult::Failed,
                8 => AttemptResult::TimedOut,
                _ => AttemptResult::Killed,
            };
            ended(uid, result, world)
        }
        17..=19 => Event::Report(TaskReport::CompletedInline {
            task_index,
            attempt: AttemptNumber(u32::from(detail % 3) + 1),
        }),
        20 => Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::NotStarted { reason },
        }),
        21 => Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Lost { reason },
        }),
        22..=24 => Event::Due,
        29 => Event::Report(TaskReport::Observed {
            task_index,
            attempt: AttemptNumber(u32::from(detail % 3) + 1),
            observation: observation_of(detail),
        }),
        25 => Event::Report(TaskReport::NoSlot { task_index, reason }),
        26 => Event::Loaded,
        28 => {
            let by_ms = (i64::from(detail) - 128) * 20;
            world.now = world.now.plus(by_ms);
            Event::ClockStepped { by_ms }
        }
        27 if detail % 4 == 0 => quarantine(reason),
        _ => {
            let command = Command::ALL[usize::from(detail) % Command::ALL.len()];
            let event = world.command_event(command, command.names_task().then_some(task_index));
            with_arguments(event, which)
        }
    }
}

fn quarantine(detail: String) -> Event {
    Event::Quarantine {
        attention: Attention {
            code: "TEST".into(),
            detail,
        },
    }
}

fn observation_of(detail: u8) -> Observation {
    match detail % 5 {
        0 => approval(ApprovalVerdict::Approved(BTreeMap::new())),
        1 => approval(ApprovalVerdict::Rejected),
        2 => see_dependency(InstanceState::ALL[usize::from(detail / 5) % InstanceState::ALL.len()]),
        _ => {
            let states = InstanceState::ALL;
            see_child(states[usize::from(detail >> 2) % states.len()])
        }
    }
}

/// The instance of today, in this state.
fn see_dependency(state: InstanceState) -> Observation {
    let candidate = Candidate {
        instance: InstanceId(7),
        state,
        has_failed_tasks: false,
        task: None,
        outputs: BTreeMap::new(),
    };
    Observation::Dependencies(DependenciesSeen {
        items: vec![ItemObservation::Candidates(vec![Some(candidate)])],
    })
}

fn approval(verdict: ApprovalVerdict) -> Observation {
    Observation::Approval(ApprovalDecision {
        verdict,
        by: "ann".to_owned(),
        comment: None,
    })
}

/// Fills in what a command says beside its verb.
fn with_arguments(event: Event, which: u8) -> Event {
    let Event::Command(operation) = event else {
        return event;
    };
    let scope = [Scope::Only, Scope::Downstream, Scope::Upstream][usize::from(which) % 3];
    let arguments = match operation.command {
        Command::RunTask => CommandArguments {
            scope: Some(scope),
            ..CommandArguments::default()
        },
        Command::Priority => CommandArguments {
            priority: Some(Priority::ALL[usize::from(which) % Priority::ALL.len()]),
            ..CommandArguments::default()
        },
        Command::RetryTask => CommandArguments {
            overrides: TaskOverrides {
                timeout_ms: which.is_multiple_of(2).then_some(100),
                ..TaskOverrides::default()
            },
            ..CommandArguments::default()
        },
        _ => CommandArguments::default(),
    };
    Event::Command(Operation {
        arguments,
        ..operation
    })
}

fn ended(uid: DispatchId, result: AttemptResult, world: &World) -> Event {
    Event::Report(TaskReport::Attempt {
        uid,
        event: AttemptEvent::Ended(crate::attempt::AttemptEnd {
            result,
            exit_code: Some(1),
            ..crate::attempt::AttemptEnd::succeeded(world.now)
        }),
    })
}

/// What a watch finds in a world where everything that is waited for obeys.
fn answer_to(kind: WatchKind, goal: WatchGoal) -> Observation {
    match kind {
        WatchKind::Children => see_child(match goal {
            WatchGoal::Run => InstanceState::Succeeded,
            WatchGoal::Pause => InstanceState::Paused,
            WatchGoal::End(_) => InstanceState::Stopped,
        }),
        WatchKind::Dependencies | WatchKind::Approval => approval(ApprovalVerdict::Approved(BTreeMap::new())),
    }
}

/// Answers everything that is pending, as a world without faults does; returns false when nothing is pending.
pub(super) fn answer(world: &mut World, outcome: &mut dyn FnMut(TaskIndex, u32) -> AttemptResult) -> bool {
    let pending = pending_effects(&world.plan, &world.state);
    let rows: Vec<_> = world.state.counters.active.iter().copied().collect();
    let mut events: Vec<Event> = pending
        .iter()
        .filter_map(|effect| match effect {
            Effect::RequestSlot { task_index } => Some(Event::Report(TaskReport::SlotGranted {
                task_index: *task_index,
                worker: worker(),
            })),
            Effect::Kill { uid, .. } => Some(ended(*uid, AttemptResult::Killed, world)),
            Effect::CompleteInline { task_index, attempt } => {
                Some(Event::Report(TaskReport::CompletedInline {
                    task_index: *task_index,
                    attempt: *attempt,
                }))
            }
            Effect::Watch {
                task_index,
                attempt,
                kind,
                goal,
            } => Some(Event::Report(TaskReport::Observed {
                task_index: *task_index,
                attempt: *attempt,
                observation: answer_to(*kind, *goal),
            })),
            _ => None,
        })
        .collect();
    for task_index in rows {
        let attempt = world.state.task(task_index).and_then(|row| row.open_attempt());
        let Some(attempt) = attempt.filter(|attempt| attempt.kill_cause.is_none()) else {
            continue;
        };
        if let Some(uid) = attempt.uid {
            events.push(ended(uid, outcome(task_index, attempt.number.0), world));
        }
    }
    if events.is_empty() {
        let Some(Effect::WakeAt { at }) = pending.last() else {
            return false;
        };
        world.now = world.now.max(*at);
        events.push(Event::Due);
    }
    world.batch(&events);
    true
}

/// Answers until the instance idle.
pub(super) fn run_out(world: &mut World, outcome: &mut dyn FnMut(TaskIndex, u32) -> AttemptResult) {
    for _ in 0..1000 {
        if !answer(world, outcome) {
            return;
        }
    }
    panic!("it never idle: {}", world.state);
}

fn attempts_open_at_workers(world: &World, open: &mut BTreeMap<DispatchId, TaskIndex>, effects: &[Effect]) {
    for effect in effects {
        if let Effect::Dispatch { task_index, uid } = effect {
            open.insert(*uid, *task_index);
        }
    }
    open.retain(|uid, task_index| {
        let row = world.state.task(*task_index).unwrap();
        row.open_attempt()
            .is_some_and(|attempt| attempt.uid == Some(*uid))
    });
    let mut tasks: Vec<_> = open.values().collect();
    tasks.dedup();
    assert_eq!(tasks.len(), open.len(), "two open attempts of one task");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_breaks_an_invariant(
        shapes in shapes(), flags in any::<u8>(), moves in prop::collection::vec(any::<Move>(), 0..120)
    ) {
        let mut world = world_of(&shapes, flags);
        world.send(Event::Loaded);
        let mut open = BTreeMap::new();
        let mut numbers: BTreeMap<TaskIndex, u32> = BTreeMap::new();
        for step in moves {
            let event = event_of(&mut world, step);
            let effects = world.send(event);
            attempts_open_at_workers(&world, &mut open, &effects);
            for task_index in crate::plan::task_indices(world.plan.nodes.len()) {
                let attempts = world.state.task(task_index).map_or(0, |row| row.attempts);
                let before = numbers.insert(task_index, attempts).unwrap_or(0);
                prop_assert!(before <= attempts, "attempt numbers only grow");
            }
        }
    }

    #[test]
    fn events_decided_together_keep_the_invariants(
        shapes in shapes(), flags in any::<u8>(),
        batches in prop::collection::vec(prop::collection::vec(any::<Move>(), 1..12), 0..14)
    ) {
        let mut world = world_of(&shapes, flags);
        world.send(Event::Loaded);
        for moves in batches {
            let events: Vec<Event> = moves.into_iter().map(|step| event_of(&mut world, step)).collect();
            world.batch(&events);
        }
    }

    #[test]
    fn the_same_event_twice_adds_nothing(
        shapes in shapes(), flags in any::<u8>(), moves in prop::collection::vec(any::<Move>(), 0..60)
    ) {
        let mut world = world_of(&shapes, flags);
        world.send(Event::Loaded);
        for step in moves {
            let event = event_of(&mut world, step);
            world.send(event.clone());
            let repeated = !matches!(
                event,
                Event::Command { .. } | Event::Report(TaskReport::SlotGranted { .. }) | Event::ClockStepped { .. }
            );
            if repeated {
                let before = world.state.clone();
                let (changes, _) = world.batch(&[event]);
                prop_assert!(changes.tasks.is_empty() && changes.transitions.is_empty());
                prop_assert_eq!(before.record().clone(), world.state.record().clone());
            }
        }
    }

    #[test]
    fn every_instance_ends_when_everything_owed_is_answered(
        shapes in shapes(), flags in any::<u8>(), moves in prop::collection::vec(any::<Move>(), 0..60)
    ) {
        let mut world = world_of(&shapes, flags);
        world.send(Event::Loaded);
        for step in moves {
            let event = event_of(&mut world, step);
            world.send(event);
        }
        if world.state.record().attention.is_some() {
            world.command(Command::Stop);
        }
        run_out(&mut world, &mut |_, _| AttemptResult::Succeeded);
        if world.state.record().state == InstanceState::Paused {
            world.command(Command::Resume);
            run_out(&mut world, &mut |_, _| AttemptResult::Succeeded);
        }
        prop_assert!(world.state.record().state.is_final(), "{}", world.state);
    }

    #[test]
    fn every_open_instance_can_be_stopped(
        shapes in shapes(), flags in any::<u8>(), moves in prop::collection::vec(any::<Move>(), 0..60)
    ) {
        let mut world = world_of(&shapes, flags);
        world.send(Event::Loaded);
        for step in moves {
            let event = event_of(&mut world, step);
            world.send(event);
        }
        if !world.state.record().state.is_final() {
            world.command(Command::Stop);
            run_out(&mut world, &mut |_, _| panic!("nothing runs without a kill"));
            let state = world.state.record().state;
            prop_assert!(matches!(state, InstanceState::Stopped | InstanceState::Succeeded), "{}", state);
        }
    }

    #[test]
    fn history_is_a_chain_from_state_to_state(
        shapes in shapes(), flags in any::<u8>(), moves in prop::collection::vec(any::<Move>(), 0..60)
    ) {
        let mut world = world_of(&shapes, flags);
        world.send(Event::Loaded);
        for step in moves {
            let event = event_of(&mut world, step);
            world.send(event);
        }
        let mut last: BTreeMap<Option<TaskIndex>, &str> = BTreeMap::new();
        for transition in &world.transitions {
            let before = last.insert(transition.task_index, transition.to);
            let from = transition.from.unwrap();
            let expected = before.unwrap_or(match transition.task_index {
                Some(_) => "pending",
                None => "running",
            });
            // What edges decide about a task that never started is no entry.
            let is_decided = transition.task_index.is_some() && matches!(from, "not_run" | "skipped");
            let follows = from == expected || (is_decided && expected == "pending");
            prop_assert!(follows, "{}", world.history());
            prop_assert!(!transition.why.is_empty(), "{}", world.history());
        }
        prop_assert_eq!(last.get(&None).copied().unwrap_or("running"), world.state.record().state.as_str());
    }
}
