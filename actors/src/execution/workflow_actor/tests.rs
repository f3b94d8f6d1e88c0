//! An owner on a store in memory, with a worker that accepts everything and ends nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use engine::attempt::{AttemptEnd, AttemptEvent};
use engine::ids::{DispatchId, Epoch, Generation, InstanceId, Run, Timestamp};
use engine::start::Start;
use engine::states::{Command, InstanceState, MemberState, OperationStatus};
use engine::task::TaskReport;
use engine::timezone::Tz;
use engine::trigger::Trigger;
use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::execution::child_requests::ChildRequests;
use crate::execution::db_actor::DbActor;
use crate::execution::dependency_requests::DependencyRequests;
use crate::execution::dispatch_actor::DispatchActor;
use crate::execution::dispatch_deps::DispatchDeps;
use crate::execution::instance_loader::InstanceLoader;
use crate::execution::instance_notices::{InstanceNotices, NoticeDeps};
use crate::execution::last_activity::LastActivity;
use crate::execution::lease_grants::LeaseGrants;
use crate::execution::limit_actor::{LimitActor, LimitDeps};
use crate::execution::slots::Slots;
use crate::execution::worker_selection::WorkerSelection;
use crate::exit_on_panic::ExitOnPanic;
use crate::messages::master::{CheckInbox, InboxStatus, LookAgainAt, RunInstance};
use crate::messages::membership::Membership;
use crate::testing::connections::NoConnections;
use crate::testing::store::{FailedWrite, FakeStore};
use ports::clock::Clock;
use ports::commit_events::CommitBroadcast;
use ports::protocol::{DispatchAnswer, DispatchReply};
use ports::rpc::calls::{Call, Reply, WorkerCall, WorkerReply};
use ports::rpc::client::RpcClient;
use ports::rpc::transport::{CallError, Destination, Transport};
use ports::{InstanceWriter as _, NodeIdentity};
use ports::{
    Join, MembershipStore as _, NewInstance, RelayedResult, RelayedResults as _, StoreError, Write,
    WriteOutcome,
};

/// Time within which something happens.
const WITHIN: Duration = Duration::from_secs(10);

/// Time in which nothing happens that must not happen.
const MOMENT: Duration = Duration::from_millis(300);

/// A worker that accepts every attempt, and knows no attempt that it is asked about.
#[derive(Clone, Default)]
struct AcceptingWorker(Arc<Mutex<Vec<DispatchId>>>);

#[async_trait]
impl Transport for AcceptingWorker {
    async fn call(&self, to: Destination, call: Call) -> Result<Reply, CallError> {
        let reply = match call {
            Call::Worker(WorkerCall::Dispatch { batch }) => {
                self.0.lock().extend(batch.iter().map(|dispatch| dispatch.uid));
                WorkerReply::Dispatched(DispatchReply {
                    answers: batch.iter().map(|_| DispatchAnswer::Accepted).collect(),
                    free_slots: 4,
                })
            }
            Call::Worker(WorkerCall::PollSlots { .. }) => WorkerReply::FreeSlots { free: 4 },
            _ => return Err(CallError::NoAnswer(to.to_string())),
        };
        Ok(Reply::Worker(reply))
    }
}

/// Swallows the exits of actors and the deaths of workers.
struct Bystander;

impl Actor for Bystander {
    type Context = Context<Self>;
}

impl Handler<ActorExit> for Bystander {
    type Result = ();

    fn handle(&mut self, _: ActorExit, _: &mut Self::Context) {}
}

impl Handler<WorkerDead> for Bystander {
    type Result = ();

    fn handle(&mut self, _: WorkerDead, _: &mut Self::Context) {}
}

impl Handler<RunInstance> for Bystander {
    type Result = ();

    fn handle(&mut self, _: RunInstance, _: &mut Self::Context) {}
}

impl Handler<CheckInbox> for Bystander {
    type Result = MessageResult<CheckInbox>;

    fn handle(&mut self, _: CheckInbox, _: &mut Self::Context) -> Self::Result {
        MessageResult(InboxStatus::Decided)
    }
}

impl Handler<LookAgainAt> for Bystander {
    type Result = MessageResult<LookAgainAt>;

    fn handle(&mut self, _: LookAgainAt, _: &mut Self::Context) -> Self::Result {
        MessageResult(Vec::new())
    }
}

/// An owner with one instance of one task.
struct TestOwner {
    store: FakeStore,
    worker: AcceptingWorker,
    deps: WorkflowDeps,
    bystander: Addr<Bystander>,
    instance: InstanceId,
    new: NewInstance,
}

