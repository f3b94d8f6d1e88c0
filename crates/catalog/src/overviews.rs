//! What many rows together say to a reader: explanations, lists over all instances, counts, pictures.

pub(crate) mod approvals;
pub(crate) mod explanations;
mod grid;
pub(crate) mod statistics;
pub(crate) mod task_instances;
mod task_list_key;
pub(crate) mod timeline;
mod workflow_layout;

pub use approvals::{Approval, ApprovalDecider, ApprovalFilter, Approvals};
pub use explanations::{Explanation, Explanations};
pub use grid::{Grid, GridRun};
pub use statistics::{Statistics, StatisticsKey, StatisticsRow};
pub use task_instances::{TaskInstanceFilter, TaskInstanceRow, TaskInstances};
pub use timeline::{ComingFire, PastRun, TimelineRequest, Timelines};
pub use workflow_layout::WorkflowLayout;
