//! A batch of fires: decided, then stored in one commit.

use std::sync::Arc;

use crate::scheduling::prepared_schedule::{DecisionContext, PreparedSchedule};
use crate::scheduling::schedule_deps::ScheduleDeps;
use ports::fail_points::fail_point;
use ports::{FireCommit, FireOutcome, FireRefusal, StoreError};

/// The most instances of one batch; past it a commit would delay those that follow.
const BATCH_STARTS: usize = 1_000;

/// The most fires that one schedule starts in a batch, so that none holds up the others.
const SCHEDULE_STARTS: usize = 100;

/// The code of fires whose instance the store refuses.
const REFUSED_BY_STORE: &str = "INTERNAL";

/// A batch as it was stored.
#[derive(Debug, Default)]
pub(crate) struct FiredBatch {
    entries: Vec<(Arc<PreparedSchedule>, FireCommit, FireOutcome)>,
}

impl FiredBatch {
    /// Returns each schedule with its decision and the outcome.
    pub(crate) fn into_entries(self) -> Vec<(Arc<PreparedSchedule>, FireCommit, FireOutcome)> {
        self.entries
    }
}

/// Decides the fires of schedules that are due, and stores them. Schedules that do not fit into the batch are left out.
pub(crate) async fn commit_batch(
    deps: ScheduleDeps,
    schedules: Vec<Arc<PreparedSchedule>>,
) -> Result<FiredBatch, StoreError> {
    let decider = deps.clone();
    // A long outage takes many steps through the calendar.
    let decide = move || decide_batch(&decider, &schedules).into_iter().unzip();
    let (schedules, commits): (Vec<_>, Vec<_>) = tokio::task::spawn_blocking(decide)
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    fail_point("schedule.before_commit");
    let outcomes = deps.store.commit_fires(&commits).await?;
    fail_point("schedule.after_commit");
    let mut fired = FiredBatch::default();
    for ((schedule, commit), outcome) in schedules.into_iter().zip(commits).zip(outcomes) {
        let (commit, outcome) = match outcome {
            FireOutcome::Rejected(why) => store_refusal(&deps, commit, why).await?,
            stored => (commit, stored),
        };
        fired.entries.push((schedule, commit, outcome));
    }
    Ok(fired)
}

fn decide_batch(
    deps: &ScheduleDeps,
    schedules: &[Arc<PreparedSchedule>],
) -> Vec<(Arc<PreparedSchedule>, FireCommit)> {
    let mut left = BATCH_STARTS;
    let mut decided = Vec::with_capacity(schedules.len());
    for schedule in schedules {
        if left == 0 {
            break;
        }
        let commit = schedule.decide(DecisionContext {
            this_node: &deps.this_node,
            now: deps.clock.now(),
            missed_after_ms: deps.settings.missed_after_ms,
            limit: left.min(SCHEDULE_STARTS),
        });
        left = left.saturating_sub(commit.starts.len());
        decided.push((Arc::clone(schedule), commit));
    }
    decided
}

/// Records that the store refuses the instances of a decision, so that the schedule continues.
async fn store_refusal(
    deps: &ScheduleDeps,
    mut commit: FireCommit,
    why: String,
) -> Result<(FireCommit, FireOutcome), StoreError> {
    tracing::error!(schedule = %commit.upcoming.id, %why, "the store refuses the instances of a schedule");
    for start in &mut commit.starts {
        start.instance = Err(FireRefusal {
            code: REFUSED_BY_STORE.to_owned(),
            detail: "the database refuses the instance; the log of the server has the details".to_owned(),
        });
    }
    let stored = deps.store.commit_fires(std::slice::from_ref(&commit)).await?;
    let outcome = stored.into_iter().next().unwrap_or(FireOutcome::Changed);
    Ok((commit, outcome))
}
