//! The cases that every transport between masters and a worker must pass, each named by its sentence.

#![allow(missing_docs, reason = "the name of a case says what it shows")]
#![allow(clippy::unwrap_used, reason = "a case that meets the unexpected should fail")]

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::attempt::AttemptResult;
use engine::ids::{DispatchId, Epoch, Incarnation};
use engine::states::KillCause;

use super::TransportUnderTest;
pub use super::capacity_cases::*;
use super::fakes::{ScriptedAnswer, locked};
use super::test_worker::{
    BOOT, dispatch, is_lost, is_refused, kill_of, named, owner, reattach_of, start_incarnation, start_worker,
    uid,
};
use ports::protocol::{Dispatch, DispatchAnswer, Kill, KillAnswer, ReattachAnswer};
use ports::rpc::transport::CallError;

pub async fn a_short_task_reports_once_and_is_journaled_from_start_to_end(
    transport: &dyn TransportUnderTest,
) {
    let worker = start_worker(transport, 2).await;
    let reply = worker.dispatch(vec![named(1, "short")]).await;
    assert_eq!(
        (reply.answers, reply.free_slots),
        (vec![DispatchAnswer::Accepted], 1)
    );
    let (master, ended) = worker.until_ended(1).await;
    assert_eq!(
        (master, ended.result, ended.pid),
        (Incarnation(1), AttemptResult::Succeeded, Some(4711))
    );
    assert_eq!(worker.masters.starts_of(uid(1)), 0);
    worker
        .until("forgotten", |worker| worker.records_of(1).contains(&"forgotten"))
        .await;
    assert_eq!(
        worker.records_of(1),
        ["accepted", "started", "ended", "forgotten"]
    );
    worker
        .until("the slot is free", |worker| worker.handle.slots().used == 0)
        .await;
}

pub async fn a_long_task_reports_its_start_and_then_its_end(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    worker.dispatch(vec![dispatch(1)]).await;
    worker
        .until("start reported", |worker| worker.masters.starts_of(uid(1)) == 1)
        .await;
    assert_eq!(worker.handle.slots().used, 1);
    worker.runner.finish(uid(1));
    worker.until_ended(1).await;
    assert_eq!(worker.masters.starts_of(uid(1)), 1);
}

pub async fn the_documented_names_are_in_the_environment_and_cannot_be_forged(
    transport: &dyn TransportUnderTest,
) {
    let worker = start_worker(transport, 2).await;
    worker.dispatch(vec![dispatch(1)]).await;
    worker.until_started(1).await;
    let env = locked(&worker.runner.started)[0].dispatch.env.clone();
    assert_eq!(env["PORPOISE_TASK"], "long");
    assert_eq!(env["PORPOISE_ATTEMPT_UID"], "1-1-0-1-1");
    assert_eq!(
        (
            env["PORPOISE_INSTANCE_ID"].as_str(),
            env["PORPOISE_ATTEMPT"].as_str()
        ),
        ("1", "1")
    );
    assert_eq!(env["TRACEPARENT"].len(), 55);
    let names: BTreeSet<&str> = env.keys().map(String::as_str).collect();
    assert!(names.is_superset(&["PORPOISE_WORKFLOW", "PORPOISE_PROJECT", "PORPOISE_OUTPUT"].into()));
}

pub async fn a_uid_that_is_sent_again_is_accepted_and_starts_once(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 4).await;
    let reply = worker.dispatch(vec![dispatch(1), dispatch(1)]).await;
    assert_eq!(reply.answers, vec![DispatchAnswer::Accepted; 2]);
    worker.dispatch(vec![dispatch(1)]).await;
    worker.until_started(1).await;
    worker.runner.finish(uid(1));
    worker
        .until("forgotten", |worker| worker.records_of(1).contains(&"forgotten"))
        .await;
    let late = worker.dispatch(vec![dispatch(1)]).await;
    assert_eq!(late.answers, vec![DispatchAnswer::Accepted]);
    worker.dispatch(vec![named(2, "short")]).await;
    worker.until_ended(2).await;
    assert_eq!(worker.runner.starts_of(uid(1)), 1);
    assert_eq!(worker.masters.ends_of(uid(1)).len(), 1);
}

