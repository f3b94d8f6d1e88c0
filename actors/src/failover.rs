//! Takes over what dead masters owned.
//!
//! In: readings of the members with those that the registry misses, hints of refused connections, and a timer.
//! Out: a second witness for each that is missed, the declaration of its death in the store, claims of its
//! instances through `DbActor` (new host, owner and epoch are stored in one statement), their actors through
//! `MasterActor`, and only then the acknowledgement. The timer does the same without any event, so that a lost
//! event costs seconds and never an instance. It also gives this master's own instances away when another master
//! reaches workers that this one does not. If it dies, the node ends.

mod cut_off;
mod records;
mod sweep;
mod witness;
mod workers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use actix::prelude::*;
use engine::ids::{Incarnation, Timestamp};

use crate::clock::Clock;
use crate::condition::Condition;
use crate::db::DbActor;
use crate::faults::{self, Mutant};
use crate::links::PeerLink;
use crate::master::{MasterActor, StartDrain};
use crate::ports::{Declaration, Declared, Me, Registry, Seen, Store};
use crate::registry::Membership;
use crate::slots::Slots;
use crate::vital::Vital;

use records::Records;
use witness::{Cause, Evidence, Verdict};
use workers::Workers;

/// How often orphans are looked for without any event; each node waits a little longer or shorter, so that they
/// do not all come at once.
const SWEEP: Duration = Duration::from_secs(5);

/// The pause before a suspect that lives, or a store that did not answer, is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Readings that are further apart than this mean that the store paused.
const PAUSE: Duration = Duration::from_secs(3);

/// After a pause of the store old beats prove nothing for so long: those of everybody are old.
const STEADY: Duration = Duration::from_secs(6);

/// A connection to a peer was refused or reset. Losing it is harmless: the registry misses the peer soon.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Hint(pub Incarnation);

/// What the actor reaches the world through.
#[derive(Clone)]
pub struct Reach {
    /// This life.
    pub me: Me,
    /// The database's clock.
    pub clock: Clock,
    /// Members and declarations.
    pub store: Arc<dyn Store>,
    /// Claims go through it.
    pub db: Addr<DbActor>,
    /// Gives claimed instances their actors.
    pub master: Addr<MasterActor>,
    /// The first witness, asked again.
    pub registry: Arc<dyn Registry>,
    /// The second witness.
    pub peers: Arc<dyn PeerLink>,
    /// The workers as this master hears them.
    pub slots: Slots,
    /// What a user sees of troubles.
    pub condition: Condition,
    /// Set while this master takes no instances, because another one reaches the workers.
    pub closed: Arc<AtomicBool>,
}

/// Takes over. See the module.
pub struct FailoverActor {
    reach: Reach,
    living: Arc<Vec<Seen>>,
    last_reading: Option<Instant>,
    /// Readings have come without a pause since then.
    steady_since: Instant,
    /// Suspects that are being witnessed, or that turned out to live a moment ago.
    busy: BTreeSet<Incarnation>,
    /// When each was first missed.
    missed: BTreeMap<Incarnation, Timestamp>,
    records: Records,
    sweeping: bool,
    sweep_again: bool,
    draining: bool,
    workers: Workers,
    /// Ends the node when this actor does.
    _vital: Vital,
}

impl FailoverActor {
    /// Makes the actor of a master.
    pub fn new(reach: Reach, vital: Vital) -> Self {
        Self {
            reach,
            living: Arc::default(),
            last_reading: None,
            steady_since: Instant::now(),
            busy: BTreeSet::new(),
            missed: BTreeMap::new(),
            records: Records::default(),
            sweeping: false,
            sweep_again: false,
            draining: false,
            workers: Workers::default(),
            _vital: vital,
        }
    }

    /// Takes over a reading; answers whether somebody is gone since the last one.
    fn read(&mut self, living: Arc<Vec<Seen>>) -> bool {
        let now = Instant::now();
        if self
            .last_reading
            .is_none_or(|last| now.duration_since(last) > PAUSE)
        {
            self.steady_since = now;
        }
        self.last_reading = Some(now);
        let before = std::mem::replace(&mut self.living, living);
        before
            .iter()
            .any(|seen| self.find(seen.member.incarnation).is_none())
    }

    fn find(&self, incarnation: Incarnation) -> Option<&Seen> {
        let mut living = self.living.iter();
        living.find(|seen| seen.member.incarnation == incarnation)
    }

