//! How many processes per second one worker starts and ends: `cargo bench --bench worker_starts [-- TASKS SLOTS]`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actors::worker::{WorkerConfig, WorkerHandle, WorkerPorts, start};
use async_trait::async_trait;
use connectors::{TestLimits, WorkerConnectionTester};
use engine::ids::{
    AttemptNumber, DispatchId, Epoch, Generation, Incarnation, InstanceId, TaskIndex, Timestamp,
};
use engine::params::TimeBase;
use engine::spec::OnCutOff;
use engine::task_type::shell::shell_action;
use ports::NodeIdentity;
use ports::clock::Clock;
use ports::paths::AttemptPaths;
use ports::protocol::{AttemptUpdate, Dispatch, Owner, Report, ReportAnswer};
use ports::rpc::calls::{Call, MasterCall, MasterReply, Reply, WorkerCall};
use ports::rpc::client::RpcClient;
use ports::rpc::transport::{CallError, Destination, Transport};
use runner::journal_file::JournalFile;
use runner::limits::RunnerLimits;
use runner::log_files::LogFiles;
use runner::process::boot_id;
use runner::runners::runners;
use tokio::sync::mpsc;

const WORKER: Incarnation = Incarnation(1);

/// A master that stores at once and counts ends.
struct Counter(mpsc::UnboundedSender<usize>);

#[async_trait]
impl Transport for Counter {
    async fn call(&self, to: Destination, call: Call) -> Result<Reply, CallError> {
        let reply = match call {
            Call::Master(MasterCall::Report { batch, .. } | MasterCall::Relay { batch }) => {
                let is_end = |report: &&Report| matches!(report.update, AttemptUpdate::Ended(_));
                self.0.send(batch.iter().filter(is_end).count()).ok();
                let answers = vec![ReportAnswer::Stored; batch.len()];
                MasterReply::Reported { answers }
            }
            Call::Master(MasterCall::OfferSlots { .. }) => MasterReply::Done {},
            _ => return Err(CallError::NotDelivered(to.to_string())),
        };
        Ok(Reply::Master(reply))
    }
}

fn owner() -> Owner {
    Owner {
        incarnation: Incarnation(2),
        host: "here".to_owned(),
        generation: Generation(1),
        epoch: Epoch(1),
    }
}

fn dispatch(ordinal: u32) -> Dispatch {
    Dispatch {
        uid: DispatchId {
            generation: Generation(1),
            instance: InstanceId(1),
            task_index: TaskIndex(ordinal),
            attempt: AttemptNumber(1),
            dispatch_number: 1,
        },
        worker: WORKER,
        owner: owner(),
        project: "default".to_owned(),
        workflow: "bench".to_owned(),
        task: "t".to_owned(),
        attempt: AttemptNumber(1),
        action: shell_action(":")
            .prepare(&BTreeMap::new(), TimeBase::utc(Timestamp(0)))
            .action,
        env: BTreeMap::new(),
        secret_slots: Vec::new(),
        secrets: Default::default(),
        outputs: BTreeMap::new(),
        timeout_ms: None,
        on_cut_off: OnCutOff::Continue,
        connection: None,
    }
}

async fn worker(data: &Path, slots: u32, ends: mpsc::UnboundedSender<usize>) -> Result<WorkerHandle, String> {
    let config = WorkerConfig {
        me: NodeIdentity {
            incarnation: WORKER,
            host: "here".to_owned(),
            name: "bench".to_owned(),
            generation: Generation(1),
        },
        slots,
        paths: AttemptPaths::in_data(data),
        boot_id: boot_id(),
    };
    let logs = LogFiles::in_folder(data.join("logs"));
    let ports = WorkerPorts {
        peers: Default::default(),
        runner: Arc::new(runners(RunnerLimits::default(), &logs)?),
        logs: Arc::new(logs),
        journal: Arc::new(JournalFile::in_data(data)),
        masters: RpcClient::new(Arc::new(Counter(ends))),
        clock: Clock::starting_at(Timestamp(0)),
        connections: Arc::new(WorkerConnectionTester::new(TestLimits::default())),
    };
    start(config, ports).await.map_err(|error| error.to_string())
}

/// Keeps every slot busy; a slot is used again as soon as its end was reported.
async fn run(tasks: u32, slots: u32, data: &Path) -> Result<Duration, String> {
    let (sender, mut ends) = mpsc::unbounded_channel();
    let worker = worker(data, slots, sender).await?;
    let begun = Instant::now();
    let mut next = 0;
    let mut open: usize = 0;
    while next < tasks || open > 0 {
        let room = (slots as usize).saturating_sub(open);
        let batch: Vec<Dispatch> = (next..tasks).take(room).map(dispatch).collect();
        next += u32::try_from(batch.len()).map_err(|error| error.to_string())?;
        open += batch.len();
        if !batch.is_empty() {
            worker
                .answer(WORKER, WorkerCall::Dispatch { batch })
                .await
                .map_err(|error| error.to_string())?;
        }
        open -= ends.recv().await.ok_or("the worker is gone")?;
    }
    Ok(begun.elapsed())
}

fn main() -> Result<(), String> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let tasks = numbers.next().unwrap_or(400);
    let slots = numbers.next().unwrap_or(16);
    let data = tempfile::tempdir().map_err(|error| error.to_string())?;
    let took = actix::System::new().block_on(run(tasks, slots, data.path()))?;
    let rate = f64::from(tasks) / took.as_secs_f64();
    println!(
        "{tasks} tasks with {slots} slots: {} ms, {rate:.0}/s",
        took.as_millis()
    );
    Ok(())
}
