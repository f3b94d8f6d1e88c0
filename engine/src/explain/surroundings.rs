//! The rows around an instance that its causes name.

use std::collections::BTreeMap;

use crate::ids::{Incarnation, InstanceId, TaskIndex, Timestamp};
use crate::states::{InstanceState, MemberState};

/// What explanations need besides the instance, of the tasks that are explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// Who owns the instance.
    pub owner: OwnerSituation,
    /// When the instance changed last.
    pub instance_times: ChangeTimes,
    /// When each task changed last; one that never started has no entry.
    pub task_times: BTreeMap<TaskIndex, ChangeTimes>,
    /// The worker groups of tasks that wait for a slot, by name.
    pub groups: BTreeMap<String, GroupSlots>,
    /// The places that a queued instance waits for.
    pub places: PlaceShortage,
    /// The limits that lack room for tasks that could run.
    pub limits: BTreeMap<TaskIndex, Vec<LimitShortage>>,
    /// Open instances that a task waits for which started them, the oldest first and not all of many.
    pub children: BTreeMap<TaskIndex, Vec<ChildInstance>>,
}

/// When something changed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeTimes {
    /// When it entered its state.
    pub entered_at: Timestamp,
    /// When anything of it was last recorded in the history.
    pub recorded_at: Timestamp,
}

/// Who owns an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnerSituation {
    /// None.
    Missing,
    /// A node that works.
    Living,
    /// A node that has ended.
    Ended {
        /// Its name.
        name: String,
        /// Its incarnation.
        incarnation: Incarnation,
        /// `left` or `dead`.
        state: MemberState,
    },
}

/// The places that an instance lacks, each with who holds them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaceShortage {
    /// Those of its workflow, when all are held.
    pub workflow: Option<HeldPlaces>,
    /// Those of its project, when all are held.
    pub project: Option<HeldPlaces>,
}

/// Places that are all held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPlaces {
    /// The workflow or the project.
    pub name: String,
    /// What is waited for, as a readable text.
    pub reason: String,
    /// How many instances hold one.
    pub used: u32,
    /// Some of these instances, the oldest first.
    pub holders: Vec<InstanceId>,
}

/// A limit in whose queue a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitShortage {
    /// Its name; empty for the cap of a project's tasks.
    pub name: String,
    /// Its project; none for a shared limit.
    pub project: Option<String>,
    /// How many slots it has.
    pub slots: u32,
    /// How many of them are held.
    pub used: u32,
    /// How many the task wants.
    pub wanted: u32,
}

/// An instance that a task started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildInstance {
    /// Its id.
    pub instance: InstanceId,
    /// Its workflow.
    pub workflow: String,
    /// Its state.
    pub state: InstanceState,
}

/// The slots of one worker group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupSlots {
    /// Its workers that have not ended.
    pub workers: Vec<GroupWorker>,
    /// Some of the attempts that hold slots of active workers, the longest first.
    pub holders: Vec<SlotHolder>,
    /// How many attempts do.
    pub used: u32,
}

/// A worker of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupWorker {
    /// Its node name.
    pub name: String,
    /// Its state; only an active one takes attempts.
    pub state: MemberState,
    /// Its slots.
    pub slots: u32,
}

/// An attempt that holds a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotHolder {
    /// Its instance.
    pub instance: InstanceId,
    /// The name of its task.
    pub task: String,
    /// The node name of its worker.
    pub worker: String,
}
