//! Named limits: of a project, or shared by all; with the tasks that hold their slots or wait for them.

mod force;
mod owner;
pub(crate) mod project_cap;
mod queue;
pub(crate) mod references;
mod shortages;
mod stored;

pub use self::owner::LimitOwner;
pub use self::queue::{QueueEntry, QueueEntryState};
pub use self::stored::{LimitChange, Limits, NewLimit, StoredLimit};
