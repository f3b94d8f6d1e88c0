//! Commands, losses, times in detail.

use super::fixture::*;
use crate::attempt::AttemptEvent;
use crate::attempt::AttemptResult;
use crate::ids::{OperationId, Run, TaskIndex, Timestamp};
use crate::instance::{CommandArguments, Operation};
use crate::instance::{Effect, Event, Reset, pending_effects};
use crate::place::PlaceOutlook;
use crate::spec::model::{Direction, Output, Param};
use crate::spec::values::ParamType;
use crate::states::Attention;
use crate::states::{
    AttemptState, Backoff, Command, InstanceState, OnWorkerLost, OperationStatus, OwnershipReason,
};
use crate::task::TaskReport;

fn lose(world: &mut World, task_index: u32) {
    let uid = world.uid(task_index);
    world.send(Event::Report(TaskReport::Attempt {
        uid,
        event: AttemptEvent::Lost {
            reason: "worker w1 is gone".into(),
        },
    }));
}

fn attention() -> Attention {
    Attention {
        code: "CRASHED".into(),
        detail: "its actor failed five times".into(),
    }
}

#[test]
fn a_lost_attempt_is_followed_by_another_and_costs_no_retry() {
    let mut world = World::of(vec![task("a", &[])]);
    for number in 1..=4 {
        world.run(0);
        assert_eq!(world.row(0).attempts, number);
        lose(&mut world, 0);
        assert_eq!(world.line(), "running waiting");
    }
    world.succeed(0);
    assert_eq!(world.line(), "succeeded succeeded");
}

#[test]
fn the_fifth_lost_attempt_of_a_run_fails_the_task() {
    let mut world = World::of(vec![task("a", &[])]);
    for _ in 1..=5 {
        world.run(0);
        lose(&mut world, 0);
    }
    assert_eq!(world.line(), "failed failed");
    world.command(Command::Recover);
    world.run(0);
    lose(&mut world, 0);
    assert_eq!(world.line(), "running waiting");
}

#[test]
fn a_task_that_must_not_run_twice_fails_with_its_worker() {
    let mut once = task("a", &[]);
    once.on_worker_lost = OnWorkerLost::Fail;
    let mut world = World::of(vec![once]);
    world.run(0);
    lose(&mut world, 0);
    assert_eq!(world.line(), "failed failed");
    assert_eq!(world.row(0).attempt.as_ref().unwrap().state, AttemptState::Lost);
}

#[test]
fn lost_and_failed_attempts_are_counted_apart() {
    let mut world = World::of(vec![with_retries(1, 0, task("a", &[]))]);
    world.run(0);
    lose(&mut world, 0);
    world.fail(0);
    assert_eq!(world.line(), "running waiting_retry");
    world.pass(0);
    world.run(0);
    lose(&mut world, 0);
    world.fail(0);
    assert_eq!(world.line(), "failed failed");
    assert_eq!(world.row(0).attempts, 4);
}

#[test]
fn an_attempt_that_never_started_keeps_its_number_and_gets_a_new_uid() {
    let mut world = World::of(vec![task("a", &[])]);
    world.grant(0);
    let uid = world.uid(0);
    assert_eq!(uid.to_string(), "1-42-0-1-1");
    world.send(Event::Report(TaskReport::Attempt {
        uid,
        event: AttemptEvent::NotStarted {
            reason: "full".into(),
        },
    }));
    assert_eq!(world.line(), "running waiting");
    assert!(
        world
            .row(0)
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.is_unbound())
    );
    world.grant(0);
    assert_eq!(world.uid(0).to_string(), "1-42-0-1-2");
    assert_eq!(world.row(0).attempts, 1);
    let effects = world.send(Event::Report(TaskReport::Attempt {
        uid,
        event: AttemptEvent::NotStarted {
            reason: "late".into(),
        },
    }));
    assert!(matches!(effects[..], [Effect::Ignore { .. }]), "{effects:?}");
}

