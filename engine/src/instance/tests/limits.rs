//! Limits: the rows of a task in the queues of its limits follow from the task's own row.

use super::fixture::*;
use crate::attempt::{AttemptEvent, AttemptResult};
use crate::ids::TaskIndex;
use crate::instance::{Changes, Event, StepBatch};
use crate::limits::{HeldBefore, LimitPhase, PROJECT_CAP, ProjectCap};
use crate::spec::model::{LimitUse, TaskDefinition};
use crate::states::{Attention, Command, TaskState};
use crate::task::TaskReport;

fn limited(task: TaskDefinition) -> TaskDefinition {
    let limits = [("a", 1), ("b", 2)].map(|(name, slots)| LimitUse {
        name: name.to_owned(),
        slots,
    });
    TaskDefinition {
        limits: limits.into(),
        ..task
    }
}

fn phases(changes: &Changes) -> Vec<LimitPhase> {
    changes.limits.iter().map(|change| change.phase).collect()
}

fn report(world: &mut World, report: TaskReport) -> Changes {
    world.batch(&[Event::Report(report)]).0
}

fn grant(world: &mut World) -> Changes {
    let (task_index, worker) = (TaskIndex(0), worker());
    report(world, TaskReport::SlotGranted { task_index, worker })
}

fn attempt_event(world: &mut World, event: AttemptEvent) -> Changes {
    let uid = world.uid(0);
    report(world, TaskReport::Attempt { uid, event })
}

/// A world with one waiting task with limits.
fn waiting_world() -> World {
    let mut world = World::new(workflow(vec![limited(task("t", &[]))]), start());
    let (changes, _) = world.batch(&[Event::Loaded]);
    assert!(matches!(phases(&changes)[..], [LimitPhase::Waiting { .. }]));
    assert_eq!(changes.limits[0].limits.len(), 2);
    world
}

#[test]
fn a_task_waits_holds_and_gives_back_with_its_row() {
    let mut world = waiting_world();
    assert!(
        world
            .row(0)
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("`a`, `b`"))
    );
    let found = report(
        &mut world,
        TaskReport::RoomFound {
            task_index: TaskIndex(0),
        },
    );
    assert!(found.is_empty(), "a notice decides nothing by itself");
    assert!(matches!(phases(&grant(&mut world))[..], [LimitPhase::Holding { attempt }] if attempt.0 == 1));
    let started = AttemptEvent::Started {
        pid: None,
        at: world.now,
    };
    assert_eq!(phases(&attempt_event(&mut world, started)), []);
    let event = world.ended(0, AttemptResult::Succeeded);
    let (changes, _) = world.batch(&[event]);
    assert_eq!(phases(&changes), [LimitPhase::Released]);
    assert_eq!(changes.limits[0].held_before, HeldBefore::Slots);
}

#[test]
fn a_task_with_room_and_without_a_worker_holds_up_no_other() {
    let mut world = waiting_world();
    let no_slot = || TaskReport::NoSlot {
        task_index: TaskIndex(0),
        reason: "all 4 slots are taken".to_owned(),
    };
    assert_eq!(
        phases(&report(&mut world, no_slot())),
        [LimitPhase::AwaitingWorker]
    );
    let refused = TaskReport::NoRoom {
        task_index: TaskIndex(0),
        reason: "limit `a` is full".to_owned(),
    };
    let changes = report(&mut world, refused);
    assert!(matches!(phases(&changes)[..], [LimitPhase::Waiting { .. }]));
    assert_eq!(world.row(0).reason.as_deref(), Some("limit `a` is full"));
}

#[test]
fn an_attempt_that_did_not_run_waits_again() {
    for event in [
        AttemptEvent::NotStarted {
            reason: "full".to_owned(),
        },
        AttemptEvent::Lost {
            reason: "gone".to_owned(),
        },
    ] {
        let mut world = waiting_world();
        grant(&mut world);
        let changes = attempt_event(&mut world, event);
        assert!(matches!(phases(&changes)[..], [LimitPhase::Waiting { .. }]));
        assert_eq!(
            changes.limits[0].held_before,
            HeldBefore::Slots,
            "it gives its slots back"
        );
    }
}

