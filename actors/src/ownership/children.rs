//! The actors of the instances that one master owns, and the restarts of those that failed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId, Timestamp};
use engine::states::Attention;
use tokio::time::Instant;

use crate::execution::assignment::Assignment;
use crate::execution::last_activity::LastActivity;
use crate::execution::loading::LoadMode;
use crate::execution::workflow_actor::WorkflowActor;
use crate::execution::workflow_deps::WorkflowDeps;
use crate::messages::master::{HandoverCandidate, HandoverSelection};
use crate::messages::workflow::{ActorExit, ExitReason, FollowClock};
use ports::Ownership;
use ports::backoff::Backoff;

/// Restarts of one actor within the window after which its instance needs attention.
const MAX_RESTARTS: usize = 5;

/// The window in which restarts are counted.
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// The pauses before the restarts within the window.
const RESTART_PAUSE: Backoff = Backoff::between(Duration::from_millis(50), Duration::from_millis(3_200));

/// Time for which an actor must have run before that counts as progress of its instance.
const PROGRESS: Duration = Duration::from_secs(5);

/// The largest number of instances that one statement hands over.
const HANDOVER_BATCH: usize = 200;

/// Where an instance came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was created or claimed here.
    Local,
    /// Another master owned it until now.
    OtherMaster,
}

/// A restart that is due after a pause.
#[derive(Debug)]
pub(crate) struct Restart {
    /// The pause before it.
    pub(crate) pause: Duration,
    /// What the new actor loads the instance for.
    pub(crate) mode: LoadMode,
}

/// The actor of one instance.
struct Child {
    /// None while it waits for its restart.
    addr: Option<Addr<WorkflowActor>>,
    epoch: Epoch,
    /// When it was first started here.
    started_at: Instant,
    progress_recorded: bool,
    /// When it came from another master, if it did.
    received_at: Option<Timestamp>,
    activity: LastActivity,
    restarts: VecDeque<Instant>,
}

/// The actors of the instances that one master owns.
pub(crate) struct Children {
    deps: WorkflowDeps,
    /// Workflow actors are spread over these by instance id.
    arbiters: Vec<ArbiterHandle>,
    children: BTreeMap<InstanceId, Child>,
    /// The steps of this machine's clock that the actors were notified of.
    stepped_ms: i64,
}

impl Children {
    /// Makes an empty set whose actors run on these arbiters.
    pub(crate) fn new(deps: WorkflowDeps, arbiters: Vec<ArbiterHandle>) -> Self {
        Self {
            deps,
            arbiters,
            children: BTreeMap::new(),
            stepped_ms: 0,
        }
    }

    /// Notifies the actors when this machine's clock was set since the last call.
    pub(crate) fn follow_clock(&mut self) {
        let stepped_ms = self.deps.clock.read().stepped_ms;
        if stepped_ms != self.stepped_ms {
            self.stepped_ms = stepped_ms;
            self.addrs().for_each(|actor| actor.do_send(FollowClock));
        }
    }

    /// Returns the number of instances.
    pub(crate) fn len(&self) -> usize {
        self.children.len()
    }

    /// Returns the number of instances whose actors wait for their restart.
    pub(crate) fn restarting(&self) -> usize {
        self.children
            .values()
            .filter(|child| child.addr.is_none())
            .count()
    }

    /// Returns the epoch under which an instance runs here.
    pub(crate) fn epoch_of(&self, id: InstanceId) -> Option<Epoch> {
        self.children.get(&id).map(|child| child.epoch)
    }

    /// Returns the actor of an instance, unless it waits for its restart.
    pub(crate) fn addr_of(&self, id: InstanceId) -> Option<Addr<WorkflowActor>> {
        self.children.get(&id)?.addr.clone()
    }

    /// Returns every running actor.
    pub(crate) fn addrs(&self) -> impl Iterator<Item = &Addr<WorkflowActor>> {
        self.children.values().filter_map(|child| child.addr.as_ref())
    }

    /// Starts the actor of an owned instance, unless it has one under this epoch or a later one.
    pub(crate) fn start(
        &mut self,
        owned: Ownership,
        origin: Origin,
        mode: LoadMode,
        exits: Recipient<ActorExit>,
    ) {
        if self.epoch_of(owned.id).is_some_and(|epoch| epoch >= owned.epoch) {
            return;
        }
        let now = self.deps.clock.now();
        let child = Child {
            addr: None,
            epoch: owned.epoch,
            started_at: Instant::now(),
            progress_recorded: false,
            received_at: (origin == Origin::OtherMaster).then_some(now),
            activity: LastActivity::new(now),
            restarts: VecDeque::new(),
        };
        self.children.insert(owned.id, child);
        self.spawn(owned.id, mode, exits);
    }

