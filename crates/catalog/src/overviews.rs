//! What many rows together say to a reader: explanations, lists over all instances, counts, pictures.

pub(crate) mod approvals;
pub(crate) mod explanations;
mod grid;
mod list_marks;
pub(crate) mod statistics;
mod stored_instance;
pub(crate) mod task_instances;
mod task_list_key;
mod task_params;
pub(crate) mod timeline;
mod workflow_layout;

pub use approvals::{Approval, ApprovalDecider, ApprovalFilter, Approvals};
pub use explanations::{Explanation, Explanations};
pub use grid::{Grid, GridRun};
pub use list_marks::{ListMark, ListMarks, MarkedList};
pub use statistics::{Statistics, StatisticsKey, StatisticsRow};
pub use task_instances::{TaskInstanceFilter, TaskInstanceRow, TaskInstances};
pub use task_params::TaskParam;
pub use timeline::{ComingFire, PastRun, TimelineRequest, Timelines};
pub use workflow_layout::WorkflowLayout;
