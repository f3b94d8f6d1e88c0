//! Finds the waiting tasks whose limits have room, and notifies their owners.
//!
//! Owns nothing: the queues are stored rows, and only the commit that binds a task takes slots, so that a notice that is
//! late or wrong does no harm. In: limits that commits of this node, users or other masters changed. Out: notices to the
//! workflow actors of this node, and to the masters that own the other tasks. Behind the notices stands a look at all
//! limits every few seconds, which also reads the caps and weights of projects. If it dies, the node ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Incarnation, InstanceId, TaskIndex};
use engine::limits::{PROJECT_CAP, ProjectCap};

use crate::execution::limit_board::LimitBoard;
use crate::execution::slots::Slots;
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::Observe;
use crate::messages::limits::{LimitNotice, LimitsChanged, LookOrigin};
use crate::ownership::single_flight::{FlightDecision, SingleFlight};
use ports::rpc::client::RpcClient;
use ports::{LimitKey, LimitScope, LimitStore, ProjectShare, StoreError};

/// The interval at which all limits are looked at, for what other nodes changed and for lost notices.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What the actor works with.
#[derive(Clone)]
pub struct LimitDeps {
    /// This incarnation.
    pub this_node: Incarnation,
    /// The queues.
    pub store: Arc<dyn LimitStore>,
    /// The way to other masters.
    pub rpc: RpcClient,
    /// The slots of workers, which projects share by weight.
    pub slots: Slots,
}

/// Looks at the queues of limits.
pub struct LimitActor {
    deps: LimitDeps,
    board: LimitBoard,
    /// The limits of the next look; none for all.
    keys: Option<BTreeSet<LimitKey>>,
    origin: LookOrigin,
    looking: SingleFlight,
    looks: u64,
    notices: u64,
    _exit_on_panic: ExitOnPanic,
}

/// What one look found.
#[derive(Debug, Default)]
struct LookResult {
    /// The tasks that have room, by owner and instance.
    admissible: BTreeMap<Incarnation, BTreeMap<InstanceId, Vec<TaskIndex>>>,
    /// The caps and weights of projects, when they were read.
    shares: Option<Vec<ProjectShare>>,
}

impl LimitActor {
    /// Starts the actor of a master; returns the board that its actors share.
    pub fn start_with_board(deps: LimitDeps, exit_on_panic: ExitOnPanic) -> (Addr<Self>, LimitBoard) {
        let context = Context::new();
        let board = LimitBoard::new(context.address().recipient());
        let actor = Self {
            deps,
            board: board.clone(),
            keys: Some(BTreeSet::new()),
            origin: LookOrigin::OtherMaster,
            looking: SingleFlight::default(),
            looks: 0,
            notices: 0,
            _exit_on_panic: exit_on_panic,
        };
        (context.run(actor), board)
    }

    /// Looks at limits, after the look that is in flight; none for all.
    fn look_at(&mut self, keys: Option<BTreeSet<LimitKey>>, origin: LookOrigin, ctx: &mut Context<Self>) {
        self.keys = match (self.keys.take(), keys) {
            (Some(mut waiting), Some(more)) => {
                waiting.extend(more);
                Some(waiting)
            }
            (None, _) | (_, None) => None,
        };
        self.origin = self.origin.max(origin);
        if self.looking.request() == FlightDecision::Wait {
            return;
        }
        let keys = self.keys.replace(BTreeSet::new());
        let origin = std::mem::replace(&mut self.origin, LookOrigin::OtherMaster);
        let (deps, looked_at) = (self.deps.clone(), keys.clone());
        let look = async move { look_at_limits(&deps, keys).await };
        ctx.spawn(look.into_actor(self).map(move |found, actor, ctx| {
            actor.looks += 1;
            let could_not_read = found
                .map(|found| actor.notify_owners(found, &looked_at.unwrap_or_default(), origin))
                .err();
            if let Some(error) = could_not_read {
                tracing::warn!(%error, "the queues of limits could not be read; they are looked at again");
            }
            if actor.looking.finish() {
                let keys = actor.keys.replace(BTreeSet::new());
                actor.look_at(keys, actor.origin, ctx);
            }
        }));
    }

    fn notify_owners(&mut self, found: LookResult, keys: &BTreeSet<LimitKey>, origin: LookOrigin) {
        if let Some(shares) = found.shares {
            let weights = shares.iter().map(|share| (share.project.clone(), share.weight));
            self.deps.slots.set_weights(weights.collect());
            self.board.replace_shares(shares);
        }
        for (owner, instances) in found.admissible {
            if owner == self.deps.this_node {
                self.notices += u64::try_from(instances.len()).unwrap_or(u64::MAX);
                let notify = |(instance, tasks)| self.board.notify(instance, LimitNotice::RoomFound(tasks));
                instances.into_iter().for_each(notify);
            } else if origin != LookOrigin::OtherMaster {
                self.poke_master(owner, keys);
            }
        }
    }

    /// Lets another master look at limits, at all when none are named: first waiting tasks are its own.
    fn poke_master(&self, master: Incarnation, keys: &BTreeSet<LimitKey>) {
        let (rpc, keys) = (self.deps.rpc.clone(), keys.iter().cloned().collect());
        actix_rt::spawn(async move { rpc.check_limits(master, keys).await.ok() });
    }
}

async fn look_at_limits(
    deps: &LimitDeps,
    keys: Option<BTreeSet<LimitKey>>,
) -> Result<LookResult, StoreError> {
    let reads_shares = keys
        .as_ref()
        .is_none_or(|keys| keys.iter().any(|key| key.name == PROJECT_CAP));
    let shares = match reads_shares {
        true => Some(deps.store.list_project_shares().await?),
        false => None,
    };
    let has_caps = |shares: &Vec<ProjectShare>| shares.iter().any(|share| share.cap == ProjectCap::Counted);
    if keys.is_none() && shares.as_ref().is_some_and(has_caps) {
        deps.store.reconcile_project_caps(deps.this_node).await?;
    }
    let scope = keys.map_or(LimitScope::All, LimitScope::Keys);
    let mut found = LookResult {
        shares,
        ..LookResult::default()
    };
    for task in deps.store.find_admissible_tasks(&scope).await? {
        let instances = found.admissible.entry(task.owner).or_default();
        instances.entry(task.instance).or_default().push(task.task_index);
    }
    Ok(found)
}

impl Actor for LimitActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.look_at(None, LookOrigin::OtherMaster, ctx);
        ctx.run_interval(LOOK_INTERVAL, |actor, ctx| {
            actor.look_at(None, LookOrigin::OtherMaster, ctx);
        });
    }
}

impl Handler<LimitsChanged> for LimitActor {
    type Result = ();

    fn handle(&mut self, changed: LimitsChanged, ctx: &mut Self::Context) {
        self.look_at(changed.keys, changed.origin, ctx);
    }
}

impl Handler<Observe> for LimitActor {
    type Result = MessageResult<Observe>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Self::Result {
        MessageResult(serde_json::json!({"looks": self.looks, "notices": self.notices}))
    }
}
