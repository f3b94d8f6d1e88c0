//! Whole lives, line by line: event, state after it, effects.

use super::fixture::*;
use crate::ids::Ordinal;
use crate::instance::{AttemptResult, Event};
use crate::states::Verb;

/// Sends events one by one and writes down what they make of the instance.
fn transcript(world: &mut World, steps: &[&dyn Fn(&mut World) -> Event]) -> String {
    let mut lines = String::new();
    for step in steps {
        let event = step(world);
        let effects = world.send(event.clone());
        let told: Vec<String> = effects.iter().map(ToString::to_string).collect();
        lines.push_str(&format!(
            "{event}\n  = {}\n  > {}\n",
            world.state,
            told.join("; ")
        ));
    }
    lines
}

fn grant(ordinal: u32) -> impl Fn(&mut World) -> Event {
    move |_| Event::Granted {
        ordinal: Ordinal(ordinal),
        worker: worker(),
    }
}

fn started(world: &mut World) -> Event {
    Event::Started {
        uid: world.uid(0),
        pid: Some(9),
        at: world.now,
    }
}

fn verb(verb: Verb) -> impl Fn(&mut World) -> Event {
    move |world| world.verb_event(verb, None)
}

fn ended(result: AttemptResult) -> impl Fn(&mut World) -> Event {
    move |world| world.ended(0, result)
}

fn later(ms: i64) -> impl Fn(&mut World) -> Event {
    move |world| {
        world.now = world.now.plus(ms);
        Event::Due
    }
}

#[test]
fn a_failed_attempt_is_retried_and_late_reports_are_ignored() {
    let mut world = World::new(workflow(vec![with_retries(1, 30, task("a", &[]))]), start());
    let told = transcript(
        &mut world,
        &[
            &|_| Event::Loaded,
            &grant(0),
            &started,
            &ended(AttemptResult::Failed),
            &ended(AttemptResult::Failed),
            &later(30),
            &grant(0),
            &ended(AttemptResult::Succeeded),
        ],
    );
    assert_eq!(
        told,
        "\
loaded
  = running | 0 waiting
  > want slot 0
granted 0 on w1
  = running | 0 dispatched #1 created
  > dispatch 1-42-0-1-1
started 1-42-0-1-1
  = running | 0 running #1 running
  > 
ended 1-42-0-1-1 failed
  = running | 0 waiting_retry #1 failed due 1030
  > wake at 1030
ended 1-42-0-1-1 failed
  = running | 0 waiting_retry #1 failed due 1030
  > ignored: a: 1-42-0-1-1: heard before (waiting_retry)
due
  = running | 0 waiting #1 failed
  > want slot 0
granted 0 on w1
  = running | 0 dispatched #2 created
  > dispatch 1-42-0-2-1
ended 1-42-0-2-1 succeeded
  = succeeded | 0 succeeded #2 succeeded
  > rest
"
    );
}

#[test]
fn a_stop_is_confirmed_and_resumed_as_the_next_run() {
    let mut world = World::new(workflow(vec![task("a", &[])]), start());
    let told = transcript(
        &mut world,
        &[
            &|_| Event::Loaded,
            &grant(0),
            &verb(Verb::Stop),
            &verb(Verb::Stop),
            &started,
            &ended(AttemptResult::Killed),
            &verb(Verb::Resume),
            &verb(Verb::Pause),
        ],
    );
    assert_eq!(
        told,
        "\
loaded
  = running | 0 waiting
  > want slot 0
granted 0 on w1
  = running | 0 dispatched #1 created
  > dispatch 1-42-0-1-1
stop
  = stopping | 0 dispatched #1 created killing:stop
  > kill 1-42-0-1-1 (stop)
stop
  = stopping | 0 dispatched #1 created killing:stop
  > kill 1-42-0-1-1 (stop)
started 1-42-0-1-1
  = stopping | 0 running #1 running killing:stop
  > 
ended 1-42-0-1-1 killed
  = stopped | 0 killed #1 killed
  > rest
resume
  = running run 2 | 0 waiting #1 killed
  > want slot 0
pause
  = paused run 2 | 0 not_run #1 killed
  > drop slot 0; rest
"
    );
}

#[test]
fn a_chain_of_noops_runs_in_the_owner_one_round_each() {
    let mut world = World::new(workflow(vec![noop("a", &[]), noop("b", &[0])]), start());
    let finish = |ordinal: u32| {
        move |_: &mut World| Event::FinishedInOwner {
            ordinal: Ordinal(ordinal),
            attempt: crate::ids::AttemptNumber(1),
        }
    };
    let told = transcript(&mut world, &[&|_| Event::Loaded, &finish(0), &finish(1)]);
    assert_eq!(
        told,
        "\
loaded
  = running | 0 running #1 running
  > finish in owner 0#1
finished in owner 0#1
  = running | 0 succeeded #1 succeeded | 1 running #1 running
  > finish in owner 1#1
finished in owner 1#1
  = succeeded | 0 succeeded #1 succeeded | 1 succeeded #1 succeeded
  > rest
"
    );
}

#[test]
fn one_round_tells_the_end_of_a_task_before_what_begins_after_it_whatever_their_place_in_the_document() {
    let mut world = World::of(vec![task("last", &[1]), noop("middle", &[2]), task("first", &[])]);
    world.run(2);
    let first = world.ended(2, AttemptResult::Succeeded);
    let middle = Event::FinishedInOwner {
        ordinal: Ordinal(1),
        attempt: crate::ids::AttemptNumber(1),
    };
    let (changes, _) = world.round(&[first, middle]);
    let told: Vec<u32> = changes
        .transitions
        .iter()
        .filter_map(|told| Some(told.ordinal?.0))
        .collect();
    assert_eq!(told, [2, 1, 0]);
}

#[test]
fn a_warning_is_told_once_in_the_history_and_changes_nothing_else() {
    let mut world = World::of(vec![task("a", &[])]);
    world.grant(0);
    let before = world.state.clone();
    let warning = Event::Warned {
        uid: world.uid(0),
        text: "no parameter is called `x`".to_owned(),
    };
    let (changes, effects) = world.round(&[warning]);
    let told: Vec<String> = changes.transitions.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["0#1 dispatched -> dispatched: no parameter is called `x`"]);
    assert!(changes.tasks.is_empty() && changes.header.is_none() && effects.is_empty());
    assert_eq!(world.state.tasks, before.tasks);
    let other = Event::Warned {
        uid: crate::ids::Uid {
            binding: 9,
            ..world.uid(0)
        },
        text: "late".to_owned(),
    };
    assert!(
        world.round(&[other]).0.is_empty(),
        "one of another binding is ignored"
    );
}

#[test]
fn a_grant_for_a_task_that_is_only_about_to_wait_does_not_take_its_new_wish_back() {
    let mut world = World::new(workflow(vec![task("a", &[])]), start());
    // The round that asked for the slot was not stored, so that the task is pending when the slot comes.
    let early = Event::Granted {
        ordinal: Ordinal(0),
        worker: worker(),
    };
    let (_, effects) = world.round(&[early, Event::Loaded]);
    let told: Vec<String> = effects.iter().map(ToString::to_string).collect();
    assert_eq!(world.line(), "running waiting");
    assert!(told.contains(&"want slot 0".to_owned()), "{told:?}");
    assert!(!told.contains(&"drop slot 0".to_owned()), "{told:?}");
}
