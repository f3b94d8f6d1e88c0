//! A Consul that dies and comes back with nothing: errors, no empty view, and lives that register by themselves.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler};
use actors::clock::Clock;
use actors::exit_on_panic::ExitOnPanic;
use actors::membership::health::HealthStatus;
use actors::membership::heartbeat::{HeartbeatConfig, HeartbeatThread};
use actors::membership::liveness::LivenessMonitor;
use actors::membership::peers::Peers;
use actors::membership::registry_actor::{RegistryActor, RegistryDeps};
use actors::messages::membership::Membership;
use actors::ports::{Join, Member, MembershipStore as _, Registry, RegistryError};
use actors::testing::store::FakeStore;
use engine::states::MemberState;

use super::agent::Agent;
use super::life;

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
    /// What named suspects.
    pub(super) fn suspected(&self) -> Vec<Membership> {
        let heard = self.0.lock().expect("no panic");
        let suspecting = heard.iter().filter(|heard| !heard.suspects.is_empty());
        suspecting.cloned().collect()
    }
}

/// A member of the store whose heart beats.
pub(super) struct Alive {
    pub(super) me: Member,
    pub(super) heart: HeartbeatThread,
    pub(super) condition: HealthStatus,
    pub(super) pulse: LivenessMonitor,
}

impl Alive {
    /// Starts its actor, which tells the listener.
    pub(super) fn watches(&self, store: &FakeStore, registry: &Arc<dyn Registry>) -> Listener {
        let listener = Listener::default();
        let parts = RegistryDeps {
            this_node: self.me.clone(),
            clock: Clock::starting_at(self.me.joined_at),
            store: Arc::new(store.clone()),
            registry: Arc::clone(registry),
            liveness: self.pulse.clone(),
            peers: Peers::default(),
            health: self.condition.clone(),
            subscribers: vec![listener.clone().start().recipient()],
        };
        let vital = ExitOnPanic::new("RegistryActor", Arc::new(|actor| panic!("{actor} died")));
        RegistryActor::new(parts, vital).start();
        listener
    }

    /// Whether it says that the registry cannot be used.
    pub(super) fn says_unreachable(&self) -> bool {
        let troubles = self.condition.issues();
        troubles.iter().any(|it| it.code == "REGISTRY_UNREACHABLE")
    }
}

/// Joins, registers and beats.
pub(super) async fn member(store: &FakeStore, registry: &Arc<dyn Registry>) -> Alive {
    let mut me = life();
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
    let condition = HealthStatus::default();
    let pulse = LivenessMonitor::default();
    let signs = pulse.clone();
    actix_rt::spawn(async move {
        loop {
            signs.mark_store();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let parts = HeartbeatConfig {
        exit_on_panic: ExitOnPanic::new("heartbeat", Arc::new(|actor| panic!("{actor} died"))),
        this_node: me.clone(),
        registry: Arc::clone(registry),
        liveness: pulse.clone(),
        health: condition.clone(),
        clock: Clock::starting_at(joined.now),
    };
    let heart = HeartbeatThread::start(parts).expect("a thread");
    Alive {
        me,
        heart,
        condition,
        pulse,
    }
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
    let me = life();
    registry.register(&me).await.expect("registered");
    registry.heartbeat(me.incarnation).await.expect("a beat");
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
async fn a_consul_that_forgot_everything_is_told_again_and_nobody_is_suspected() {
    let Some(agent) = Agent::start() else { return };
    let (registry, store) = (agent.registry(), FakeStore::default());
    // Moves the index on, so that the next one is surely behind it.
    for _ in 0..30 {
        let other = life();
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
    tokio::time::sleep(Duration::from_secs(8)).await;
    agent.kill();
    wait_for("the outage should show", async || me.says_unreachable()).await;
    let _agent = agent.restarted();
    wait_for("both should have registered again", async || {
        lists(&registry, [&me.me, &other.me]).await
    })
    .await;
    wait_for("the outage should be over", async || !me.says_unreachable()).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    let suspected = listener.suspected();
    assert!(suspected.is_empty(), "nobody was gone: {:?}", suspected.first());
    // And a death is noticed again, as soon as before.
    let gone = other.me.incarnation;
    other.heart.stop();
    wait_for("the one that stopped should be suspected", async || {
        let is_other = |heard: &Membership| heard.suspects.iter().any(|it| it.incarnation == gone);
        listener.suspected().iter().any(is_other)
    })
    .await;
}