    /// Looks for a second witness of a death, unless that is under way.
    fn suspect(&mut self, incarnation: Incarnation, cause: Cause, ctx: &mut Context<Self>) {
        let Some(seen) = self.find(incarnation).cloned() else {
            return;
        };
        let me = self.reach.me.incarnation;
        if self.draining || incarnation == me || !self.busy.insert(incarnation) {
            return;
        }
        let missed_at = self.reach.clock.now();
        self.missed.entry(incarnation).or_insert(missed_at);
        let evidence = Evidence {
            beats_count: self.steady_since.elapsed() >= STEADY,
            seen,
            cause,
        };
        let reach = self.reach.clone();
        let examine = async move {
            let verdict = witness::examine(&reach, &evidence).await;
            let Verdict::Dead(reason) = verdict else {
                return Ok((verdict, None));
            };
            let declaration = Declaration {
                me,
                dead: incarnation,
                reason: reason.clone(),
            };
            faults::point("declare.before");
            let declared = reach.store.declare_dead(&declaration).await?;
            faults::point("declare.after");
            Ok((Verdict::Dead(reason), Some(declared)))
        };
        ctx.spawn(examine.into_actor(self).map(
            move |examined: Result<_, crate::ports::StoreError>, actor, ctx| match examined {
                Ok((verdict, declared)) => actor.examined(incarnation, verdict, declared, ctx),
                Err(error) => {
                    tracing::warn!(suspect = %incarnation, %error, "a death could not be declared");
                    actor.look_again(incarnation, ctx);
                }
            },
        ));
    }

    fn examined(
        &mut self,
        incarnation: Incarnation,
        verdict: Verdict,
        declared: Option<Declared>,
        ctx: &mut Context<Self>,
    ) {
        match (verdict, declared) {
            (Verdict::Dead(reason), Some(Declared::Dead)) => {
                tracing::warn!(dead = %incarnation, reason, "declared dead");
                metrics::counter!("porpoise_declarations_total").increment(1);
                if let Some(seen) = self.find(incarnation) {
                    let owns = seen.member.has_role("master");
                    self.records.declared(incarnation, owns);
                }
                self.busy.remove(&incarnation);
                self.sweep(ctx);
            }
            (Verdict::Dead(_), Some(Declared::WasOver)) => {
                self.busy.remove(&incarnation);
                self.sweep(ctx);
            }
            (Verdict::Dead(_), _) => self.look_again(incarnation, ctx),
            (Verdict::Lives, _) => {
                tracing::debug!(suspect = %incarnation, "missed, but it lives");
                self.missed.remove(&incarnation);
                self.look_again(incarnation, ctx);
            }
            (Verdict::Unknown(why), _) => {
                tracing::debug!(suspect = %incarnation, why, "missed, and nobody can say whether it lives");
                self.look_again(incarnation, ctx);
            }
        }
    }

    /// The next reading that misses it may look again after a pause.
    fn look_again(&self, incarnation: Incarnation, ctx: &mut Context<Self>) {
        ctx.run_later(LOOK_AGAIN, move |actor, _| {
            actor.busy.remove(&incarnation);
        });
    }
}

impl Actor for FailoverActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if faults::lacks(Mutant::EventsOnly) {
            return;
        }
        self.sweep(ctx);
        // Spread over a fifth of the interval, by a number that differs from node to node.
        let spread = u32::try_from(self.reach.me.incarnation.0.rem_euclid(5)).unwrap_or(0);
        let every = SWEEP + SWEEP / 20 * spread;
        ctx.run_interval(every, |actor, ctx| actor.sweep(ctx));
    }
}

impl Handler<Membership> for FailoverActor {
    type Result = ();

    fn handle(&mut self, msg: Membership, ctx: &mut Self::Context) {
        if self.read(msg.living) {
            self.sweep(ctx);
        }
        self.look_at_workers(ctx);
        for suspect in msg.suspects {
            let cause = if suspect.without_registry {
                Cause::SilentWithoutRegistry
            } else {
                Cause::Missed
            };
            self.suspect(suspect.incarnation, cause, ctx);
        }
    }
}

impl Handler<Hint> for FailoverActor {
    type Result = ();

    fn handle(&mut self, Hint(incarnation): Hint, ctx: &mut Self::Context) {
        self.suspect(incarnation, Cause::Hinted, ctx);
    }
}

impl Handler<StartDrain> for FailoverActor {
    type Result = ();

    fn handle(&mut self, _: StartDrain, _: &mut Self::Context) {
        self.draining = true;
    }
}
