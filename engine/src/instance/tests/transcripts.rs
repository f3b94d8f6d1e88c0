//! Whole stories, line by line: event, state after it, effects.

use super::fixture::*;
use crate::attempt::AttemptEvent;
use crate::attempt::AttemptResult;
use crate::ids::TaskIndex;
use crate::instance::Event;
use crate::states::Command;
use crate::task::TaskReport;

/// Sends events one by one and writes down what they make of the instance.
fn transcript(world: &mut World, steps: &[&dyn Fn(&mut World) -> Event]) -> String {
    let mut transcript = String::new();
    for step in steps {
        let event = step(world);
        let effects = world.send(event.clone());
        let lines: Vec<String> = effects.iter().map(ToString::to_string).collect();
        transcript.push_str(&format!(
            "{event}\n  = {}\n  > {}\n",
            world.state,
            lines.join("; ")
        ));
    }
    transcript
}

fn grant(task_index: u32) -> impl Fn(&mut World) -> Event {
    move |_| {
        Event::Report(TaskReport::SlotGranted {
            task_index: TaskIndex(task_index),
            worker: worker(),
        })
    }
}

fn started(world: &mut World) -> Event {
    Event::Report(TaskReport::Attempt {
        uid: world.uid(0),
        event: AttemptEvent::Started {
            pid: Some(9),
            at: world.now,
        },
    })
}

fn command(command: Command) -> impl Fn(&mut World) -> Event {
    move |world| world.command_event(command, None)
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
    let lines = transcript(
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
        lines,
        "\
loaded
  = running | 0 waiting
  > request slot 0
slot granted for 0 on w1
  = running | 0 dispatched #1 created
  > dispatch 1-42-0-1-1
started 1-42-0-1-1
  = running | 0 running #1 running
  > 
ended failed 1-42-0-1-1
  = running | 0 waiting_retry #1 failed due 1030
  > wake at 1030
ended failed 1-42-0-1-1
  = running | 0 waiting_retry #1 failed due 1030
  > ignored: a: 1-42-0-1-1: reported before (waiting_retry)
due
  = running | 0 waiting #1 failed
  > request slot 0
slot granted for 0 on w1
  = running | 0 dispatched #2 created
  > dispatch 1-42-0-2-1
ended succeeded 1-42-0-2-1
  = succeeded | 0 succeeded #2 succeeded
  > release
"
    );
}

#[test]
fn a_stop_is_confirmed_and_resumed_as_the_next_run() {
    let mut world = World::new(workflow(vec![task("a", &[])]), start());
    let lines = transcript(
        &mut world,
        &[
            &|_| Event::Loaded,
            &grant(0),
            &command(Command::Stop),
            &command(Command::Stop),
            &started,
            &ended(AttemptResult::Killed),
            &command(Command::Resume),
            &command(Command::Pause),
        ],
    );
    assert_eq!(
        lines,
        "\
loaded
  = running | 0 waiting
  > request slot 0
slot granted for 0 on w1
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
ended killed 1-42-0-1-1
  = stopped | 0 killed #1 killed
  > release
resume
  = running run 2 | 0 waiting #1 killed
  > request slot 0
pause
  = paused run 2 | 0 not_run #1 killed
  > cancel slot 0; release
"
    );
}

#[test]
fn a_chain_of_noops_runs_in_the_owner_one_round_each() {
    let mut world = World::new(workflow(vec![noop("a", &[]), noop("b", &[0])]), start());
    let finish = |task_index: u32| {
        move |_: &mut World| {
            Event::Report(TaskReport::CompletedInline {
                task_index: TaskIndex(task_index),
                attempt: crate::ids::AttemptNumber(1),
            })
        }
    };
    let lines = transcript(&mut world, &[&|_| Event::Loaded, &finish(0), &finish(1)]);
    assert_eq!(
        lines,
        "\
loaded
  = running | 0 running #1 running
  > complete inline 0#1
completed inline 0#1
  = running | 0 succeeded #1 succeeded | 1 running #1 running
  > complete inline 1#1
completed inline 1#1
  = succeeded | 0 succeeded #1 succeeded | 1 succeeded #1 succeeded
  > release
"
    );
}

#[test]
fn one_round_tells_the_end_of_a_task_before_what_begins_after_it_whatever_their_place_in_the_document() {
    let mut world = World::of(vec![task("last", &[1]), noop("middle", &[2]), task("first", &[])]);
    world.run(2);
    let first = world.ended(2, AttemptResult::Succeeded);
    let middle = Event::Report(TaskReport::CompletedInline {
        task_index: TaskIndex(1),
        attempt: crate::ids::AttemptNumber(1),
    });
    let (changes, _) = world.batch(&[first, middle]);
    let lines: Vec<u32> = changes
        .transitions
        .iter()
        .filter_map(|step| Some(step.task_index?.0))
        .collect();
    assert_eq!(lines, [2, 1, 0]);
}

#[test]
fn a_warning_is_told_once_in_the_history_and_changes_nothing_else() {
    let mut world = World::of(vec![task("a", &[])]);
    world.grant(0);
    let before = world.state.clone();
    let warning = Event::Warning {
        uid: world.uid(0),
        text: "no parameter is called `x`".to_owned(),
    };
    let (changes, effects) = world.batch(&[warning]);
    let lines: Vec<String> = changes.transitions.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["0#1 dispatched -> dispatched: no parameter is called `x`"]
    );
    assert!(changes.tasks.is_empty() && changes.record.is_none() && effects.is_empty());
    assert_eq!(world.state.rows.tasks, before.rows.tasks);
    let other = Event::Warning {
        uid: crate::ids::DispatchId {
            dispatch_number: 9,
            ..world.uid(0)
        },
        text: "late".to_owned(),
    };
    assert!(
        world.batch(&[other]).0.is_empty(),
        "one of another dispatch is ignored"
    );
}

#[test]
fn a_grant_for_a_task_that_is_only_about_to_wait_does_not_take_its_new_wish_back() {
    let mut world = World::new(workflow(vec![task("a", &[])]), start());
    // The batch that asked for the slot was not stored, so that the task is pending when the slot comes.
    let early = Event::Report(TaskReport::SlotGranted {
        task_index: TaskIndex(0),
        worker: worker(),
    });
    let (_, effects) = world.batch(&[early, Event::Loaded]);
    let lines: Vec<String> = effects.iter().map(ToString::to_string).collect();
    assert_eq!(world.line(), "running waiting");
    assert!(lines.contains(&"request slot 0".to_owned()), "{lines:?}");
    assert!(!lines.contains(&"cancel slot 0".to_owned()), "{lines:?}");
}
