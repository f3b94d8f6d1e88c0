//! A worker whose masters stop answering, in virtual time.

use std::sync::Arc;

use engine::attempt::AttemptResult;
use engine::spec::OnCutOff;

use super::*;
use crate::testing::worker::NoTransport;
use crate::testing::worker::fakes::{ScriptedAnswer, locked};
use crate::testing::worker::test_worker::{
    TestWorker, dispatch, exclusive, is_lost, kill_of, owner, reattach_of, start_incarnation, start_worker,
    uid,
};
use ports::protocol::{AttemptUpdate, KillAnswer, LeaseAnswer};

fn monitor_of(dispatch: Dispatch) -> (IsolationMonitor, Instant, Option<Dispatch>) {
    let now = Instant::now();
    let mut monitor = IsolationMonitor::new(now);
    let startable = monitor.admit(dispatch, now);
    (monitor, now, startable)
}

fn answered(sent_at: Instant, answers: Result<Vec<LeaseAnswer>, CallError>) -> SentLeaseRequest {
    let epoch = owner(1, 1).epoch;
    SentLeaseRequest {
        batch: vec![LeaseRequest { uid: uid(1), epoch }],
        sent_at,
        answers,
    }
}

#[test]
fn an_attempt_that_may_run_without_a_lease_starts_at_once() {
    let (mut monitor, now, startable) = monitor_of(dispatch(1));
    assert_eq!(startable, Some(dispatch(1)));
    let due = monitor.take_due(now);
    assert_eq!((due.stops, due.requests, due.next), (vec![], vec![], None));
}

#[test]
fn a_deferred_attempt_starts_once_with_its_first_granted_lease() {
    let (mut monitor, now, startable) = monitor_of(exclusive(1));
    assert_eq!(startable, None);
    assert_eq!(monitor.take_due(now).requests, [uid(1)]);
    assert_eq!(
        monitor.apply_answers(answered(now, Ok(vec![LeaseAnswer::Denied])), now),
        []
    );
    let unanswered = Err(CallError::NoAnswer("m1:1".to_owned()));
    assert_eq!(monitor.apply_answers(answered(now, unanswered), now), []);
    assert_eq!(
        monitor.apply_answers(answered(now, Ok(vec![LeaseAnswer::Granted])), now),
        [exclusive(1)]
    );
    assert_eq!(
        monitor.apply_answers(answered(now, Ok(vec![LeaseAnswer::Granted])), now),
        []
    );
}

#[test]
fn a_stop_separates_attempts_that_never_started_from_those_that_may_run() {
    let expired = Duration::from_secs(20);
    let (mut deferred, now, _) = monitor_of(exclusive(1));
    let stops = deferred.take_due(now + expired).stops;
    assert!(matches!(stops[..], [IsolatedStop::Deferred(_)]), "{stops:?}");
    assert_eq!(deferred.take_deferred(&uid(1)), None);
    let (mut running, now, _) = monitor_of(exclusive(1));
    running.apply_answers(answered(now, Ok(vec![LeaseAnswer::Granted])), now);
    let stops = running.take_due(now + expired).stops;
    assert!(matches!(stops[..], [IsolatedStop::Running(_)]), "{stops:?}");
}

#[test]
fn an_attempt_that_ended_is_neither_stopped_nor_started() {
    let (mut monitor, now, _) = monitor_of(exclusive(1));
    monitor.forget(&uid(1));
    assert_eq!(
        monitor.apply_answers(answered(now, Ok(vec![LeaseAnswer::Granted])), now),
        []
    );
    assert_eq!(monitor.take_due(now + Duration::from_secs(60)).stops, []);
}

/// The reported reasons for the loss of the first attempt, each with the master that received it.
fn losses_of(worker: &TestWorker) -> Vec<(Incarnation, String)> {
    let reports = locked(&worker.masters.reports).clone().into_iter();
    let of = reports.filter(|(_, report)| report.uid == uid(1));
    of.filter_map(|(master, report)| match report.update {
        AttemptUpdate::Lost { reason } => Some((master, reason)),
        AttemptUpdate::Started { .. } | AttemptUpdate::Ended(_) => None,
    })
    .collect()
}

/// Waits in virtual time.
async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

fn with_policy(instance: i64, on_cut_off: OnCutOff) -> Dispatch {
    Dispatch {
        on_cut_off,
        ..dispatch(instance)
    }
}

#[actix::test]
async fn without_its_owner_an_exclusive_attempt_is_stopped_after_twenty_seconds_and_is_lost() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.dispatch(vec![exclusive(1), dispatch(2)]).await;
    pass(31_000).await;
    assert_eq!(worker.runner.starts_of(uid(1)), 1);
    assert_eq!(worker.handle.slots().used, 2, "renewed, it keeps running");
    // The last request that was answered was sent a second ago.
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    // Polls arrive, but no answer: they renew nothing.
    for _ in 0..18 {
        pass(1_000).await;
        worker.link.poll_slots(worker.me, &owner(1, 1)).await.unwrap();
    }
    pass(900).await;
    assert_eq!(worker.handle.slots().used, 2);
    pass(200).await;
    assert_eq!(
        worker.handle.slots().used,
        1,
        "the slot is free, the other keeps running"
    );
    assert_eq!(losses_of(&worker), []);
    worker.masters.answer(1, None);
    pass(10_000).await;
    let reason = "cut off from its owner for 20 s: stopped by its worker (on_cut_off: exclusive)".to_owned();
    assert_eq!(losses_of(&worker), [(Incarnation(1), reason)]);
    assert_eq!(worker.masters.ends_of(uid(1)), [], "it is no result of the task");
    assert_eq!(worker.records_of(1), ["accepted", "started", "forgotten"]);
}

