use super::*;

const GROUP: &str = "default";

/// Records what it was granted, and keeps the leases.
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

fn wish(task_index: u32, priority: Priority) -> Wish {
    Wish {
        instance_priority: Priority::Medium,
        task_priority: priority,
        ready_at: Timestamp(0),
        instance: InstanceId(1),
        task_index: TaskIndex(task_index),
    }
}

fn worker() -> Worker {
    Worker {
        incarnation: Incarnation(7),
        name: "w".to_owned(),
    }
}

fn slots(total: u32) -> Slots {
    let slots = Slots::default();
    slots.worker(&worker(), GROUP, total);
    slots
}

fn taken(answer: Answer) -> Lease {
    match answer {
        Answer::Granted(lease) => lease,
        Answer::Wait(reason) => panic!("a slot is free: {reason}"),
    }
}

fn waits(answer: Answer) -> String {
    match answer {
        Answer::Granted(_) => panic!("no slot is free"),
        Answer::Wait(reason) => reason,
    }
}

#[test]
fn a_group_without_a_worker_is_named() {
    let reason = waits(slots(1).ask("gpu", wish(0, Priority::Medium)));
    assert_eq!(reason, "no worker in group `gpu`");
}

#[test]
fn a_dropped_lease_is_a_free_slot() {
    let slots = slots(1);
    let lease = taken(slots.ask(GROUP, wish(0, Priority::Medium)));
    waits(slots.ask(GROUP, wish(1, Priority::Medium)));
    slots.forget(InstanceId(1), TaskIndex(1));
    drop(lease);
    taken(slots.ask(GROUP, wish(2, Priority::Medium)));
}

#[actix::test]
async fn a_freed_slot_goes_to_the_most_urgent_that_waits() {
    let slots = slots(1);
    let probe = Probe::default().start();
    slots.register(InstanceId(1), probe.clone().recipient());
    let lease = taken(slots.ask(GROUP, wish(0, Priority::Medium)));
    waits(slots.ask(GROUP, wish(1, Priority::Low)));
    waits(slots.ask(GROUP, wish(2, Priority::High)));
    drop(lease);
    assert_eq!(probe.send(Granted).await.unwrap(), [2]);
    probe.send(GiveBack).await.unwrap();
    assert_eq!(probe.send(Granted).await.unwrap(), [1]);
}

#[test]
fn nobody_goes_past_a_waiting_task_that_comes_first() {
    let slots = slots(1);
    let _held = taken(slots.ask(GROUP, wish(0, Priority::Medium)));
    waits(slots.ask(GROUP, wish(1, Priority::High)));
    slots.worker(&worker(), GROUP, 1);
    waits(slots.ask(GROUP, wish(2, Priority::Medium)));
}

#[actix::test]
async fn a_grant_to_an_actor_that_is_gone_goes_to_the_next() {
    let slots = slots(1);
    let probe = Probe::default().start();
    slots.register(InstanceId(1), probe.clone().recipient());
    let other = Wish {
        instance: InstanceId(2),
        ..wish(0, Priority::Highest)
    };
    let lease = taken(slots.ask(GROUP, wish(0, Priority::Medium)));
    waits(slots.ask(GROUP, other));
    waits(slots.ask(GROUP, wish(1, Priority::Low)));
    drop(lease);
    assert_eq!(probe.send(Granted).await.unwrap(), [1]);
}

#[test]
fn a_worker_that_refuses_gets_no_more_until_it_says_that_slots_are_free() {
    let slots = slots(2);
    let first = taken(slots.ask(GROUP, wish(0, Priority::Medium)));
    slots.answered(worker().incarnation, 1, 0);
    drop(first);
    waits(slots.ask(GROUP, wish(1, Priority::Medium)));
    slots.forget(InstanceId(1), TaskIndex(1));
    slots.free(worker().incarnation, 2);
    taken(slots.ask(GROUP, wish(1, Priority::Medium)));
}

#[test]
fn an_unregistered_instance_waits_for_nothing() {
    let slots = slots(0);
    waits(slots.ask(GROUP, wish(0, Priority::Medium)));
    assert!(slots.is_starving());
    slots.unregister(InstanceId(1));
    assert!(!slots.is_starving());
}
