//! The order, the pauses and the targets of batches.

use super::*;
use crate::testing::worker::test_worker::{owner, uid};

const MASTER: Incarnation = Incarnation(1);

fn queue(instances: impl Iterator<Item = i64>) -> SendQueue {
    let mut queue = SendQueue::default();
    instances.for_each(|instance| queue.push(&owner(1, 1), uid(instance)));
    queue
}

#[test]
fn one_batch_at_a_time_goes_to_a_master() {
    let mut queue = queue(1..=2);
    let (_, batch) = queue.take_batch(MASTER).unwrap();
    assert_eq!(batch, [uid(1), uid(2)]);
    queue.push(&owner(1, 1), uid(3));
    assert_eq!(queue.take_batch(MASTER), None, "one is in flight");
    queue.complete_batch(MASTER);
    assert_eq!(queue.take_batch(MASTER).unwrap().1, [uid(3)]);
    queue.complete_batch(MASTER);
    assert_eq!((queue.take_batch(MASTER), queue.masters()), (None, vec![]));
}

#[test]
fn a_batch_is_bounded() {
    let mut queue = queue(1..=i64::try_from(MAX_BATCH).unwrap() + 1);
    assert_eq!(queue.take_batch(MASTER).unwrap().1.len(), MAX_BATCH);
    queue.complete_batch(MASTER);
    assert_eq!(queue.take_batch(MASTER).unwrap().1.len(), 1);
}

#[test]
fn pauses_double_up_to_five_seconds_and_hold_the_next_batch() {
    let mut queue = queue(1..=1);
    queue.take_batch(MASTER).unwrap();
    let pauses: Vec<u128> = (0..7).map(|_| queue.fail_batch(MASTER).as_millis()).collect();
    assert_eq!(pauses, [200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    queue.push(&owner(1, 1), uid(1));
    assert_eq!(queue.take_batch(MASTER), None);
    queue.end_pause(MASTER);
    assert!(queue.take_batch(MASTER).is_some());
}

#[test]
fn after_two_failures_every_second_batch_goes_to_another_master_in_turn() {
    let masters = [1, 2, 3].map(Incarnation);
    let mut queue = queue(1..=1);
    let mut targets = Vec::new();
    for _ in 0..7 {
        targets.push(queue.target(MASTER, &masters));
        queue.fail_batch(MASTER);
    }
    let relays = targets.iter().map(|target| match target {
        ReportTarget::Owner => 0,
        ReportTarget::Relay(other) => other.0,
    });
    assert_eq!(relays.collect::<Vec<_>>(), [0, 0, 3, 0, 2, 0, 3]);
    assert_eq!(
        queue.target(MASTER, &[MASTER]),
        ReportTarget::Owner,
        "there is no other"
    );
    queue.complete_batch(MASTER);
    assert_eq!(queue.target(MASTER, &masters), ReportTarget::Owner);
}
