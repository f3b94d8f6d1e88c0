//! The queue without a journal: what is written, and what follows.

use engine::ids::{DispatchId, Incarnation};

use super::*;
use crate::testing::worker::test_worker::{dispatch, is_refused, uid};
use crate::worker::replay::Replay;

const THIS_WORKER: Incarnation = Incarnation(7);

struct Fixture {
    queue: JournalQueue,
    attempts: Attempts,
}

impl Fixture {
    fn new(slots: u32) -> Self {
        Self {
            queue: JournalQueue::new(&Ok(())),
            attempts: Attempts::recover(THIS_WORKER, slots, Replay::default(), "this boot"),
        }
    }

    fn push(&mut self, instance: i64) -> oneshot::Receiver<DispatchReply> {
        let (reply, answer) = oneshot::channel();
        self.queue.push_batch(DispatchAttempts {
            to: THIS_WORKER,
            batch: vec![dispatch(instance)],
            reply,
        });
        answer
    }

    fn begin(&mut self) -> Option<(JournalWrite, AfterWrite)> {
        self.queue.begin_write(&mut self.attempts)
    }

    /// Ends a write and answers its batches; returns what is to be started.
    fn end(&mut self, after: AfterWrite, written: Result<(), JournalError>) -> Vec<DispatchId> {
        let (accepted, batches) = self.queue.end_write(after, written, &mut self.attempts);
        let free = self.attempts.slots().free();
        for batch in batches {
            batch.reply(free);
        }
        accepted.into_iter().map(|dispatch| dispatch.uid).collect()
    }
}

fn accepted(instance: i64) -> JournalRecord {
    JournalRecord::Accepted {
        uid: uid(instance),
        worker: THIS_WORKER,
        owner: dispatch(instance).owner,
    }
}

#[test]
fn nothing_queued_is_no_write() {
    assert!(Fixture::new(1).begin().is_none());
}

#[test]
fn an_attempt_starts_and_is_answered_after_its_record_is_written() {
    let mut fixture = Fixture::new(2);
    let mut answer = fixture.push(1);
    let (write, after) = fixture.begin().unwrap();
    assert_eq!(write, JournalWrite::Append(vec![accepted(1)]));
    assert!(answer.try_recv().is_err(), "not before it is written");
    assert_eq!(fixture.end(after, Ok(())), [uid(1)]);
    let reply = answer.try_recv().unwrap();
    assert_eq!(
        (reply.answers, reply.free_slots),
        (vec![DispatchAnswer::Accepted], 1)
    );
}

#[test]
fn what_is_queued_during_a_write_is_one_write_after_it() {
    let mut fixture = Fixture::new(4);
    let _first = fixture.push(1);
    let (_, after) = fixture.begin().unwrap();
    let _later = (fixture.push(2), fixture.push(3));
    assert!(fixture.begin().is_none(), "one is in flight");
    assert!(!fixture.queue.has_undecided_batch());
    fixture.end(after, Ok(()));
    let (write, _) = fixture.begin().unwrap();
    assert_eq!(write, JournalWrite::Append(vec![accepted(2), accepted(3)]));
}

#[test]
fn after_a_failed_write_nothing_starts_and_the_next_one_replaces_the_journal() {
    let mut fixture = Fixture::new(2);
    let mut answer = fixture.push(1);
    let (_, after) = fixture.begin().unwrap();
    let full = JournalError("no space left on device".to_owned());
    assert_eq!(fixture.end(after, Err(full)), []);
    let reply = answer.try_recv().unwrap();
    assert!(is_refused(&reply.answers[0], "no space left"), "{reply:?}");
    assert_eq!(fixture.attempts.slots().free(), 2);
    let _next = fixture.push(2);
    let (write, after) = fixture.begin().unwrap();
    assert_eq!(
        write,
        JournalWrite::Replace(vec![accepted(2)]),
        "without the refused one"
    );
    fixture.end(after, Ok(()));
    fixture
        .queue
        .push_record(JournalRecord::Forgotten { uid: uid(2) });
    let (write, _) = fixture.begin().unwrap();
    assert!(matches!(write, JournalWrite::Append(_)), "it is complete again");
}

#[test]
fn a_long_journal_is_replaced_by_what_is_needed() {
    let mut fixture = Fixture::new(2);
    for _ in 0..=REWRITE_ABOVE {
        fixture
            .queue
            .push_record(JournalRecord::Forgotten { uid: uid(1) });
    }
    let (write, after) = fixture.begin().unwrap();
    assert!(matches!(write, JournalWrite::Append(records) if records.len() > REWRITE_ABOVE));
    fixture.end(after, Ok(()));
    let _next = fixture.push(2);
    let (write, _) = fixture.begin().unwrap();
    assert_eq!(write, JournalWrite::Replace(vec![accepted(2)]));
}

#[test]
fn a_master_that_is_refused_or_finds_no_slot_waits_for_one() {
    let mut fixture = Fixture::new(1);
    let _answers = (fixture.push(1), fixture.push(2));
    let (_, after) = fixture.begin().unwrap();
    let (_, batches) = fixture.queue.end_write(after, Ok(()), &mut fixture.attempts);
    let waits = |free| {
        batches
            .iter()
            .map(|batch| batch.waiting_master(free).is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(waits(1), [false, true]);
    assert_eq!(waits(0), [true, true]);
}
