//! The catalog as one value, from which each noun is reached.

use secrets::SharedKeyRing;
use store::Store;

use crate::audit::AuditLog;
use crate::backfills::stored::Backfills;
use crate::bulk::BulkOperations;
use crate::channels::Channels;
use crate::connections::Connections;
use crate::grants::Grants;
use crate::history::History;
use crate::instances::Instances;
use crate::limits::Limits;
use crate::log_removals::LogRemovals;
use crate::nodes::Nodes;
use crate::operations::Operations;
use crate::overviews::approvals::Approvals;
use crate::overviews::explanations::Explanations;
use crate::overviews::statistics::Statistics;
use crate::overviews::task_instances::TaskInstances;
use crate::overviews::timeline::Timelines;
use crate::passwords::Passwords;
use crate::project_secrets::ProjectSecrets;
use crate::project_secrets::rotations::SecretRotations;
use crate::project_secrets::sealed_values::SealedValues;
use crate::projects::Projects;
use crate::request_keys::RequestKeys;
use crate::retention::Retention;
use crate::schedules::calendars::Calendars;
use crate::schedules::stored::Schedules;
use crate::silences::Silences;
use crate::tasks::{Children, Tasks};
use crate::tokens::Tokens;
use crate::transitions::Transitions;
use crate::users::{Preferences, SetupLinks, UserGroups, Users};
use crate::workflows::Workflows;

/// What users read and change, by noun, on the store's connections.
#[derive(Debug, Clone)]
pub struct Catalog {
    store: Store,
    keys: SharedKeyRing,
}

impl Catalog {
    /// Serves what this store holds.
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
            keys: SharedKeyRing::default(),
        }
    }

    /// Serves it with the keys of its secret values; without any, nothing secret can be stored.
    #[must_use]
    pub fn with_keys(self, keys: SharedKeyRing) -> Self {
        Self { keys, ..self }
    }

    /// Returns the keys of the secret values.
    pub fn keys(&self) -> &SharedKeyRing {
        &self.keys
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Returns what waits for the decision of a person.
    pub fn approvals(&self) -> Approvals<'_> {
        Approvals::new(&self.store)
    }

    /// Returns the audit log.
    pub fn audit(&self) -> AuditLog<'_> {
        AuditLog::new(&self.store)
    }

    /// Returns the backfills.
    pub fn backfills(&self) -> Backfills<'_> {
        Backfills::new(&self.store)
    }

    /// Returns the operations on many instances.
    pub fn bulk_operations(&self) -> BulkOperations<'_> {
        BulkOperations::new(&self.store)
    }

    /// Returns the calendars of schedules.
    pub fn calendars(&self) -> Calendars<'_> {
        Calendars::new(&self.store)
    }

    /// Returns the connections.
    pub fn connections(&self) -> Connections<'_> {
        Connections::new(&self.store, &self.keys)
    }

    /// Returns the channels of alerts.
    pub fn channels(&self) -> Channels<'_> {
        Channels::new(&self.store, &self.keys)
    }

    /// Returns why instances and tasks wait.
    pub fn explanations(&self) -> Explanations<'_> {
        Explanations::new(&self.store)
    }

    /// Returns the permissions of users on projects.
    pub fn grants(&self) -> Grants<'_> {
        Grants::new(&self.store)
    }

    /// Returns the histories of instances.
    pub fn history(&self) -> History<'_> {
        History::new(&self.store)
    }

    /// Returns the workflow instances.
    pub fn instances(&self) -> Instances<'_> {
        Instances::new(&self.store)
    }

    /// Returns the named limits.
    pub fn limits(&self) -> Limits<'_> {
        Limits::new(&self.store)
    }

    /// Returns the requests to remove logs.
    pub fn log_removals(&self) -> LogRemovals<'_> {
        LogRemovals::new(&self.store)
    }

    /// Returns the nodes, with their take-overs and the database.
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes::new(&self.store)
    }

    /// Returns the control operations.
    pub fn operations(&self) -> Operations<'_> {
        Operations::new(&self.store)
    }

    /// Returns the passwords of users.
    pub fn passwords(&self) -> Passwords<'_> {
        Passwords::new(&self.store)
    }

    /// Returns what users prefer.
    pub fn preferences(&self) -> Preferences<'_> {
        Preferences::new(&self.store)
    }

    /// Returns the projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects::new(&self.store)
    }

    /// Returns the idempotency keys of requests.
    pub fn request_keys(&self) -> RequestKeys<'_> {
        RequestKeys::new(&self.store)
    }

    /// Returns the requested deletions of ended instances.
    pub fn retention(&self) -> Retention<'_> {
        Retention::new(&self.store)
    }

    /// Returns the schedules of workflows.
    pub fn schedules(&self) -> Schedules<'_> {
        Schedules::new(&self.store)
    }

    /// Returns the secrets of projects.
    pub fn secrets(&self) -> ProjectSecrets<'_> {
        ProjectSecrets::new(&self.store, &self.keys)
    }

    /// Returns the requests to encrypt every secret value again.
    pub fn secret_rotations(&self) -> SecretRotations<'_> {
        SecretRotations::new(&self.store, &self.keys)
    }

    /// Returns every sealed value, whatever it belongs to.
    pub fn sealed_values(&self) -> SealedValues<'_> {
        SealedValues::new(&self.store)
    }

    /// Returns the links that set passwords.
    pub fn setup_links(&self) -> SetupLinks<'_> {
        SetupLinks::new(&self.store)
    }

    /// Returns the children of tasks.
    pub fn children(&self) -> Children<'_> {
        Children::new(&self.store)
    }

    /// Returns the silences of alerts.
    pub fn silences(&self) -> Silences<'_> {
        Silences::new(&self.store)
    }

    /// Returns the groups of users.
    pub fn user_groups(&self) -> UserGroups<'_> {
        UserGroups::new(&self.store)
    }

    /// Returns the statistics of instances.
    pub fn statistics(&self) -> Statistics<'_> {
        Statistics::new(&self.store)
    }

    /// Returns the timelines of projects.
    pub fn timelines(&self) -> Timelines<'_> {
        Timelines::new(&self.store)
    }

    /// Returns the tasks of all instances.
    pub fn task_instances(&self) -> TaskInstances<'_> {
        TaskInstances::new(&self.store)
    }

    /// Returns the tasks of instances.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks::new(&self.store)
    }

    /// Returns the tokens.
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens::new(&self.store)
    }

    /// Returns the stored steps of all instances.
    pub fn transitions(&self) -> Transitions<'_> {
        Transitions::new(&self.store)
    }

    /// Returns the users.
    pub fn users(&self) -> Users<'_> {
        Users::new(&self.store)
    }

    /// Returns the workflows.
    pub fn workflows(&self) -> Workflows<'_> {
        Workflows::new(&self.store)
    }
}
