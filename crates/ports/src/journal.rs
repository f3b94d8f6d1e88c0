//! The journal of a worker: records that outlive its process, behind a port.

use async_trait::async_trait;
use engine::attempt::AttemptEnd;
use engine::ids::{DispatchId, Incarnation, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::protocol::Owner;

/// Version of the lines that are written. A later version reads every line of an earlier one; a field that is added
/// has a default.
const VERSION: u32 = 1;

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalRecord {
    /// An incarnation of this worker began.
    Incarnation {
        /// The incarnation.
        worker: Incarnation,
        /// The boot of the machine in which it ran.
        boot_id: String,
    },
    /// Written before the process is started.
    Accepted {
        /// The attempt.
        uid: DispatchId,
        /// The incarnation that accepted it.
        worker: Incarnation,
        /// Its owner at that time.
        owner: Owner,
    },
    /// Written right after the process was started.
    Started {
        /// The attempt.
        uid: DispatchId,
        /// Its process.
        process: ProcessId,
        /// When it started.
        at: Timestamp,
    },
    /// It ended, and none of its processes runs.
    Ended {
        /// The attempt.
        uid: DispatchId,
        /// How it ended.
        end: AttemptEnd,
    },
    /// The owner has stored the end, or it never started: the earlier records of it are void.
    Forgotten {
        /// The attempt.
        uid: DispatchId,
    },
}

/// A process, named so that a later incarnation finds it and no other.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessId {
    /// Its process id; none for an attempt without a process.
    pub pid: Option<i64>,
    /// When it was started, in the kernel's ticks.
    pub start_ticks: Option<u64>,
}

/// A record with the version in which it is written: one line of JSON.
#[derive(Serialize)]
struct JournalLine<'a> {
    version: u32,
    #[serde(flatten)]
    record: &'a JournalRecord,
}

/// Why the journal could not be read or written, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(pub String);

/// An append-only list of records that outlives the process.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Returns every record that was written completely; none when there is no journal yet.
    async fn read(&self) -> Result<Vec<JournalRecord>, JournalError>;

    /// Appends records, all or none; they outlive the process when this returns, not yet the machine.
    async fn append(&self, records: &[JournalRecord]) -> Result<(), JournalError>;

    /// Makes what was appended outlive the machine.
    async fn sync(&self) -> Result<(), JournalError>;

    /// Replaces every record by these.
    async fn replace(&self, records: &[JournalRecord]) -> Result<(), JournalError>;
}

/// Serializes records, one line each.
///
/// # Errors
/// When a record cannot be serialized, which no value of a worker causes.
pub fn encode_lines(records: &[JournalRecord]) -> Result<Vec<u8>, JournalError> {
    let mut bytes = Vec::with_capacity(records.len() * 160);
    for record in records {
        let line = JournalLine {
            version: VERSION,
            record,
        };
        serde_json::to_writer(&mut bytes, &line).map_err(|error| JournalError(error.to_string()))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Parses lines of this and of every earlier version. A line that was truncated, by a crash or by a full disk, is left
/// out: what it would have recorded has not happened yet.
pub fn decode_lines(bytes: &[u8]) -> Vec<JournalRecord> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .filter_map(|line| {
            decode_line(line)
                .inspect_err(|error| tracing::warn!(%error, "a line of the worker's journal cannot be read"))
                .ok()
        })
        .collect()
}

/// Parses one line; its version does not matter yet.
fn decode_line(line: &[u8]) -> Result<JournalRecord, serde_json::Error> {
    let mut members: Map<String, Value> = serde_json::from_slice(line)?;
    members.shift_remove("version");
    serde_json::from_value(Value::Object(members))
}

#[cfg(test)]
mod tests;
