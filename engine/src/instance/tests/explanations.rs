//! What waits has an explanation, and what does not has none.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::fixture::*;
use super::properties::{Move, event_of, shapes, world_of};
use crate::attempt::AttemptResult;
use crate::explain::{
    Cause, CauseKind, ChangeTimes, GroupSlots, GroupWorker, HeldPlaces, LimitShortage, Link, OwnerSituation,
    PlaceShortage, Situation, SlotHolder, Surroundings,
};
use crate::ids::{Incarnation, InstanceId, TaskIndex, Timestamp};
use crate::instance::Event;
use crate::plan::task_indices;
use crate::states::{Attention, Command, InstanceState, MemberState, TaskState};
use crate::task_type::WatchKind;

fn surroundings(owner: OwnerSituation) -> Surroundings {
    Surroundings {
        owner,
        instance_times: ChangeTimes {
            entered_at: Timestamp(500),
            recorded_at: Timestamp(600),
        },
        task_times: BTreeMap::new(),
        groups: BTreeMap::new(),
        children: BTreeMap::new(),
        limits: BTreeMap::new(),
        places: PlaceShortage::default(),
    }
}

fn dead_owner() -> OwnerSituation {
    OwnerSituation::Ended {
        name: "m1".into(),
        incarnation: Incarnation(3),
        state: MemberState::Dead,
    }
}

fn explain_task(world: &World, surroundings: &Surroundings, task_index: u32) -> Vec<Cause> {
    situation(world, surroundings).explain_task(TaskIndex(task_index))
}

fn explain_instance(world: &World, surroundings: &Surroundings) -> Vec<Cause> {
    situation(world, surroundings).explain_instance()
}

fn situation<'a>(world: &'a World, surroundings: &'a Surroundings) -> Situation<'a> {
    Situation {
        plan: &world.plan,
        instance: &world.state,
        surroundings,
    }
}

fn kinds(causes: &[Cause]) -> Vec<CauseKind> {
    causes.iter().map(|cause| cause.kind).collect()
}

/// Reads the contract: which tasks wait.
fn task_waits(world: &World, task_index: TaskIndex) -> bool {
    let row = world.state.task(task_index);
    let is_being_killed = row
        .and_then(|row| row.open_attempt())
        .is_some_and(|attempt| attempt.kill_cause.is_some());
    is_being_killed
        || watch_of(world, task_index).is_some()
        || matches!(
            world.shown(task_index),
            TaskState::Pending | TaskState::Delayed | TaskState::Waiting | TaskState::WaitingRetry
        )
}

/// What a running task waits for outside.
fn watch_of(world: &World, task_index: TaskIndex) -> Option<WatchKind> {
    let task = world.plan.definition.task(task_index)?;
    let is_running = world.shown(task_index) == TaskState::Running;
    world.plan.site_of(task).watch_kind().filter(|_| is_running)
}

/// Reads the contract: whether the instance waits.
fn instance_waits(world: &World, owner: &OwnerSituation) -> bool {
    let record = world.state.record();
    let is_open = !record.state.is_final();
    let is_at_rest_or_ends = matches!(
        record.state,
        InstanceState::Queued | InstanceState::Paused | InstanceState::Pausing | InstanceState::Stopping
    );
    let every_active_task_waits = || {
        let mut tasks = task_indices(world.plan.nodes.len());
        tasks.all(|task_index| {
            let row = world.state.task(task_index);
            row.is_none_or(|row| !row.state.is_active()) || task_waits(world, task_index)
        })
    };
    let lacks_owner = record.attention.is_some() || *owner != OwnerSituation::Living;
    is_open && (is_at_rest_or_ends || lacks_owner || every_active_task_waits())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_waits_has_an_explanation_and_what_does_not_has_none(
        shapes in shapes(), flags in any::<u8>(), is_owned in any::<bool>(),
        moves in prop::collection::vec(any::<Move>(), 0..60)
    ) {
        let owner = if is_owned { OwnerSituation::Living } else { dead_owner() };
        let mut world = world_of(&shapes, flags);
        let around = Surroundings { limits: shortages(&world, flags), ..surroundings(owner.clone()) };
        let mut moves = moves.into_iter();
        let mut next = Some(Event::Loaded);
        loop {
            for task_index in task_indices(world.plan.nodes.len()) {
                let causes = situation(&world, &around).explain_task(task_index);
                prop_assert_eq!(
                    !causes.is_empty(), task_waits(&world, task_index),
                    "task {} of {}: {:?}", task_index, world.state, causes
                );
                check_kinds(&world, &around, task_index, &causes);
            }
            let causes = explain_instance(&world, &around);
            prop_assert_eq!(
                !causes.is_empty(), instance_waits(&world, &owner), "{}: {:?}", world.state, causes
            );
            let Some(event) = next.take() else { break };
            world.send(event);
            next = moves.next().map(|step| event_of(&mut world, step));
        }
    }
}

