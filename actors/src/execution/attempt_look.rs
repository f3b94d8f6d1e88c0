//! One look at what an attempt in the owner waits for.

use std::time::Duration;

use engine::ids::{AttemptNumber, TaskIndex};
use engine::task::{Observation, WatchGoal};
use engine::task_type::WatchKind;
use futures_util::future::LocalBoxFuture;

use ports::StoreError;

/// A request to look at what an attempt waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WatchRequest {
    /// The task.
    pub(crate) task_index: TaskIndex,
    /// The attempt.
    pub(crate) attempt: AttemptNumber,
    /// What it waits for.
    pub(crate) kind: WatchKind,
    /// What it wants of that.
    pub(crate) goal: WatchGoal,
}

/// The future of one look: what was found; none for nothing to report.
pub(crate) type LookFuture = LocalBoxFuture<'static, Result<Option<Observation>, StoreError>>;

/// How to look at what one attempt waits for, with all that this needs of the instance.
pub(crate) trait AttemptLook {
    /// Looks, and does what the goal of the attempt demands. A repetition is harmless, and so is one of an owner that has
    /// lost the instance.
    fn look(&self) -> LookFuture;

    /// Returns the pause before the next look that nothing requests; none when all that may change is reported, and a
    /// look of the master stands behind the reports.
    fn interval(&self) -> Option<Duration>;
}
