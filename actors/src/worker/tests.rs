//! The suite of the protocol in process, and what needs virtual time: no socket works under a paused clock.

use std::sync::Arc;
use std::time::Duration;

use engine::ids::{Epoch, Generation, Incarnation, Uid};
use engine::instance::AttemptResult;

use crate::protocol::{Dispatch, DispatchAnswer, Owner};
use crate::testing::worker::NoTransport;
use crate::testing::worker::fakes::Answers;
use crate::testing::worker::test_worker::{adopt_of, dispatch, house, is_lost, life, named, owner, uid};

crate::worker_protocol!(NoTransport);

#[actix::test]
async fn without_its_owner_an_attempt_is_ended_ten_seconds_past_its_limit() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house
        .dispatch(vec![Dispatch {
            timeout_ms: Some(1000),
            ..dispatch(1)
        }])
        .await;
    tokio::time::sleep(Duration::from_millis(10_900)).await;
    assert_eq!(house.worker.slots().used, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(house.masters.ends_of(uid(1))[0].1.result, AttemptResult::TimedOut);
}

#[actix::test]
async fn an_end_is_told_again_until_it_is_stored() {
    tokio::time::pause();
    let house = house(&NoTransport, 2).await;
    house.masters.answer(1, Some(Answers::Away));
    house.dispatch(vec![named(1, "short")]).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    house.masters.answer(1, Some(Answers::Later));
    tokio::time::sleep(Duration::from_secs(30)).await;
    let told = house.masters.ends_of(uid(1)).len();
    assert!(
        (5..10).contains(&told),
        "with growing waits up to 5 s, so not {told} times"
    );
    assert_eq!(house.lines_of(1), ["accepted", "started", "ended"]);
    house.masters.answer(1, None);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(house.lines_of(1).last(), Some(&"forgotten"));
    let told = house.masters.ends_of(uid(1)).len();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(house.masters.ends_of(uid(1)).len(), told);
}

#[actix::test]
async fn what_a_drain_kills_is_lost_and_not_reported() {
    tokio::time::pause();
    let first = house(&NoTransport, 4).await;
    first.dispatch(vec![dispatch(1)]).await;
    first.worker.drain(Duration::from_secs(30)).await;
    assert_eq!(first.worker.slots().used, 0);
    assert_eq!(first.masters.ends_of(uid(1)), []);
    let second = life(&NoTransport, 8, 4, Arc::clone(&first.journal)).await;
    let adopted = second.adopt(adopt_of(1, 7, owner(2, 2))).await;
    assert!(is_lost(&adopted, "was killed"), "{adopted:?}");
}

#[actix::test]
async fn an_owner_of_a_later_generation_is_the_newer_one_whatever_its_epoch() {
    tokio::time::pause();
    let house = house(&NoTransport, 4).await;
    house.masters.answer(1, Some(Answers::Away));
    let lost_world = Dispatch {
        owner: owner(1, 9),
        ..named(1, "short")
    };
    house.dispatch(vec![lost_world.clone()]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let restored = Owner {
        generation: Generation(2),
        ..owner(2, 1)
    };
    house.adopt(adopt_of(1, 7, restored.clone())).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let told = house.masters.ends_of(uid(1));
    assert!(
        told.iter().any(|(master, _)| *master == Incarnation(2)),
        "the end of the earlier generation is told to it at once: {told:?}"
    );
    let fresh = Dispatch {
        uid: Uid {
            generation: Generation(2),
            ..uid(1)
        },
        owner: restored,
        ..named(1, "short")
    };
    let reply = house.dispatch(vec![fresh]).await;
    assert_eq!(reply.answers, [DispatchAnswer::Accepted]);
    let reply = house
        .dispatch(vec![Dispatch {
            uid: uid(1),
            ..lost_world
        }])
        .await;
    assert_eq!(
        reply.answers,
        [DispatchAnswer::StaleEpoch { seen: Epoch(1) }],
        "epoch 9 of the lost generation is over"
    );
}
