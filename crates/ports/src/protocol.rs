//! The messages between masters and workers: one protocol over two transports (in process, HTTP).
//!
//! Every message may be lost, repeated, delayed or reordered. What makes that harmless: a uid is started at
//! most once, a worker refuses epochs below the highest it has seen, and nothing is forgotten before the other
//! side has stored it.
//!
//! A field that is added has a default, so that a node reads the messages of the version before it.

use std::collections::{BTreeMap, BTreeSet};

use engine::attempt::AttemptEnd;
use engine::connection::ResolvedConnection;
use engine::ids::{AttemptNumber, DispatchId, Epoch, Generation, Incarnation, Timestamp};
use engine::params::SecretSlot;
use engine::spec::{OnCutOff, ParamType};
use engine::states::KillCause;
use engine::task_type::PreparedAction;
use primitives::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::secrets::SecretValues;

/// The owner of an instance, with the token that fences earlier owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The owning master's incarnation.
    pub incarnation: Incarnation,
    /// Its address; `host` of the instance.
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
    pub uid: DispatchId,
    /// The worker incarnation that it is for; any other refuses it.
    pub worker: Incarnation,
    /// Receives the reports.
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
    pub action: PreparedAction,
    /// Added to the environment of its processes: parameters, `env`, and the contract's own names.
    pub env: BTreeMap<String, String>,
    /// The places in `action` and `env` for values of secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_slots: Vec<SecretSlot>,
    /// Those values.
    #[serde(default, skip_serializing_if = "SecretValues::is_empty")]
    pub secrets: SecretValues,
    /// The outputs that it may set, with their types.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, ParamType>,
    /// The limit of this attempt in milliseconds, when it ends the attempt. The owner judges it; the worker
    /// kills by itself 10 s later.
    #[serde(default)]
    pub timeout_ms: Option<i64>,
    /// What the worker does with it when it reaches no master.
    #[serde(default)]
    pub on_cut_off: OnCutOff,
    /// The connection that its action names, with its secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ResolvedConnection>,
}

impl Dispatch {
    /// Whether values of secrets are to be added, or noted, before it is sent.
    pub fn needs_secrets(&self) -> bool {
        !self.secret_slots.is_empty() || !self.connection_secrets().is_empty()
    }

    /// Returns the values of the secret fields of its connection.
    pub fn connection_secrets(&self) -> Vec<Secret> {
        let connection = self.connection.iter();
        let texts = connection.flat_map(|connection| &connection.secrets);
        texts.map(|text| Secret::new(text.as_str())).collect()
    }

    /// Returns the names of the secrets that it needs, each once.
    pub fn secret_names(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.secret_slots.iter().map(|slot| &slot.secret).collect();
        names.into_iter().cloned().collect()
    }
}

/// The answer to one dispatched attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchAnswer {
    /// Journaled; its process starts.
    Accepted,
    /// Never started, and never will be: the uid is tombstoned.
    Refused {
        /// Why, as a sentence.
        reason: String,
    },
    /// A newer owner is known: the sender must read its row.
    StaleEpoch {
        /// The highest epoch seen.
        seen: Epoch,
    },
}

impl DispatchAnswer {
    /// Refuses a dispatch.
    pub fn refused(reason: &str) -> Self {
        Self::Refused {
            reason: reason.to_owned(),
        }
    }
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
    /// The attempt.
    pub uid: DispatchId,
    /// The owner that orders it.
    pub owner: Owner,
    /// Why it is to end.
    pub cause: KillCause,
}

/// The answer to a kill. The end itself comes as a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillAnswer {
    /// It is being killed; or it has ended, and the report is on its way.
    Killing,
    /// The uid is unknown: tombstoned, so that it never starts.
    NeverStarted,
    /// A newer owner is known.
    StaleEpoch {
        /// The highest epoch seen.
        seen: Epoch,
    },
}

/// The request of a new owner for the state of an open attempt; reports go to that owner from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReattachRequest {
    /// The attempt.
    pub uid: DispatchId,
    /// The worker incarnation that the row names; may be an earlier one of the asked node.
    pub worker: Incarnation,
    /// The new owner.
    pub owner: Owner,
}

/// The answer to a request for the state of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReattachAnswer {
    /// Runs, or has ended with its report on the way to the new owner.
    Running {
        /// The process id.
        #[serde(default)]
        pid: Option<i64>,
        /// When it started.
        #[serde(default)]
        started_at: Option<Timestamp>,
    },
    /// Ended in an earlier incarnation, with a journaled result.
    Done {
        /// The end.
        end: AttemptEnd,
    },
    /// Never arrived here: tombstoned now.
    NeverStarted,
    /// Its end is not known, or its worker itself stopped it; nothing of it runs any more.
    Lost {
        /// Why, as a sentence.
        reason: String,
    },
    /// A newer owner is known.
    StaleEpoch {
        /// The highest epoch seen.
        seen: Epoch,
    },
}

/// One update of an attempt that a worker repeats until its owner answers `Stored`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The attempt.
    pub uid: DispatchId,
    /// The worker incarnation that accepted it.
    pub worker: Incarnation,
    /// What happened.
    pub update: AttemptUpdate,
}

/// What happened to an attempt on its worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptUpdate {
    /// Its process runs. Held back up to 20 ms, so that a short task reports once.
    Started {
        /// The process id.
        #[serde(default)]
        pid: Option<i64>,
        /// When it started.
        at: Timestamp,
    },
    /// It ended, and none of its processes runs.
    Ended(AttemptEnd),
    /// Its worker stopped it because it reached no master; none of its processes runs.
    Lost {
        /// Why, as a sentence.
        reason: String,
    },
}

/// The request for a lease of one exclusive attempt, which its worker runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// The attempt.
    pub uid: DispatchId,
    /// The epoch of its owner, as the worker knows it.
    pub epoch: Epoch,
}

/// The owner's answer to one request for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseAnswer {
    /// The attempt may run for the time of a lease, counted from when the request was sent.
    Granted,
    /// The owner is not sure of itself or of the worker, or has another epoch: the worker asks again.
    Denied,
}

/// The owner's answer to one report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportAnswer {
    /// Committed, or not needed any more: the worker forgets it.
    Stored,
    /// The instance has another owner, which is to receive it.
    Moved {
        /// The other owner, if one is known.
        #[serde(default)]
        owner: Option<Owner>,
    },
    /// Not stored yet; the worker sends it again with the next batch.
    Later,
}

#[cfg(test)]
mod tests;
