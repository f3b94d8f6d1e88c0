//! Which events of a batch rules of alerts may name.

use super::fixture::{ASK, World, start, task, waiting, with_retries, workflow};
use crate::alert::event::AlertEvent::{
    self, ApprovalWaiting, Attention, Failed, Stopped, Succeeded, TaskFailed, TaskRetrying, TimedOut,
};
use crate::attempt::AttemptResult;
use crate::instance::Event;
use crate::spec::model::{Definition, TaskDefinition};
use crate::start::Start;
use crate::states::{self, Command, OnTimeout};

/// Each event with its task and attempt.
type Seen = (AlertEvent, Option<u32>, Option<u32>);

fn seen(world: &mut World, event: Event) -> Vec<Seen> {
    let (changes, _) = world.batch(&[event]);
    let events = changes.events.into_iter();
    events
        .map(|raised| {
            (
                raised.event,
                raised.task_index.map(|index| index.0),
                raised.attempt.map(|attempt| attempt.0),
            )
        })
        .collect()
}

fn ended(world: &mut World, task_index: u32, result: AttemptResult) -> Vec<Seen> {
    world.run(task_index);
    let event = world.ended(task_index, result);
    seen(world, event)
}

#[test]
fn the_end_of_an_instance_is_an_event() {
    let mut world = World::of(vec![task("a", &[])]);
    assert_eq!(
        ended(&mut world, 0, AttemptResult::Succeeded),
        [(Succeeded, None, None)]
    );
    let mut world = World::of(vec![task("a", &[])]);
    let stop = world.command_event(Command::Stop, None);
    assert_eq!(seen(&mut world, stop), [(Stopped, None, None)]);
}

#[test]
fn a_task_that_fails_for_good_is_an_event_beside_that_of_its_instance() {
    let mut world = World::of(vec![with_retries(1, 1_000, task("a", &[]))]);
    assert_eq!(
        ended(&mut world, 0, AttemptResult::Failed),
        [(TaskRetrying, Some(0), Some(1))]
    );
    world.pass(1_000);
    assert_eq!(
        ended(&mut world, 0, AttemptResult::Failed),
        [(TaskFailed, Some(0), Some(2)), (Failed, None, None)]
    );
    let recover = world.command_event(Command::Recover, None);
    assert_eq!(seen(&mut world, recover), [], "a further run is no event");
    assert_eq!(
        ended(&mut world, 0, AttemptResult::Succeeded),
        [(Succeeded, None, None)]
    );
}

#[test]
fn a_time_limit_is_an_event_whatever_it_does() {
    let limited = |on_timeout: OnTimeout| Definition {
        timeout_ms: Some(5_000),
        on_timeout,
        ..workflow(vec![task("a", &[])])
    };
    let mut world = World::new(limited(OnTimeout::Warn), start());
    world.send(Event::Loaded);
    world.run(0);
    world.now = world.now.plus(5_000);
    assert_eq!(seen(&mut world, Event::Due), [(TimedOut, None, None)]);
    assert_eq!(
        ended(&mut world, 0, AttemptResult::Succeeded).last(),
        Some(&(Succeeded, None, None))
    );
    let mut world = World::of(vec![task("a", &[])]);
    let events = ended(&mut world, 0, AttemptResult::TimedOut);
    assert!(events.contains(&(TimedOut, Some(0), Some(1))), "{events:?}");
    assert!(events.contains(&(TaskFailed, Some(0), Some(1))), "{events:?}");
}

#[test]
fn a_task_that_waits_for_a_person_is_an_event_once_for_each_attempt() {
    let mut world = World::new(workflow(vec![waiting("a", &ASK)]), start());
    let begun = seen(&mut world, Event::Loaded);
    assert_eq!(begun, [(ApprovalWaiting, Some(0), Some(1))]);
    assert_eq!(
        seen(&mut world, Event::Loaded),
        [],
        "the owner only loads it again"
    );
}

#[test]
fn an_instance_that_needs_a_person_is_an_event_once() {
    let mut world = World::of(vec![task("a", &[])]);
    let attention = states::Attention {
        code: "X".to_owned(),
        detail: "broken".to_owned(),
    };
    let quarantine = Event::Quarantine { attention };
    assert_eq!(seen(&mut world, quarantine.clone()), [(Attention, None, None)]);
    assert_eq!(seen(&mut world, quarantine), []);
}

#[test]
fn a_dry_run_raises_events_only_for_rules_of_its_start() {
    let run = |notify| {
        let start = Start {
            dry_run: true,
            notify,
            ..start()
        };
        let mut world = World::new(workflow(vec![dry("a")]), start);
        let mut events = seen(&mut world, Event::Loaded);
        // Tasks of a dry run succeed in the owner, one batch later.
        for task_index in 0..1 {
            let report = crate::task::TaskReport::CompletedInline {
                task_index: crate::ids::TaskIndex(task_index),
                attempt: crate::ids::AttemptNumber(1),
            };
            events.extend(seen(&mut world, Event::Report(report)));
        }
        events
    };
    assert_eq!(run(None), []);
    assert_eq!(run(Some(Vec::new())), [(Succeeded, None, None)]);
}

fn dry(name: &str) -> TaskDefinition {
    task(name, &[])
}
