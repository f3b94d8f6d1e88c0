//! Properties over random graphs and random events. The world checks its invariants after every round.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::*;
use crate::definition::Task as TaskDefinition;
use crate::ids::{AttemptNumber, Ordinal, Uid};
use crate::instance::{AttemptResult, Attention, Effect, Event, pending};
use crate::states::{FailureStrategy, InstanceState, OnTimeout, OnWorkerLost, Verb};

/// One random task of a graph whose edges go back.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    edges: u8,
    kind: u8,
    retries: u32,
    flags: u8,
}

pub(super) fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    let shape = (any::<u8>(), any::<u8>(), 0..3_u32, any::<u8>());
    let shape = shape.prop_map(|(edges, kind, retries, flags)| Shape {
        edges,
        kind,
        retries,
        flags,
    });
    prop::collection::vec(shape, 1..7)
}

pub(super) fn graph(shapes: &[Shape]) -> Vec<TaskDefinition> {
    let tasks = shapes.iter().enumerate().map(|(place, shape)| {
        let needs: Vec<u32> = (0..place.min(8))
            .filter(|bit| shape.edges & (1 << bit) != 0)
            .map(|bit| u32::try_from(bit).unwrap())
            .collect();
        let name = format!("t{place}");
        let mut task = match shape.kind % 5 {
            0 => noop(&name, &needs),
            1 if shape.kind > 200 => forbidden(task(&name, &needs)),
            _ => with_retries(shape.retries, 100, task(&name, &needs)),
        };
        if shape.flags & 1 != 0 {
            task.delay_ms = Some(50);
        }
        if shape.flags & 2 != 0 {
            task.timeout_ms = Some(300);
            task.on_timeout = OnTimeout::ALL[usize::from(shape.flags >> 2) % 3];
        }
        if shape.flags & 32 != 0 {
            task.on_worker_lost = OnWorkerLost::Fail;
        }
        task
    });
    tasks.collect()
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

fn uid_of(world: &World, ordinal: Ordinal, detail: u8) -> Uid {
    let stored = world.state.row(ordinal).and_then(|row| row.attempt.as_ref()?.uid);
    let mut uid = stored.unwrap_or(Uid {
        generation: world.state.generation,
        instance: world.state.id,
        ordinal,
        attempt: AttemptNumber(1),
        binding: 1,
    });
    if detail % 16 == 15 {
        uid.binding += 1;
    }
    uid
}

/// Makes an event of a random move; time passes with it.
pub(super) fn event_of(world: &mut World, (kind, which, detail): Move) -> Event {
    world.now = world.now.plus(i64::from(detail % 8) * 20);
    let tasks = u32::try_from(world.plan.nodes.len()).unwrap();
    let ordinal = Ordinal(u32::from(which) % tasks);
    let uid = uid_of(world, ordinal, detail);
    let reason = "for a reason".to_owned();
    match kind % 32 {
        0..=6 => Event::Granted {
            ordinal,
            worker: worker(),
        },
        7..=10 => Event::Started {
            uid,
            pid: Some(1),
            at: world.now,
        },
        11..=16 => {
            let result = match detail % 10 {
                0..=5 => AttemptResult::Succeeded,
                6 | 7 => AttemptResult::Failed,
                8 => AttemptResult::TimedOut,
                _ => AttemptResult::Killed,
            };
            ended(uid, result, world)
        }
        17..=19 => Event::FinishedInOwner {
            ordinal,
            attempt: AttemptNumber(u32::from(detail % 3) + 1),
        },
        20 => Event::NotStarted { uid, reason },
        21 => Event::Lost { uid, reason },
        22..=24 => Event::Due,
        25 => Event::NoSlot { ordinal, reason },
        26 => Event::Loaded,
        27 if detail % 4 == 0 => Event::GiveUp {
            attention: Attention {
                code: "TEST".into(),
                detail: reason,
            },
        },
        _ => {
            let verb = Verb::ALL[usize::from(detail) % Verb::ALL.len()];
            world.verb_event(verb, (verb == Verb::ForceSuccess).then_some(ordinal))
        }
    }
}

fn ended(uid: Uid, result: AttemptResult, world: &World) -> Event {
    Event::Ended {
        uid,
        ended: crate::instance::Ended {
            result,
            exit_code: Some(1),
            ..crate::instance::Ended::succeeded(world.now)
        },
    }
}

/// Answers everything that is owed, as a world without faults does; returns false when nothing is owed.
pub(super) fn answer(world: &mut World, outcome: &mut dyn FnMut(Ordinal, u32) -> AttemptResult) -> bool {
    let owed = pending(&world.plan, &world.state);
    let rows: Vec<_> = world.state.counters.active.iter().copied().collect();
    let mut events: Vec<Event> = owed
        .iter()
        .filter_map(|effect| match effect {
            Effect::WantSlot { ordinal } => Some(Event::Granted {
                ordinal: *ordinal,
                worker: worker(),
            }),
            Effect::Kill { uid, .. } => Some(ended(*uid, AttemptResult::Killed, world)),
            Effect::FinishInOwner { ordinal, attempt } => Some(Event::FinishedInOwner {
                ordinal: *ordinal,
                attempt: *attempt,
            }),
            _ => None,
        })
        .collect();
    for ordinal in rows {
        let attempt = world.state.row(ordinal).and_then(|row| row.open_attempt());
        let Some(attempt) = attempt.filter(|attempt| attempt.kill_cause.is_none()) else {
            continue;
        };
        if let Some(uid) = attempt.uid {
            events.push(ended(uid, outcome(ordinal, attempt.number.0), world));
        }
    }
    if events.is_empty() {
        let Some(Effect::WakeAt { at }) = owed.last() else {
            return false;
        };
        world.now = world.now.max(*at);
        events.push(Event::Due);
    }
    world.round(&events);
    true
}

/// Answers until the instance rests.
pub(super) fn run_out(world: &mut World, outcome: &mut dyn FnMut(Ordinal, u32) -> AttemptResult) {
    for _ in 0..1000 {
        if !answer(world, outcome) {
            return;
        }
    }
    panic!("it never rests: {}", world.state);
}

fn attempts_open_at_workers(world: &World, open: &mut BTreeMap<Uid, Ordinal>, effects: &[Effect]) {
    for effect in effects {
        if let Effect::Dispatch { ordinal, uid } = effect {
            open.insert(*uid, *ordinal);
        }
    }
    open.retain(|uid, ordinal| {
        let row = world.state.row(*ordinal).unwrap();
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
        let mut numbers: BTreeMap<Ordinal, u32> = BTreeMap::new();
        for step in moves {
            let event = event_of(&mut world, step);
            let effects = world.send(event);
            attempts_open_at_workers(&world, &mut open, &effects);
            for ordinal in crate::plan::ordinals(world.state.tasks.len()) {
                let attempts = world.state.row(ordinal).map_or(0, |row| row.attempts);
                let before = numbers.insert(ordinal, attempts).unwrap_or(0);
                prop_assert!(before <= attempts, "attempt numbers only grow");
            }
        }
    }

    #[test]
    fn events_decided_together_keep_the_invariants(
        shapes in shapes(), flags in any::<u8>(),
        rounds in prop::collection::vec(prop::collection::vec(any::<Move>(), 1..12), 0..14)
    ) {
        let mut world = world_of(&shapes, flags);
        world.send(Event::Loaded);
        for moves in rounds {
            let events: Vec<Event> = moves.into_iter().map(|step| event_of(&mut world, step)).collect();
            world.round(&events);
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
            let repeated = !matches!(event, Event::Verb { .. } | Event::Granted { .. });
            if repeated {
                let before = world.state.clone();
                let (changes, _) = world.round(&[event]);
                prop_assert!(changes.tasks.is_empty() && changes.transitions.is_empty());
                prop_assert_eq!(before.header, world.state.header.clone());
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
        if world.state.header.attention.is_some() {
            world.verb(Verb::Stop);
        }
        run_out(&mut world, &mut |_, _| AttemptResult::Succeeded);
        if world.state.header.state == InstanceState::Paused {
            world.verb(Verb::Resume);
            run_out(&mut world, &mut |_, _| AttemptResult::Succeeded);
        }
        prop_assert!(world.state.header.state.is_final(), "{}", world.state);
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
        if !world.state.header.state.is_final() {
            world.verb(Verb::Stop);
            run_out(&mut world, &mut |_, _| panic!("nothing runs without a kill"));
            let state = world.state.header.state;
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
        let mut last: BTreeMap<Option<Ordinal>, &str> = BTreeMap::new();
        for transition in &world.transitions {
            let before = last.insert(transition.ordinal, transition.to);
            let from = transition.from.unwrap();
            let expected = before.unwrap_or(match transition.ordinal {
                Some(_) => "pending",
                None => "running",
            });
            prop_assert!(from == expected, "{}", world.history());
            prop_assert!(!transition.why.is_empty(), "{}", world.history());
        }
        prop_assert_eq!(last.get(&None).copied().unwrap_or("running"), world.state.header.state.as_str());
    }
}
