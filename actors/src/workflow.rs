//! Runs one workflow instance: a shell round `engine::instance`.
//!
//! Owns the instance's state, which is a cache of rows. In: events of workers, grants of slots, control
//! operations from the inbox, due times. Out: one commit at a time through `DbActor`, and after it what the
//! commit decided: attempts and kills to `DispatchActor`, answers, timers. If it dies, its notice tells the
//! `MasterActor`, which builds it anew from the store; nothing that was not stored has been shown or sent.

mod adoption;
mod birth;
mod effects;
mod messages;
mod notice;
mod prepare;
mod pump;
mod stirred;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use actix::prelude::*;
use engine::ids::{Epoch, InstanceId, OperationId, TaskIndex};
use engine::instance::{Event, Instance};
use engine::plan::Plan;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::db::DbActor;
use crate::dispatch::DispatchActor;
use crate::hub::Hub;
use crate::loads::Loads;
use crate::ports::{Loaded, Me, Store};
use crate::renewals::Renewals;
use crate::slots::{Lease, Slots};

pub use adoption::{Adoption, Fate, Tally};
pub use birth::Birth;
#[cfg(any(test, feature = "testing"))]
pub use messages::Crash;
pub use messages::{Deliver, Delivered, HandedOver, Observe, ReadInbox, WorkerOver};
pub use notice::{Exited, Why};
pub use stirred::Stirred;

use notice::Notice;

/// How many messages may wait in the mailbox of one instance.
const MAILBOX: usize = 1024;

/// What every workflow actor of a master shares.
#[derive(Clone)]
pub struct Surroundings {
    /// This life of this node.
    pub me: Me,
    /// The database's clock.
    pub clock: Clock,
    /// The store, for reading.
    pub store: Arc<dyn Store>,
    /// The writer.
    pub db: Addr<DbActor>,
    /// The way to workers.
    pub dispatch: Addr<DispatchActor>,
    /// Slots of workers.
    pub slots: Slots,
    /// Where commits are told.
    pub hub: Hub,
    /// The reader of instances.
    pub loads: Loads,
    /// Leases of exclusive attempts.
    pub renewals: Renewals,
}

/// What an instance is, apart from its state.
struct Identity {
    project: String,
    workflow: String,
    project_params: BTreeMap<String, String>,
}

/// An instance that has been loaded.
struct Live {
    identity: Identity,
    plan: Plan,
    state: Instance,
}

/// Which instance an actor runs.
#[derive(Debug)]
pub struct Held {
    /// The instance.
    pub id: InstanceId,
    /// The epoch under which this node owns it.
    pub epoch: Epoch,
    /// Where the actor notes that it was told something.
    pub stirred: Stirred,
}

/// One thing that waits for the next round.
enum Item {
    Event(Event),
    Granted(TaskIndex, Lease),
    Answer(oneshot::Sender<Delivered>),
}

/// Runs one instance. See the module.
pub struct WorkflowActor {
    id: InstanceId,
    epoch: Epoch,
    stirred: Stirred,
    around: Surroundings,
    birth: Option<Birth>,
    live: Option<Live>,
    queue: VecDeque<Item>,
    committing: bool,
    /// Commits in a row that the store could not take or refused.
    failures: u32,
    leases: BTreeMap<TaskIndex, Lease>,
    seen_operations: BTreeSet<OperationId>,
    timer: Option<SpawnHandle>,
    notice: Notice,
}

impl WorkflowActor {
    /// Makes the actor of a claimed instance; it loads itself when it starts.
    pub fn new(held: Held, birth: Birth, around: Surroundings, exits: Recipient<Exited>) -> Self {
        let Held { id, epoch, stirred } = held;
        Self {
            id,
            epoch,
            stirred,
            around,
            birth: Some(birth),
            live: None,
            queue: VecDeque::new(),
            committing: false,
            failures: 0,
            leases: BTreeMap::new(),
            seen_operations: BTreeSet::new(),
            timer: None,
            notice: Notice::new(id, epoch, exits),
        }
    }

    /// Ends the actor for a reason that its notice carries.
    fn end(&mut self, why: Why, ctx: &mut Context<Self>) {
        self.notice.why = why;
        self.live = None;
        self.queue.clear();
        ctx.stop();
    }
}

impl Actor for WorkflowActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.around.slots.register(self.id, ctx.address().recipient());
        self.be_born(ctx);
    }
}

impl Drop for WorkflowActor {
    fn drop(&mut self) {
        self.around.slots.unregister(self.id);
    }
}

impl Live {
    fn new(loaded: Loaded, definition: Arc<engine::spec::Definition>) -> Self {
        let plan = Plan::new(definition, Arc::new(loaded.start));
        let rows = engine::instance::InstanceRows {
            id: loaded.id,
            generation: loaded.generation,
            epoch: loaded.epoch,
            revision: loaded.revision,
            created_at: loaded.created_at,
            record: loaded.record,
            tasks: loaded.tasks.into_iter().collect(),
        };
        let state = Instance::load(&plan, rows);
        let identity = Identity {
            project: loaded.project,
            workflow: loaded.workflow,
            project_params: loaded.project_params,
        };
        Self {
            identity,
            plan,
            state,
        }
    }
}
