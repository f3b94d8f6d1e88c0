//! What the actors and the adapters share: the traits that adapters and test fakes implement, the data that passes through
//! them, and what nodes say to each other. It knows neither actors nor adapters.

pub mod backoff;
pub mod clock;
pub mod commit_events;
pub mod connections;
pub mod fail_points;
pub mod health;
pub mod journal;
pub mod node;
pub mod paths;
pub mod peers;
pub mod protocol;
pub mod rpc;
pub mod secrets;

mod admissions;
mod alerts;
mod backfills;
mod channels;
mod children;
mod dependencies;
mod error;
mod inbox;
mod instances;
mod jobs;
mod limits;
mod logs;
mod membership;
mod ownership;
mod places;
mod registry;
mod retention;
mod schedules;
mod starts;
mod stores;
mod workflow_lookup;

pub use admissions::{MissingPlace, StartAdmission};
pub use alerts::{
    ANSWER_TIMEOUT, AlertMessage, AlertSender, AlertView, ChannelName, FailedTaskView, SendOutcome,
};
pub use backfills::{
    BackfillCommit, BackfillOutcome, BackfillSnapshot, BackfillStore, BackfillWorkflow, DependentRun,
    StartedInstance, WaitingDate, WaitingDates,
};
pub use channels::{ChannelGap, ChannelSource, ResolvedChannel};
pub use children::{
    ChildStore, ChildVersion, ChildWorkflowQuery, ChildrenCommand, ChildrenCommit, ChildrenOutcome,
    ChildrenTakeover, CreatedChild, ParentTask, TakeoverOutcome,
};
pub use dependencies::{
    CandidateQuery, CandidateWindow, DependencyStore, DependencyWaits, PassedOutputs, WaitedRange,
    WokenDependent,
};
pub use error::StoreError;
pub use inbox::{InboxCommand, RelayedResult};
pub use instances::{InstanceCommit, LoadedInstance, NewInstance, RequestKey, Write, WriteOutcome};
pub use jobs::{Job, JobEnd, KILL_GRACE, Leftover, Runner, RunnerRegistry, RunningJob, StartError};
pub use limits::{AdmissibleTask, LimitKey, LimitScope, LimitStore, ProjectShare, RoomRefusal};
pub use logs::{LogPart, LogSizes, LogSource, LogUnavailable};
pub use membership::{
    DB_HEARTBEAT_INTERVAL, DbHeartbeat, Declaration, DeclarationOutcome, FailoverRecord, HeartbeatReading,
    Join, JoinResult, Member, MemberStatus, NodeIdentity,
};
pub use ownership::{Claim, ClaimedInstance, HandOver, InstanceOwner, OwnedInstance, Ownership};
pub use places::{AdmissionPass, AdmissionReport, EndedWaiter, PlaceStore, StoppingHolder, WaitEnd};
pub use registry::{REGISTRY_LEASE, Registry, RegistryError, View};
pub use retention::*;
pub use schedules::{
    FireCommit, FireOutcome, FireRefusal, FireStart, LoadedSchedule, ScheduleStore, ScheduledProject,
    UpcomingSchedule,
};
pub use starts::{StartOrigin, StartedVersion};
pub use stores::{
    ClaimStore, DefinitionStore, FailoverStore, InboxStore, InstanceReader, InstanceWriter, MembershipStore,
    OwnershipStore, RelayedResults, Store,
};
pub use workflow_lookup::{NamedWorkflow, NamedWorkflowError, WorkflowLookup, WorkflowName, WorkflowTarget};
