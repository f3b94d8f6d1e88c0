//! What every transport between masters and a worker must keep. Each case is named by its sentence.

#![allow(missing_docs, reason = "the name of a case says what it shows")]
#![allow(clippy::unwrap_used, reason = "a case that meets the unexpected should fail")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engine::ids::{Epoch, Incarnation, Uid};
use engine::instance::AttemptResult;
use engine::states::KillCause;

use super::Transport;
use super::fakes::{Answers, locked};
use super::house::{
    BOOT, adopt_of, dispatch, exclusive, house, is_lost, is_refused, kill_of, life, named, owner, uid,
};
use crate::links::LinkError;
use crate::protocol::{ReattachAnswer, Dispatch, DispatchAnswer, Kill, KillAnswer};

pub async fn a_short_task_reports_once_and_is_journalled_from_start_to_end(way: &dyn Transport) {
    let house = house(way, 2).await;
    let reply = house.dispatch(vec![named(1, "short")]).await;
    assert_eq!(
        (reply.answers, reply.free_slots),
        (vec![DispatchAnswer::Accepted], 1)
    );
    let (master, ended) = house.until_ended(1).await;
    assert_eq!(
        (master, ended.result, ended.pid),
        (Incarnation(1), AttemptResult::Succeeded, Some(4711))
    );
    assert_eq!(house.masters.starts_of(uid(1)), 0);
    house
        .until("forgotten", |house| house.lines_of(1).contains(&"forgotten"))
        .await;
    assert_eq!(house.lines_of(1), ["accepted", "started", "ended", "forgotten"]);
    house
        .until("the slot is free", |house| house.worker.slots().used == 0)
        .await;
}

pub async fn a_long_task_reports_its_start_and_then_its_end(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.dispatch(vec![dispatch(1)]).await;
    house
        .until("start told", |house| house.masters.starts_of(uid(1)) == 1)
        .await;
    assert_eq!(house.worker.slots().used, 1);
    house.runner.finish(uid(1));
    house.until_ended(1).await;
    assert_eq!(house.masters.starts_of(uid(1)), 1);
}