#[actix::test]
async fn a_master_that_denies_leases_keeps_none_alive() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    worker.masters.answer(1, Some(ScriptedAnswer::DenyLeases));
    pass(18_900).await;
    assert_eq!(worker.handle.slots().used, 1);
    pass(200).await;
    assert_eq!(worker.handle.slots().used, 0);
}

#[actix::test]
async fn a_new_owner_learns_of_a_stopped_attempt_by_its_request_and_by_a_report() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    pass(25_000).await;
    let answer = worker.reattach(reattach_of(1, 7, owner(2, 2))).await;
    assert!(is_lost(&answer, "on_cut_off: exclusive"), "{answer:?}");
    pass(100).await;
    let reported: Vec<Incarnation> = losses_of(&worker).into_iter().map(|(to, _)| to).collect();
    assert_eq!(reported, [Incarnation(2)]);
}

#[actix::test]
async fn a_new_owner_that_answers_keeps_an_exclusive_attempt_running() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    pass(15_000).await;
    worker.reattach(reattach_of(1, 7, owner(2, 2))).await;
    pass(60_000).await;
    assert_eq!(worker.handle.slots().used, 1);
    worker.runner.finish(uid(1));
    assert_eq!(worker.until_ended(1).await.0, Incarnation(2));
}

#[actix::test]
async fn an_exclusive_attempt_whose_owner_never_answers_is_not_started() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    worker.dispatch(vec![exclusive(1)]).await;
    pass(20_100).await;
    assert_eq!(worker.handle.slots().used, 0);
    worker.masters.answer(1, None);
    pass(10_000).await;
    assert_eq!(worker.runner.starts_of(uid(1)), 0);
    assert_eq!(losses_of(&worker).len(), 1);
}

#[actix::test]
async fn an_exclusive_attempt_that_waits_for_its_lease_can_be_killed() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.masters.answer(1, Some(ScriptedAnswer::DenyLeases));
    worker.dispatch(vec![exclusive(1)]).await;
    assert_eq!(worker.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    pass(1_000).await;
    assert_eq!(worker.masters.ends_of(uid(1))[0].1.result, AttemptResult::Killed);
    worker.masters.answer(1, None);
    pass(10_000).await;
    assert_eq!(worker.runner.starts_of(uid(1)), 0);
}

#[actix::test]
async fn a_kill_of_a_stopped_attempt_ends_as_killed() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    pass(25_000).await;
    assert_eq!(worker.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    worker.masters.answer(1, None);
    pass(10_000).await;
    let (_, ended) = worker.masters.ends_of(uid(1)).remove(0);
    assert_eq!(ended.result, AttemptResult::Killed, "a stop finds it gone");
}

#[actix::test]
async fn what_an_isolation_stopped_is_lost_for_the_next_incarnation_too() {
    tokio::time::pause();
    let first = start_worker(&NoTransport, 2).await;
    first.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    first.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    pass(25_000).await;
    let second = start_incarnation(&NoTransport, 8, 2, Arc::clone(&first.journal)).await;
    let answer = second.reattach(reattach_of(1, 7, owner(2, 2))).await;
    assert!(is_lost(&answer, "was killed"), "{answer:?}");
    assert_eq!(second.runner.starts_of(uid(1)), 0);
    assert_eq!(second.masters.ends_of(uid(1)), []);
}

#[actix::test]
async fn a_drain_waits_until_a_loss_is_reported() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 2).await;
    worker.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    pass(25_000).await;
    let handle = worker.handle.clone();
    let drained = actix_rt::spawn(async move { handle.drain(Duration::from_secs(60)).await });
    pass(1_000).await;
    assert!(!drained.is_finished());
    worker.masters.answer(1, None);
    drained.await.unwrap();
    assert_eq!(losses_of(&worker).len(), 1);
}

#[actix::test]
async fn stop_after_stops_an_attempt_when_no_master_was_in_contact_in_its_time() {
    tokio::time::pause();
    let worker = start_worker(&NoTransport, 4).await;
    let policy = OnCutOff::StopAfter { ms: 60_000 };
    worker.dispatch(vec![with_policy(1, policy), dispatch(2)]).await;
    for _ in 0..100 {
        pass(1_000).await;
        worker.link.poll_slots(worker.me, &owner(3, 1)).await.unwrap();
    }
    assert_eq!(worker.handle.slots().used, 2, "some master is in contact");
    pass(59_900).await;
    assert_eq!(worker.handle.slots().used, 2);
    pass(200).await;
    assert_eq!(worker.handle.slots().used, 1);
    pass(1_000).await;
    let reason =
        "cut off from every master for 1m: stopped by its worker (on_cut_off: stop_after)".to_owned();
    assert_eq!(losses_of(&worker), [(Incarnation(1), reason)]);
    assert_eq!(
        worker.masters.requested_leases_of(),
        [] as [i64; 0],
        "it needs no lease"
    );
}
