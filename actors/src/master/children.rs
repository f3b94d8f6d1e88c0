//! The actors of the instances that this node owns, and what follows their end.

use std::collections::VecDeque;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId, Timestamp};
use engine::states::Attention;
use engine::states::OwnershipReason;

use super::MasterActor;
use crate::ports::Claimed;
use crate::workflow::{Birth, Exited, Held, Stirred, Why, WorkflowActor};

/// Restarts of one actor within the window before a person is asked.
const MAX_RESTARTS: usize = 5;

/// The window in which restarts are counted.
const WINDOW_MS: i64 = 60_000;

/// The pause before the first restart; it doubles with each further one in the window.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// One instance that this node owns.
pub(super) struct Child {
    /// None while it waits for its restart.
    pub(super) addr: Option<Addr<WorkflowActor>>,
    pub(super) epoch: Epoch,
    /// When it was adopted; after a while it counts as progress.
    pub(super) since: Timestamp,
    pub(super) progress_noted: bool,
    /// When it came from another master, if it did.
    pub(super) came_at: Option<Timestamp>,
    /// When it was last told anything.
    pub(super) stirred: Stirred,
    restarts: VecDeque<Timestamp>,
}

/// What this node owns.
pub(super) struct Owned {
    pub(super) id: InstanceId,
    pub(super) epoch: Epoch,
    /// Another master had it until now.
    pub(super) came: bool,
}

impl MasterActor {
    /// Gives an owned instance an actor, unless it has one under this epoch.
    pub(super) fn adopt(&mut self, owned: Owned, birth: Birth, ctx: &mut Context<Self>) {
        let Owned { id, epoch, came } = owned;
        let known = self.children.get(&id).is_some_and(|child| child.epoch >= epoch);
        if known {
            return;
        }
        let since = self.around.clock.now();
        let child = Child {
            addr: None,
            epoch,
            since,
            progress_noted: false,
            came_at: came.then_some(since),
            stirred: Stirred::at_first(since),
            restarts: VecDeque::new(),
        };
        self.children.insert(id, child);
        self.spawn(id, birth, ctx);
    }

    /// Gives an instance that was claimed a moment ago its actor, and says so.
    pub(super) fn adopt_claimed(&mut self, claimed: &Claimed, birth: Birth, ctx: &mut Context<Self>) {
        tracing::info!(
            instance = %claimed.id, epoch = %claimed.epoch, why = %claimed.why,
            from_host = claimed.from_host, to_host = self.around.me.host, "instance owned"
        );
        let owned = Owned {
            id: claimed.id,
            epoch: claimed.epoch,
            came: matches!(claimed.why, OwnershipReason::Failover | OwnershipReason::Handover),
        };
        self.adopt(owned, birth, ctx);
    }

    fn spawn(&mut self, id: InstanceId, birth: Birth, ctx: &mut Context<Self>) {
        let Some(arbiter) = self.arbiter_of(id).cloned() else {
            return;
        };
        let around = self.around.clone();
        let exits = ctx.address().recipient();
        let Some(child) = self.children.get_mut(&id) else {
            return;
        };
        let held = Held {
            id,
            epoch: child.epoch,
            stirred: child.stirred.clone(),
        };
        let addr = WorkflowActor::start_in_arbiter(&arbiter, move |_| {
            WorkflowActor::new(held, birth, around, exits)
        });
        child.addr = Some(addr);
        metrics::gauge!("porpoise_instances_active").set(self.children.len() as f64);
    }

    pub(super) fn forget(&mut self, id: InstanceId) {
        self.children.remove(&id);
        metrics::gauge!("porpoise_instances_active").set(self.children.len() as f64);
    }

    /// Builds an actor anew after a pause, or gives up on the instance when that did not help.
    fn rebuild(&mut self, id: InstanceId, why: Why, ctx: &mut Context<Self>) {
        let now = self.around.clock.now();
        let Some(child) = self.children.get_mut(&id) else {
            return;
        };
        child.addr = None;
        child.restarts.retain(|at| now.since(*at) < WINDOW_MS);
        child.restarts.push_back(now);
        let count = child.restarts.len();
        let epoch = child.epoch;
        tracing::warn!(instance = %id, ?why, restarts = count, "workflow actor is built anew");
        metrics::counter!("porpoise_actor_restarts_total", "actor" => "workflow").increment(1);
        let pause = FIRST_PAUSE * 2_u32.pow(u32::try_from(count.min(7)).unwrap_or(7) - 1);
        ctx.run_later(pause, move |actor, ctx| {
            let birth = if why == Why::Panicked && count > MAX_RESTARTS {
                give_up(count)
            } else {
                Birth::Stored
            };
            if actor
                .children
                .get(&id)
                .is_some_and(|child| child.epoch == epoch && child.addr.is_none())
            {
                actor.spawn(id, birth, ctx);
            }
        });
    }
}

fn give_up(restarts: usize) -> Birth {
    Birth::GiveUp(Attention {
        code: "ACTOR_KEEPS_FAILING".to_owned(),
        detail: format!(
            "its actor failed {restarts} times within a minute; the server log says why; resume tries again"
        ),
    })
}

impl Handler<Exited> for MasterActor {
    type Result = ();

    fn handle(&mut self, msg: Exited, ctx: &mut Self::Context) {
        let current = self
            .children
            .get(&msg.id)
            .is_some_and(|child| child.epoch == msg.epoch);
        if !current {
            return;
        }
        match msg.why {
            Why::Done | Why::Fenced => self.forget(msg.id),
            Why::Resync | Why::Panicked => self.rebuild(msg.id, msg.why, ctx),
        }
    }
}