pub async fn the_contract_s_names_are_in_the_environment_and_cannot_be_forged(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.dispatch(vec![dispatch(1)]).await;
    house.until_started(1).await;
    let env = locked(&house.runner.started)[0].dispatch.env.clone();
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

pub async fn a_uid_that_is_sent_again_is_accepted_and_starts_once(way: &dyn Transport) {
    let house = house(way, 4).await;
    let reply = house.dispatch(vec![dispatch(1), dispatch(1)]).await;
    assert_eq!(reply.answers, vec![DispatchAnswer::Accepted; 2]);
    house.dispatch(vec![dispatch(1)]).await;
    house.until_started(1).await;
    house.runner.finish(uid(1));
    house
        .until("forgotten", |house| house.lines_of(1).contains(&"forgotten"))
        .await;
    let late = house.dispatch(vec![dispatch(1)]).await;
    assert_eq!(late.answers, vec![DispatchAnswer::Accepted]);
    house.dispatch(vec![named(2, "short")]).await;
    house.until_ended(2).await;
    assert_eq!(house.runner.starts_of(uid(1)), 1);
    assert_eq!(house.masters.ends_of(uid(1)).len(), 1);
}

pub async fn beyond_its_slots_it_refuses_and_remembers_that_it_did(way: &dyn Transport) {
    let house = house(way, 1).await;
    let reply = house.dispatch(vec![dispatch(1), dispatch(2)]).await;
    assert_eq!(reply.answers[0], DispatchAnswer::Accepted);
    assert!(is_refused(&reply.answers[1], "no slot"), "{reply:?}");
    assert_eq!(reply.free_slots, 0);
    house.until_started(1).await;
    house.runner.finish(uid(1));
    house.until("free", |house| house.worker.slots().used == 0).await;
    let again = house.dispatch(vec![dispatch(2)]).await;
    assert!(
        is_refused(&again.answers[0], "called off"),
        "a refused uid never starts: {again:?}"
    );
}

pub async fn a_dispatch_for_another_life_is_not_taken(way: &dyn Transport) {
    let house = house(way, 2).await;
    let other = Dispatch {
        worker: Incarnation(6),
        ..dispatch(1)
    };
    // The worker refuses it with a reason; a transport that sees the mistake first has not delivered it.
    match house.link.dispatch(Incarnation(6), vec![other]).await {
        Ok(reply) => assert!(is_refused(&reply.answers[0], "another life")),
        Err(error) => assert!(matches!(error, LinkError::NotDelivered(_)), "{error}"),
    }
    let free = house.link.hello(Incarnation(6), &owner(1, 1)).await;
    assert!(
        matches!(free, Ok(0) | Err(LinkError::NotDelivered(_))),
        "{free:?}"
    );
    assert_eq!(house.link.hello(house.me, &owner(1, 1)).await, Ok(2));
    assert_eq!(house.runner.starts_of(uid(1)), 0);
}

pub async fn an_older_epoch_is_refused_for_every_kind_of_message(way: &dyn Transport) {
    let house = house(way, 4).await;
    let newer = Dispatch {
        owner: owner(2, 5),
        ..dispatch(1)
    };
    house.dispatch(vec![newer]).await;
    let second = Uid {
        ordinal: engine::ids::Ordinal(1),
        ..uid(1)
    };
    let stale = Dispatch {
        uid: second,
        owner: owner(1, 4),
        ..dispatch(1)
    };
    let reply = house.dispatch(vec![stale]).await;
    assert_eq!(reply.answers, vec![DispatchAnswer::StaleEpoch { seen: Epoch(5) }]);
    assert_eq!(
        house.kill(kill_of(1, owner(1, 4))).await,
        KillAnswer::StaleEpoch { seen: Epoch(5) }
    );
    let adopted = house.adopt(adopt_of(1, 7, owner(1, 4))).await;
    assert_eq!(adopted, ReattachAnswer::StaleEpoch { seen: Epoch(5) });
    house.until_started(1).await;
    assert_eq!(house.runner.starts_of(second), 0);
}

pub async fn a_kill_ends_the_attempt_and_its_end_is_reported_as_killed(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.dispatch(vec![dispatch(1)]).await;
    assert_eq!(house.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    assert_eq!(house.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    let (_, ended) = house.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Killed);
}

pub async fn a_kill_for_time_is_told_as_timed_out(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.dispatch(vec![dispatch(1)]).await;
    house.until_started(1).await;
    let kill = Kill {
        cause: KillCause::Timeout,
        ..kill_of(1, owner(1, 1))
    };
    house.kill(kill).await;
    let (_, ended) = house.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::TimedOut);
    assert!(ended.error.unwrap().contains("timed out"));
}

pub async fn a_kill_of_an_unknown_uid_tombstones_it(way: &dyn Transport) {
    let house = house(way, 2).await;
    assert_eq!(
        house.kill(kill_of(1, owner(1, 1))).await,
        KillAnswer::NeverStarted
    );
    let late = house.dispatch(vec![dispatch(1)]).await;
    assert!(is_refused(&late.answers[0], "called off"));
    assert_eq!(
        house.adopt(adopt_of(1, 7, owner(2, 2))).await,
        ReattachAnswer::NeverStarted
    );
    assert_eq!(house.runner.starts_of(uid(1)), 0);
}

pub async fn an_end_that_is_not_stored_yet_is_told_again(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.masters.answer(1, Some(Answers::Later));
    house.dispatch(vec![named(1, "short")]).await;
    house
        .until("told again", |house| house.masters.ends_of(uid(1)).len() >= 2)
        .await;
    house.masters.answer(1, None);
    house
        .until("forgotten", |house| house.lines_of(1).contains(&"forgotten"))
        .await;
}

pub async fn after_a_move_the_end_goes_to_the_new_owner(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.masters.answer(1, Some(Answers::Moved(owner(2, 2))));
    house.dispatch(vec![named(1, "short")]).await;
    house
        .until("told to both", |house| house.masters.ends_of(uid(1)).len() == 2)
        .await;
    let masters: Vec<Incarnation> = house
        .masters
        .ends_of(uid(1))
        .into_iter()
        .map(|(master, _)| master)
        .collect();
    assert_eq!(masters, [Incarnation(1), Incarnation(2)]);
}

pub async fn an_adopting_owner_gets_the_end_that_the_dead_one_could_not_take(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.masters.answer(1, Some(Answers::Away));
    house.dispatch(vec![named(1, "short"), dispatch(2)]).await;
    house
        .until("ended", |house| house.lines_of(1).contains(&"ended"))
        .await;
    let running = house.adopt(adopt_of(2, 7, owner(2, 2))).await;
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
    house.adopt(adopt_of(1, 7, owner(2, 2))).await;
    assert_eq!(house.until_ended(1).await.0, Incarnation(2));
    house.runner.finish(uid(2));
    assert_eq!(house.until_ended(2).await.0, Incarnation(2));
}

pub async fn ends_that_come_together_travel_together(way: &dyn Transport) {
    let house = house(way, 500).await;
    let batch = (1..=400).map(|instance| named(instance, "short")).collect();
    house.dispatch(batch).await;
    house
        .until("all told", |house| house.masters.ends_of(uid(400)).len() == 1)
        .await;
    house
        .until("all told", |house| {
            locked(&house.masters.batches).iter().sum::<usize>() == 400
        })
        .await;
    let batches = locked(&house.masters.batches).len();
    assert!(batches < 100, "{batches} batches for 400 ends");
}

pub async fn when_the_journal_cannot_be_written_nothing_starts_and_the_reason_is_told(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.journal.refuse_writes(Some("no space left on device"));
    let reply = house.dispatch(vec![dispatch(1)]).await;
    assert!(is_refused(&reply.answers[0], "no space left"), "{reply:?}");
    assert_eq!(house.worker.slots().used, 0);
    house.journal.refuse_writes(None);
    house.dispatch(vec![named(2, "short")]).await;
    house.until_ended(2).await;
    assert_eq!(house.runner.starts_of(uid(1)), 0);
}

pub async fn a_task_that_cannot_be_started_fails_in_words(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.dispatch(vec![named(1, "broken")]).await;
    let (_, ended) = house.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Failed);
    assert_eq!(ended.error.as_deref(), Some("there is no such program"));
}

