//! Watches the registry, reads the members from the store, and publishes both to the actors of this node.
//!
//! In: views of the registry, one after the other, whether it accepts heartbeats, and the members every second. Out:
//! `Membership` to the subscribers after each reading, whether anything changed or not; acting on it is idempotent. It
//! declares no death. If it dies, the node ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use tokio::sync::Mutex;

use crate::exit_on_panic::ExitOnPanic;
use crate::membership::failure_detector::{FailureDetector, ViewOutcome};
use crate::membership::liveness::LivenessMonitor;
use crate::messages::Observe;
use crate::messages::membership::{LeaveRegistry, Membership};
use ports::backoff::Backoff;
use ports::clock::Clock;
use ports::health::HealthStatus;
use ports::peers::Peers;
use ports::{Member, MemberStatus, MembershipStore, Registry, RegistryError, StoreError, View};

/// The interval at which the members are read without any event.
const READ_INTERVAL: Duration = Duration::from_secs(1);

/// The longest time for which one watch of the registry stays open. A registry whose leader hangs leaves it open while it
/// still accepts heartbeats; so a view is never older than this and the timeout of one call.
const WATCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest time between two complete registrations of a node that is registered but not shown. Where it may not be
/// shown (a token that does not allow it), registering more often would only disturb the others.
const REREGISTER_INTERVAL: Duration = Duration::from_secs(60);

/// The pauses after errors of the registry.
const ERROR_PAUSE: Backoff = Backoff::between(Duration::from_millis(50), Duration::from_secs(2));

/// The health issue of a node whose heartbeats are accepted, but which views do not show.
const NOT_SHOWN: &str = "consul accepts the heartbeats of this node and does not list it, membership frozen: either its token \
                         may not read nodes, or the agent has not passed the registration on yet";

/// What the actor works with.
pub struct RegistryDeps {
    /// This incarnation, as it is registered.
    pub this_node: Member,
    /// Dates health issues.
    pub clock: Clock,
    /// The members.
    pub store: Arc<dyn MembershipStore>,
    /// The registry in which this node is registered.
    pub registry: Arc<dyn Registry>,
    /// Whether the registry accepts the heartbeats of this node.
    pub liveness: LivenessMonitor,
    /// The addresses of the members, shared with everything on this node that sends.
    pub peers: Peers,
    /// The health issues of this node.
    pub health: HealthStatus,
    /// The actors that receive `Membership`.
    pub subscribers: Vec<Recipient<Membership>>,
}

/// Whether this node is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Registration {
    /// It is, and registers again when the registry loses it.
    #[default]
    Kept,
    /// It has left.
    Ended,
}

/// Watches the members of the cluster.
pub struct RegistryActor {
    deps: RegistryDeps,
    detector: FailureDetector,
    origin: Instant,
    living: Arc<Vec<MemberStatus>>,
    reading: bool,
    /// Locked while the registration is changed, so that none overtakes the end.
    registration: Arc<Mutex<Registration>>,
    /// When this node was last deregistered to be registered completely.
    reregistered_at: Option<Instant>,
    /// Errors of the registry in a row.
    failures: u32,
    _exit_on_panic: ExitOnPanic,
}

