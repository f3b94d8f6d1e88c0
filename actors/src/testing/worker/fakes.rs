//! A runner, a journal and masters that a test scripts.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use engine::attempt::{AttemptEnd, AttemptResult, FailureKind};
use engine::ids::{DispatchId, Incarnation};
use tokio::sync::Notify;

use ports::journal::{Journal, JournalError, JournalRecord};
use ports::protocol::{AttemptUpdate, LeaseAnswer, LeaseRequest, Owner, Report, ReportAnswer};
use ports::rpc::calls::{Call, MasterCall, MasterReply, Reply};
use ports::rpc::transport::{CallError, Destination, Transport};
use ports::{
    Job, JobEnd, Leftover, LogPart, LogSizes, LogSource, LogUnavailable, Runner, RunningJob, StartError,
};

/// A runner whose jobs end when a test says so.
#[derive(Default)]
pub(crate) struct FakeRunner {
    pub(crate) started: Mutex<Vec<Job>>,
    pub(crate) endings: Mutex<HashMap<DispatchId, Arc<ScriptedEnd>>>,
    killed_leftovers: Mutex<Vec<Leftover>>,
}

#[derive(Default)]
pub(crate) struct ScriptedEnd {
    pub(crate) end: Mutex<Option<JobEnd>>,
    pub(crate) ended: Notify,
}

pub(crate) struct FakeJob(Arc<ScriptedEnd>);

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ScriptedEnd {
    pub(crate) fn finish(&self, end: JobEnd) {
        locked(&self.end).get_or_insert(end);
        self.ended.notify_one();
    }
}

pub(crate) fn job_end(result: AttemptResult) -> JobEnd {
    JobEnd {
        result,
        exit_code: Some(0),
        error: None,
        failure: FailureKind::Transient,
        outputs: BTreeMap::new(),
    }
}

impl FakeRunner {
    pub(crate) fn starts_of(&self, uid: DispatchId) -> usize {
        locked(&self.started)
            .iter()
            .filter(|job| job.dispatch.uid == uid)
            .count()
    }

    pub(crate) fn killed_leftovers(&self) -> Vec<Leftover> {
        locked(&self.killed_leftovers).clone()
    }

    pub(crate) fn finish(&self, uid: DispatchId) {
        let ending = Arc::clone(&locked(&self.endings)[&uid]);
        ending.finish(job_end(AttemptResult::Succeeded));
    }
}

#[async_trait]
impl Runner for FakeRunner {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, StartError> {
        if job.dispatch.task == "broken" {
            return Err(StartError::permanent("there is no such program"));
        }
        assert!(job.dispatch.task != "panics", "as the test wants");
        let ending = Arc::new(ScriptedEnd::default());
        if job.dispatch.task == "short" {
            ending.finish(job_end(AttemptResult::Succeeded));
        }
        locked(&self.endings).insert(job.dispatch.uid, Arc::clone(&ending));
        locked(&self.started).push(job.clone());
        Ok(Box::new(FakeJob(ending)))
    }

    async fn kill_leftovers(&self, left: &[Leftover]) {
        locked(&self.killed_leftovers).extend_from_slice(left);
    }
}

#[async_trait]
impl RunningJob for FakeJob {
    fn pid(&self) -> Option<i64> {
        Some(4711)
    }

    fn start_ticks(&self) -> Option<u64> {
        Some(1)
    }

    async fn wait(&mut self) -> JobEnd {
        loop {
            let ended = self.0.ended.notified();
            if let Some(end) = locked(&self.0.end).clone() {
                return end;
            }
            ended.await;
        }
    }

    fn kill(&mut self, _: Duration) {
        self.0.finish(job_end(AttemptResult::Killed));
    }
}

/// A journal in memory, which keeps its records when its worker is gone.
#[derive(Debug, Default)]
pub(crate) struct MemoryJournal {
    records: Mutex<Vec<JournalRecord>>,
    write_error: Mutex<Option<String>>,
}

impl MemoryJournal {
    /// Returns a copy of all records.
    pub(crate) fn records(&self) -> Vec<JournalRecord> {
        locked(&self.records).clone()
    }

    /// Fails every write with this reason from now on, as a full disk does; `None` ends that.
    pub(crate) fn fail_writes(&self, reason: Option<&str>) {
        *locked(&self.write_error) = reason.map(str::to_owned);
    }

