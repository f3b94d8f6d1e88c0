//! A runner and masters that do as a test says.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::{Incarnation, Uid};
use engine::instance::{AttemptResult, Ended};
use tokio::sync::Notify;

use crate::links::{LinkError, MasterLink};
use crate::ports::{Job, JobEnd, Leftover, Runner, RunningJob};
use crate::protocol::{AttemptUpdate, Owner, LeaseRequest, Report, ReportAnswer};

/// A runner whose jobs end when a test says so.
#[derive(Default)]
pub(crate) struct FakeRunner {
    pub(crate) started: Mutex<Vec<Job>>,
    pub(crate) endings: Mutex<HashMap<Uid, Arc<Ending>>>,
    pub(crate) swept: Mutex<Vec<Leftover>>,
}

#[derive(Default)]
pub(crate) struct Ending {
    pub(crate) end: Mutex<Option<JobEnd>>,
    pub(crate) told: Notify,
}

pub(crate) struct FakeJob(Arc<Ending>);

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ending {
    pub(crate) fn finish(&self, end: JobEnd) {
        locked(&self.end).get_or_insert(end);
        self.told.notify_one();
    }
}

pub(crate) fn job_end(result: AttemptResult) -> JobEnd {
    JobEnd {
        result,
        exit_code: Some(0),
        error: None,
        outputs: BTreeMap::new(),
    }
}

impl FakeRunner {
    pub(crate) fn starts_of(&self, uid: Uid) -> usize {
        locked(&self.started)
            .iter()
            .filter(|job| job.dispatch.uid == uid)
            .count()
    }

    pub(crate) fn finish(&self, uid: Uid) {
        let ending = Arc::clone(&locked(&self.endings)[&uid]);
        ending.finish(job_end(AttemptResult::Succeeded));
    }
}

#[async_trait]
impl Runner for FakeRunner {
    async fn start(&self, job: &Job) -> Result<Box<dyn RunningJob>, String> {
        if job.dispatch.task == "broken" {
            return Err("there is no such program".to_owned());
        }
        assert!(job.dispatch.task != "panics", "as the test wants");
        let ending = Arc::new(Ending::default());
        if job.dispatch.task == "short" {
            ending.finish(job_end(AttemptResult::Succeeded));
        }
        locked(&self.endings).insert(job.dispatch.uid, Arc::clone(&ending));
        locked(&self.started).push(job.clone());
        Ok(Box::new(FakeJob(ending)))
    }

    async fn kill_leftovers(&self, left: &[Leftover]) {
        locked(&self.swept).extend_from_slice(left);
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
            let told = self.0.told.notified();
            if let Some(end) = locked(&self.0.end).clone() {
                return end;
            }
            told.await;
        }
    }

    fn kill(&mut self, _: Duration) {
        self.0.finish(job_end(AttemptResult::Killed));
    }
}

/// Masters that take note of every report and answer as told.
#[derive(Default)]
pub(crate) struct FakeMasters {
    pub(crate) reports: Mutex<Vec<(Incarnation, Report)>>,
    pub(crate) batches: Mutex<Vec<usize>>,
    pub(crate) slots: Mutex<Vec<(Incarnation, u32)>>,
    pub(crate) answers: Mutex<HashMap<Incarnation, Answers>>,
    pub(crate) renewals: Mutex<Vec<(Incarnation, LeaseRequest)>>,
}

#[derive(Clone)]
pub(crate) enum Answers {
    Later,
    Away,
    Moved(Owner),
    /// Grants no leases.
    Unsure,
}

impl FakeMasters {
    pub(crate) fn answer(&self, master: i64, answers: Option<Answers>) {
        match answers {
            Some(answers) => locked(&self.answers).insert(Incarnation(master), answers),
            None => locked(&self.answers).remove(&Incarnation(master)),
        };
    }

    pub(crate) fn ends_of(&self, uid: Uid) -> Vec<(Incarnation, Ended)> {
        let ends = locked(&self.reports).clone().into_iter();
        ends.filter(|(_, report)| report.uid == uid)
            .filter_map(|(master, report)| match report.fact {
                AttemptUpdate::Ended(ended) => Some((master, ended)),
                AttemptUpdate::Started { .. } | AttemptUpdate::Lost { .. } => None,
            })
            .collect()
    }

    /// The masters that were asked for leases, in order.
    pub(crate) fn asked_for_leases(&self) -> Vec<i64> {
        let renewals = locked(&self.renewals);
        renewals.iter().map(|(master, _)| master.0).collect()
    }

    pub(crate) fn starts_of(&self, uid: Uid) -> usize {
        let reports = locked(&self.reports);
        let starts = reports.iter().filter(|(_, report)| report.uid == uid);
        starts
            .filter(|(_, report)| matches!(report.fact, AttemptUpdate::Started { .. }))
            .count()
    }
}

#[async_trait]
impl MasterLink for FakeMasters {
    async fn report(&self, to: &Owner, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        let answers = locked(&self.answers).get(&to.incarnation).cloned();
        if matches!(answers, Some(Answers::Away)) {
            return Err(LinkError::NotDelivered(to.host.clone()));
        }
        locked(&self.batches).push(batch.len());
        let mut told = Vec::new();
        for report in batch {
            locked(&self.reports).push((to.incarnation, report));
            told.push(match &answers {
                None | Some(Answers::Away | Answers::Unsure) => ReportAnswer::Stored,
                Some(Answers::Later) => ReportAnswer::Later,
                Some(Answers::Moved(owner)) => ReportAnswer::Moved {
                    owner: Some(owner.clone()),
                },
            });
        }
        Ok(told)
    }

    async fn relay(&self, to: Incarnation, batch: Vec<Report>) -> Result<Vec<ReportAnswer>, LinkError> {
        let told = vec![ReportAnswer::Stored; batch.len()];
        locked(&self.reports).extend(batch.into_iter().map(|report| (to, report)));
        Ok(told)
    }

    async fn slots(&self, to: &Owner, _: Incarnation, free: u32) -> Result<(), LinkError> {
        locked(&self.slots).push((to.incarnation, free));
        Ok(())
    }

    async fn renew(&self, to: &Owner, _: Incarnation, batch: Vec<LeaseRequest>) -> Result<Vec<bool>, LinkError> {
        let answers = locked(&self.answers).get(&to.incarnation).cloned();
        if matches!(answers, Some(Answers::Away)) {
            return Err(LinkError::NoAnswer(to.host.clone()));
        }
        let granted = vec![!matches!(answers, Some(Answers::Unsure)); batch.len()];
        locked(&self.renewals).extend(batch.into_iter().map(|renewal| (to.incarnation, renewal)));
        Ok(granted)
    }
}
