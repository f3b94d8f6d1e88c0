//! The suite of the protocol in process, with the cases that need virtual time: no socket works under a paused clock.

use std::sync::Arc;
use std::time::Duration;

use engine::attempt::AttemptResult;
use engine::ids::{DispatchId, Epoch, Generation, Incarnation};

use crate::testing::worker::NoTransport;
use crate::testing::worker::fakes::{MemoryJournal, ScriptedAnswer};
use crate::testing::worker::test_worker::{
    dispatch, is_lost, named, owner, reattach_of, start_incarnation, start_worker, uid,
};
use ports::journal::JournalRecord;
use ports::protocol::{Dispatch, DispatchAnswer, Owner};

crate::worker_protocol!(NoTransport);

#[actix::test]
async fn without_its_owner_an_attempt_is_ended_ten_seconds_past_its_limit() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker
        .dispatch(vec![Dispatch {
            timeout_ms: Some(1000),
            ..dispatch(1)
        }])
        .await;
    tokio::time::sleep(Duration::from_millis(10_900)).await;
    assert_eq!(worker.handle.slots().used, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        worker.masters.ends_of(uid(1))[0].1.result,
        AttemptResult::TimedOut
    );
}

#[actix::test]
async fn an_end_is_reported_again_until_it_is_stored() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    worker.dispatch(vec![named(1, "short")]).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Later));
    tokio::time::sleep(Duration::from_secs(30)).await;
    let sent = worker.masters.ends_of(uid(1)).len();
    assert!(
        (5..10).contains(&sent),
        "with growing waits up to 5 s, so not {sent} times"
    );
    assert_eq!(worker.records_of(1), ["accepted", "started", "ended"]);
    worker.masters.answer(1, None);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(worker.records_of(1).last(), Some(&"forgotten"));
    let sent = worker.masters.ends_of(uid(1)).len();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(worker.masters.ends_of(uid(1)).len(), sent);
}

#[actix::test]
async fn what_a_drain_kills_is_lost_and_not_reported() {
    tokio::time::pause();
    let first = start_worker(&NoTransport, 4).await;
    first.dispatch(vec![dispatch(1)]).await;
    first.handle.drain(Duration::from_secs(30)).await;
    assert_eq!(first.handle.slots().used, 0);
    assert_eq!(first.masters.ends_of(uid(1)), []);
    let second = start_incarnation(&NoTransport, 8, 4, Arc::clone(&first.journal)).await;
    let answer = second.reattach(reattach_of(1, 7, owner(2, 2))).await;
    assert!(is_lost(&answer, "was killed"), "{answer:?}");
}

#[actix::test]
async fn an_incarnation_that_could_not_rewrite_its_journal_records_itself_with_its_first_attempt() {
    tokio::time::pause();
    let journal = Arc::new(MemoryJournal::default());
    journal.fail_writes(Some("No space left on device"));
    let worker = start_incarnation(&NoTransport, 7, 4, Arc::clone(&journal)).await;
    journal.fail_writes(None);
    worker.dispatch(vec![dispatch(1)]).await;
    let records = journal.records();
    let begins = |record: &JournalRecord| matches!(record, JournalRecord::Incarnation { worker, .. } if *worker == Incarnation(7));
    assert!(records.iter().any(begins), "{records:?}");
    assert!(worker.records_of(1).contains(&"accepted"), "{records:?}");
}

#[actix::test]
async fn an_owner_of_a_later_generation_is_the_newer_one_whatever_its_epoch() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 4).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    let earlier = Dispatch {
        owner: owner(1, 9),
        ..named(1, "short")
    };
    worker.dispatch(vec![earlier.clone()]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let restored = Owner {
        generation: Generation(2),
        ..owner(2, 1)
    };
    worker.reattach(reattach_of(1, 7, restored.clone())).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let sent = worker.masters.ends_of(uid(1));
    assert!(
        sent.iter().any(|(master, _)| *master == Incarnation(2)),
        "the end of the earlier generation is reported to it at once: {sent:?}"
    );
    let later = Dispatch {
        uid: DispatchId {
            generation: Generation(2),
            ..uid(1)
        },
        owner: restored,
        ..named(1, "short")
    };
    let reply = worker.dispatch(vec![later]).await;
    assert_eq!(reply.answers, [DispatchAnswer::Accepted]);
    let reply = worker
        .dispatch(vec![Dispatch {
            uid: uid(1),
            ..earlier
        }])
        .await;
    assert_eq!(
        reply.answers,
        [DispatchAnswer::StaleEpoch { seen: Epoch(1) }],
        "epoch 9 of the earlier generation is over"
    );
}
