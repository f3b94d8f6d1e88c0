//! A worker whose masters fall silent, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use engine::definition::OnCutOff;
use engine::ids::Incarnation;
use engine::instance::AttemptResult;

use crate::protocol::{Dispatch, AttemptUpdate, KillAnswer};
use crate::testing::worker::NoTransport;
use crate::testing::worker::fakes::{Answers, locked};
use crate::testing::worker::test_worker::{
    House, adopt_of, dispatch, exclusive, house, is_lost, kill_of, life, owner, uid,
};

/// The reasons that were told for the loss of the first attempt, and to whom.
fn losses_of(house: &House) -> Vec<(Incarnation, String)> {
    let reports = locked(&house.masters.reports).clone().into_iter();
    let of = reports.filter(|(_, report)| report.uid == uid(1));
    of.filter_map(|(master, report)| match report.fact {
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
    let house = house(&NoTransport, 2).await;
    house.dispatch(vec![exclusive(1), dispatch(2)]).await;
    pass(31_000).await;
    assert_eq!(house.runner.starts_of(uid(1)), 1);
    assert_eq!(house.worker.slots().used, 2, "renewed, it runs on");
    // The last request that was answered was sent a second ago.
    house.masters.answer(1, Some(Answers::Away));
    // Greetings arrive, but no answer: they renew nothing.
    for _ in 0..18 {
        pass(1_000).await;
        house.link.hello(house.me, &owner(1, 1)).await.unwrap();
    }
    pass(900).await;
    assert_eq!(house.worker.slots().used, 2);
    pass(200).await;
    assert_eq!(
        house.worker.slots().used,
        1,
        "the slot is free, the other runs on"
    );
    assert_eq!(losses_of(&house), []);
    house.masters.answer(1, None);
    pass(10_000).await;
    let reason = "cut off from its owner for 20 s: stopped by its worker (on_cut_off: exclusive)".to_owned();
    assert_eq!(losses_of(&house), [(Incarnation(1), reason)]);
    assert_eq!(house.masters.ends_of(uid(1)), [], "it is no result of the task");
    assert_eq!(house.lines_of(1), ["accepted", "started", "forgotten"]);
}

#[actix::test]
async fn a_master_that_is_not_sure_keeps_no_lease_alive() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    house.masters.answer(1, Some(Answers::Unsure));
    pass(18_900).await;
    assert_eq!(house.worker.slots().used, 1);
    pass(200).await;
    assert_eq!(house.worker.slots().used, 0);
}

#[actix::test]
async fn a_new_owner_hears_of_a_stopped_attempt_by_its_question_and_by_a_report() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    house.masters.answer(1, Some(Answers::Away));
    pass(25_000).await;
    let adopted = house.adopt(adopt_of(1, 7, owner(2, 2))).await;
    assert!(is_lost(&adopted, "on_cut_off: exclusive"), "{adopted:?}");
    pass(100).await;
    let told: Vec<Incarnation> = losses_of(&house).into_iter().map(|(to, _)| to).collect();
    assert_eq!(told, [Incarnation(2)]);
}

#[actix::test]
async fn a_new_owner_that_answers_keeps_an_exclusive_attempt_running() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    house.masters.answer(1, Some(Answers::Away));
    pass(15_000).await;
    house.adopt(adopt_of(1, 7, owner(2, 2))).await;
    pass(60_000).await;
    assert_eq!(house.worker.slots().used, 1);
    house.runner.finish(uid(1));
    assert_eq!(house.until_ended(1).await.0, Incarnation(2));
}

#[actix::test]
async fn an_exclusive_attempt_whose_owner_never_answers_is_not_started() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house.masters.answer(1, Some(Answers::Away));
    house.dispatch(vec![exclusive(1)]).await;
    pass(20_100).await;
    assert_eq!(house.worker.slots().used, 0);
    house.masters.answer(1, None);
    pass(10_000).await;
    assert_eq!(house.runner.starts_of(uid(1)), 0);
    assert_eq!(losses_of(&house).len(), 1);
}

#[actix::test]
async fn an_exclusive_attempt_that_waits_for_its_lease_can_be_killed() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house.masters.answer(1, Some(Answers::Unsure));
    house.dispatch(vec![exclusive(1)]).await;
    assert_eq!(house.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    pass(1_000).await;
    assert_eq!(house.masters.ends_of(uid(1))[0].1.result, AttemptResult::Killed);
    house.masters.answer(1, None);
    pass(10_000).await;
    assert_eq!(house.runner.starts_of(uid(1)), 0);
}

#[actix::test]
async fn a_kill_that_was_ordered_before_the_cut_ends_as_killed() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    house.masters.answer(1, Some(Answers::Away));
    pass(25_000).await;
    assert_eq!(house.kill(kill_of(1, owner(1, 1))).await, KillAnswer::Killing);
    house.masters.answer(1, None);
    pass(10_000).await;
    let (_, ended) = house.masters.ends_of(uid(1)).remove(0);
    assert_eq!(ended.result, AttemptResult::Killed, "a stop finds it gone");
}

#[actix::test]
async fn what_a_cut_stopped_is_lost_for_the_next_life_too() {
    tokio::time::pause();
    let first = house(&NoTransport, 2).await;
    first.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    first.masters.answer(1, Some(Answers::Away));
    pass(25_000).await;
    let second = life(&NoTransport, 8, 2, Arc::clone(&first.journal)).await;
    let adopted = second.adopt(adopt_of(1, 7, owner(2, 2))).await;
    assert!(is_lost(&adopted, "was killed"), "{adopted:?}");
    assert_eq!(second.runner.starts_of(uid(1)), 0);
    assert_eq!(second.masters.ends_of(uid(1)), []);
}

#[actix::test]
async fn a_drain_waits_until_a_loss_is_told() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house.dispatch(vec![exclusive(1)]).await;
    pass(1_000).await;
    house.masters.answer(1, Some(Answers::Away));
    pass(25_000).await;
    let worker = house.worker.clone();
    let drained = actix_rt::spawn(async move { worker.drain(Duration::from_secs(60)).await });
    pass(1_000).await;
    assert!(!drained.is_finished());
    house.masters.answer(1, None);
    drained.await.unwrap();
    assert_eq!(losses_of(&house).len(), 1);
}

#[actix::test]
async fn stop_after_stops_an_attempt_when_no_master_was_in_contact_for_so_long() {
    tokio::time::pause();
    let house = house(&NoTransport, 4).await;
    let policy = OnCutOff::StopAfter { ms: 60_000 };
    house.dispatch(vec![with_policy(1, policy), dispatch(2)]).await;
    for _ in 0..100 {
        pass(1_000).await;
        house.link.hello(house.me, &owner(3, 1)).await.unwrap();
    }
    assert_eq!(house.worker.slots().used, 2, "some master is in contact");
    pass(59_900).await;
    assert_eq!(house.worker.slots().used, 2);
    pass(200).await;
    assert_eq!(house.worker.slots().used, 1);
    pass(1_000).await;
    let reason =
        "cut off from every master for 1m: stopped by its worker (on_cut_off: stop_after)".to_owned();
    assert_eq!(losses_of(&house), [(Incarnation(1), reason)]);
    assert_eq!(
        house.masters.asked_for_leases(),
        [] as [i64; 0],
        "it needs no lease"
    );
}
