//! What an alert says, as it is stored: names and numbers of the time of the event, which later changes leave alone.

use engine::ids::{AlertId, BackfillId, InstanceId, Run, Timestamp};
use ports::{AlertView, FailedTaskView};
use serde::{Deserialize, Serialize};

/// What an alert says. A field that is added has a default, so that an earlier form is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AlertFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scheduled_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schedule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backfill: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) failed_tasks: Vec<FailedTask>,
}

/// A task that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FailedTask {
    pub(super) task: String,
    pub(super) attempt: Option<u32>,
    pub(super) state: String,
    pub(super) error: Option<String>,
}

/// The columns of an alert beside its facts.
pub(super) struct AlertColumns {
    pub(super) id: i64,
    pub(super) event: String,
    pub(super) at: i64,
    pub(super) instance: Option<i64>,
    pub(super) text: String,
}

impl AlertFacts {
    /// Returns the alert as receivers read it, without its address.
    pub(super) fn into_view(self, columns: AlertColumns) -> AlertView {
        AlertView {
            id: AlertId(columns.id),
            event: columns.event,
            at: Timestamp(columns.at),
            project: self.project,
            workflow: self.workflow,
            instance: columns.instance.map(InstanceId),
            run: self.run.map(Run),
            scheduled_at: self.scheduled_at.map(Timestamp),
            task: self.task,
            attempt: self.attempt,
            node: self.node,
            schedule: self.schedule,
            backfill: self.backfill.map(BackfillId),
            state: self.state,
            reason: self.reason,
            error: self.error,
            text: columns.text,
            url: String::new(),
            failed_tasks: self.failed_tasks.into_iter().map(FailedTaskView::from).collect(),
        }
    }
}

impl From<FailedTask> for FailedTaskView {
    fn from(task: FailedTask) -> Self {
        Self {
            task: task.task,
            attempt: task.attempt,
            state: task.state,
            error: task.error,
        }
    }
}
