//! The faults that the registry of the tests imitates are those that Consul showed.

use std::time::{Duration, Instant};

use actors::ports::{Registry, RegistryError};
use actors::testing::registry::{Fault, FaultyRegistry};

use super::{life, local};

async fn with_a_life() -> (FaultyRegistry, actors::ports::Member) {
    let registry = FaultyRegistry::before(local());
    let me = life();
    registry.register(&me).await.expect("registered");
    registry.beat(me.incarnation).await.expect("a beat");
    (registry, me)
}

#[tokio::test]
async fn a_lost_leader_is_an_error_of_every_call() {
    let (registry, me) = with_a_life().await;
    registry.set(Fault::Unavailable);
    let answers = [
        registry.register(&me).await.err(),
        registry.beat(me.incarnation).await.err(),
        registry.watch(0, Duration::ZERO).await.err(),
        registry.confirm().await.err(),
        registry.deregister(me.incarnation).await.err(),
    ];
    for answer in answers {
        assert!(
            matches!(answer, Some(RegistryError::Unavailable(_))),
            "{answer:?}"
        );
    }
    registry.set(Fault::None);
    let view = registry.confirm().await.expect("a view");
    assert!(view.present.contains(&me.incarnation));
}

#[tokio::test]
async fn a_lost_state_is_an_empty_view_with_a_smaller_index_after_the_whole_wait() {
    let (registry, me) = with_a_life().await;
    for _ in 0..5 {
        registry.register(&me).await.expect("registered");
    }
    let before = registry.confirm().await.expect("a view").index;
    registry.lose_state().await.expect("lost");
    let (began, wait) = (Instant::now(), Duration::from_millis(200));
    let view = registry.watch(before, wait).await.expect("a view");
    assert!(began.elapsed() >= wait);
    assert!(view.index < before, "{view:?}");
    assert!(view.present.is_empty(), "{view:?}");
    assert_eq!(
        registry.beat(me.incarnation).await,
        Err(RegistryError::NotRegistered)
    );
}

#[tokio::test]
async fn a_registry_that_hangs_answers_nothing() {
    let (registry, me) = with_a_life().await;
    registry.set(Fault::Hangs);
    let beat = tokio::time::timeout(Duration::from_millis(50), registry.beat(me.incarnation));
    assert!(beat.await.is_err());
}

#[tokio::test]
async fn lives_are_hidden_and_shown_whatever_they_do() {
    let (registry, me) = with_a_life().await;
    let other = life();
    registry.hide(me.incarnation, true);
    registry.show(other.incarnation, true);
    let view = registry.confirm().await.expect("a view");
    assert!(
        !view.present.contains(&me.incarnation) && view.present.contains(&other.incarnation),
        "{view:?}"
    );
    registry.hide(me.incarnation, false);
    registry.show(other.incarnation, false);
    let view = registry.confirm().await.expect("a view");
    assert!(
        view.present.contains(&me.incarnation) && !view.present.contains(&other.incarnation),
        "{view:?}"
    );
}
