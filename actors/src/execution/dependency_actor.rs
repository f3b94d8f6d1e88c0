//! Finds the dependent tasks that the ends of instances wake, and notifies their owners.
//!
//! Owns nothing: ends and waits are rows. In: notices that an instance of this node has ended. Out: notices to the
//! tasks that wait, on this node or another. Behind the notices stand a look every few seconds, which also finds the ends
//! that a master recorded before it died, and a comparison of all that waits on this node with all that ended lately. If
//! it dies, the node ends.

use std::sync::Arc;
use std::time::Duration;

use actix::WeakAddr;
use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId, TaskIndex};

use crate::execution::instance_notices::InstanceNotices;
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::Observe;
use crate::messages::master::LookTarget;
use crate::ownership::single_flight::{FlightDecision, SingleFlight};
use ports::clock::Clock;
use ports::commit_events::CommitBroadcast;
use ports::{DependencyStore, StoreError, WokenDependent};

/// The interval at which ends are looked for that nothing reported.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// The interval at which all that waits is compared with what ended lately, whether or not the ends were recorded.
const COMPARE_INTERVAL: Duration = Duration::from_secs(60);

/// How long ago an instance ended at the latest that is compared: two intervals and what a commit may take.
const COMPARED_MS: i64 = 180_000;

/// The pause in which the ends of many instances become one look.
const GATHER: Duration = Duration::from_millis(50);

/// An instance of this node has ended. Losing it is harmless: the next look finds the end.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct InstanceEnded;

/// What the actor is made of.
#[derive(Clone)]
pub struct DependencyDeps {
    /// This incarnation.
    pub this_node: Incarnation,
    /// Where ends and waits are.
    pub store: Arc<dyn DependencyStore>,
    /// The way to instances that wait.
    pub notices: InstanceNotices,
    /// Says that instances of this node end.
    pub commit_events: CommitBroadcast,
    /// The database's time.
    pub clock: Clock,
}

/// Wakes dependent tasks.
pub struct DependencyActor {
    deps: DependencyDeps,
    looking: SingleFlight,
    woken: u64,
    _exit_on_panic: ExitOnPanic,
}

impl DependencyActor {
    /// Makes the actor of a master.
    pub fn new(deps: DependencyDeps, exit_on_panic: ExitOnPanic) -> Self {
        Self {
            deps,
            looking: SingleFlight::default(),
            woken: 0,
            _exit_on_panic: exit_on_panic,
        }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.looking.request() == FlightDecision::Wait {
            return;
        }
        let deps = self.deps.clone();
        let wake = async move { wake_dependents(&deps).await };
        ctx.spawn(wake.into_actor(self).map(|woken, actor, ctx| {
            match woken {
                Ok(count) => {
                    actor.woken += count;
                    metrics::counter!("porpoise_dependents_woken_total").increment(count);
                }
                Err(error) => {
                    tracing::warn!(%error, "the ends of instances could not be read; they are read again")
                }
            }
            if actor.looking.finish() {
                ctx.run_later(GATHER, |actor, ctx| actor.look(ctx));
            }
        }));
    }
}

/// Marks what waits here as woken where an instance ended lately.
async fn compare_with_ends(deps: DependencyDeps) {
    let since = deps.clock.now().plus(-COMPARED_MS);
    if let Err(error) = deps.store.compare_with_ends(deps.this_node, since).await {
        tracing::warn!(%error, "waiting tasks could not be compared with what ended; they are compared again");
    }
}

/// Wakes what waits for ended instances; returns how many tasks of this node it woke. Those of other nodes stay woken
/// until their owners look.
async fn wake_dependents(deps: &DependencyDeps) -> Result<u64, StoreError> {
    let mut count = 0;
    // The store lists some thousands at a time.
    loop {
        let woken = deps.store.wake_dependents().await?;
        let is_here = |one: &&WokenDependent| one.owner == Some(deps.this_node);
        let here: Vec<(InstanceId, TaskIndex)> = woken
            .iter()
            .filter(is_here)
            .map(|one| (one.instance, one.task_index))
            .collect();
        // Cleared before they look, so that an end after that wakes them again.
        deps.store.clear_woken(&here).await?;
        for one in &woken {
            let target = LookTarget::task(one.instance, one.task_index);
            deps.notices.send_change(target).await;
        }
        if here.is_empty() {
            return Ok(count);
        }
        count += u64::try_from(here.len()).unwrap_or(u64::MAX);
    }
}

/// Lets the actor look after ends of instances, for as long as it runs.
async fn forward_ends(ends: CommitBroadcast, actor: WeakAddr<DependencyActor>) {
    loop {
        ends.wait_for_ends().await;
        tokio::time::sleep(GATHER).await;
        let Some(actor) = actor.upgrade() else { return };
        actor.do_send(InstanceEnded);
    }
}

impl Actor for DependencyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        actix_rt::spawn(forward_ends(
            self.deps.commit_events.clone(),
            ctx.address().downgrade(),
        ));
        ctx.run_interval(LOOK_INTERVAL, |actor, ctx| actor.look(ctx));
        ctx.run_interval(COMPARE_INTERVAL, |actor, ctx| {
            // The next look finds what it marks.
            ctx.spawn(compare_with_ends(actor.deps.clone()).into_actor(actor));
        });
    }
}

impl Handler<InstanceEnded> for DependencyActor {
    type Result = ();

    fn handle(&mut self, _: InstanceEnded, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Observe> for DependencyActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({ "woken": self.woken }))
    }
}