impl RegistryActor {
    /// Makes the actor of a node that has registered.
    pub fn new(deps: RegistryDeps, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            deps,
            detector: FailureDetector::new(0),
            origin: Instant::now(),
            living: Arc::default(),
            reading: false,
            registration: Arc::default(),
            reregistered_at: None,
            failures: 0,
            _exit_on_panic: exit_on_panic,
        }
    }

    /// Milliseconds of the monotonic clock.
    fn now(&self) -> i64 {
        i64::try_from(self.origin.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Waits for the next view, until it comes or heartbeats are not accepted any more: a registry that swallows its
    /// requests would leave the watch open, and the last view grows old.
    fn watch(&mut self, ctx: &mut Context<Self>) {
        let (registry, liveness) = (Arc::clone(&self.deps.registry), self.deps.liveness.clone());
        let after = self.detector.index();
        let view = async move {
            tokio::select! {
                biased;
                reason = liveness.heartbeat_failure() => Err(RegistryError::Unavailable(reason)),
                view = registry.watch(after, WATCH_TIMEOUT) => view,
            }
        };
        ctx.spawn(view.into_actor(self).map(Self::on_view));
    }

    fn on_view(view: Result<View, RegistryError>, actor: &mut Self, ctx: &mut Context<Self>) {
        let failed = view.is_err();
        let error = view.as_ref().err().map(RegistryError::to_string);
        let (now, at) = (actor.now(), actor.deps.clock.now());
        let this_node = actor.deps.this_node.incarnation;
        if actor.detector.observe(now, view, this_node) == ViewOutcome::RegisterAgain {
            actor.register_again(ctx);
        }
        let issue = match error {
            Some(error) => Some(format!("consul unreachable, membership frozen: {error}")),
            None if actor.detector.is_self_missing(now) => Some(NOT_SHOWN.to_owned()),
            None => None,
        };
        actor.deps.health.set_issue("REGISTRY_UNREACHABLE", issue, at);
        actor.read_members(ctx);
        if failed {
            ctx.run_later(ERROR_PAUSE.delay(actor.failures), Self::watch);
            actor.failures = actor.failures.saturating_add(1);
        } else {
            actor.failures = 0;
            actor.watch(ctx);
        }
    }

    /// Registers this node, which the last view did not show: a view without it proves nothing about the others.
    fn register_again(&mut self, ctx: &mut Context<Self>) {
        // A heartbeat that is withheld lets others replace this node; to register would be one.
        if self.deps.liveness.stalled_part().is_some() {
            return;
        }
        let (registry, this_node) = (Arc::clone(&self.deps.registry), self.deps.this_node.clone());
        let completely = self.detector.is_self_missing(self.now())
            && self
                .reregistered_at
                .is_none_or(|at| at.elapsed() > REREGISTER_INTERVAL);
        if completely {
            self.reregistered_at = Some(Instant::now());
        }
        let registration = Arc::clone(&self.registration);
        let register = async move {
            let registration = registration.lock().await;
            if *registration == Registration::Ended {
                return;
            }
            if completely {
                // An agent that knows this node sends its servers nothing new, although they have lost it.
                registry.deregister(this_node.incarnation).await.ok();
            } else if registry.heartbeat(this_node.incarnation).await.is_ok() {
                // An accepted heartbeat shows that only the view was late.
                return;
            }
            match registry.register(&this_node).await {
                Ok(()) => tracing::info!(incarnation = %this_node.incarnation, "registered again"),
                Err(error) => tracing::warn!(%error, "this node could not be registered again"),
            }
        };
        ctx.spawn(register.into_actor(self));
    }

    /// Reads the members and publishes them, unless a reading is in flight.
    fn read_members(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.reading, true) {
            return;
        }
        let store = Arc::clone(&self.deps.store);
        let requested_at = tokio::time::Instant::now();
        let living = async move { (store.list_live_members().await, requested_at) };
        ctx.spawn(living.into_actor(self).map(|(read, requested_at), actor, _| {
            actor.reading = false;
            actor.publish(read, requested_at);
        }));
    }

    fn publish(&mut self, read: Result<Vec<MemberStatus>, StoreError>, requested_at: tokio::time::Instant) {
        let unreachable = read
            .as_ref()
            .err()
            .map(|_| "holding: database unreachable".to_owned());
        let at = self.deps.clock.now();
        self.deps.health.set_issue("STORE_UNREACHABLE", unreachable, at);
        let Ok(living) = read else { return };
        self.deps.peers.update(living.clone(), requested_at);
        self.living = Arc::new(living);
        let now = self.now();
        let this_node = self.deps.this_node.incarnation;
        self.detector
            .record_own_heartbeat(self.deps.liveness.registry_silence());
        let membership = Membership {
            living: Arc::clone(&self.living),
            suspects: self.detector.suspects(now, this_node, &self.living),
            sees_all: self.detector.sees_all(),
        };
        for subscriber in &self.deps.subscribers {
            // One whose mailbox is full receives the next message, which repeats this one.
            subscriber.try_send(membership.clone()).ok();
        }
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.watch(ctx);
        self.read_members(ctx);
        ctx.run_interval(READ_INTERVAL, |actor, ctx| actor.read_members(ctx));
    }
}

impl Handler<LeaveRegistry> for RegistryActor {
    type Result = ResponseFuture<Result<(), RegistryError>>;

    fn handle(&mut self, _: LeaveRegistry, _: &mut Self::Context) -> Self::Result {
        let (registry, this_node) = (Arc::clone(&self.deps.registry), self.deps.this_node.incarnation);
        let registration = Arc::clone(&self.registration);
        Box::pin(async move {
            let mut registration = registration.lock().await;
            *registration = Registration::Ended;
            registry.deregister(this_node).await
        })
    }
}

impl Handler<Observe> for RegistryActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({
            "live_members": self.living.len(),
            "view_index": self.detector.index(),
            "sees_all": self.detector.sees_all(),
            "self_missing": self.detector.is_self_missing(self.now()),
            "failures": self.failures,
        }))
    }
}