#[test]
fn a_pause_takes_waiting_tasks_out_and_a_resume_puts_them_back() {
    let mut world = waiting_world();
    let pause = world.command_event(Command::Pause, None);
    assert_eq!(phases(&world.batch(&[pause]).0), [LimitPhase::Released]);
    let resume = world.command_event(Command::Resume, None);
    assert!(matches!(
        phases(&world.batch(&[resume]).0)[..],
        [LimitPhase::Waiting { .. }]
    ));
}

#[test]
fn an_unconfirmed_kill_holds_on() {
    let mut world = waiting_world();
    grant(&mut world);
    let stop = world.command_event(Command::Stop, None);
    assert_eq!(phases(&world.batch(&[stop]).0), []);
    let killed = world.ended(0, AttemptResult::Killed);
    assert_eq!(phases(&world.batch(&[killed]).0), [LimitPhase::Released]);
}

#[test]
fn an_instance_that_needs_a_person_holds_up_no_other() {
    let mut world = waiting_world();
    let attention = Attention {
        code: "CRASHED".to_owned(),
        detail: "its actor failed five times".to_owned(),
    };
    let (changes, _) = world.batch(&[Event::Quarantine { attention }]);
    assert_eq!(phases(&changes), [LimitPhase::Released]);
}

#[test]
fn a_load_puts_every_waiting_task_into_its_queues_again() {
    let mut world = waiting_world();
    let (changes, _) = world.batch(&[Event::Loaded]);
    assert!(matches!(phases(&changes)[..], [LimitPhase::Waiting { .. }]));
}

#[test]
fn the_cap_of_a_project_is_one_more_limit_and_others_change_nothing() {
    let world = World::new(workflow(vec![task("t", &[])]), start());
    let decide = |cap| {
        let mut batch = StepBatch::new(&world.plan, &world.state, world.now).with_project_cap(cap);
        batch.step(Event::Loaded);
        batch.finish().0
    };
    assert_eq!(decide(ProjectCap::Unlimited).limits, []);
    let counted = decide(ProjectCap::Counted).limits;
    assert_eq!(
        (counted[0].limits[0].name.as_str(), counted[0].limits[0].slots),
        (PROJECT_CAP, 1)
    );
}

#[test]
fn a_wait_that_takes_too_long_fails_without_an_attempt_and_is_retried() {
    let mut definition = limited(with_retries(1, 50, task("t", &[])));
    definition.wait_within_ms = Some(1_000);
    let mut world = World::of(vec![definition]);
    world.pass(999);
    assert_eq!(world.row(0).state, TaskState::Waiting);
    world.pass(1);
    assert_eq!(world.row(0).state, TaskState::WaitingRetry);
    world.pass(50);
    assert_eq!(world.row(0).state, TaskState::Waiting);
    world.pass(1_000);
    let row = world.row(0);
    assert_eq!(
        (row.state, row.attempts, row.expired_waits),
        (TaskState::Failed, 0, 2)
    );
    assert!(
        row.reason
            .as_deref()
            .is_some_and(|reason| reason.contains("waited longer than 1s"))
    );
    assert_eq!(
        world.command(Command::Recover),
        crate::states::OperationStatus::Applied
    );
    assert_eq!(
        (world.row(0).state, world.row(0).expired_waits),
        (TaskState::Waiting, 0)
    );
}

#[test]
fn a_task_that_got_its_slot_in_time_does_not_fail_later() {
    let mut definition = task("t", &[]);
    definition.wait_within_ms = Some(1_000);
    let mut world = World::of(vec![definition]);
    world.run(0);
    world.pass(5_000);
    assert_eq!(world.row(0).state, TaskState::Running);
}
