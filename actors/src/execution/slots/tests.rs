use engine::ids::Timestamp;
use engine::states::Priority;

use super::*;

const GROUP: &str = "default";

/// Records what it was granted, and keeps the guards.
#[derive(Default)]
struct Probe(Vec<SlotGranted>);

#[derive(Message)]
#[rtype(result = "Vec<u32>")]
struct Granted;

#[derive(Message)]
#[rtype(result = "()")]
struct GiveBack;

impl Actor for Probe {
    type Context = Context<Self>;
}

impl Handler<SlotGranted> for Probe {
    type Result = ();

    fn handle(&mut self, granted: SlotGranted, _: &mut Self::Context) {
        self.0.push(granted);
    }
}

impl Handler<Granted> for Probe {
    type Result = Vec<u32>;

    fn handle(&mut self, _: Granted, _: &mut Self::Context) -> Vec<u32> {
        self.0.iter().map(|granted| granted.task_index.0).collect()
    }
}

impl Handler<GiveBack> for Probe {
    type Result = ();

    fn handle(&mut self, _: GiveBack, _: &mut Self::Context) {
        self.0.clear();
    }
}

fn request(task_index: u32, priority: Priority) -> SlotRequest {
    SlotRequest {
        instance_priority: Priority::Medium,
        task_priority: priority,
        ready_at: Timestamp(0),
        instance: InstanceId(1),
        task_index: TaskIndex(task_index),
    }
}

fn project() -> Arc<str> {
    "p".into()
}

fn worker() -> Worker {
    Worker {
        incarnation: Incarnation(7),
        name: "w".to_owned(),
    }
}

fn slots(total: u32) -> Slots {
    let slots = Slots::default();
    slots.add_worker(&worker(), GROUP, total);
    slots
}

fn granted(answer: SlotReply) -> SlotGuard {
    match answer {
        SlotReply::Granted(slot) => slot,
        SlotReply::Wait(reason) => panic!("a slot is free: {reason}"),
    }
}

fn wait_reason(answer: SlotReply) -> String {
    match answer {
        SlotReply::Granted(_) => panic!("no slot is free"),
        SlotReply::Wait(reason) => reason,
    }
}

#[test]
fn a_group_without_a_worker_is_named() {
    let reason = wait_reason(slots(1).request("gpu", &project(), request(0, Priority::Medium)));
    assert_eq!(reason, "no worker in group `gpu`");
}

#[test]
fn a_dropped_guard_is_a_free_slot() {
    let slots = slots(1);
    let slot = granted(slots.request(GROUP, &project(), request(0, Priority::Medium)));
    wait_reason(slots.request(GROUP, &project(), request(1, Priority::Medium)));
    slots.cancel(InstanceId(1), TaskIndex(1));
    drop(slot);
    granted(slots.request(GROUP, &project(), request(2, Priority::Medium)));
}

#[actix::test]
async fn a_released_slot_goes_to_the_most_urgent_request() {
    let slots = slots(1);
    let probe = Probe::default().start();
    slots.register(InstanceId(1), probe.clone().recipient());
    let slot = granted(slots.request(GROUP, &project(), request(0, Priority::Medium)));
    wait_reason(slots.request(GROUP, &project(), request(1, Priority::Low)));
    wait_reason(slots.request(GROUP, &project(), request(2, Priority::High)));
    drop(slot);
    assert_eq!(probe.send(Granted).await.unwrap(), [2]);
    probe.send(GiveBack).await.unwrap();
    assert_eq!(probe.send(Granted).await.unwrap(), [1]);
}

#[test]
fn no_request_passes_a_waiting_one_that_comes_first() {
    let slots = slots(1);
    let _slot = granted(slots.request(GROUP, &project(), request(0, Priority::Medium)));
    wait_reason(slots.request(GROUP, &project(), request(1, Priority::High)));
    slots.add_worker(&worker(), GROUP, 1);
    wait_reason(slots.request(GROUP, &project(), request(2, Priority::Medium)));
}

#[actix::test]
async fn a_grant_to_an_actor_that_is_gone_goes_to_the_next() {
    let slots = slots(1);
    let probe = Probe::default().start();
    slots.register(InstanceId(1), probe.clone().recipient());
    let other = SlotRequest {
        instance: InstanceId(2),
        ..request(0, Priority::Highest)
    };
    let slot = granted(slots.request(GROUP, &project(), request(0, Priority::Medium)));
    wait_reason(slots.request(GROUP, &project(), other));
    wait_reason(slots.request(GROUP, &project(), request(1, Priority::Low)));
    drop(slot);
    assert_eq!(probe.send(Granted).await.unwrap(), [1]);
}

#[test]
fn a_worker_that_refuses_gets_no_more_until_it_reports_free_slots() {
    let slots = slots(2);
    let first = granted(slots.request(GROUP, &project(), request(0, Priority::Medium)));
    slots.record_answer(worker().incarnation, 1, 0, None);
    drop(first);
    wait_reason(slots.request(GROUP, &project(), request(1, Priority::Medium)));
    slots.cancel(InstanceId(1), TaskIndex(1));
    slots.report_free(worker().incarnation, 2);
    granted(slots.request(GROUP, &project(), request(1, Priority::Medium)));
}

#[test]
fn an_unregistered_instance_waits_for_nothing() {
    let slots = slots(0);
    wait_reason(slots.request(GROUP, &project(), request(0, Priority::Medium)));
    assert!(slots.shared.lock().table.is_starving());
    slots.unregister(InstanceId(1));
    assert!(!slots.shared.lock().table.is_starving());
}