pub async fn a_dispatch_for_another_incarnation_is_not_accepted(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    let other = Dispatch {
        worker: Incarnation(6),
        ..dispatch(1)
    };
    // The worker refuses it with a reason; a transport that sees the mistake first has not delivered it.
    match worker.link.dispatch(Incarnation(6), vec![other]).await {
        Ok(reply) => assert!(is_refused(&reply.answers[0], "another incarnation")),
        Err(error) => assert!(matches!(error, CallError::NotDelivered(_)), "{error}"),
    }
    let free = worker.link.poll_slots(Incarnation(6), &owner(1, 1)).await;
    assert!(
        matches!(free, Ok(0) | Err(CallError::NotDelivered(_))),
        "{free:?}"
    );
    assert_eq!(worker.link.poll_slots(worker.me, &owner(1, 1)).await, Ok(2));
    assert_eq!(worker.runner.starts_of(uid(1)), 0);
}

pub async fn an_older_epoch_is_refused_for_every_kind_of_message(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 4).await;
    let newer = Dispatch {
        owner: owner(2, 5),
        ..dispatch(1)
    };
    worker.dispatch(vec![newer]).await;
    let second = DispatchId {
        task_index: engine::ids::TaskIndex(1),
        ..uid(1)
    };
    let stale = Dispatch {
        uid: second,
        owner: owner(1, 4),
        ..dispatch(1)
    };
    let reply = worker.dispatch(vec![stale]).await;
    assert_eq!(reply.answers, vec![DispatchAnswer::StaleEpoch { seen: Epoch(5) }]);
    assert_eq!(
        worker.kill(kill_of(1, owner(1, 4))).await,
        KillAnswer::StaleEpoch { seen: Epoch(5) }
    );
    let answer = worker.reattach(reattach_of(1, 7, owner(1, 4))).await;
    assert_eq!(answer, ReattachAnswer::StaleEpoch { seen: Epoch(5) });
    worker.until_started(1).await;
    assert_eq!(worker.runner.starts_of(second), 0);
}

pub async fn a_kill_ends_the_attempt_and_its_end_is_reported_as_killed(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    worker.dispatch(vec![dispatch(1)]).await;
    assert_eq!(worker.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    assert_eq!(worker.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    let (_, ended) = worker.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Killed);
}

pub async fn a_kill_for_time_is_reported_as_timed_out(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    worker.dispatch(vec![dispatch(1)]).await;
    worker.until_started(1).await;
    let kill = Kill {
        cause: KillCause::Timeout,
        ..kill_of(1, owner(1, 1))
    };
    worker.kill(kill).await;
    let (_, ended) = worker.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::TimedOut);
    assert!(ended.error.unwrap().contains("timed out"));
}

pub async fn a_kill_of_an_unknown_uid_tombstones_it(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    assert_eq!(
        worker.kill(kill_of(1, owner(1, 1))).await,
        KillAnswer::NeverStarted
    );
    let late = worker.dispatch(vec![dispatch(1)]).await;
    assert!(is_refused(&late.answers[0], "called off"));
    assert_eq!(
        worker.reattach(reattach_of(1, 7, owner(2, 2))).await,
        ReattachAnswer::NeverStarted
    );
    assert_eq!(worker.runner.starts_of(uid(1)), 0);
}

pub async fn an_end_that_is_not_stored_yet_is_reported_again(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Later));
    worker.dispatch(vec![named(1, "short")]).await;
    worker
        .until("reported again", |worker| {
            worker.masters.ends_of(uid(1)).len() >= 2
        })
        .await;
    worker.masters.answer(1, None);
    worker
        .until("forgotten", |worker| worker.records_of(1).contains(&"forgotten"))
        .await;
}

pub async fn after_a_move_the_end_goes_to_the_new_owner(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Moved(owner(2, 2))));
    worker.dispatch(vec![named(1, "short")]).await;
    worker
        .until("reported to both", |worker| {
            worker.masters.ends_of(uid(1)).len() == 2
        })
        .await;
    let masters: Vec<Incarnation> = worker
        .masters
        .ends_of(uid(1))
        .into_iter()
        .map(|(master, _)| master)
        .collect();
    assert_eq!(masters, [Incarnation(1), Incarnation(2)]);
}

