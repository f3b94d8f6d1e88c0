//! Notices to the owners of other instances, on this node or another: an inbox holds something new, or something that an
//! instance waits for has changed.
//!
//! Every notice may be lost: owners read inboxes and look at what they wait for from time to time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Generation, Incarnation, InstanceId};
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::mpsc;

use crate::messages::master::{CheckInbox, InboxStatus, LookAgainAt, LookTarget, RunInstance};
use ports::rpc::client::RpcClient;
use ports::{NewInstance, OwnershipStore};

/// Notices that wait to be sent; past it they are dropped.
const QUEUE: usize = 8_192;

/// Inboxes that are read at the same time.
const INBOXES: usize = 16;

/// Sends notices to the owners of instances. Clones share the queue.
#[derive(Clone)]
pub struct InstanceNotices {
    generation: Generation,
    deps: NoticeDeps,
    changed: mpsc::Sender<LookTarget>,
}

/// What notices are sent with.
#[derive(Clone)]
pub struct NoticeDeps {
    /// This incarnation.
    pub this_node: Incarnation,
    /// Where the owners are read.
    pub store: Arc<dyn OwnershipStore>,
    /// The way to other nodes.
    pub rpc: RpcClient,
    /// Starts the actors of new instances on this node.
    pub run: Recipient<RunInstance>,
    /// Reads inboxes on this node.
    pub inboxes: Recipient<CheckInbox>,
    /// Makes instances of this node look again.
    pub looks: Recipient<LookAgainAt>,
}

impl InstanceNotices {
    /// Starts to send on this arbiter.
    pub fn start(deps: NoticeDeps, generation: Generation) -> Self {
        let (changed, queue) = mpsc::channel(QUEUE);
        actix_rt::spawn(forward_changes(deps.clone(), queue));
        Self {
            generation,
            deps,
            changed,
        }
    }

    /// Says that something may have changed that an instance, or a task of it, waits for.
    pub fn publish_change(&self, waiting: LookTarget) {
        if self.changed.try_send(waiting).is_err() {
            tracing::debug!(instance = %waiting.instance, "a notice was dropped");
        }
    }

    /// Says the same, and waits while the queue is full: what is woken is not noted any more.
    pub(crate) async fn send_change(&self, waiting: LookTarget) {
        self.changed.send(waiting).await.ok();
    }

    /// Runs an instance that this node has created and owns.
    pub(crate) fn run_created(&self, new: NewInstance, id: InstanceId) {
        self.deps
            .run
            .do_send(RunInstance::created(new, id, self.generation));
    }

    /// Makes the owners of instances read their inboxes; an instance that needs an owner gets one.
    pub(crate) fn announce_commands(&self, ids: Vec<InstanceId>) {
        let deps = self.deps.clone();
        actix_rt::spawn(async move {
            let checks = stream::iter(ids.into_iter().map(|id| check_inbox(&deps, id)));
            checks.buffer_unordered(INBOXES).for_each(|()| async {}).await;
        });
    }
}

/// Passes changes on until the last sender is gone; what queued meanwhile is passed on together.
async fn forward_changes(deps: NoticeDeps, mut queue: mpsc::Receiver<LookTarget>) {
    let mut queued = Vec::new();
    while queue.recv_many(&mut queued, QUEUE).await > 0 {
        let waiting: BTreeSet<LookTarget> = queued.drain(..).collect();
        let elsewhere = deps.looks.send(LookAgainAt(waiting)).await.unwrap_or_default();
        if !elsewhere.is_empty() {
            notify_other_owners(&deps, elsewhere).await;
        }
    }
}

async fn notify_other_owners(deps: &NoticeDeps, targets: Vec<LookTarget>) {
    let instances: BTreeSet<InstanceId> = targets.iter().map(|target| target.instance).collect();
    let instances: Vec<InstanceId> = instances.into_iter().collect();
    let owners = match deps.store.find_owners(&instances).await {
        Ok(owners) => owners,
        Err(error) => return tracing::debug!(%error, "the owners of waiting instances could not be read"),
    };
    let mut by_owner: BTreeMap<Incarnation, BTreeSet<InstanceId>> = BTreeMap::new();
    for instance in owners {
        if let Some((owner, _)) = instance.owner.filter(|(owner, _)| *owner != deps.this_node) {
            by_owner.entry(owner).or_default().insert(instance.id);
        }
    }
    for (owner, owned) in by_owner {
        let mut instances = Vec::new();
        let mut tasks = Vec::new();
        for target in targets.iter().filter(|target| owned.contains(&target.instance)) {
            match target.task_index {
                Some(task_index) => tasks.push((target.instance, task_index)),
                None => instances.push(target.instance),
            }
        }
        let rpc = deps.rpc.clone();
        actix_rt::spawn(async move {
            if let Err(error) = rpc.look_again(owner, instances, tasks).await {
                tracing::debug!(%owner, %error, "waiting instances could not be notified");
            }
        });
    }
}

async fn check_inbox(deps: &NoticeDeps, id: InstanceId) {
    let status = deps.inboxes.send(CheckInbox(id)).await;
    if !matches!(status, Ok(InboxStatus::OwnedElsewhere)) {
        return;
    }
    let owner = match deps.store.find_owners(&[id]).await {
        Ok(owners) => owners.into_iter().next().and_then(|instance| instance.owner),
        Err(error) => return tracing::debug!(instance = %id, %error, "the owner could not be read"),
    };
    if let Some((owner, _)) = owner
        && let Err(error) = deps.rpc.check_inbox(owner, id, Duration::ZERO).await
    {
        tracing::debug!(instance = %id, %owner, %error, "the owner could not be notified");
    }
}
