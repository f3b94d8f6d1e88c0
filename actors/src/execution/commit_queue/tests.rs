use std::sync::Arc;

use engine::ids::{Generation, Incarnation, InstanceId};
use engine::states::TaskState;
use engine::task::Worker;
use engine::timezone::Tz;
use ports::{NewInstance, NodeIdentity};
use serde_json::json;

use super::*;
use crate::execution::worker_selection::WorkerSelection;

/// Three tasks of a limit.
fn instance() -> RunningInstance {
    let task = json!({ "type": "shell", "run": "true", "limits": ["l"] });
    let document = json!({ "version": 1, "name": "flow", "tasks": { "a": task, "b": task, "c": task } });
    let definition = engine::spec::parse(&document).expect("a document");
    let start = engine::start::parse(&json!({}), &definition, &Default::default(), Tz::UTC);
    let new = NewInstance {
        project_id: 1,
        workflow_id: 1,
        project: "default".to_owned(),
        workflow: "flow".to_owned(),
        project_params: BTreeMap::new(),
        version: 1,
        tasks: 3,
        excluded: 0,
        start: start.expect("a start"),
        trigger: engine::trigger::Trigger::Api,
        requested_by: None,
        owner: Some(NodeIdentity {
            incarnation: Incarnation(1),
            name: "m".to_owned(),
            host: "m:1".to_owned(),
            generation: Generation(1),
        }),
        continued_from: None,
        request_key: None,
        at: Timestamp(1_000),
    };
    RunningInstance::new(
        new.into_loaded(InstanceId(1), Generation(1)),
        Arc::new(definition),
    )
}

fn worker_with_slots() -> Slots {
    let slots = Slots::with_selection(WorkerSelection::default());
    let worker = Worker {
        incarnation: Incarnation(9),
        name: "w".to_owned(),
    };
    slots.add_worker(&worker, "default", 4);
    slots.mark_reachable(worker.incarnation);
    slots
}

/// A queue with what its commits are decided from.
struct World {
    queue: CommitQueue,
    instance: RunningInstance,
    slots: Slots,
    held: HeldSlots,
}

impl World {
    /// All tasks wait for room.
    fn of_waiting_tasks() -> Self {
        let mut world = Self {
            queue: CommitQueue::default(),
            instance: instance(),
            slots: worker_with_slots(),
            held: HeldSlots::default(),
        };
        world.queue.push_events([Event::Loaded]);
        world.commit();
        world
    }

    fn find_room(&mut self, tasks: &[u32]) {
        let reports = tasks.iter().map(|task| TaskReport::RoomFound {
            task_index: TaskIndex(*task),
        });
        self.queue.push_events(reports.map(Event::Report));
    }

    fn decide(&mut self) -> DecidedCommit {
        let moment = DecisionMoment {
            reading: ClockReading {
                now: Timestamp(2_000),
                stepped_ms: 0,
            },
            places: PlaceOutlook::default(),
            cap: ProjectCap::Unlimited,
            risk: RefusalRisk::Limits,
        };
        self.queue
            .decide(&self.instance, &self.slots, &mut self.held, moment)
    }

    /// Decides, and stores; returns the tasks that were bound.
    fn commit(&mut self) -> Vec<u32> {
        let commit = self.decide();
        self.instance.apply(&commit.changes);
        self.held.release_unbound(&commit, &self.instance);
        commit.granted.iter().map(|task_index| task_index.0).collect()
    }

    fn state(&self, task: u32) -> Option<TaskState> {
        self.instance.state.task(TaskIndex(task)).map(|row| row.state)
    }
}

#[test]
fn a_commit_that_limits_refuse_is_decided_again_without_the_refused_tasks() {
    let mut world = World::of_waiting_tasks();
    world.find_room(&[0, 1]);
    let (reply, mut answered) = oneshot::channel();
    world.queue.push_reply(reply);
    let mut refused = world.decide();
    assert_eq!(refused.granted, [TaskIndex(0), TaskIndex(1)]);
    let refusal = RoomRefusal {
        task_index: TaskIndex(1),
        reason: "limit `l` is full".to_owned(),
    };
    world.queue.requeue(&mut refused, &mut world.held, vec![refusal]);
    drop(refused);
    assert!(
        answered
            .try_recv()
            .is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
    );
    // What comes meanwhile keeps its slot, and risks no further refusal.
    world.find_room(&[2]);
    let again = world.decide();
    assert_eq!(again.granted, [TaskIndex(0)]);
    assert_eq!(again.replies.len(), 1, "the sender still waits for its event");
    world.instance.apply(&again.changes);
    let reason = world
        .instance
        .state
        .task(TaskIndex(1))
        .and_then(|row| row.reason.clone());
    assert_eq!(reason.as_deref(), Some("limit `l` is full"));
    assert_eq!(world.commit(), [2]);
    let states: Vec<_> = (0..3).map(|task| world.state(task)).collect();
    assert_eq!(
        states,
        [TaskState::Dispatched, TaskState::Waiting, TaskState::Dispatched].map(Some)
    );
    assert!(world.queue.is_empty());
    assert_eq!(world.held.len(), 2);
}

#[test]
fn one_commit_binds_all_tasks_that_have_room_with_what_else_there_is() {
    let mut world = World::of_waiting_tasks();
    world.find_room(&[0, 1, 2]);
    world.queue.push_events([Event::Due]);
    assert_eq!(world.commit(), [0, 1, 2]);
    assert_eq!(world.held.len(), 3);
}