#[test]
fn an_unbound_attempt_waits_through_a_pause_and_is_closed_by_a_stop() {
    let unbound = || {
        let mut world = World::of(vec![task("a", &[]), task("b", &[])]);
        world.run(1);
        world.grant(0);
        let uid = world.uid(0);
        world.command(Command::Pause);
        world.send(Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::NotStarted {
                reason: "draining".into(),
            },
        }));
        world
    };
    let mut world = unbound();
    assert_eq!(world.line(), "pausing not_run running");
    world.end(1, AttemptResult::Succeeded);
    world.command(Command::Resume);
    world.succeed(0);
    assert_eq!(
        (world.line().as_str(), world.row(0).attempts),
        ("succeeded succeeded succeeded", 1)
    );

    let mut world = unbound();
    world.end(1, AttemptResult::Succeeded);
    assert_eq!(world.line(), "paused not_run succeeded");
    world.command(Command::Stop);
    assert_eq!(world.line(), "stopped not_run succeeded");
    let attempt = world.row(0).attempt.clone().unwrap();
    assert_eq!(
        (attempt.state, attempt.error.as_deref()),
        (AttemptState::Killed, Some("never started"))
    );

    let mut world = unbound();
    world.end(1, AttemptResult::Failed);
    assert_eq!(world.line(), "failed not_run failed");
    assert_eq!(world.row(0).attempt.as_ref().unwrap().state, AttemptState::Killed);
}

#[test]
fn an_attempt_lost_while_pausing_starts_again_after_resume() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    world.command(Command::Pause);
    lose(&mut world, 0);
    assert_eq!(world.line(), "paused not_run");
    world.command(Command::Resume);
    assert_eq!(world.row(0).lost_in_run, 1);
    world.succeed(0);
    assert_eq!(world.line(), "succeeded succeeded");
}

#[test]
fn a_retry_wait_is_kept_by_a_pause_and_begins_anew_at_resume() {
    let mut world = World::of(vec![with_retries(1, 5000, task("a", &[])), task("b", &[])]);
    world.fail(0);
    world.run(1);
    world.command(Command::Pause);
    assert_eq!(world.line(), "pausing waiting_retry running");
    world.end(1, AttemptResult::Succeeded);
    assert_eq!(world.line(), "paused waiting_retry succeeded");
    world.now = Timestamp(100_000);
    world.command(Command::Resume);
    assert_eq!(world.row(0).due_at, Some(Timestamp(105_000)));
    world.pass(5000);
    world.succeed(0);
    assert_eq!(world.line(), "succeeded succeeded succeeded");
}

#[test]
fn a_task_that_waits_for_a_retry_fails_when_another_failed_while_pausing() {
    let mut world = World::of(vec![with_retries(1, 5000, task("a", &[])), task("b", &[])]);
    world.fail(0);
    world.run(1);
    world.command(Command::Pause);
    world.end(1, AttemptResult::Failed);
    assert_eq!(world.line(), "failed failed failed");
}

#[test]
fn a_task_killed_from_outside_while_pausing_runs_again_after_resume() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    world.command(Command::Pause);
    world.end(0, AttemptResult::Killed);
    assert_eq!(world.line(), "paused killed");
    world.command(Command::Resume);
    assert_eq!(world.line(), "running waiting");
}

#[test]
fn a_stop_whose_last_result_was_a_success_ends_as_succeeded() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    world.command(Command::Stop);
    world.end(0, AttemptResult::Succeeded);
    assert_eq!(world.line(), "succeeded succeeded");
}

#[test]
fn a_failure_that_crosses_a_stop_waits_for_no_retry() {
    let mut world = World::of(vec![with_retries(3, 0, task("a", &[])), task("b", &[])]);
    world.run(0);
    world.run(1);
    world.command(Command::Stop);
    world.end(0, AttemptResult::Failed);
    world.end(1, AttemptResult::Failed);
    assert_eq!(world.line(), "stopped killed failed");
}

