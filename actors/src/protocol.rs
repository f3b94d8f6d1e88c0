//! What masters and workers say to each other: one protocol, two transports (in process, HTTP).
//!
//! Every message may be lost, repeated, delayed or reordered. What makes that harmless: a uid is started at
//! most once, a worker refuses epochs below the highest it has seen, and nothing is forgotten before the other
//! side has stored it.

use std::collections::BTreeMap;

use engine::definition::{OnCutOff, Work};
use engine::ids::{AttemptNumber, Epoch, Generation, Incarnation, InstanceId, Millis, Uid};
use engine::instance::Ended;
use engine::states::KillCause;
use serde::{Deserialize, Serialize};

/// Who speaks for an instance, and with what right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The owning master's life.
    pub incarnation: Incarnation,
    /// Where it answers; `host` of the instance.
    pub host: String,
    /// The database's generation.
    pub generation: Generation,
    /// The fencing token.
    pub epoch: Epoch,
}

/// One attempt for a worker, with everything that it needs to run it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dispatch {
    /// The binding.
    pub uid: Uid,
    /// The worker life that it is for; any other refuses it.
    pub worker: Incarnation,
    /// Reports go there.
    pub owner: Owner,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The task's name.
    pub task: String,
    /// The attempt's number.
    pub attempt: AttemptNumber,
    /// What to do, with every placeholder already resolved.
    pub work: Work,
    /// Added to the environment of its processes: parameters, `env`, and the contract's own names.
    pub env: BTreeMap<String, String>,
    /// The limit of this attempt in milliseconds, when it ends the attempt. The owner judges it; the worker
    /// kills by itself 10 s later.
    pub timeout_ms: Option<i64>,
    /// What the worker does with it when it is cut off.
    #[serde(default)]
    pub on_cut_off: OnCutOff,
}

/// The answer to one dispatched attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchAnswer {
    /// Journalled; its process starts.
    Accepted,
    /// Never started, and never will be: the uid is tombstoned.
    Refused {
        /// In words.
        reason: String,
    },
    /// A newer owner is known: the sender must look at its row.
    StaleEpoch {
        /// The highest epoch seen.
        seen: Epoch,
    },
}

/// The answers to a batch of dispatches, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DispatchReply {
    /// One per dispatch.
    pub answers: Vec<DispatchAnswer>,
    /// Slots that the master may use beyond what it has in flight here.
    pub free_slots: u32,
}

/// An order to end an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// Which.
    pub uid: Uid,
    /// Who says so.
    pub owner: Owner,
    /// Why.
    pub cause: KillCause,
}

/// The answer to a kill. The end itself comes as a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillAnswer {
    /// Under way; or it has ended and the report is on its way.
    Killing,
    /// The uid is unknown: tombstoned, so that it never starts.
    NeverStarted,
    /// A newer owner is known.
    StaleEpoch {
        /// The highest epoch seen.
        seen: Epoch,
    },
}

/// A question of a new owner about an open attempt; makes the worker report to it from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopt {
    /// Which.
    pub uid: Uid,
    /// The worker life that the row names; may be an earlier life of the asked node.
    pub worker: Incarnation,
    /// The new owner.
    pub owner: Owner,
}

/// The answer to an adopt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReattachAnswer {
    /// Runs, or has ended with its report on the way to the new owner.
    Running {
        /// The process id.
        pid: Option<i64>,
        /// When it started.
        started_at: Option<Millis>,
    },
    /// Ended in an earlier life, with a journalled result.
    Done {
        /// The result.
        ended: Ended,
    },
    /// Never arrived here: tombstoned now.
    NeverStarted,
    /// Its end is not known, or its worker itself stopped it; nothing of it runs any more.
    Lost {
        /// In words.
        reason: String,
    },
    /// A newer owner is known.
    StaleEpoch {
        /// The highest epoch seen.
        seen: Epoch,
    },
}

/// One thing that a worker tells the owner, until it is answered `Stored`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which attempt.
    pub uid: Uid,
    /// The worker's life.
    pub worker: Incarnation,
    /// What happened.
    pub fact: AttemptUpdate,
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptUpdate {
    /// Its process runs. Held back up to 20 ms, so that a short task reports once.
    Started {
        /// The process id.
        pid: Option<i64>,
        /// When.
        at: Millis,
    },
    /// It ended, and every process of it is gone.
    Ended(Ended),
    /// Its worker stopped it because it was cut off, and every process of it is gone.
    Lost {
        /// In words.
        reason: String,
    },
}

/// The wish for a lease of one exclusive attempt, which its worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Which.
    pub uid: Uid,
    /// The epoch of its owner, as the worker knows it.
    pub epoch: Epoch,
}

/// The owner's answer to one report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportAnswer {
    /// Committed, or of no interest any more: forget it.
    Stored,
    /// Another owner; send it there.
    Moved {
        /// Who, if anybody is known.
        owner: Option<Owner>,
    },
    /// Not yet; send it again with the next batch.
    Later,
}

/// Names the instance of a uid; every message about an attempt goes by it.
pub fn instance_of(uid: &Uid) -> InstanceId {
    uid.instance
}

#[cfg(test)]
mod tests;
