//! Named limits: of a project, or shared by all; with the tasks that hold their slots or wait for them.

mod force;
mod queue;
mod references;
mod stored;

pub use self::queue::{QueueEntry, QueueEntryState};
pub use self::stored::{LimitChange, LimitOwner, Limits, NewLimit, StoredLimit};
pub(crate) use self::references::store_limit_references;
pub(crate) use self::stored::store_project_cap;