#[test]
fn a_queued_instance_can_only_be_paused_or_stopped() {
    let mut world = World::new(workflow(vec![task("a", &[])]), start());
    world.state.rows.record.state = InstanceState::Queued;
    world.state.rows.record.queued_by = Some(OwnershipReason::Start);
    world.send(Event::Loaded);
    assert_eq!(world.state.record().state, InstanceState::Queued);
    for command in [Command::Resume, Command::Recover, Command::Rerun] {
        assert_eq!(world.command(command), OperationStatus::Refused, "{command}");
    }
    assert_eq!(world.command(Command::Pause), OperationStatus::Applied);
    assert_eq!(world.line(), "paused not_run");
    world.fill_places();
    assert_eq!(world.command(Command::Resume), OperationStatus::Applied);
    assert_eq!(world.state.record().state, InstanceState::Queued);
    assert_eq!(world.state.record().queued_by, Some(OwnershipReason::Resume));
    assert_eq!(world.command(Command::Stop), OperationStatus::Applied);
    assert_eq!(world.line(), "stopped not_run");
    assert_eq!(world.state.record().queued_by, None);
}

#[test]
fn a_run_without_a_place_is_queued_and_begins_when_it_is_admitted() {
    let mut definition = workflow(vec![task("a", &[])]);
    definition.timeout_ms = Some(5_000);
    let mut world = World::new(definition, start());
    world.send(Event::Loaded);
    world.run(0);
    world.end(0, AttemptResult::Failed);
    world.fill_places();
    assert_eq!(world.command(Command::Recover), OperationStatus::Applied);
    let record = world.state.record().clone();
    assert_eq!((record.state, record.run), (InstanceState::Queued, Run(2)));
    assert_eq!(record.queued_by, Some(OwnershipReason::Recover));
    assert_eq!(record.due_at, None, "the clock stands while it is queued");
    assert_eq!(world.line(), "queued pending");
    world.admit();
    assert_eq!(world.line(), "running waiting");
    assert_eq!(world.state.record().due_at, Some(world.now.plus(5_000)));
}

#[test]
fn a_run_that_would_be_discarded_is_refused() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    world.end(0, AttemptResult::Failed);
    world.places = PlaceOutlook::Refused {
        reason: "discarded".to_owned(),
    };
    for command in [Command::Recover, Command::Rerun] {
        assert_eq!(world.command(command), OperationStatus::Refused, "{command}");
    }
    assert_eq!(world.line(), "failed failed");
    world.force(0);
    assert_eq!(world.state.record().state, InstanceState::Succeeded);
}

#[test]
fn resume_from_stopped_is_a_new_run_of_what_was_killed_or_held() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[]), task("c", &[0])]);
    world.succeed(0);
    world.run(1);
    world.command(Command::Stop);
    world.end(1, AttemptResult::Killed);
    assert_eq!(world.line(), "stopped succeeded killed not_run");
    assert_eq!(world.command(Command::Resume), OperationStatus::Applied);
    assert_eq!(world.line(), "running succeeded waiting waiting");
    assert_eq!(world.state.record().run, Run(2));
}

#[test]
fn rerun_runs_everything_again_and_forgets_outputs() {
    let mut a = task("a", &[]);
    a.outputs = vec![Output {
        name: "rows".into(),
        kind: ParamType::String,
        default: Some("0".into()),
    }];
    let mut world = World::of(vec![a, task("b", &[0])]);
    world.succeed(0);
    world.succeed(1);
    assert_eq!(world.row(0).outputs["rows"], "0");
    let event = world.command_event(Command::Rerun, None);
    let (changes, _) = world.batch(&[event]);
    assert_eq!(changes.reset, Some(Reset::All));
    assert_eq!(world.line(), "running waiting pending");
    assert!(world.row(0).outputs.is_empty() && world.row(0).started_at.is_none());
    let lines: Vec<String> = changes.transitions.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "instance succeeded -> running: run again",
            "0 succeeded -> pending: run again",
            "1 succeeded -> pending: run again",
            "0#1 pending -> waiting: ready"
        ]
    );
}

