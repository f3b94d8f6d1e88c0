//! Who lives: reads the members, watches the registry, and tells both to everybody on this node.
//!
//! In: answers of the registry, one after the other, whether it takes the beats, and the members every second. Out: `Membership` to the
//! subscribers after each, whether anything changed or not; what they do with it is idempotent. It declares
//! nobody dead. If it dies, the node ends.

mod trust;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;

use crate::clock::Clock;
use crate::condition::Condition;
use crate::peers::Peers;
use crate::ports::{Member, Registry, RegistryError, Seen, Store, StoreError, View};
use crate::pulse::Pulse;
use crate::vital::Vital;

pub use trust::{Suspect, Trust};

/// How long the registry holds a life for present after its last beat.
pub const LEASE: Duration = Duration::from_secs(2);

/// How often the members are read without any event.
const READ: Duration = Duration::from_secs(1);

/// How long one question to the registry may stay open. Short, because a registry whose leader hangs leaves it open,
/// and beats are taken all the same: a view is never older than this and the patience of one call.
const WATCH: Duration = Duration::from_secs(5);

/// A node that is registered and not shown is registered anew at most so often: where it may not be shown (a token
/// that does not allow it), that would only disturb the others.
const ANEW: Duration = Duration::from_secs(60);

/// The pause after an error of the registry; doubles up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a user reads when beats are taken, but views do not show this node.
const UNLISTED: &str = "consul takes the beats of this node and does not list it, membership frozen: either its token \
                        may not read nodes, or the agent has not passed the registration on yet";

/// Who lives, and who may be gone. Losing it is harmless: the next one says the same.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Membership {
    /// Everybody who lives according to the store.
    pub living: Arc<Vec<Seen>>,
    /// Those of them that the registry misses.
    pub suspects: Vec<Suspect>,
    /// The registry answers, and shows everybody who lives.
    pub is_whole: bool,
}

/// What the actor is made of.
pub struct RegistryParts {
    /// This life, as it is registered.
    pub me: Member,
    /// The database's clock, for the condition.
    pub clock: Clock,
    /// The members.
    pub store: Arc<dyn Store>,
    /// Tells quickly that somebody may be gone.
    pub registry: Arc<dyn Registry>,
    /// Whether the registry takes this node's beats.
    pub pulse: Pulse,
    /// Addresses for everything on this node that sends.
    pub peers: Peers,
    /// What a user sees of troubles.
    pub condition: Condition,
    /// Who hears.
    pub subscribers: Vec<Recipient<Membership>>,
}

/// Watches. See the module.
pub struct RegistryActor {
    parts: RegistryParts,
    trust: Trust,
    began: Instant,
    living: Arc<Vec<Seen>>,
    reading: bool,
    /// When this node was taken out of the registry to be told anew.
    anew: Option<Instant>,
    pause: Duration,
    /// Ends the node when this actor does.
    _vital: Vital,
}

impl RegistryActor {
    /// Makes the actor of a node that has registered.
    pub fn new(parts: RegistryParts, vital: Vital) -> Self {
        Self {
            parts,
            trust: Trust::starting_at(0),
            began: Instant::now(),
            living: Arc::default(),
            reading: false,
            anew: None,
            pause: FIRST_PAUSE,
            _vital: vital,
        }
    }

    /// Milliseconds of the monotonic clock.
    fn now(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Asks for the next view, until it comes or the beats are not taken any more: a registry that swallows what it
    /// is told would leave the question open, and what it showed before grows old.
    fn watch(&mut self, ctx: &mut Context<Self>) {
        let (registry, pulse) = (Arc::clone(&self.parts.registry), self.parts.pulse.clone());
        let after = self.trust.index();
        let answer = async move {
            tokio::select! {
                biased;
                why = pulse.untaken() => Err(RegistryError::Unavailable(why)),
                answer = registry.watch(after, WATCH) => answer,
            }
        };
        ctx.spawn(answer.into_actor(self).map(Self::watched));
    }

    fn watched(answer: Result<View, RegistryError>, actor: &mut Self, ctx: &mut Context<Self>) {
        let failed = answer.is_err();
        let error = answer.as_ref().err().map(RegistryError::to_string);
        let (now, at) = (actor.now(), actor.parts.clock.now());
        if actor.trust.observed(now, answer, actor.parts.me.incarnation) {
            actor.register_again(ctx);
        }
        let trouble = match error {
            Some(error) => Some(format!("consul unreachable, membership frozen: {error}")),
            None if actor.trust.is_stranger(now) => Some(UNLISTED.to_owned()),
            None => None,
        };
        actor.parts.condition.set("REGISTRY_UNREACHABLE", trouble, at);
        actor.read(ctx);
        if failed {
            ctx.run_later(actor.pause, Self::watch);
            actor.pause = (actor.pause * 2).min(LONGEST_PAUSE);
        } else {
            actor.pause = FIRST_PAUSE;
            actor.watch(ctx);
        }
    }

    /// A view without this node: it has to be known before it may say anything of others.
    fn register_again(&mut self, ctx: &mut Context<Self>) {
        let (registry, me) = (Arc::clone(&self.parts.registry), self.parts.me.clone());
        let stranger = self.trust.is_stranger(self.now());
        let anew = stranger && self.anew.is_none_or(|at| at.elapsed() > ANEW);
        if anew {
            self.anew = Some(Instant::now());
        }
        let register = async move {
            if anew {
                // An agent that knows this node tells its servers nothing new, although they have lost it.
                registry.deregister(me.incarnation).await.ok();
            } else if registry.beat(me.incarnation).await.is_ok() {
                // A beat that is taken shows that only the view was late.
                return;
            }
            match registry.register(&me).await {
                Ok(()) => tracing::info!(incarnation = %me.incarnation, "registered again"),
                Err(error) => tracing::warn!(%error, "this node could not be registered again"),
            }
        };
        ctx.spawn(register.into_actor(self));
    }

    /// Reads the members and tells what is known, unless a reading is under way.
    fn read(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.reading, true) {
            return;
        }
        let store = Arc::clone(&self.parts.store);
        let asked = tokio::time::Instant::now();
        let living = async move { (store.living().await, asked) };
        ctx.spawn(living.into_actor(self).map(Self::was_read));
    }

    fn was_read(
        (read, asked): (Result<Vec<Seen>, StoreError>, tokio::time::Instant),
        actor: &mut Self,
        _: &mut Context<Self>,
    ) {
        actor.reading = false;
        let trouble = read
            .as_ref()
            .err()
            .map(|_| "holding: database unreachable".to_owned());
        let at = actor.parts.clock.now();
        actor.parts.condition.set("STORE_UNREACHABLE", trouble, at);
        let Ok(living) = read else { return };
        actor.parts.peers.update(living.clone(), asked);
        actor.living = Arc::new(living);
        let now = actor.now();
        let suspects = actor
            .trust
            .suspects(now, actor.parts.me.incarnation, &actor.living);
        let membership = Membership {
            living: Arc::clone(&actor.living),
            suspects,
            is_whole: actor.trust.misses_nobody(),
        };
        for subscriber in &actor.parts.subscribers {
            // One that is behind hears the next one, which says the same.
            subscriber.try_send(membership.clone()).ok();
        }
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.watch(ctx);
        self.read(ctx);
        ctx.run_interval(READ, |actor, ctx| actor.read(ctx));
    }
}
