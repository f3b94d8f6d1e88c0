//! The port to the channels of alerts, and what a message carries.

use std::fmt::Display;
use std::time::Duration;

use async_trait::async_trait;
use engine::ids::{AlertId, BackfillId, DeliveryId, InstanceId, Run, Timestamp};
use engine::timezone::format_utc;
use serde::{Serialize, Serializer};

/// Time that a receiver has for its answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A channel as a rule names it. Which channel that is, the sender decides at each try: one of the project goes before a
/// shared one of the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName {
    /// The project's row; none for a rule of the server, which names shared channels only.
    pub project: Option<i64>,
    /// Its name.
    pub name: String,
}

/// One message to one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertMessage {
    /// The id of the delivery, the same at each try: receivers drop repetitions by it.
    #[serde(serialize_with = "id")]
    pub delivery: DeliveryId,
    /// The number of alerts.
    pub count: usize,
    /// At least one, the oldest first.
    pub alerts: Vec<AlertView>,
}

impl AlertMessage {
    /// Makes a message of alerts.
    pub fn new(delivery: DeliveryId, alerts: Vec<AlertView>) -> Self {
        Self {
            delivery,
            count: alerts.len(),
            alerts,
        }
    }
}

/// An alert as receivers read it; what does not apply is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertView {
    /// Its id.
    #[serde(serialize_with = "id")]
    pub id: AlertId,
    /// The event, as rules name it.
    pub event: String,
    /// When it occurred.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// The project's name.
    pub project: Option<String>,
    /// The workflow's name.
    pub workflow: Option<String>,
    /// The instance.
    #[serde(serialize_with = "optional_id")]
    pub instance: Option<InstanceId>,
    /// Its run.
    pub run: Option<Run>,
    /// For which time the instance or the fire is planned.
    #[serde(serialize_with = "optional_rfc3339")]
    pub scheduled_at: Option<Timestamp>,
    /// The task.
    pub task: Option<String>,
    /// Its attempt.
    pub attempt: Option<u32>,
    /// The node that died.
    pub node: Option<String>,
    /// The schedule's name.
    pub schedule: Option<String>,
    /// The backfill.
    #[serde(serialize_with = "optional_id")]
    pub backfill: Option<BackfillId>,
    /// The state of the subject after the event.
    pub state: Option<String>,
    /// Why it has this state.
    pub reason: Option<String>,
    /// The error of the task, or of the first task that failed.
    pub error: Option<String>,
    /// One sentence.
    pub text: String,
    /// Where the subject is shown.
    pub url: String,
    /// The tasks of the instance that failed, for channels that show a table.
    #[serde(skip)]
    pub failed_tasks: Vec<FailedTaskView>,
}

/// A task that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTaskView {
    /// Its name.
    pub task: String,
    /// The number of its latest attempt.
    pub attempt: Option<u32>,
    /// Its state.
    pub state: String,
    /// The error of its latest attempt.
    pub error: Option<String>,
}

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The receiver has it.
    Delivered,
    /// No later try can succeed: the receiver refuses it, or there is no such channel.
    Refused {
        /// Why, without secrets.
        error: String,
    },
    /// A later try may succeed.
    Failed {
        /// Why, without secrets.
        error: String,
        /// How long the receiver wants to be left alone (`Retry-After`).
        retry_after: Option<Duration>,
    },
}

/// Sends messages to channels. A try ends within `ANSWER_TIMEOUT` for each receiver.
#[async_trait]
pub trait AlertSender: Send + Sync + 'static {
    /// Sends a message once.
    async fn deliver(&self, channel: &ChannelName, message: &AlertMessage) -> SendOutcome;
}

/// Ids are texts in every interface.
fn id<I: Display, S: Serializer>(id: &I, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

fn optional_id<I: Display, S: Serializer>(id: &Option<I>, serializer: S) -> Result<S::Ok, S::Error> {
    match id {
        Some(id) => serializer.collect_str(id),
        None => serializer.serialize_none(),
    }
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_utc(*at))
}

fn optional_rfc3339<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}
