//! The worker's memory across lives: what was accepted, what was started, how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use engine::ids::{Incarnation, Millis, Uid};
use engine::instance::Ended;
use serde::{Deserialize, Serialize};

use super::AttemptPaths;
use crate::ports::Leftover;
use crate::protocol::Owner;

/// So many lives are remembered; an attempt of an older one is answered as lost.
const LIVES: usize = 100;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A life of this worker began.
    Life {
        /// Which.
        worker: Incarnation,
        /// The boot of the machine in which it ran.
        boot_id: String,
    },
    /// Written before the process is started.
    Accepted {
        /// Which attempt.
        uid: Uid,
        /// The life that accepted it.
        worker: Incarnation,
        /// Who owned it then.
        owner: Owner,
    },
    /// Written right after the process was started.
    Started {
        /// Which attempt.
        uid: Uid,
        /// Its process.
        process: Process,
        /// When.
        at: Millis,
    },
    /// It ended, and every process of it is gone.
    Ended {
        /// Which attempt.
        uid: Uid,
        /// How.
        ended: Ended,
    },
    /// The owner has stored the end, or it never started: nothing is left to be remembered.
    Forgotten {
        /// Which attempt.
        uid: Uid,
    },
}

/// A process, named so that a later life finds it and no other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Process {
    /// Its id; none for an attempt without a process.
    pub pid: Option<i64>,
    /// When it was started, in the kernel's ticks.
    pub start_ticks: Option<u64>,
}

/// Why the journal could not be read or written, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(pub String);

/// An append-only list of lines that outlives the process.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Returns every line that was written completely; none when there is no journal yet.
    async fn read(&self) -> Result<Vec<Line>, JournalError>;

    /// Adds lines at the end, all or none; they outlive the process when this returns, not yet the machine.
    async fn append(&self, lines: &[Line]) -> Result<(), JournalError>;

    /// Makes what was appended outlive the machine.
    async fn sync(&self) -> Result<(), JournalError>;

    /// Puts these lines in the place of all others.
    async fn replace(&self, lines: &[Line]) -> Result<(), JournalError>;
}

/// What the journal knows of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recalled {
    /// The life that accepted it.
    pub(super) worker: Incarnation,
    /// Its owner then.
    pub(super) owner: Owner,
    /// Its process and when it was started.
    pub(super) started: Option<(Process, Millis)>,
    /// How it ended.
    pub(super) ended: Option<Ended>,
}

/// The lines of all earlier lives, folded.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Replay {
    /// Each life and its boot, oldest first.
    pub(super) lives: Vec<(Incarnation, String)>,
    /// What was accepted and not forgotten.
    pub(super) attempts: BTreeMap<Uid, Recalled>,
}

impl Replay {
    /// Folds lines.
    pub(super) fn of(lines: Vec<Line>) -> Self {
        let mut replay = Self::default();
        for line in lines {
            replay.fold(line);
        }
        replay.drop_old_lives();
        replay
    }

    fn fold(&mut self, line: Line) {
        match line {
            Line::Life { worker, boot_id } => self.lives.push((worker, boot_id)),
            Line::Accepted { uid, worker, owner } => {
                self.attempts.insert(
                    uid,
                    Recalled {
                        worker,
                        owner,
                        started: None,
                        ended: None,
                    },
                );
            }
            Line::Started { uid, process, at } => {
                if let Some(attempt) = self.attempts.get_mut(&uid) {
                    attempt.started = Some((process, at));
                }
            }
            Line::Ended { uid, ended } => {
                if let Some(attempt) = self.attempts.get_mut(&uid) {
                    attempt.ended = Some(ended);
                }
            }
            Line::Forgotten { uid } => {
                self.attempts.remove(&uid);
            }
        }
    }

    fn drop_old_lives(&mut self) {
        let too_many = self.lives.len().saturating_sub(LIVES);
        let old: BTreeSet<Incarnation> = self.lives.drain(..too_many).map(|(worker, _)| worker).collect();
        self.attempts.retain(|_, attempt| !old.contains(&attempt.worker));
    }

    /// Returns the attempts whose processes may still run.
    pub(super) fn leftovers(&self, folders: &AttemptPaths) -> Vec<Leftover> {
        let boots: BTreeMap<Incarnation, &String> =
            self.lives.iter().map(|(life, boot)| (*life, boot)).collect();
        self.attempts
            .iter()
            .filter(|(_, attempt)| attempt.ended.is_none())
            .map(|(uid, attempt)| {
                let process = attempt.started.as_ref().map(|(process, _)| process);
                Leftover {
                    uid: *uid,
                    pid: process.and_then(|process| process.pid),
                    start_ticks: process.and_then(|process| process.start_ticks),
                    boot_id: boots.get(&attempt.worker).map(|boot| (*boot).clone()),
                    output: folders.output(uid),
                }
            })
            .collect()
    }

    /// Returns the lines that say the same as all that were folded.
    pub(super) fn lines(&self) -> Vec<Line> {
        let lives = self.lives.iter().map(|(worker, boot_id)| Line::Life {
            worker: *worker,
            boot_id: boot_id.clone(),
        });
        let attempts = self
            .attempts
            .iter()
            .flat_map(|(uid, attempt)| attempt.lines(*uid));
        lives.chain(attempts).collect()
    }
}

impl Recalled {
    /// Returns the lines of one attempt.
    pub(super) fn lines(&self, uid: Uid) -> Vec<Line> {
        let mut lines = vec![Line::Accepted {
            uid,
            worker: self.worker,
            owner: self.owner.clone(),
        }];
        if let Some((process, at)) = &self.started {
            lines.push(Line::Started {
                uid,
                process: process.clone(),
                at: *at,
            });
        }
        if let Some(ended) = &self.ended {
            lines.push(Line::Ended {
                uid,
                ended: ended.clone(),
            });
        }
        lines
    }
}

/// A journal that lives as long as the value; for tests and for a worker without a disk.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<Line>,
    full: Option<String>,
}

impl MemoryJournal {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a copy of all lines.
    pub fn lines(&self) -> Vec<Line> {
        self.kept().lines.clone()
    }

    /// Refuses every write with this reason from now on, as a full disk does; `None` ends that.
    pub fn refuse_writes(&self, reason: Option<&str>) {
        self.kept().full = reason.map(str::to_owned);
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn read(&self) -> Result<Vec<Line>, JournalError> {
        Ok(self.lines())
    }

    async fn append(&self, lines: &[Line]) -> Result<(), JournalError> {
        let mut kept = self.kept();
        if let Some(reason) = &kept.full {
            return Err(JournalError(reason.clone()));
        }
        kept.lines.extend_from_slice(lines);
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        Ok(())
    }

    async fn replace(&self, lines: &[Line]) -> Result<(), JournalError> {
        let mut kept = self.kept();
        if let Some(reason) = &kept.full {
            return Err(JournalError(reason.clone()));
        }
        kept.lines = lines.to_vec();
        Ok(())
    }
}