#[test]
fn of_two_recovers_one_is_applied_and_the_other_names_the_run() {
    let mut world = World::of(vec![task("a", &[])]);
    world.fail(0);
    let events = [
        world.command_event(Command::Recover, None),
        world.command_event(Command::Recover, None),
    ];
    world.batch(&events);
    let [first, second] = &world.decisions[..] else {
        panic!("two decisions")
    };
    assert_eq!(
        (first.status, second.status),
        (OperationStatus::Applied, OperationStatus::Refused)
    );
    let detail = second.detail.clone().unwrap();
    assert!(detail.contains("run 1") && detail.contains("run 2"), "{detail}");
}

#[test]
fn a_refusal_names_the_state_and_what_is_possible() {
    let mut world = World::of(vec![task("a", &[])]);
    assert_eq!(world.command(Command::Recover), OperationStatus::Refused);
    let detail = world.decisions[0].detail.clone().unwrap();
    assert_eq!(
        detail,
        "the instance is running; possible: pause, stop, kill-task, skip-task, retry-task, priority"
    );
    let later = Event::Command(Operation {
        id: OperationId(99),
        command: Command::Stop,
        run: Run(2),
        task: None,
        requested_by: "ann".to_owned(),
        arguments: CommandArguments::default(),
    });
    world.send(later);
    assert_eq!(world.decisions[1].status, OperationStatus::Refused);
    assert_eq!(world.line(), "running waiting");
}

#[test]
fn giving_up_rests_without_a_new_state_and_resume_goes_on() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[0])]);
    world.run(0);
    let effects = world.send(Event::Quarantine {
        attention: attention(),
    });
    assert_eq!(effects, [Effect::Release]);
    assert_eq!(world.line(), "running running pending");
    assert!(pending_effects(&world.plan, &world.state).is_empty());
    world.end(0, AttemptResult::Succeeded);
    assert_eq!(world.command(Command::Resume), OperationStatus::Applied);
    assert_eq!(world.state.record().attention, None);
    assert_eq!(world.line(), "running succeeded waiting");
    world.succeed(1);
    assert_eq!(world.line(), "succeeded succeeded succeeded");
}

#[test]
fn any_verb_that_applies_clears_attention_and_tells_everything_owed() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    world.command(Command::Stop);
    world.send(Event::Quarantine {
        attention: attention(),
    });
    let stop = world.command_event(Command::Stop, None);
    let effects = world.send(stop);
    assert_eq!(effects, pending_effects(&world.plan, &world.state));
    assert_eq!(world.state.record().attention, None);
}

#[test]
fn the_limit_of_an_instance_stands_still_while_it_is_paused() {
    let mut definition = workflow(vec![task("a", &[])]);
    definition.timeout_ms = Some(1000);
    let mut world = World::new(definition, start());
    world.send(Event::Loaded);
    world.now = world.now.plus(400);
    world.command(Command::Pause);
    assert_eq!(
        (world.state.record().due_at, world.state.record().time_left_ms),
        (None, Some(600))
    );
    world.now = Timestamp(50_000);
    world.command(Command::Resume);
    assert_eq!(world.state.record().due_at, Some(Timestamp(50_600)));
}

#[test]
fn retry_waits_grow_up_to_their_limit() {
    let mut retried = with_retries(4, 1000, task("a", &[]));
    let policy = retried.retry.as_mut().unwrap();
    policy.backoff = Backoff::Exponential;
    policy.max_delay_ms = Some(3000);
    let mut world = World::of(vec![retried]);
    let mut waits = Vec::new();
    for _ in 0..4 {
        world.fail(0);
        let wait = world.row(0).due_at.unwrap().since(world.now);
        waits.push(wait);
        world.pass(wait);
    }
    assert_eq!(waits, [1000, 2000, 3000, 3000]);
}

#[test]
fn a_start_delay_is_waited_for_once_per_run() {
    let mut delayed = with_retries(1, 10, task("a", &[]));
    delayed.delay_ms = Some(500);
    let mut world = World::of(vec![delayed]);
    assert_eq!(world.line(), "running delayed");
    let effects = world.pass(499);
    assert_eq!(effects.len(), 2, "requested again when to wake: {effects:?}");
    world.pass(1);
    assert_eq!(world.line(), "running waiting");
    world.fail(0);
    world.pass(10);
    assert_eq!(world.line(), "running waiting");
}

