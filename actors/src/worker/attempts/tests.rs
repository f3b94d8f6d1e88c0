//! The decisions on dispatches, kills, ends and answers, without an actor.

use super::*;
use crate::testing::worker::test_worker::{dispatch, is_lost, kill_of, owner, reattach_of, uid};

const THIS_WORKER: Incarnation = Incarnation(7);

/// A worker with one slot in which attempt 1 runs.
fn with_running() -> Attempts {
    let mut attempts = Attempts::recover(THIS_WORKER, 1, Replay::default(), "this boot");
    let decision = attempts.decide_dispatch(THIS_WORKER, &dispatch(1));
    assert_eq!(decision, DispatchDecision::Accept);
    assert!(attempts.begin_run(&uid(1)));
    attempts
}

fn end(result: AttemptResult) -> AttemptEnd {
    AttemptEnd::unstarted(result, "why", Timestamp(1))
}

fn is_result(decision: &EndDecision) -> bool {
    matches!(decision, EndDecision::Result(JournalRecord::Ended { .. }))
}

#[test]
fn an_end_is_the_result_once_and_releases_the_slot() {
    let mut attempts = with_running();
    assert_eq!(attempts.slots().free(), 0);
    assert!(is_result(
        &attempts.decide_end(&uid(1), end(AttemptResult::Succeeded))
    ));
    assert_eq!(attempts.slots().free(), 1);
    let repeated = attempts.decide_end(&uid(1), end(AttemptResult::Succeeded));
    assert_eq!((repeated, attempts.slots().free()), (EndDecision::Repeated, 1));
}

#[test]
fn what_the_worker_kills_by_itself_has_no_result_and_what_its_owner_kills_has_one() {
    let mut draining = with_running();
    draining.slots_mut().enter_drain_phase(DrainPhase::Killing);
    let killed = end(AttemptResult::Killed);
    assert_eq!(draining.decide_end(&uid(1), killed.clone()), EndDecision::Lost);
    assert_eq!(
        draining.pending_report(&uid(1)),
        None,
        "a later incarnation reports it"
    );

    let mut isolated = with_running();
    isolated
        .get_mut(&uid(1))
        .unwrap()
        .stop_isolated("no lease".to_owned());
    assert_eq!(isolated.decide_end(&uid(1), killed.clone()), EndDecision::Lost);
    let report = isolated.pending_report(&uid(1)).unwrap();
    let reason = "no lease".to_owned();
    assert_eq!(report.update, AttemptUpdate::Lost { reason });

    let mut ordered = with_running();
    ordered.decide_kill(THIS_WORKER, &kill_of(1, owner(1, 1)));
    ordered.slots_mut().enter_drain_phase(DrainPhase::Killing);
    assert!(is_result(&ordered.decide_end(&uid(1), killed)));
}

#[test]
fn a_task_that_ends_by_itself_during_the_kill_phase_has_its_result() {
    let mut attempts = with_running();
    attempts.slots_mut().enter_drain_phase(DrainPhase::Killing);
    assert!(is_result(
        &attempts.decide_end(&uid(1), end(AttemptResult::Failed))
    ));
}

#[test]
fn an_attempt_that_was_killed_before_its_start_does_not_run() {
    let mut attempts = Attempts::recover(THIS_WORKER, 1, Replay::default(), "this boot");
    attempts.decide_dispatch(THIS_WORKER, &dispatch(1));
    assert_eq!(
        attempts.decide_kill(THIS_WORKER, &kill_of(1, owner(1, 1))),
        KillAnswer::Killing
    );
    assert!(!attempts.begin_run(&uid(1)));
}

#[test]
fn the_start_is_reported_after_its_delay_until_it_is_stored() {
    let mut attempts = with_running();
    attempts.record_start(&uid(1), ProcessId::default(), Timestamp(1));
    assert_eq!(attempts.pending_report(&uid(1)), None);
    attempts.get_mut(&uid(1)).unwrap().release_start_report();
    let report = attempts.pending_report(&uid(1)).unwrap();
    let master = owner(1, 1).incarnation;
    let later = attempts.decide_report(master, &report, Some(ReportAnswer::Later));
    assert_eq!(later, ReportDecision::Pending);
    let stored = attempts.decide_report(master, &report, Some(ReportAnswer::Stored));
    assert_eq!(stored, ReportDecision::Stored);
    assert_eq!(attempts.pending_report(&uid(1)), None);
}

#[test]
fn a_stored_end_is_forgotten_and_its_uid_starts_nothing_again() {
    let mut attempts = with_running();
    attempts.decide_end(&uid(1), end(AttemptResult::Succeeded));
    let report = attempts.pending_report(&uid(1)).unwrap();
    let stored = attempts.decide_report(Incarnation(1), &report, Some(ReportAnswer::Stored));
    let forgotten = JournalRecord::Forgotten { uid: uid(1) };
    assert_eq!(stored, ReportDecision::Forget(forgotten));
    assert_eq!(attempts.len(), 0);
    let again = attempts.decide_dispatch(THIS_WORKER, &dispatch(1));
    assert_eq!(again, DispatchDecision::Answer(DispatchAnswer::Accepted));
    assert!(is_lost(&attempts.reattach(&reattach_of(1, 7, owner(2, 2))), ""));
}

#[test]
fn reports_of_an_instance_that_moved_go_to_its_new_owner() {
    let mut attempts = with_running();
    attempts.decide_end(&uid(1), end(AttemptResult::Succeeded));
    let report = attempts.pending_report(&uid(1)).unwrap();
    let moved = ReportAnswer::Moved {
        owner: Some(owner(2, 2)),
    };
    attempts.decide_report(Incarnation(1), &report, Some(moved));
    assert_eq!(
        attempts.reports_to(Incarnation(1), vec![uid(1)]),
        (vec![], vec![uid(1)])
    );
    assert_eq!(
        attempts.reports_to(Incarnation(2), vec![uid(1)]),
        (vec![report], vec![])
    );
}

#[test]
fn a_lost_attempt_that_its_owner_kills_ends_as_killed_once() {
    let mut attempts = with_running();
    attempts
        .get_mut(&uid(1))
        .unwrap()
        .stop_isolated("no lease".to_owned());
    assert_eq!(attempts.end_lost(&uid(1), Timestamp(2)), None, "it may still run");
    attempts.decide_end(&uid(1), end(AttemptResult::Killed));
    let Some(JournalRecord::Ended { end, .. }) = attempts.end_lost(&uid(1), Timestamp(2)) else {
        panic!("nothing is journaled");
    };
    assert_eq!(
        (end.result, end.error.as_deref()),
        (AttemptResult::Killed, Some("no lease"))
    );
    assert_eq!(attempts.end_lost(&uid(1), Timestamp(3)), None);
}

#[test]
fn a_drain_is_complete_when_every_end_is_stored() {
    let mut attempts = with_running();
    assert!(!attempts.is_drained());
    attempts.slots_mut().enter_drain_phase(DrainPhase::Draining);
    assert!(!attempts.is_drained(), "it runs");
    attempts.decide_end(&uid(1), end(AttemptResult::Succeeded));
    assert!(!attempts.is_drained(), "its end is not stored");
    let report = attempts.pending_report(&uid(1)).unwrap();
    attempts.decide_report(Incarnation(1), &report, Some(ReportAnswer::Stored));
    assert!(attempts.is_drained());
}