/// Lets the limits of every other graph be full.
fn shortages(world: &World, flags: u8) -> BTreeMap<TaskIndex, Vec<LimitShortage>> {
    let tasks = task_indices(world.plan.nodes.len()).filter(|_| flags.is_multiple_of(2));
    let limited = tasks.filter(|task_index| {
        let task = world.plan.definition.task(*task_index);
        task.is_some_and(|task| !task.limits.is_empty())
    });
    let full = LimitShortage {
        name: "a".into(),
        project: None,
        slots: 1,
        used: 1,
        wanted: 1,
    };
    limited
        .map(|task_index| (task_index, vec![full.clone()]))
        .collect()
}

/// The cause is that of the state, whatever else there is, and names what is waited for.
fn check_kinds(world: &World, around: &Surroundings, task_index: TaskIndex, causes: &[Cause]) {
    let kinds = kinds(causes);
    let row = world.state.task(task_index);
    let is_due = row.is_some_and(|row| row.due_at.is_some());
    let expected = match world.shown(task_index) {
        TaskState::Delayed => CauseKind::Delay,
        TaskState::Waiting if around.limits.contains_key(&task_index) => CauseKind::Limit,
        TaskState::Waiting => CauseKind::WorkerGroup,
        TaskState::WaitingRetry if is_due => CauseKind::Retry,
        TaskState::WaitingRetry => CauseKind::Paused,
        TaskState::Dispatched | TaskState::Running if !kinds.is_empty() => {
            match watch_of(world, task_index) {
                None => CauseKind::Kill,
                Some(WatchKind::Children) => CauseKind::Child,
                Some(WatchKind::Dependencies) => CauseKind::Dependency,
                Some(WatchKind::Approval) => CauseKind::Approval,
            }
        }
        _ => return,
    };
    let cause = causes.iter().find(|cause| cause.kind == expected);
    let cause = cause.unwrap_or_else(|| panic!("task {task_index} of {}: {kinds:?}", world.state));
    let names_instance = row
        .and_then(|row| row.reason.as_ref())
        .is_some_and(|reason| reason.contains("instance 7"));
    if expected == CauseKind::Dependency && names_instance {
        assert_eq!(cause.link, Some(Link::Instance(InstanceId(7))), "{cause:?}");
    }
}

#[test]
fn a_pending_task_names_each_predecessor_that_is_not_settled() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[]), task("c", &[0, 1])]);
    world.run(0);
    world.succeed(1);
    let causes = explain_task(&world, &surroundings(OwnerSituation::Living), 2);
    assert_eq!(
        causes,
        [Cause {
            kind: CauseKind::Predecessor,
            detail: "task `a` is running; this task waits for its success".into(),
            since: Timestamp(500),
            until: None,
            link: Some(Link::Task {
                instance: InstanceId(42),
                task: "a".into(),
            }),
        }]
    );
}

#[test]
fn many_predecessors_are_named_up_to_a_number() {
    let mut tasks: Vec<_> = (0..30).map(|n| task(&format!("t{n}"), &[])).collect();
    tasks.push(task("join", &(0..30).collect::<Vec<_>>()));
    let world = World::of(tasks);
    let causes = explain_task(&world, &surroundings(OwnerSituation::Living), 30);
    assert_eq!(causes.len(), 20);
    assert!(
        causes[19]
            .detail
            .ends_with("; 10 more predecessors are not settled")
    );
}

#[test]
fn a_slot_names_who_holds_it_and_a_group_what_it_lacks() {
    let world = World::of(vec![task("a", &[])]);
    let mut around = surroundings(OwnerSituation::Living);
    let worker = GroupWorker {
        name: "w1".into(),
        state: MemberState::Active,
        slots: 2,
    };
    let holder = SlotHolder {
        instance: InstanceId(7),
        task: "load".into(),
        worker: "w1".into(),
    };
    let mut group = GroupSlots {
        workers: vec![worker],
        holders: vec![holder],
        used: 2,
    };
    around.groups.insert("default".into(), group.clone());
    let cause = explain_task(&world, &around, 0).remove(0);
    assert_eq!(cause.kind, CauseKind::Slot);
    assert_eq!(
        cause.detail,
        "waits for a slot in worker group `default`; 2 of its 2 slots are held: \
         task `load` of instance 7 on w1 and 1 more"
    );
    group.workers[0].state = MemberState::Draining;
    around.groups.insert("default".into(), group);
    let cause = explain_task(&world, &around, 0).remove(0);
    assert_eq!(cause.kind, CauseKind::WorkerGroup);
    assert!(
        cause.detail.ends_with("takes attempts: w1 is draining"),
        "{}",
        cause.detail
    );
}