#[test]
fn waits_keep_their_length_when_the_clock_is_set() {
    for by_ms in [3_600_000, -3_600_000] {
        let mut delayed = with_retries(1, 1000, task("a", &[]));
        delayed.delay_ms = Some(500);
        let mut definition = workflow(vec![delayed, with_retries(1, 2000, task("b", &[]))]);
        definition.timeout_ms = Some(10_000);
        let mut world = World::new(definition, start());
        world.send(Event::Loaded);
        world.fail(1);
        assert_eq!(world.line(), "running delayed waiting_retry");
        let recorded = world.transitions.len();
        world.now = world.now.plus(400 + by_ms);
        let effects = world.send(Event::ClockStepped { by_ms });
        assert_eq!(
            effects,
            [Effect::WakeAt {
                at: world.now.plus(100)
            }]
        );
        assert_eq!(world.transitions.len(), recorded, "nothing happened");
        world.pass(99);
        assert_eq!(world.line(), "running delayed waiting_retry");
        world.pass(1);
        assert_eq!(world.line(), "running waiting waiting_retry");
        world.pass(1_499);
        assert_eq!(world.line(), "running waiting waiting_retry");
        world.pass(1);
        assert_eq!(world.line(), "running waiting waiting");
        world.pass(7_999);
        assert!(!world.state.record().timed_out);
        world.pass(1);
        assert!(world.state.record().timed_out);
    }
}

#[test]
fn a_dry_run_succeeds_in_the_owner_without_slots_and_delays() {
    let mut slow = task("a", &[]);
    slow.delay_ms = Some(500_000);
    let mut start = start();
    start.dry_run = true;
    let mut world = World::new(workflow(vec![slow, task("b", &[0])]), start);
    world.send(Event::Loaded);
    for task_index in [0, 1] {
        let attempt = world.row(task_index).attempt.clone().unwrap().number;
        world.send(Event::Report(TaskReport::CompletedInline {
            task_index: TaskIndex(task_index),
            attempt,
        }));
    }
    assert_eq!(world.line(), "succeeded succeeded succeeded");
}

#[test]
fn the_outputs_of_an_instance_come_from_its_tasks_in_graph_order() {
    let output = |name: &str| Output {
        name: name.into(),
        kind: ParamType::String,
        default: None,
    };
    let mut tasks = vec![task("last", &[1]), task("first", &[])];
    for task in &mut tasks {
        task.outputs = vec![output("total")];
    }
    let mut definition = workflow(tasks);
    definition.params = vec![Param {
        name: "total".into(),
        kind: ParamType::String,
        direction: Direction::Out,
        value: None,
    }];
    let mut world = World::new(definition, start());
    world.send(Event::Loaded);
    for (task_index, value) in [(1, "early"), (0, "late")] {
        world.run(task_index);
        let mut event = world.ended(task_index, AttemptResult::Succeeded);
        if let Event::Report(TaskReport::Attempt {
            event: AttemptEvent::Ended(ended),
            ..
        }) = &mut event
        {
            ended.outputs.insert("total".into(), value.into());
            ended.outputs.insert("undeclared".into(), "x".into());
        }
        world.send(event);
    }
    assert_eq!(world.row(0).outputs.len(), 1);
    assert_eq!(world.state.record().outputs["total"], "late");
}

