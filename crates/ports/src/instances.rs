//! Instances as they are created, committed and loaded.

use std::collections::BTreeMap;

use engine::ids::{
    BackfillId, Epoch, Generation, Incarnation, InstanceId, Revision, Run, TaskIndex, Timestamp,
};
use engine::instance::{Changes, InstanceRecord, InstanceRows, ReusedRows};
use engine::place::PlaceOutlook;
use engine::start::Start;
use engine::states::InstanceState;
use engine::task::Attempt;
use engine::trigger::{Trigger, TriggerType};

use crate::admissions::StartAdmission;
use crate::inbox::{InboxCommand, RelayedResult};
use crate::limits::RoomRefusal;
use crate::membership::NodeIdentity;

/// Ties a request to its effect for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// SHA-256 of user, method, path and key, in hex.
    pub key: String,
    /// SHA-256 of the body, in hex.
    pub body_hash: String,
}

/// An instance to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInstance {
    /// The project's row.
    pub project_id: i64,
    /// The workflow's row.
    pub workflow_id: i64,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// Project parameters; the layer under the workflow's.
    pub project_params: BTreeMap<String, String>,
    /// The pinned version.
    pub version: i64,
    /// The number of tasks of that version.
    pub tasks: u32,
    /// The number of tasks that are outside the chosen range.
    pub excluded: u32,
    /// What the start asked for.
    pub start: Start,
    /// What started it. The time of a fire, of a date and of a parent is also `start.scheduled_at`.
    pub trigger: Trigger,
    /// The user: the caller, the maker of the backfill, that of the parent; none for a schedule.
    pub requested_by: Option<String>,
    /// Its first owner; without one it waits to be claimed.
    pub owner: Option<NodeIdentity>,
    /// The instance that it continues from, with the rows whose results it takes over.
    pub continued_from: Option<(InstanceId, ReusedRows)>,
    /// Ties a repeated request to this instance.
    pub request_key: Option<RequestKey>,
    /// When it is created.
    pub at: Timestamp,
}

impl NewInstance {
    /// Says what started it, for its history.
    pub fn start_reason(&self) -> String {
        match &self.requested_by {
            Some(user) => format!("started by {user} ({})", self.trigger),
            None => format!("started by {}", self.trigger),
        }
    }

    /// Returns this instance as its creation stores it, owned from the start.
    pub fn into_loaded(self, id: InstanceId, generation: Generation) -> LoadedInstance {
        let record = InstanceRecord {
            state: InstanceState::Running,
            reason: Some("waiting for a master".to_owned()),
            attention: None,
            run: Run(1),
            run_range: None,
            due_at: None,
            queued_by: None,
            time_left_ms: None,
            timed_out: false,
            started_at: None,
            ended_at: None,
            outputs: BTreeMap::new(),
        };
        LoadedInstance {
            rows: InstanceRows {
                id,
                generation,
                epoch: Epoch(1),
                revision: Revision(0),
                created_at: self.at,
                record,
                tasks: self.continued_from.map(|(_, rows)| rows).unwrap_or_default(),
            },
            project: self.project,
            workflow: self.workflow,
            workflow_id: self.workflow_id,
            version: self.version,
            project_params: self.project_params,
            start: self.start,
            trigger: self.trigger.trigger_type(),
            backfill: self.trigger.backfill(),
            parent: self.trigger.parent().map(|parent| parent.instance),
            requested_by: self.requested_by,
            gated: false,
            duplicate_open_attempts: Vec::new(),
            commands: Vec::new(),
            results: Vec::new(),
        }
    }
}

/// The changes of one instance that are committed together.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceCommit {
    /// The instance.
    pub id: InstanceId,
    /// The writer; a condition of the write.
    pub owner: Incarnation,
    /// Its address, for the history.
    pub host: String,
    /// A condition of the write.
    pub epoch: Epoch,
    /// A condition of the write; it grows by one.
    pub revision: Revision,
    /// When it was decided.
    pub at: Timestamp,
    /// What changes.
    pub changes: Changes,
}

/// One entry of a batch; entries succeed or fail independently.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new instance.
    Create(NewInstance),
    /// Changes of an instance.
    Commit(InstanceCommit),
}

/// The outcome of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The instance exists.
    Created {
        /// Its id.
        id: InstanceId,
        /// Its first owner; without one it waits to be claimed, or for a place.
        owner: Option<NodeIdentity>,
        /// Whether it runs.
        admission: StartAdmission,
    },
    /// The request key was used before, with the same body, for this instance.
    Known {
        /// Its id.
        id: InstanceId,
    },
    /// The request key was used before with another body.
    KeyReused,
    /// Stored; the revision grew by one.
    Stored,
    /// Owner, epoch or revision did not match: nothing was stored.
    Stale,
    /// Limits have no room for these tasks, which the entry binds to workers: nothing was stored.
    NoRoom(Vec<RoomRefusal>),
    /// The run that it begins has no place: nothing was stored, and it is decided again with this outlook.
    NoPlace(PlaceOutlook),
    /// This entry alone cannot be stored; the others of its batch were.
    Rejected(String),
}

/// Everything an owner needs to run an instance, from one consistent read.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedInstance {
    /// Its rows, each task with its latest attempt.
    pub rows: InstanceRows,
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's row.
    pub workflow_id: i64,
    /// The pinned version.
    pub version: i64,
    /// Project parameters; the layer under the workflow's.
    pub project_params: BTreeMap<String, String>,
    /// What the start asked for.
    pub start: Start,
    /// What started it.
    pub trigger: TriggerType,
    /// The backfill that it is a date of.
    pub backfill: Option<BackfillId>,
    /// The instance that started it.
    pub parent: Option<InstanceId>,
    /// The user for whom it was started.
    pub requested_by: Option<String>,
    /// Whether its end gives a place back.
    pub gated: bool,
    /// Open attempts of tasks that have a later one; normally none.
    pub duplicate_open_attempts: Vec<(TaskIndex, Attempt)>,
    /// Unapplied commands in order.
    pub commands: Vec<InboxCommand>,
    /// Results of attempts that are open here, which workers gave to another master.
    pub results: Vec<RelayedResult>,
}
