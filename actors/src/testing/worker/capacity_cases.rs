//! The cases of the worker's capacity: slots, drain, leases, the disk of the journal.

#![allow(missing_docs, reason = "the name of a case says what it shows")]
#![allow(clippy::unwrap_used, reason = "a case that meets the unexpected should fail")]

use std::time::Duration;

use engine::ids::{Epoch, Incarnation};

use super::TransportUnderTest;
use super::fakes::{ScriptedAnswer, locked};
use super::test_worker::{dispatch, exclusive, is_refused, named, owner, reattach_of, start_worker, uid};
use ports::protocol::DispatchAnswer;

pub async fn beyond_its_slots_it_refuses_and_remembers_that_it_did(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 1).await;
    let reply = worker.dispatch(vec![dispatch(1), dispatch(2)]).await;
    assert_eq!(reply.answers[0], DispatchAnswer::Accepted);
    assert!(is_refused(&reply.answers[1], "no slot"), "{reply:?}");
    assert_eq!(reply.free_slots, 0);
    worker.until_started(1).await;
    worker.runner.finish(uid(1));
    worker
        .until("free", |worker| worker.handle.slots().used == 0)
        .await;
    let again = worker.dispatch(vec![dispatch(2)]).await;
    assert!(
        is_refused(&again.answers[0], "called off"),
        "a refused uid never starts: {again:?}"
    );
}

pub async fn when_the_journal_cannot_be_written_nothing_starts_and_the_refusal_says_why(
    transport: &dyn TransportUnderTest,
) {
    let worker = start_worker(transport, 2).await;
    worker.journal.fail_writes(Some("no space left on device"));
    let reply = worker.dispatch(vec![dispatch(1)]).await;
    assert!(is_refused(&reply.answers[0], "no space left"), "{reply:?}");
    assert_eq!(worker.handle.slots().used, 0);
    worker.journal.fail_writes(None);
    worker.dispatch(vec![named(2, "short")]).await;
    worker.until_ended(2).await;
    assert_eq!(worker.runner.starts_of(uid(1)), 0);
}

pub async fn a_master_that_polled_no_slot_is_notified_when_one_is_free(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 1).await;
    worker.dispatch(vec![dispatch(1)]).await;
    assert_eq!(worker.link.poll_slots(worker.me, &owner(3, 1)).await.unwrap(), 0);
    worker.until_started(1).await;
    worker.runner.finish(uid(1));
    worker
        .until("slots pushed", |worker| !locked(&worker.masters.slots).is_empty())
        .await;
    assert_eq!(*locked(&worker.masters.slots), [(Incarnation(3), 1)]);
}

pub async fn a_drain_accepts_nothing_new_and_waits_until_ends_are_stored(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 4).await;
    worker.dispatch(vec![dispatch(1)]).await;
    worker.until_started(1).await;
    let handle = worker.handle.clone();
    let drained = actix_rt::spawn(async move { handle.drain(Duration::from_secs(60)).await });
    let mut instance = 2;
    loop {
        let reply = worker.dispatch(vec![named(instance, "short")]).await;
        if is_refused(&reply.answers[0], "draining") {
            break;
        }
        instance += 1;
        tokio::task::yield_now().await;
    }
    assert!(!drained.is_finished());
    worker.runner.finish(uid(1));
    drained.await.unwrap();
    assert_eq!(worker.masters.ends_of(uid(1)).len(), 1);
}

pub async fn an_exclusive_attempt_starts_with_the_lease_that_its_owner_grants(
    transport: &dyn TransportUnderTest,
) {
    let worker = start_worker(transport, 2).await;
    worker.masters.answer(1, Some(ScriptedAnswer::DenyLeases));
    let reply = worker.dispatch(vec![exclusive(1)]).await;
    assert_eq!(reply.answers, [DispatchAnswer::Accepted]);
    worker
        .until("requested twice", |worker| {
            worker.masters.requested_leases_of().len() >= 2
        })
        .await;
    assert_eq!(worker.runner.starts_of(uid(1)), 0, "the owner granted none");
    worker.masters.answer(1, None);
    worker.until_started(1).await;
    let (master, renewal) = locked(&worker.masters.renewals)[0];
    assert_eq!(
        (master, renewal.uid, renewal.epoch),
        (Incarnation(1), uid(1), Epoch(1))
    );
    worker.reattach(reattach_of(1, 7, owner(2, 2))).await;
    worker
        .until("the new owner is requested", |worker| {
            worker.masters.requested_leases_of().contains(&2)
        })
        .await;
}