    /// Starts the actor of an instance again, unless the instance has another epoch or an actor by now.
    pub(crate) fn restart(&mut self, owned: Ownership, mode: LoadMode, exits: Recipient<ActorExit>) {
        let waits = self
            .children
            .get(&owned.id)
            .is_some_and(|child| child.epoch == owned.epoch && child.addr.is_none());
        if waits {
            self.spawn(owned.id, mode, exits);
        }
    }

    /// Removes an instance.
    pub(crate) fn remove(&mut self, id: InstanceId) {
        self.children.remove(&id);
        self.report_count();
    }

    /// Records that an actor failed, and plans its restart: after a pause that grows, and after too many panics only to
    /// store that the system gives up.
    pub(crate) fn plan_restart(&mut self, id: InstanceId, reason: ExitReason) -> Option<Restart> {
        let child = self.children.get_mut(&id)?;
        child.addr = None;
        child.restarts.retain(|at| at.elapsed() < RESTART_WINDOW);
        child.restarts.push_back(Instant::now());
        let count = child.restarts.len();
        tracing::warn!(instance = %id, ?reason, restarts = count, "a workflow actor restarts");
        metrics::counter!("porpoise_actor_restarts_total", "actor" => "workflow").increment(1);
        let gives_up = reason == ExitReason::Panicked && count > MAX_RESTARTS;
        Some(Restart {
            pause: RESTART_PAUSE.delay(u32::try_from(count - 1).unwrap_or(u32::MAX)),
            mode: if gives_up {
                quarantine(count)
            } else {
                LoadMode::Recover
            },
        })
    }

    /// Returns the instances that have run for long enough to count as progress, each once.
    pub(crate) fn take_progressed(&mut self) -> Vec<InstanceId> {
        let mut progressed = BTreeSet::new();
        for (id, child) in &mut self.children {
            if !child.progress_recorded && child.addr.is_some() && child.started_at.elapsed() >= PROGRESS {
                child.progress_recorded = true;
                progressed.insert(*id);
            }
        }
        progressed.into_iter().collect()
    }

    /// Returns the instances that could be handed over.
    pub(crate) fn handover_candidates(&self) -> Vec<HandoverCandidate> {
        let running = self.children.iter().filter(|(_, child)| child.addr.is_some());
        running
            .map(|(id, child)| HandoverCandidate {
                id: *id,
                active_at: child.activity.at(),
                received_at: child.received_at,
            })
            .collect()
    }

    /// Returns the selected instances, each under the epoch that this node holds.
    pub(crate) fn select(&self, selection: HandoverSelection) -> Vec<Ownership> {
        match selection {
            HandoverSelection::Any => {
                let batch = self.children.iter().take(HANDOVER_BATCH);
                batch
                    .map(|(id, child)| Ownership {
                        id: *id,
                        epoch: child.epoch,
                    })
                    .collect()
            }
            HandoverSelection::These(ids) => ids
                .into_iter()
                .filter_map(|id| {
                    Some(Ownership {
                        id,
                        epoch: self.epoch_of(id)?,
                    })
                })
                .collect(),
        }
    }

    fn spawn(&mut self, id: InstanceId, mode: LoadMode, exits: Recipient<ActorExit>) {
        let count = self.arbiters.len().max(1);
        let index = usize::try_from(id.0).unwrap_or(0) % count;
        let (Some(arbiter), Some(child)) = (self.arbiters.get(index), self.children.get_mut(&id)) else {
            return;
        };
        let deps = self.deps.clone();
        let assignment = Assignment {
            id,
            epoch: child.epoch,
            activity: child.activity.clone(),
        };
        let addr = WorkflowActor::start_in_arbiter(arbiter, move |_| {
            WorkflowActor::new(assignment, mode, deps, exits)
        });
        child.addr = Some(addr);
        self.report_count();
    }

    fn report_count(&self) {
        metrics::gauge!("porpoise_instances_active").set(self.children.len() as f64);
    }
}

fn quarantine(restarts: usize) -> LoadMode {
    LoadMode::Quarantine(Attention {
        code: "ACTOR_KEEPS_FAILING".to_owned(),
        detail: format!(
            "its actor failed {restarts} times within a minute; the server log says why; resume tries again"
        ),
    })
}
