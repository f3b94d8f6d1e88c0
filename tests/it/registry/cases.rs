//! What every registry promises.

use std::time::{Duration, Instant};

use engine::ids::Incarnation;
use ports::REGISTRY_LEASE;
use ports::{Registry, RegistryError, View};

use super::new_member;

const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);

/// Watches until an incarnation is present, or no longer; answers the time that it took.
async fn until(registry: &dyn Registry, incarnation: Incarnation, present: bool) -> Duration {
    let began = Instant::now();
    let mut after = 0;
    loop {
        let view = registry
            .watch(after, Duration::from_secs(5))
            .await
            .expect("a view");
        if view.present.contains(&incarnation) == present {
            return began.elapsed();
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{incarnation} should {}be in {view:?}",
            if present { "" } else { "not " }
        );
        after = view.index;
    }
}

async fn confirmed(registry: &dyn Registry) -> View {
    registry.confirm().await.expect("a view")
}

pub(super) async fn a_member_is_present_from_its_first_heartbeat_on(registry: &dyn Registry) {
    let me = new_member();
    registry.register(&me).await.expect("registered");
    assert!(!confirmed(registry).await.present.contains(&me.incarnation));
    registry.heartbeat(me.incarnation).await.expect("a heartbeat");
    let took = until(registry, me.incarnation, true).await;
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert!(confirmed(registry).await.present.contains(&me.incarnation));
}

pub(super) async fn a_member_without_heartbeats_is_gone_when_its_lease_ends(registry: &dyn Registry) {
    let me = new_member();
    registry.register(&me).await.expect("registered");
    registry.heartbeat(me.incarnation).await.expect("a heartbeat");
    until(registry, me.incarnation, true).await;
    registry.heartbeat(me.incarnation).await.expect("a heartbeat");
    let took = until(registry, me.incarnation, false).await;
    let expected = REGISTRY_LEASE - Duration::from_millis(100)..REGISTRY_LEASE + Duration::from_secs(1);
    assert!(expected.contains(&took), "{took:?}");
}

pub(super) async fn a_member_with_heartbeats_stays(registry: &dyn Registry) {
    let me = new_member();
    registry.register(&me).await.expect("registered");
    let end = Instant::now() + 2 * REGISTRY_LEASE;
    while Instant::now() < end {
        registry.heartbeat(me.incarnation).await.expect("a heartbeat");
        until(registry, me.incarnation, true).await;
        tokio::time::sleep(HEARTBEAT_INTERVAL).await;
        assert!(confirmed(registry).await.present.contains(&me.incarnation));
    }
}

pub(super) async fn a_heartbeat_of_an_unregistered_member_is_refused(registry: &dyn Registry) {
    let answer = registry.heartbeat(new_member().incarnation).await;
    assert_eq!(answer, Err(RegistryError::NotRegistered));
}

pub(super) async fn a_new_incarnation_drops_the_older_one_of_its_host(registry: &dyn Registry) {
    let (old, mut new) = (new_member(), new_member());
    new.host.clone_from(&old.host);
    for member in [&old, &new] {
        registry.register(member).await.expect("registered");
        registry.heartbeat(member.incarnation).await.expect("a heartbeat");
    }
    until(registry, new.incarnation, true).await;
    until(registry, old.incarnation, false).await;
    assert_eq!(
        registry.heartbeat(old.incarnation).await,
        Err(RegistryError::NotRegistered)
    );
}

pub(super) async fn a_late_registration_drops_no_newer_incarnation(registry: &dyn Registry) {
    let (old, mut new) = (new_member(), new_member());
    new.host.clone_from(&old.host);
    for member in [&new, &old] {
        registry.register(member).await.expect("registered");
    }
    assert_eq!(registry.heartbeat(new.incarnation).await, Ok(()));
}

pub(super) async fn a_member_that_leaves_is_gone_at_once(registry: &dyn Registry) {
    let me = new_member();
    registry.register(&me).await.expect("registered");
    registry.heartbeat(me.incarnation).await.expect("a heartbeat");
    until(registry, me.incarnation, true).await;
    registry.deregister(me.incarnation).await.expect("left");
    let took = until(registry, me.incarnation, false).await;
    assert!(took < REGISTRY_LEASE / 2, "{took:?}");
    assert_eq!(
        registry.deregister(me.incarnation).await,
        Ok(()),
        "leaving twice is fine"
    );
}

pub(super) async fn registering_again_keeps_a_member(registry: &dyn Registry) {
    let me = new_member();
    for _ in 0..3 {
        registry.register(&me).await.expect("registered");
        registry.heartbeat(me.incarnation).await.expect("a heartbeat");
        until(registry, me.incarnation, true).await;
    }
    registry.register(&me).await.expect("registered");
    assert!(confirmed(registry).await.present.contains(&me.incarnation));
}

pub(super) async fn a_watch_that_may_not_wait_answers_at_once(registry: &dyn Registry) {
    // So high that no change of another test is newer.
    let after = u64::MAX / 2;
    for wait in [Duration::ZERO, Duration::from_micros(1)] {
        let view = tokio::time::timeout(Duration::from_secs(1), registry.watch(after, wait));
        view.await.expect("an answer").expect("a view");
    }
}

pub(super) async fn a_watch_without_changes_answers_after_its_wait(registry: &dyn Registry) {
    let me = new_member();
    registry.register(&me).await.expect("registered");
    let index = confirmed(registry).await.index;
    assert!(index > 0, "0 would ask every reader to begin again");
    let view = tokio::time::timeout(
        Duration::from_secs(10),
        registry.watch(index, Duration::from_millis(300)),
    );
    let view = view.await.expect("an answer").expect("a view");
    assert!(view.index >= index, "{view:?}");
}
