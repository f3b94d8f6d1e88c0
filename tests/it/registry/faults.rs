//! The faults that the registry of the tests imitates are those that Consul showed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::messages::membership::LeaveRegistry;
use actors::testing::registry::{Fault, FaultyRegistry};
use actors::testing::store::FakeStore;
use ports::{Registry, RegistryError};

use super::outage::{WARM_UP, lists, member, nothing_happens_for, wait_for};
use super::{local, new_member};

async fn with_a_new_member() -> (FaultyRegistry, ports::Member) {
    let registry = FaultyRegistry::new(local());
    let me = new_member();
    registry.register(&me).await.expect("registered");
    registry.heartbeat(me.incarnation).await.expect("a heartbeat");
    (registry, me)
}

#[tokio::test]
async fn a_lost_leader_is_an_error_of_every_call() {
    let (registry, me) = with_a_new_member().await;
    registry.set_fault(Fault::Unavailable);
    let answers = [
        registry.register(&me).await.err(),
        registry.heartbeat(me.incarnation).await.err(),
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
    registry.set_fault(Fault::None);
    let view = registry.confirm().await.expect("a view");
    assert!(view.present.contains(&me.incarnation));
}

#[tokio::test]
async fn a_lost_state_is_an_empty_view_with_a_smaller_index_after_the_whole_wait() {
    let (registry, me) = with_a_new_member().await;
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
        registry.heartbeat(me.incarnation).await,
        Err(RegistryError::NotRegistered)
    );
}

#[tokio::test]
async fn a_registry_that_hangs_answers_nothing() {
    let (registry, me) = with_a_new_member().await;
    registry.set_fault(Fault::Hangs);
    let heartbeat = tokio::time::timeout(Duration::from_millis(50), registry.heartbeat(me.incarnation));
    assert!(heartbeat.await.is_err());
}

#[tokio::test]
async fn members_are_hidden_and_shown_whatever_they_do() {
    let (registry, me) = with_a_new_member().await;
    let other = new_member();
    registry.hide(me.incarnation);
    registry.show(other.incarnation);
    let view = registry.confirm().await.expect("a view");
    assert!(
        !view.present.contains(&me.incarnation) && view.present.contains(&other.incarnation),
        "{view:?}"
    );
    registry.unhide(me.incarnation);
    registry.unshow(other.incarnation);
    let view = registry.confirm().await.expect("a view");
    assert!(
        view.present.contains(&me.incarnation) && !view.present.contains(&other.incarnation),
        "{view:?}"
    );
}

/// As two agents do for the seconds that gossip takes between them; an operator who removes an incarnation from the
/// catalogue of one, and the agent that adds it again, have the same effect.
#[tokio::test]
async fn two_agents_of_one_registry_may_show_different_members() {
    let shared = local();
    let (one, other) = (FaultyRegistry::new(shared.clone()), FaultyRegistry::new(shared));
    let me = new_member();
    one.register(&me).await.expect("registered");
    one.heartbeat(me.incarnation).await.expect("a heartbeat");
    let shows = async |agent: &FaultyRegistry| {
        let view = agent.confirm().await.expect("a view");
        view.present.contains(&me.incarnation)
    };
    other.hide(me.incarnation);
    assert!(shows(&one).await && !shows(&other).await);
    other.unhide(me.incarnation);
    assert!(shows(&one).await && shows(&other).await);
    one.deregister(me.incarnation).await.expect("it leaves");
    assert!(
        !shows(&one).await && !shows(&other).await,
        "a member that leaves is gone everywhere"
    );
}

#[tokio::test]
async fn a_watch_may_answer_though_nothing_is_new() {
    let (registry, _) = with_a_new_member().await;
    let index = registry.confirm().await.expect("a view").index;
    registry.set_fault(Fault::Spurious);
    let view = tokio::time::timeout(
        Duration::from_secs(1),
        registry.watch(index, Duration::from_secs(30)),
    );
    assert_eq!(view.await.expect("an answer").expect("a view").index, index);
}

/// Two nodes whose registry then fails so: the first reports it in time, suspects no node, and is healthy afterwards.
async fn is_survived(fault: Fault) {
    let faulty = FaultyRegistry::new(local());
    let (registry, store): (Arc<dyn Registry>, _) = (Arc::new(faulty.clone()), FakeStore::default());
    let me = member(&store, &registry).await;
    let other = member(&store, &registry).await;
    wait_for("both should be present", async || {
        lists(&registry, [&me.me, &other.me]).await
    })
    .await;
    let listener = me.watches(&store, &registry);
    nothing_happens_for(WARM_UP).await;
    assert!(!me.says_unreachable());
    faulty.set_fault(fault);
    let cut = Instant::now();
    wait_for("the outage should show", async || me.says_unreachable()).await;
    assert!(cut.elapsed() < Duration::from_secs(5), "{:?}", cut.elapsed());
    // Longer than any lease: the others' heartbeats fail, too.
    nothing_happens_for(Duration::from_secs(4)).await;
    assert!(me.says_unreachable(), "as long as it lasts");
    faulty.set_fault(Fault::None);
    wait_for("the outage should be over", async || !me.says_unreachable()).await;
    nothing_happens_for(WARM_UP).await;
    let suspected = listener.suspected();
    assert!(suspected.is_empty(), "no node was gone: {:?}", suspected.first());
}

#[actix_rt::test]
async fn a_registry_that_swallows_everything_is_noticed_by_the_heartbeats() {
    is_survived(Fault::Hangs).await;
}

#[actix_rt::test]
async fn a_registry_that_rejects_heartbeats_is_not_trusted() {
    is_survived(Fault::HeartbeatsStall).await;
}

#[actix_rt::test]
async fn a_node_that_has_left_is_not_registered_again() {
    let (registry, store) = (local(), FakeStore::default());
    let me = member(&store, &registry).await;
    let other = member(&store, &registry).await;
    wait_for("both should be present", async || {
        lists(&registry, [&me.me, &other.me]).await
    })
    .await;
    let (actor, _listener) = me.start_actor(&store, &registry);
    me.heartbeats.stop();
    let left = actor.send(LeaveRegistry).await.expect("the actor runs");
    left.expect("deregistered");
    // Its watch returns the view without this node at once.
    nothing_happens_for(Duration::from_millis(500)).await;
    assert_eq!(
        registry.heartbeat(me.me.incarnation).await,
        Err(RegistryError::NotRegistered)
    );
}

#[actix_rt::test]
async fn a_node_that_withholds_its_heartbeat_stays_missing() {
    let (registry, store) = (local(), FakeStore::default());
    let me = member(&store, &registry).await;
    let other = member(&store, &registry).await;
    let are_shown = async || lists(&registry, [&me.me, &other.me]).await;
    wait_for("both should be present", are_shown).await;
    let _listener = me.watches(&store, &registry);
    me.lose_database();
    wait_for("it should be missing", async || !are_shown().await).await;
    // Longer than its actor waits before it registers a node that the views do not show.
    let missing_since = Instant::now();
    while missing_since.elapsed() < Duration::from_secs(5) {
        assert!(!are_shown().await, "after {:?}", missing_since.elapsed());
        nothing_happens_for(Duration::from_millis(20)).await;
    }
}