#[test]
fn slots_are_wanted_in_order_of_priority_and_granted_in_the_same_round() {
    let mut urgent = task("b", &[]);
    urgent.priority = Some(crate::states::Priority::Highest);
    let world = World::new(workflow(vec![task("a", &[]), urgent, noop("c", &[])]), start());
    let mut batch = crate::instance::StepBatch::new(&world.plan, &world.state, world.now);
    batch.step(Event::Loaded);
    let wanted: Vec<u32> = batch.slot_demands().iter().map(|w| w.task_index.0).collect();
    assert_eq!(wanted, [1, 0]);
    batch.step(Event::Report(TaskReport::SlotGranted {
        task_index: TaskIndex(1),
        worker: worker(),
    }));
    batch.step(Event::Report(TaskReport::NoSlot {
        task_index: TaskIndex(0),
        reason: "group `default` is full".into(),
    }));
    let (changes, effects) = batch.finish();
    let lines: Vec<String> = effects.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["request slot 0", "dispatch 1-42-1-1-1", "complete inline 2#1"]
    );
    let lines: Vec<String> = changes.transitions.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "0 pending -> waiting: ready",
            "1#1 pending -> dispatched: ready; got a slot on worker w1",
            "2#1 pending -> running: ready; runs in the owner",
        ]
    );
}

#[test]
fn a_grant_that_comes_too_late_gives_its_slot_back() {
    let mut world = World::of(vec![task("a", &[])]);
    world.command(Command::Pause);
    let effects = world.send(Event::Report(TaskReport::SlotGranted {
        task_index: TaskIndex(0),
        worker: worker(),
    }));
    assert!(
        effects.contains(&Effect::CancelSlot {
            task_index: TaskIndex(0)
        }),
        "{effects:?}"
    );
}

#[test]
fn an_attempt_replaced_in_one_round_is_closed() {
    let mut world = World::of(vec![task("a", &[])]);
    world.run(0);
    let uid = world.uid(0);
    let lost = Event::Report(TaskReport::Attempt {
        uid,
        event: AttemptEvent::Lost {
            reason: "gone".into(),
        },
    });
    let granted = Event::Report(TaskReport::SlotGranted {
        task_index: TaskIndex(0),
        worker: worker(),
    });
    let (changes, _) = world.batch(&[lost, granted]);
    let [(_, closed)] = &changes.closed[..] else {
        panic!("one closed: {changes:?}")
    };
    assert_eq!((closed.number.0, closed.state), (1, AttemptState::Lost));
    assert_eq!(world.row(0).attempt.as_ref().unwrap().number.0, 2);
}

#[test]
fn a_result_and_a_recover_in_one_round_tell_both_steps() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[])]);
    world.succeed(0);
    world.run(1);
    let ended = world.ended(1, AttemptResult::Failed);
    let recover = world.command_event(Command::Recover, None);
    let (changes, _) = world.batch(&[ended, recover]);
    assert_eq!(world.line(), "running succeeded waiting");
    let lines: Vec<String> = changes.transitions.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "1#1 running -> failed: attempt 1 failed: exit code 1",
            "instance running -> failed: task `b` is failed: attempt 1 failed: exit code 1",
            "instance failed -> running: recovered",
            "1 failed -> pending: recovered",
            "1#1 pending -> waiting: ready",
        ]
    );
}

#[test]
fn the_limit_of_an_instance_begins_anew_with_each_run() {
    let mut definition = workflow(vec![task("a", &[])]);
    definition.timeout_ms = Some(1000);
    definition.on_timeout = crate::states::OnTimeout::Fail;
    let mut world = World::new(definition, start());
    world.send(Event::Loaded);
    world.pass(1000);
    assert_eq!(world.line(), "failed not_run");
    world.command(Command::Recover);
    assert_eq!(world.line(), "running waiting");
    assert_eq!(world.state.record().due_at, Some(world.now.plus(1000)));
    world.succeed(0);
    assert_eq!(world.line(), "succeeded succeeded");
}

#[test]
fn the_awaited_worker_is_named_the_same_after_every_report() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[])]);
    world.grant(0);
    world.grant(1);
    world.command(Command::Stop);
    let reason = world.state.record().reason.clone();
    for task_index in [1, 0] {
        let (uid, at) = (world.uid(task_index), world.now);
        world.send(Event::Report(TaskReport::Attempt {
            uid,
            event: AttemptEvent::Started { pid: None, at },
        }));
        assert_eq!(world.state.record().reason, reason);
    }
}