pub async fn a_master_that_was_told_of_no_slot_hears_when_one_is_free(way: &dyn Transport) {
    let house = house(way, 1).await;
    house.dispatch(vec![dispatch(1)]).await;
    assert_eq!(house.link.hello(house.me, &owner(3, 1)).await.unwrap(), 0);
    house.until_started(1).await;
    house.runner.finish(uid(1));
    house
        .until("slots pushed", |house| !locked(&house.masters.slots).is_empty())
        .await;
    assert_eq!(*locked(&house.masters.slots), [(Incarnation(3), 1)]);
}

pub async fn a_new_life_ends_what_was_left_and_knows_what_had_ended(way: &dyn Transport) {
    let first = house(way, 4).await;
    first.masters.answer(1, Some(Answers::Away));
    first
        .dispatch(vec![dispatch(1), named(2, "short"), named(3, "short")])
        .await;
    first
        .until("written", |house| {
            house.lines_of(1).len() == 2 && house.lines_of(2).len() == 3
        })
        .await;
    first.masters.answer(1, None);
    let second = life(way, 8, 4, Arc::clone(&first.journal)).await;
    let swept = locked(&second.runner.swept).clone();
    assert!(
        swept.iter().any(|left| left.uid == uid(1)
            && left.pid == Some(4711)
            && left.boot_id.as_deref() == Some(BOOT))
    );
    assert!(!swept.iter().any(|left| left.uid == uid(2)));
    let adopted = second.adopt(adopt_of(1, 7, owner(2, 2))).await;
    assert!(is_lost(&adopted, "was killed"), "{adopted:?}");
    let done = second.adopt(adopt_of(2, 7, owner(2, 2))).await;
    let stored = !second.masters.ends_of(uid(2)).is_empty();
    assert!(matches!(done, ReattachAnswer::Done { .. }) || stored, "{done:?}");
    assert_eq!(
        second.adopt(adopt_of(9, 7, owner(2, 2))).await,
        ReattachAnswer::NeverStarted
    );
    let unknown = second.adopt(adopt_of(9, 5, owner(2, 2))).await;
    assert!(is_lost(&unknown, ""), "nothing is known of life 5: {unknown:?}");
    assert_eq!(second.runner.starts_of(uid(1)), 0);
}