    fn check_writable(&self) -> Result<(), JournalError> {
        match &*locked(&self.write_error) {
            Some(reason) => Err(JournalError(reason.clone())),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn read(&self) -> Result<Vec<JournalRecord>, JournalError> {
        Ok(self.records())
    }

    async fn append(&self, records: &[JournalRecord]) -> Result<(), JournalError> {
        self.check_writable()?;
        locked(&self.records).extend_from_slice(records);
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        Ok(())
    }

    async fn replace(&self, records: &[JournalRecord]) -> Result<(), JournalError> {
        self.check_writable()?;
        *locked(&self.records) = records.to_vec();
        Ok(())
    }
}

/// Masters that record every report and answer as scripted.
#[derive(Default)]
pub(crate) struct FakeMasters {
    pub(crate) reports: Mutex<Vec<(Incarnation, Report)>>,
    pub(crate) batches: Mutex<Vec<usize>>,
    pub(crate) slots: Mutex<Vec<(Incarnation, u32)>>,
    pub(crate) answers: Mutex<HashMap<Incarnation, ScriptedAnswer>>,
    pub(crate) renewals: Mutex<Vec<(Incarnation, LeaseRequest)>>,
}

#[derive(Clone)]
pub(crate) enum ScriptedAnswer {
    Later,
    Unreachable,
    Moved(Owner),
    /// Grants no leases.
    DenyLeases,
}

impl FakeMasters {
    pub(crate) fn answer(&self, master: i64, answers: Option<ScriptedAnswer>) {
        match answers {
            Some(answers) => locked(&self.answers).insert(Incarnation(master), answers),
            None => locked(&self.answers).remove(&Incarnation(master)),
        };
    }

    pub(crate) fn ends_of(&self, uid: DispatchId) -> Vec<(Incarnation, AttemptEnd)> {
        let ends = locked(&self.reports).clone().into_iter();
        ends.filter(|(_, report)| report.uid == uid)
            .filter_map(|(master, report)| match report.update {
                AttemptUpdate::Ended(ended) => Some((master, ended)),
                AttemptUpdate::Started { .. } | AttemptUpdate::Lost { .. } => None,
            })
            .collect()
    }

    /// The masters from which leases were requested, in order.
    pub(crate) fn requested_leases_of(&self) -> Vec<i64> {
        let renewals = locked(&self.renewals);
        renewals.iter().map(|(master, _)| master.0).collect()
    }

    pub(crate) fn starts_of(&self, uid: DispatchId) -> usize {
        let reports = locked(&self.reports);
        let starts = reports.iter().filter(|(_, report)| report.uid == uid);
        starts
            .filter(|(_, report)| matches!(report.update, AttemptUpdate::Started { .. }))
            .count()
    }
}

impl FakeMasters {
    fn store(&self, owner: &Owner, batch: Vec<Report>) -> Result<MasterReply, CallError> {
        let script = locked(&self.answers).get(&owner.incarnation).cloned();
        if matches!(script, Some(ScriptedAnswer::Unreachable)) {
            return Err(CallError::NotDelivered(owner.host.clone()));
        }
        locked(&self.batches).push(batch.len());
        let mut answers = Vec::new();
        for report in batch {
            locked(&self.reports).push((owner.incarnation, report));
            answers.push(match &script {
                None | Some(ScriptedAnswer::Unreachable | ScriptedAnswer::DenyLeases) => ReportAnswer::Stored,
                Some(ScriptedAnswer::Later) => ReportAnswer::Later,
                Some(ScriptedAnswer::Moved(owner)) => ReportAnswer::Moved {
                    owner: Some(owner.clone()),
                },
            });
        }
        Ok(MasterReply::Reported { answers })
    }

    fn grant(&self, owner: &Owner, batch: Vec<LeaseRequest>) -> Result<MasterReply, CallError> {
        let script = locked(&self.answers).get(&owner.incarnation).cloned();
        if matches!(script, Some(ScriptedAnswer::Unreachable)) {
            return Err(CallError::NoAnswer(owner.host.clone()));
        }
        let answer = match script {
            Some(ScriptedAnswer::DenyLeases) => LeaseAnswer::Denied,
            _ => LeaseAnswer::Granted,
        };
        let answers = vec![answer; batch.len()];
        locked(&self.renewals).extend(batch.into_iter().map(|renewal| (owner.incarnation, renewal)));
        Ok(MasterReply::Leases { answers })
    }

    fn keep(&self, master: Incarnation, batch: Vec<Report>) -> MasterReply {
        let answers = vec![ReportAnswer::Stored; batch.len()];
        locked(&self.reports).extend(batch.into_iter().map(|report| (master, report)));
        MasterReply::Reported { answers }
    }
}

#[async_trait]
impl Transport for FakeMasters {
    async fn call(&self, to: Destination, call: Call) -> Result<Reply, CallError> {
        let reply = match (to, call) {
            (_, Call::Master(MasterCall::Report { owner, batch })) => self.store(&owner, batch)?,
            (_, Call::Master(MasterCall::RenewLeases { owner, batch, .. })) => self.grant(&owner, batch)?,
            (_, Call::Master(MasterCall::OfferSlots { owner, free, .. })) => {
                locked(&self.slots).push((owner.incarnation, free));
                MasterReply::Done {}
            }
            (Destination::Incarnation(master), Call::Master(MasterCall::Relay { batch })) => {
                self.keep(master, batch)
            }
            (to, _) => return Err(CallError::NotDelivered(to.to_string())),
        };
        Ok(Reply::Master(reply))
    }
}

/// Logs that do not exist.
#[derive(Debug)]
pub(crate) struct NoLogs;

#[async_trait]
impl LogSource for NoLogs {
    async fn read(
        &self,
        _: &str,
        _: &DispatchId,
        (offset, _): (u64, u64),
    ) -> Result<LogPart, LogUnavailable> {
        Ok(LogPart::nothing_at(offset))
    }
}

#[async_trait]
impl LogSizes for NoLogs {
    async fn size(&self, _: &DispatchId) -> Option<u64> {
        Some(0)
    }
}