impl TestOwner {
    async fn with_instance() -> Self {
        let store = FakeStore::default();
        let this_node = store.add_member("m1", "m1:7071");
        let document =
            json!({"version": 1, "name": "flow", "tasks": {"t": {"type": "shell", "run": "true"}}});
        let definition = engine::spec::parse(&document).expect("a document");
        let start =
            engine::start::parse(&json!({}), &definition, &Default::default(), Tz::UTC).expect("a start");
        store.define(1, 1, definition);
        let new = new_instance(&this_node, start);
        let made = store.write_batch(&[Write::Create(new.clone())]).await;
        let Ok([WriteOutcome::Created { id, .. }]) = made.as_deref() else {
            panic!("{made:?}");
        };
        let (instance, worker) = (*id, AcceptingWorker::default());
        let bystander = Bystander.start();
        let deps = start_services(&store, this_node, &worker, &bystander).await;
        Self {
            store,
            worker,
            deps,
            bystander,
            instance,
            new,
        }
    }

    fn run(&self, mode: LoadMode) -> Addr<WorkflowActor> {
        let assignment = Assignment {
            id: self.instance,
            epoch: Epoch(1),
            activity: LastActivity::new(Timestamp(0)),
        };
        let exits = self.bystander.clone().recipient();
        WorkflowActor::new(assignment, mode, self.deps.clone(), exits).start()
    }

    /// Runs the instance until its attempt is at the worker.
    async fn run_until_dispatched(&self) -> (Addr<WorkflowActor>, DispatchId) {
        let actor = self.run(LoadMode::Recover);
        self.wait_for("the dispatch", || !self.worker.0.lock().is_empty())
            .await;
        let uid = self.worker.0.lock()[0];
        (actor, uid)
    }

    /// Starts the instance as its creation returns it.
    fn new_instance_of(&self, created_at: Timestamp) -> LoadMode {
        let mut instance = self.new.clone().into_loaded(self.instance, Generation(1));
        instance.rows.created_at = created_at;
        LoadMode::New(Box::new(instance))
    }

    fn state(&self) -> InstanceState {
        self.store.instance(self.instance).record.state
    }

    fn dispatches(&self) -> usize {
        self.worker.0.lock().len()
    }