pub async fn a_result_of_an_earlier_life_is_delivered_by_the_next(way: &dyn Transport) {
    let first = house(way, 4).await;
    first.masters.answer(1, Some(Answers::Away));
    first.dispatch(vec![named(2, "short")]).await;
    first.until("written", |house| house.lines_of(2).len() == 3).await;
    let second = life(way, 8, 4, Arc::clone(&first.journal)).await;
    second.until_ended(2).await;
    let reports = locked(&second.masters.reports).clone();
    assert_eq!(
        reports[0].1.worker,
        Incarnation(7),
        "in the name of the life that ran it"
    );
}

pub async fn a_drain_takes_nothing_new_and_waits_until_ends_are_stored(way: &dyn Transport) {
    let house = house(way, 4).await;
    house.dispatch(vec![dispatch(1)]).await;
    house.until_started(1).await;
    let worker = house.worker.clone();
    let drained = actix_rt::spawn(async move { worker.drain(Duration::from_secs(60)).await });
    let mut instance = 2;
    loop {
        let reply = house.dispatch(vec![named(instance, "short")]).await;
        if is_refused(&reply.answers[0], "draining") {
            break;
        }
        instance += 1;
        tokio::task::yield_now().await;
    }
    assert!(!drained.is_finished());
    house.runner.finish(uid(1));
    drained.await.unwrap();
    assert_eq!(house.masters.ends_of(uid(1)).len(), 1);
}

pub async fn an_exclusive_attempt_starts_with_the_lease_that_its_owner_grants(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.masters.answer(1, Some(Answers::Unsure));
    let reply = house.dispatch(vec![exclusive(1)]).await;
    assert_eq!(reply.answers, [DispatchAnswer::Accepted]);
    house
        .until("asked twice", |house| house.masters.asked_for_leases().len() >= 2)
        .await;
    assert_eq!(house.runner.starts_of(uid(1)), 0, "the owner was not sure");
    house.masters.answer(1, None);
    house.until_started(1).await;
    let (master, renewal) = locked(&house.masters.renewals)[0];
    assert_eq!(
        (master, renewal.uid, renewal.epoch),
        (Incarnation(1), uid(1), Epoch(1))
    );
    house.adopt(adopt_of(1, 7, owner(2, 2))).await;
    house
        .until("the new owner is asked", |house| {
            house.masters.asked_for_leases().contains(&2)
        })
        .await;
}

pub async fn an_attempt_whose_actor_panics_is_swept_and_fails(way: &dyn Transport) {
    let house = house(way, 2).await;
    house.dispatch(vec![named(1, "panics")]).await;
    let (_, ended) = house.until_ended(1).await;
    assert_eq!(ended.result, AttemptResult::Failed);
    assert_eq!(locked(&house.runner.swept).len(), 1);
    house
        .until("the slot is free", |house| house.worker.slots().used == 0)
        .await;
}
