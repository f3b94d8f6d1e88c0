//! Operations are the verbs that users post and owners decide.

use engine::ids::{Incarnation, InstanceId, Millis, OperationId, Run};
use engine::states::{InstanceState, Outcome, Verb};

use super::{Catalog, CatalogError, ProjectId, Request};

/// A verb to be posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostVerb {
    /// On which instance.
    pub instance: InstanceId,
    /// What is asked.
    pub verb: Verb,
    /// The task's name, for force-success.
    pub task: Option<String>,
    /// Why, in the user's words.
    pub reason: Option<String>,
}

/// A verb that was stored, and whom to poke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The inbox row.
    pub operation: OperationId,
    /// The run that was read; the verb is for this one.
    pub run: Run,
    /// The owner; none at rest.
    pub owner: Option<Incarnation>,
    /// The owner's address.
    pub host: Option<String>,
}

/// What became of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerbPosted {
    /// The verb waits for its owner.
    Accepted(Posted),
    /// The verb cannot apply in this state; nothing was stored.
    InvalidState {
        /// The state it is in.
        state: InstanceState,
        /// What can apply.
        possible: Vec<Verb>,
        /// In words: the state and what is possible.
        detail: String,
    },
}

/// A control operation as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The inbox row.
    pub id: OperationId,
    /// On which instance.
    pub instance: InstanceId,
    /// The instance's project, for the check of permissions.
    pub project_id: ProjectId,
    /// What was asked.
    pub verb: Verb,
    /// The task's name, for force-success.
    pub task: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// In words, when refused.
    pub detail: Option<String>,
    /// Who asked.
    pub requested_by: String,
    /// When it was asked.
    pub at: Millis,
    /// When it was decided.
    pub applied_at: Option<Millis>,
}

impl Catalog {
    /// Stores a verb for the run that is read here, unless it cannot apply in the instance's state.
    ///
    /// # Errors
    /// `NotFound`: says which of instance and task does not exist.
    pub async fn post_verb(&self, post: &PostVerb, request: &Request) -> Result<VerbPosted, CatalogError> {
        self.later()
    }

    /// Reads an operation; none when there is none of that id.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub async fn operation(&self, id: OperationId) -> Result<Option<Operation>, CatalogError> {
        self.later()
    }
}