    async fn wait_for(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + WITHIN;
        while !holds() {
            assert!(
                Instant::now() < deadline,
                "{what}: {:?}",
                self.store.instance(self.instance)
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn new_instance(owner: &NodeIdentity, start: Start) -> NewInstance {
    NewInstance {
        project_id: 1,
        workflow_id: 1,
        project: "default".to_owned(),
        workflow: "flow".to_owned(),
        project_params: BTreeMap::new(),
        version: 1,
        tasks: 1,
        excluded: 0,
        start,
        trigger: Trigger::Api,
        requested_by: Some("admin".to_owned()),
        owner: Some(owner.clone()),
        continued_from: None,
        request_key: None,
        at: Timestamp(1_000),
    }
}

fn exit_on_panic(actor: &'static str) -> ExitOnPanic {
    ExitOnPanic::new(actor, Arc::new(|actor| panic!("{actor} died")))
}

async fn membership(store: &FakeStore) -> Membership {
    Membership {
        living: Arc::new(store.list_live_members().await.expect("a fake store")),
        suspects: Vec::new(),
        sees_all: true,
    }
}

/// Makes an active worker a member.
async fn join_as_worker(store: &FakeStore) {
    let join = Join {
        name: "w1".to_owned(),
        host: "w1:7071".to_owned(),
        roles: vec!["worker".to_owned()],
        slots: 4,
        worker_group: "default".to_owned(),
        version: "1".to_owned(),
    };
    let joined = store.join_cluster(&join).await.expect("joined");
    let active = store.set_member_state(joined.incarnation, MemberState::Active);
    active.await.expect("an active worker");
}

/// Starts what a workflow actor works with, with one worker that has joined.
async fn start_services(
    store: &FakeStore,
    this_node: NodeIdentity,
    worker: &AcceptingWorker,
    bystander: &Addr<Bystander>,
) -> WorkflowDeps {
    join_as_worker(store).await;
    let slots = Slots::with_selection(WorkerSelection::default());
    let (leases, shared) = (LeaseGrants::standalone(), Arc::new(store.clone()));
    let rpc = RpcClient::new(Arc::new(worker.clone()));
    let limit_deps = LimitDeps {
        this_node: this_node.incarnation,
        store: Arc::new(store.clone()),
        rpc: rpc.clone(),
        slots: slots.clone(),
    };
    let (_, limits) = LimitActor::start_with_board(limit_deps, exit_on_panic("LimitActor"));
    let dispatch_deps = DispatchDeps {
        rpc: rpc.clone(),
        store: shared.clone(),
        secrets: shared.clone(),
        leases: leases.clone(),
        slots: slots.clone(),
        deaths: bystander.clone().recipient(),
        connections: Arc::new(NoConnections),
        clock: Clock::starting_at(Timestamp(1_000_000)),
    };
    let dispatch = DispatchActor::new(&this_node, dispatch_deps, exit_on_panic("DispatchActor")).start();
    dispatch
        .send(membership(store).await)
        .await
        .expect("a living actor");
    let notice_deps = NoticeDeps {
        this_node: this_node.incarnation,
        store: shared.clone(),
        rpc,
        run: bystander.clone().recipient(),
        inboxes: bystander.clone().recipient(),
        looks: bystander.clone().recipient(),
    };
    WorkflowDeps {
        children: ChildRequests::new(shared.clone()),
        dependencies: DependencyRequests::new(shared.clone()),
        notices: InstanceNotices::start(notice_deps, this_node.generation),
        clock: Clock::starting_at(Timestamp(1_000)),
        db: DbActor::new(shared.clone(), exit_on_panic("DbActor")).start(),
        loader: InstanceLoader::new(shared.clone(), this_node.incarnation),
        store: shared,
        this_node,
        dispatch,
        slots,
        limits,
        commit_events: CommitBroadcast::with_capacity(16),
        leases,
    }
}

fn lost(uid: DispatchId) -> DeliverEvents {
    let event = AttemptEvent::Lost {
        reason: "the worker does not know it".to_owned(),
    };
    DeliverEvents(vec![Event::Report(TaskReport::Attempt { uid, event })])
}

/// The worker forgot the end because another master had stored it, after this owner had loaded the instance.
#[actix_rt::test]
async fn an_end_that_another_master_stored_wins_over_a_loss() {
    let owner = TestOwner::with_instance().await;
    let (actor, uid) = owner.run_until_dispatched().await;
    let end = AttemptEnd::succeeded(Timestamp(2_000));
    let results = [RelayedResult { uid, end }];
    let relayed = owner.store.relay_results(&results, Timestamp(2_000));
    relayed.await.expect("a fake store");
    actor.send(lost(uid)).await.expect("a living actor");
    owner
        .wait_for("the end", || owner.state() == InstanceState::Succeeded)
        .await;
    assert_eq!(owner.dispatches(), 1, "nothing runs again");
    assert_eq!(owner.store.instance(owner.instance).attempts.len(), 1);
}

#[actix_rt::test]
async fn a_lost_attempt_runs_again() {
    let owner = TestOwner::with_instance().await;
    let (actor, uid) = owner.run_until_dispatched().await;
    actor.send(lost(uid)).await.expect("a living actor");
    owner
        .wait_for("the next attempt", || owner.dispatches() == 2)
        .await;
}

/// No message announced the stop to this owner.
#[actix_rt::test]
async fn a_stop_that_was_stored_before_a_loss_starts_nothing_again() {
    let owner = TestOwner::with_instance().await;
    let (actor, uid) = owner.run_until_dispatched().await;
    let operation = owner.store.add_command(owner.instance, Command::Stop, Run(1));
    actor.send(lost(uid)).await.expect("a living actor");
    owner
        .wait_for("the stop", || owner.state() == InstanceState::Stopped)
        .await;
    assert_eq!(owner.store.outcome(operation).0, OperationStatus::Applied);
    assert_eq!(owner.dispatches(), 1, "nothing runs again");
}

/// The actor of a new instance waited behind many others, so that a stop overtook it.
#[actix_rt::test]
async fn a_stop_that_was_stored_before_a_late_birth_starts_nothing() {
    let owner = TestOwner::with_instance().await;
    let operation = owner.store.add_command(owner.instance, Command::Stop, Run(1));
    let _actor = owner.run(owner.new_instance_of(Timestamp(-1_000)));
    owner
        .wait_for("the stop", || owner.state() == InstanceState::Stopped)
        .await;
    assert_eq!(owner.store.outcome(operation).0, OperationStatus::Applied);
    assert_eq!(owner.dispatches(), 0);
}

#[actix_rt::test]
async fn a_new_instance_is_started_without_reading_it_back() {
    let owner = TestOwner::with_instance().await;
    let _actor = owner.run(owner.new_instance_of(Timestamp(1_000)));
    owner.wait_for("the dispatch", || owner.dispatches() == 1).await;
    assert_eq!(owner.store.reads(), Vec::<usize>::new());
}

#[actix_rt::test]
async fn a_stop_that_was_stored_before_a_take_over_starts_nothing() {
    let owner = TestOwner::with_instance().await;
    let operation = owner.store.add_command(owner.instance, Command::Stop, Run(1));
    let _actor = owner.run(LoadMode::Recover);
    owner
        .wait_for("the stop", || owner.state() == InstanceState::Stopped)
        .await;
    assert_eq!(owner.store.outcome(operation).0, OperationStatus::Applied);
    assert_eq!(owner.dispatches(), 0);
}

/// The first commit, which would have started the task, was not stored; the stop came in the pause after it.
#[actix_rt::test]
async fn a_stop_that_was_stored_during_a_pause_of_the_store_starts_nothing() {
    let owner = TestOwner::with_instance().await;
    let unavailable = StoreError::Unavailable("away".to_owned());
    owner.store.fail_next_write(unavailable, FailedWrite::NotApplied);
    let _actor = owner.run(LoadMode::Recover);
    owner
        .wait_for("the failed commit", || owner.store.failures_left() == 0)
        .await;
    owner.store.add_command(owner.instance, Command::Stop, Run(1));
    owner
        .wait_for("the stop", || owner.state() == InstanceState::Stopped)
        .await;
    tokio::time::sleep(MOMENT).await;
    assert_eq!(owner.dispatches(), 0);
}