pub async fn a_new_owner_gets_the_end_that_the_dead_one_could_not_store(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    worker.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    worker.dispatch(vec![named(1, "short"), dispatch(2)]).await;
    worker
        .until("ended", |worker| worker.records_of(1).contains(&"ended"))
        .await;
    let running = worker.reattach(reattach_of(2, 7, owner(2, 2))).await;
    assert!(
        matches!(
            running,
            ReattachAnswer::Running {
                pid: Some(4711),
                started_at: Some(_)
            }
        ),
        "{running:?}"
    );
    worker.reattach(reattach_of(1, 7, owner(2, 2))).await;
    assert_eq!(worker.until_ended(1).await.0, Incarnation(2));
    worker.runner.finish(uid(2));
    assert_eq!(worker.until_ended(2).await.0, Incarnation(2));
}

pub async fn ends_that_come_together_travel_together(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 500).await;
    let batch = (1..=400).map(|instance| named(instance, "short")).collect();
    worker.dispatch(batch).await;
    worker
        .until("all reported", |worker| {
            worker.masters.ends_of(uid(400)).len() == 1
        })
        .await;
    worker
        .until("all reported", |worker| {
            locked(&worker.masters.batches).iter().sum::<usize>() == 400
        })
        .await;
    let batches = locked(&worker.masters.batches).len();
    assert!(batches < 100, "{batches} batches for 400 ends");
}

pub async fn a_task_that_cannot_be_started_fails_with_the_reason(transport: &dyn TransportUnderTest) {
    let worker = start_worker(transport, 2).await;
    worker.dispatch(vec![named(1, "broken")]).await;
    let (_, ended) = worker.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Failed);
    assert_eq!(ended.error.as_deref(), Some("there is no such program"));
}

pub async fn a_new_incarnation_kills_what_was_left_and_knows_what_had_ended(
    transport: &dyn TransportUnderTest,
) {
    let first = start_worker(transport, 4).await;
    first.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    first
        .dispatch(vec![dispatch(1), named(2, "short"), named(3, "short")])
        .await;
    first
        .until("written", |worker| {
            worker.records_of(1).len() == 2 && worker.records_of(2).len() == 3
        })
        .await;
    first.masters.answer(1, None);
    let second = start_incarnation(transport, 8, 4, Arc::clone(&first.journal)).await;
    let killed = second.runner.killed_leftovers();
    assert!(
        killed.iter().any(|left| left.uid == uid(1)
            && left.pid == Some(4711)
            && left.boot_id.as_deref() == Some(BOOT))
    );
    assert!(!killed.iter().any(|left| left.uid == uid(2)));
    let answer = second.reattach(reattach_of(1, 7, owner(2, 2))).await;
    assert!(is_lost(&answer, "was killed"), "{answer:?}");
    let done = second.reattach(reattach_of(2, 7, owner(2, 2))).await;
    let stored = !second.masters.ends_of(uid(2)).is_empty();
    assert!(matches!(done, ReattachAnswer::Done { .. }) || stored, "{done:?}");
    assert_eq!(
        second.reattach(reattach_of(9, 7, owner(2, 2))).await,
        ReattachAnswer::NeverStarted
    );
    let unknown = second.reattach(reattach_of(9, 5, owner(2, 2))).await;
    assert!(
        is_lost(&unknown, ""),
        "nothing is known of incarnation 5: {unknown:?}"
    );
    assert_eq!(second.runner.starts_of(uid(1)), 0);
}

pub async fn a_result_of_an_earlier_incarnation_is_delivered_by_the_next(transport: &dyn TransportUnderTest) {
    let first = start_worker(transport, 4).await;
    first.masters.answer(1, Some(ScriptedAnswer::Unreachable));
    first.dispatch(vec![named(2, "short")]).await;
    first
        .until("written", |worker| worker.records_of(2).len() == 3)
        .await;
    let second = start_incarnation(transport, 8, 4, Arc::clone(&first.journal)).await;
    second.until_ended(2).await;
    let reports = locked(&second.masters.reports).clone();
    assert_eq!(
        reports[0].1.worker,
        Incarnation(7),
        "in the name of the incarnation that ran it"
    );
}

pub async fn an_attempt_whose_actor_panics_has_its_leftovers_killed_and_fails(
    transport: &dyn TransportUnderTest,
) {
    let worker = start_worker(transport, 2).await;
    worker.dispatch(vec![named(1, "panics")]).await;
    let (_, ended) = worker.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Failed);
    assert_eq!(worker.runner.killed_leftovers().len(), 1);
    worker
        .until("the slot is free", |worker| worker.handle.slots().used == 0)
        .await;
}