#[test]
fn a_limit_without_room_goes_before_a_slot() {
    let world = World::of(vec![task("a", &[])]);
    let mut around = surroundings(OwnerSituation::Living);
    let mut shortage = LimitShortage {
        name: "warehouse".into(),
        project: None,
        slots: 2,
        used: 2,
        wanted: 1,
    };
    let explain = |around: &Surroundings| explain_task(&world, around, 0).remove(0);
    around.limits.insert(TaskIndex(0), vec![shortage.clone()]);
    let cause = explain(&around);
    assert_eq!(cause.kind, CauseKind::Limit);
    assert_eq!(
        cause.detail,
        "2 of the 2 slots of limit `warehouse` are held; the task wants 1"
    );
    shortage.wanted = 3;
    around.limits.insert(TaskIndex(0), vec![shortage.clone()]);
    assert!(explain(&around).detail.ends_with("until the limit is raised"));
    (shortage.wanted, shortage.used) = (1, 0);
    around.limits.insert(TaskIndex(0), vec![shortage.clone()]);
    assert!(
        explain(&around)
            .detail
            .starts_with("another task waits before it")
    );
    (shortage.name, shortage.project) = (String::new(), Some("etl".into()));
    around.limits.insert(TaskIndex(0), vec![shortage]);
    let cause = explain(&around);
    assert_eq!(
        (cause.kind, cause.link),
        (CauseKind::ProjectCap, Some(Link::Project("etl".into())))
    );
}

#[test]
fn a_queued_instance_names_the_places_that_it_lacks() {
    let mut world = World::of(vec![task("a", &[])]);
    world.state.rows.record.state = InstanceState::Queued;
    let mut around = surroundings(OwnerSituation::Missing);
    let held = |name: &str| HeldPlaces {
        name: name.into(),
        reason: format!("the places of `{name}` are held"),
        used: 1,
        holders: vec![InstanceId(3)],
    };
    assert_eq!(
        kinds(&explain_instance(&world, &around))[0],
        CauseKind::Concurrency
    );
    around.places.workflow = Some(held("load"));
    around.places.project = Some(held("etl"));
    let causes = &explain_instance(&world, &around)[..2];
    assert_eq!(kinds(causes), [CauseKind::Concurrency, CauseKind::ProjectCap]);
    assert!(
        causes.iter().all(|cause| cause.detail.ends_with("held by 3")),
        "{causes:?}"
    );
}

#[test]
fn an_instance_gives_its_own_causes_and_those_of_twenty_tasks() {
    let mut tasks: Vec<_> = (0..25).map(|n| task(&format!("t{n}"), &[])).collect();
    tasks.push(noop("done", &[]));
    let world = World::of(tasks);
    let causes = explain_instance(&world, &surroundings(dead_owner()));
    assert_eq!(kinds(&causes)[0], CauseKind::Owner);
    assert_eq!(
        causes[0].detail,
        "its owner m1/3 was declared dead; the next one has not claimed the instance yet"
    );
    assert_eq!(causes.len(), 21);
    assert!(
        causes[1].detail.starts_with("task `t0`: "),
        "{}",
        causes[1].detail
    );
}

#[test]
fn a_pause_names_what_runs_and_a_stop_whose_kill_is_awaited() {
    let mut world = World::of(vec![task("a", &[]), task("b", &[])]);
    world.run(0);
    let around = surroundings(OwnerSituation::Living);
    world.command(Command::Pause);
    let causes = explain_instance(&world, &around);
    assert_eq!(kinds(&causes), [CauseKind::Paused, CauseKind::Paused]);
    assert_eq!(causes[1].detail, "attempts that run may end: `a`");
    assert!(explain_task(&world, &around, 0).is_empty(), "it runs");
    world.command(Command::Stop);
    let causes = explain_instance(&world, &around);
    assert_eq!(kinds(&causes), [CauseKind::Kill]);
    assert!(causes[0].detail.contains("worker w1"), "{}", causes[0].detail);
    world.end(0, AttemptResult::Killed);
    assert!(explain_instance(&world, &around).is_empty(), "it is final");
}

#[test]
fn an_instance_that_needs_a_person_says_what_happened() {
    let mut world = World::of(vec![task("a", &[])]);
    let attention = Attention {
        code: "STUCK".into(),
        detail: "it came back five times".into(),
    };
    world.send(Event::Quarantine { attention });
    let causes = explain_instance(&world, &surroundings(OwnerSituation::Missing));
    assert_eq!(causes[0].kind, CauseKind::Attention);
    assert_eq!(
        causes[0].detail,
        "the instance needs a person (STUCK): it came back five times"
    );
}
