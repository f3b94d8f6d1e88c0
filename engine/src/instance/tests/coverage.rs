//! Every kind of event reaches every state of an instance.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::fixture::*;
use super::properties::{Move, event_of, shapes, world_of};
use crate::instance::Event;
use crate::states::{Command, InstanceState, TaskState};

fn kind(event: &Event) -> String {
    match event {
        Event::Command(operation) => operation.command.to_string(),
        _ => {
            let words = event.to_string();
            words.split([' ']).next().unwrap_or_default().to_owned()
        }
    }
}

fn kinds() -> BTreeSet<String> {
    let events = [
        "loaded",
        "slot",
        "no",
        "started",
        "ended",
        "completed",
        "not",
        "lost",
        "due",
        "quarantine",
    ];
    let commands = Command::ALL.iter().map(ToString::to_string);
    events.map(str::to_owned).into_iter().chain(commands).collect()
}

#[test]
fn every_pair_of_instance_state_and_event_kind_is_reached() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let stories = (shapes(), any::<u8>(), prop::collection::vec(any::<Move>(), 150));
    let mut reached = BTreeSet::new();
    for story in 0..400 {
        let (shapes, flags, moves) = stories.new_tree(&mut runner).unwrap().current();
        let mut world: World = world_of(&shapes, flags);
        if story % 10 == 0 {
            world.state.rows.record.state = InstanceState::Queued;
        }
        for step in moves {
            let event = event_of(&mut world, step);
            reached.insert((world.state.record().state.to_string(), kind(&event)));
            world.send(event);
        }
    }
    let states = InstanceState::ALL.iter().map(ToString::to_string);
    let all = states.flat_map(|state| kinds().into_iter().map(move |kind| (state.clone(), kind)));
    let missing: Vec<_> = all.filter(|pair| !reached.contains(pair)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

#[test]
fn every_state_is_entered() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let stories = (shapes(), any::<u8>(), prop::collection::vec(any::<Move>(), 150));
    let (mut instances, mut tasks) = (BTreeSet::new(), BTreeSet::new());
    for story in 0..200 {
        let (shapes, flags, moves) = stories.new_tree(&mut runner).unwrap().current();
        let mut world: World = world_of(&shapes, flags);
        if story % 10 == 0 {
            world.fill_places();
        }
        for step in moves {
            let event = event_of(&mut world, step);
            world.send(event);
            instances.insert(world.state.record().state);
            tasks.extend(world.state.rows.tasks.values().map(|task| task.state));
        }
    }
    let expected: BTreeSet<_> = InstanceState::ALL.iter().copied().collect();
    assert_eq!(instances, expected);
    let expected: BTreeSet<_> = TaskState::ALL.iter().copied().collect();
    assert_eq!(tasks, expected);
}
