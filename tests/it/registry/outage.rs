//! A Consul that dies and returns without data: errors, no empty view, and nodes that register by themselves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{Actor, Addr, Context, Handler};
use actors::exit_on_panic::ExitOnPanic;
use actors::membership::heartbeat::{HeartbeatConfig, HeartbeatThread};
use actors::membership::liveness::LivenessMonitor;
use actors::membership::registry_actor::{RegistryActor, RegistryDeps};
use actors::messages::membership::Membership;
use actors::testing::store::FakeStore;
use engine::states::MemberState;
use ports::clock::Clock;
use ports::health::HealthStatus;
use ports::peers::Peers;
use ports::{Join, Member, MembershipStore as _, Registry, RegistryError};

use super::agent::Agent;
use super::new_member;

/// Remembers what was published.
#[derive(Clone, Default)]
pub(super) struct Listener(Arc<Mutex<Vec<Membership>>>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<Membership> for Listener {
    type Result = ();

    fn handle(&mut self, msg: Membership, _: &mut Self::Context) {
        self.0.lock().expect("no panic").push(msg);
    }
}

impl Listener {
    /// The views that named suspects.
    pub(super) fn suspected(&self) -> Vec<Membership> {
        let published = self.0.lock().expect("no panic");
        let suspecting = published.iter().filter(|view| !view.suspects.is_empty());
        suspecting.cloned().collect()
    }
}

/// A member of the store with a heartbeat thread.
pub(super) struct RunningMember {
    pub(super) me: Member,
    pub(super) heartbeats: HeartbeatThread,
    pub(super) health: HealthStatus,
    pub(super) liveness: LivenessMonitor,
    has_database: Arc<AtomicBool>,
}

impl RunningMember {
    /// Starts its actor, which publishes to the listener.
    pub(super) fn watches(&self, store: &FakeStore, registry: &Arc<dyn Registry>) -> Listener {
        self.start_actor(store, registry).1
    }

    /// Starts its actor, which publishes to the listener.
    pub(super) fn start_actor(
        &self,
        store: &FakeStore,
        registry: &Arc<dyn Registry>,
    ) -> (Addr<RegistryActor>, Listener) {
        let listener = Listener::default();
        let parts = RegistryDeps {
            this_node: self.me.clone(),
            clock: Clock::starting_at(self.me.joined_at),
            store: Arc::new(store.clone()),
            registry: Arc::clone(registry),
            liveness: self.liveness.clone(),
            peers: Peers::default(),
            health: self.health.clone(),
            subscribers: vec![listener.clone().start().recipient()],
        };
        let exit_on_panic = ExitOnPanic::new("RegistryActor", Arc::new(|actor| panic!("{actor} died")));
        (RegistryActor::new(parts, exit_on_panic).start(), listener)
    }

    /// Stores no heartbeat in the database from now on.
    pub(super) fn lose_database(&self) {
        self.has_database.store(false, Ordering::Relaxed);
    }

    /// Whether it reports that the registry cannot be used.
    pub(super) fn says_unreachable(&self) -> bool {
        let issues = self.health.issues();
        issues.iter().any(|it| it.code == "REGISTRY_UNREACHABLE")
    }
}

/// Joins, registers and sends heartbeats.
pub(super) async fn member(store: &FakeStore, registry: &Arc<dyn Registry>) -> RunningMember {
    let mut me = new_member();
    let join = Join {
        name: me.name.clone(),
        host: me.host.clone(),
        roles: me.roles.clone(),
        slots: 0,
        worker_group: me.worker_group.clone(),
        version: me.version.clone(),
    };
    let joined = store.join_cluster(&join).await.expect("joined");
    me.incarnation = joined.incarnation;
    store
        .set_member_state(me.incarnation, MemberState::Active)
        .await
        .expect("active");
    registry.register(&me).await.expect("registered");
    let health = HealthStatus::default();
    let liveness = LivenessMonitor::default();
    let has_database = Arc::new(AtomicBool::new(true));
    let (store_liveness, database) = (liveness.clone(), Arc::clone(&has_database));
    actix_rt::spawn(async move {
        while database.load(Ordering::Relaxed) {
            store_liveness.mark_store();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let parts = HeartbeatConfig {
        exit_on_panic: ExitOnPanic::new("heartbeat", Arc::new(|actor| panic!("{actor} died"))),
        this_node: me.clone(),
        registry: Arc::clone(registry),
        liveness: liveness.clone(),
        health: health.clone(),
        clock: Clock::starting_at(joined.now),
    };
    let heartbeats = HeartbeatThread::start(parts).expect("a thread");
    RunningMember {
        me,
        heartbeats,
        health,
        liveness,
        has_database,
    }
}

/// Longer than the warm-up of a failure detector: before that it suspects no node.
pub(super) const WARM_UP: Duration = Duration::from_secs(8);

/// Waits for a span after which the caller asserts that something did not happen.
pub(super) async fn nothing_happens_for(span: Duration) {
    tokio::time::sleep(span).await;
}

/// Waits for something that may take 20 s.
pub(super) async fn wait_for(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether the registry shows both.
pub(super) async fn lists(registry: &Arc<dyn Registry>, members: [&Member; 2]) -> bool {
    let view = registry.confirm().await;
    view.is_ok_and(|view| {
        members
            .iter()
            .all(|member| view.present.contains(&member.incarnation))
    })
}

#[actix_rt::test]
async fn a_dead_consul_is_an_error_and_never_an_empty_view() {
    let Some(agent) = Agent::start() else { return };
    let registry = agent.registry();
    let me = new_member();
    registry.register(&me).await.expect("registered");
    registry.heartbeat(me.incarnation).await.expect("a heartbeat");
    let index = registry.confirm().await.expect("a view").index;
    let waiting = actix_rt::spawn({
        let registry = Arc::clone(&registry);
        async move { registry.watch(index + 100, Duration::from_secs(30)).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    agent.kill();
    let began = Instant::now();
    for answer in [
        waiting.await.expect("no panic").err(),
        registry.watch(0, Duration::ZERO).await.err(),
        registry.confirm().await.err(),
        registry.heartbeat(me.incarnation).await.err(),
        registry.register(&me).await.err(),
    ] {
        assert!(
            matches!(answer, Some(RegistryError::Unavailable(_))),
            "{answer:?}"
        );
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[actix_rt::test]
async fn a_consul_that_forgot_everything_is_filled_again_and_no_node_is_suspected() {
    let Some(agent) = Agent::start() else { return };
    let (registry, store) = (agent.registry(), FakeStore::default());
    // Moves the index on, so that the next one is surely behind it.
    for _ in 0..30 {
        let other = new_member();
        registry.register(&other).await.expect("registered");
        registry.deregister(other.incarnation).await.expect("left");
    }
    let me = member(&store, &registry).await;
    let other = member(&store, &registry).await;
    wait_for("both should be present", async || {
        lists(&registry, [&me.me, &other.me]).await
    })
    .await;
    let listener = me.watches(&store, &registry);
    nothing_happens_for(WARM_UP).await;
    agent.kill();
    wait_for("the outage should show", async || me.says_unreachable()).await;
    let _agent = agent.restarted();
    wait_for("both should have registered again", async || {
        lists(&registry, [&me.me, &other.me]).await
    })
    .await;
    wait_for("the outage should be over", async || !me.says_unreachable()).await;
    nothing_happens_for(WARM_UP).await;
    let suspected = listener.suspected();
    assert!(suspected.is_empty(), "no node was gone: {:?}", suspected.first());
    // And a death is noticed again, as soon as before.
    let gone = other.me.incarnation;
    other.heartbeats.stop();
    wait_for("the one that stopped should be suspected", async || {
        let is_other = |view: &Membership| view.suspects.iter().any(|it| it.incarnation == gone);
        listener.suspected().iter().any(is_other)
    })
    .await;
}
