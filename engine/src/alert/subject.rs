//! What an event is about, as rules see it.

/// The instance of an event, as rules see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertedInstance {
    /// Its id.
    pub id: String,
    /// Its project.
    pub project: String,
    /// Its workflow.
    pub workflow: String,
    /// Its state after the event.
    pub state: String,
    /// The time that it is planned for, in RFC 3339.
    pub scheduled_at: Option<String>,
    /// The kind of its trigger.
    pub trigger: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Whether a task of another instance started it.
    pub is_child: bool,
    /// Whether nothing of it really runs.
    pub is_dry_run: bool,
    /// Whether its start has an empty `notify`.
    pub silences_document: bool,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventSubject {
    /// The instance, for events about one.
    pub instance: Option<AlertedInstance>,
    /// The name of the task.
    pub task: Option<String>,
    /// The error of the task.
    pub error: Option<String>,
}
