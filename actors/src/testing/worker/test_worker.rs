//! A worker between fakes, and the messages that its cases send.

#![allow(clippy::unwrap_used, reason = "a case that meets the unexpected should fail")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::attempt::AttemptEnd;
use engine::ids::{AttemptNumber, DispatchId, Epoch, Generation, Incarnation, InstanceId, Timestamp};
use engine::params::TimeBase;
use engine::spec::OnCutOff;
use engine::states::KillCause;
use engine::task_type::shell::shell_action;

use super::TransportUnderTest;
use super::fakes::{FakeMasters, FakeRunner, MemoryJournal, NoLogs};
use crate::in_process::InProcess;
use crate::testing::connections::NoConnections;
use crate::worker;
use crate::worker::{WorkerConfig, WorkerHandle, WorkerPorts};
use ports::clock::Clock;
use ports::journal::{Journal, JournalRecord};
use ports::paths::AttemptPaths;
use ports::peers::Peers;
use ports::protocol::{
    Dispatch, DispatchAnswer, DispatchReply, Kill, KillAnswer, Owner, ReattachAnswer, ReattachRequest,
};
use ports::rpc::client::RpcClient;
use ports::rpc::transport::Transport;
use ports::{NodeIdentity, Runner};

/// The boot of the machine that the worker is configured with.
pub(crate) const BOOT: &str = "this boot";

/// A worker with everything around it.
pub(crate) struct TestWorker {
    /// For what no message asks: its slots, its drain.
    pub(crate) handle: WorkerHandle,
    /// The way of a master to it.
    pub(crate) link: RpcClient,
    pub(crate) me: Incarnation,
    pub(crate) runner: Arc<FakeRunner>,
    pub(crate) masters: Arc<FakeMasters>,
    pub(crate) journal: Arc<MemoryJournal>,
}

pub(crate) async fn start_incarnation(
    transport: &dyn TransportUnderTest,
    me: i64,
    slots: u32,
    journal: Arc<MemoryJournal>,
) -> TestWorker {
    let me = Incarnation(me);
    let runner = Arc::new(FakeRunner::default());
    let masters = Arc::new(FakeMasters::default());
    let this_node = NodeIdentity {
        incarnation: me,
        host: "w:1".to_owned(),
        name: "w".to_owned(),
        generation: Generation(1),
    };
    let config = WorkerConfig {
        me: this_node.clone(),
        slots,
        paths: AttemptPaths::in_data(Path::new("/nowhere")),
        boot_id: BOOT.to_owned(),
    };
    let ports = WorkerPorts {
        peers: Peers::default(),
        runner: Arc::clone(&runner) as Arc<dyn Runner>,
        logs: Arc::new(NoLogs),
        journal: Arc::clone(&journal) as Arc<dyn Journal>,
        masters: transport
            .to_masters(me, Arc::clone(&masters) as Arc<dyn Transport>)
            .await,
        clock: Clock::starting_at(Timestamp(1_000_000)),
        connections: Arc::new(NoConnections),
    };
    let handle = worker::start(config, ports).await.unwrap();
    let in_process = InProcess::new(this_node, Arc::new(NoLogs), Arc::default());
    in_process.set_worker(handle.clone());
    let link = transport.to_worker(me, Arc::new(in_process)).await;
    TestWorker {
        handle,
        link,
        me,
        runner,
        masters,
        journal,
    }
}

pub(crate) async fn start_worker(transport: &dyn TransportUnderTest, slots: u32) -> TestWorker {
    start_incarnation(transport, 7, slots, Arc::default()).await
}

pub(crate) fn owner(master: i64, epoch: i64) -> Owner {
    Owner {
        incarnation: Incarnation(master),
        host: format!("m{master}:1"),
        generation: Generation(1),
        epoch: Epoch(epoch),
    }
}

pub(crate) fn uid(instance: i64) -> DispatchId {
    DispatchId {
        generation: Generation(1),
        instance: InstanceId(instance),
        task_index: engine::ids::TaskIndex(0),
        attempt: AttemptNumber(1),
        dispatch_number: 1,
    }
}

pub(crate) fn dispatch(instance: i64) -> Dispatch {
    Dispatch {
        uid: uid(instance),
        worker: Incarnation(7),
        owner: owner(1, 1),
        project: "default".to_owned(),
        workflow: "w".to_owned(),
        task: "long".to_owned(),
        attempt: AttemptNumber(1),
        action: shell_action(":")
            .prepare(&BTreeMap::new(), TimeBase::utc(Timestamp(0)))
            .action,
        env: BTreeMap::from([("PORPOISE_TASK".to_owned(), "forged".to_owned())]),
        secret_slots: Vec::new(),
        secrets: Default::default(),
        outputs: BTreeMap::new(),
        timeout_ms: None,
        on_cut_off: OnCutOff::Continue,
        connection: None,
    }
}

pub(crate) fn named(instance: i64, task: &str) -> Dispatch {
    Dispatch {
        task: task.to_owned(),
        ..dispatch(instance)
    }
}

pub(crate) fn kill_of(instance: i64, owner: Owner) -> Kill {
    Kill {
        uid: uid(instance),
        owner,
        cause: KillCause::Stop,
    }
}

pub(crate) fn reattach_of(instance: i64, worker: i64, owner: Owner) -> ReattachRequest {
    ReattachRequest {
        uid: uid(instance),
        worker: Incarnation(worker),
        owner,
    }
}

impl TestWorker {
    pub(crate) async fn dispatch(&self, batch: Vec<Dispatch>) -> DispatchReply {
        self.link.dispatch(self.me, batch).await.unwrap()
    }

    pub(crate) async fn kill(&self, kill: Kill) -> KillAnswer {
        self.link.kill(self.me, vec![kill]).await.unwrap().remove(0)
    }

    pub(crate) async fn reattach(&self, request: ReattachRequest) -> ReattachAnswer {
        self.link
            .reattach(self.me, vec![request])
            .await
            .unwrap()
            .remove(0)
    }

    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(crate) async fn until_started(&self, instance: i64) {
        self.until("started", |worker| worker.runner.starts_of(uid(instance)) == 1)
            .await;
    }

    pub(crate) async fn until_ended(&self, instance: i64) -> (Incarnation, AttemptEnd) {
        self.until("ended", |worker| {
            !worker.masters.ends_of(uid(instance)).is_empty()
        })
        .await;
        self.masters.ends_of(uid(instance)).remove(0)
    }

    pub(crate) fn records_of(&self, instance: i64) -> Vec<&'static str> {
        let records = self.journal.records().into_iter();
        records
            .filter_map(|record| match record {
                JournalRecord::Accepted { uid: of, .. } if of == uid(instance) => Some("accepted"),
                JournalRecord::Started { uid: of, .. } if of == uid(instance) => Some("started"),
                JournalRecord::Ended { uid: of, .. } if of == uid(instance) => Some("ended"),
                JournalRecord::Forgotten { uid: of } if of == uid(instance) => Some("forgotten"),
                _ => None,
            })
            .collect()
    }
}

pub(crate) fn is_refused(answer: &DispatchAnswer, because: &str) -> bool {
    matches!(answer, DispatchAnswer::Refused { reason } if reason.contains(because))
}

pub(crate) fn is_lost(answer: &ReattachAnswer, because: &str) -> bool {
    matches!(answer, ReattachAnswer::Lost { reason } if reason.contains(because))
}

/// One that runs only with a lease.
pub(crate) fn exclusive(instance: i64) -> Dispatch {
    Dispatch {
        on_cut_off: OnCutOff::Exclusive,
        ..dispatch(instance)
    }
}
