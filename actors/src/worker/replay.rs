//! The records of all earlier incarnations, folded into the attempts that are left.

use std::collections::{BTreeMap, BTreeSet};

use engine::attempt::AttemptEnd;
use engine::ids::{DispatchId, Incarnation, Timestamp};

use ports::Leftover;
use ports::journal::{JournalRecord, ProcessId};
use ports::paths::AttemptPaths;
use ports::protocol::Owner;

/// Number of incarnations that are kept; an attempt of an older one is answered as lost.
const MAX_INCARNATIONS: usize = 100;

/// What the journal records of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JournaledAttempt {
    /// The incarnation that accepted it.
    pub(crate) worker: Incarnation,
    /// Its owner at that time.
    pub(crate) owner: Owner,
    /// Its process and when it was started.
    pub(crate) started: Option<(ProcessId, Timestamp)>,
    /// How it ended.
    pub(crate) end: Option<AttemptEnd>,
}

/// The incarnations of a worker, and the attempts that are accepted and not forgotten.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Replay {
    /// Each incarnation and its boot, oldest first.
    pub(crate) incarnations: Vec<(Incarnation, String)>,
    /// What was accepted and not forgotten.
    pub(crate) attempts: BTreeMap<DispatchId, JournaledAttempt>,
}

impl Replay {
    /// Folds records.
    pub(crate) fn from_records(records: Vec<JournalRecord>) -> Self {
        let mut replay = Self::default();
        for record in records {
            replay.fold(record);
        }
        replay.drop_old_incarnations();
        replay
    }

    /// Appends the incarnation that begins.
    pub(crate) fn begin_incarnation(&mut self, worker: Incarnation, boot_id: &str) {
        self.incarnations.push((worker, boot_id.to_owned()));
    }

    fn fold(&mut self, record: JournalRecord) {
        match record {
            JournalRecord::Incarnation { worker, boot_id } => self.incarnations.push((worker, boot_id)),
            JournalRecord::Accepted { uid, worker, owner } => {
                self.attempts
                    .insert(uid, JournaledAttempt::accepted(worker, owner));
            }
            JournalRecord::Started { uid, process, at } => {
                if let Some(attempt) = self.attempts.get_mut(&uid) {
                    attempt.started = Some((process, at));
                }
            }
            JournalRecord::Ended { uid, end } => {
                if let Some(attempt) = self.attempts.get_mut(&uid) {
                    attempt.end = Some(end);
                }
            }
            JournalRecord::Forgotten { uid } => {
                self.attempts.remove(&uid);
            }
        }
    }

    fn drop_old_incarnations(&mut self) {
        let excess = self.incarnations.len().saturating_sub(MAX_INCARNATIONS);
        let dropped = self.incarnations.drain(..excess);
        let dropped: BTreeSet<Incarnation> = dropped.map(|(worker, _)| worker).collect();
        self.attempts
            .retain(|_, attempt| !dropped.contains(&attempt.worker));
    }

    /// Returns the attempts whose processes may still run.
    pub(crate) fn leftovers(&self, paths: &AttemptPaths) -> Vec<Leftover> {
        let boots: BTreeMap<Incarnation, &String> = self
            .incarnations
            .iter()
            .map(|(worker, boot)| (*worker, boot))
            .collect();
        self.attempts
            .iter()
            .filter(|(_, attempt)| attempt.end.is_none())
            .map(|(uid, attempt)| {
                let process = attempt.process();
                Leftover {
                    uid: *uid,
                    pid: process.pid,
                    start_ticks: process.start_ticks,
                    boot_id: boots.get(&attempt.worker).map(|boot| (*boot).clone()),
                    output: paths.output(uid),
                }
            })
            .collect()
    }

    /// Returns the fewest records that fold into this.
    pub(crate) fn records(&self) -> Vec<JournalRecord> {
        let incarnations = self
            .incarnations
            .iter()
            .map(|(worker, boot_id)| JournalRecord::Incarnation {
                worker: *worker,
                boot_id: boot_id.clone(),
            });
        let attempts = self
            .attempts
            .iter()
            .flat_map(|(uid, attempt)| attempt.records(*uid));
        incarnations.chain(attempts).collect()
    }
}

impl JournaledAttempt {
    /// Makes what is recorded when an attempt is accepted.
    pub(crate) fn accepted(worker: Incarnation, owner: Owner) -> Self {
        Self {
            worker,
            owner,
            started: None,
            end: None,
        }
    }

    /// Returns its process; empty when none was recorded.
    pub(crate) fn process(&self) -> ProcessId {
        self.started
            .as_ref()
            .map(|(process, _)| process.clone())
            .unwrap_or_default()
    }

    fn records(&self, uid: DispatchId) -> Vec<JournalRecord> {
        let mut records = vec![JournalRecord::Accepted {
            uid,
            worker: self.worker,
            owner: self.owner.clone(),
        }];
        if let Some((process, at)) = &self.started {
            records.push(JournalRecord::Started {
                uid,
                process: process.clone(),
                at: *at,
            });
        }
        if let Some(end) = &self.end {
            records.push(JournalRecord::Ended {
                uid,
                end: end.clone(),
            });
        }
        records
    }
}
