//! The instance of a start, checked against the definition that it starts.

use std::collections::BTreeMap;

use engine::ids::Timestamp;
use engine::plan::count_excluded;
use engine::spec::{Definition, Diagnostic, ProjectDefaults};
use engine::start;
use engine::timezone::Tz;
use engine::trigger::Trigger;
use serde_json::Value;

use crate::instances::NewInstance;

/// A version of a workflow that is started.
#[derive(Debug, Clone, Copy)]
pub struct StartedVersion<'a> {
    /// The project's row.
    pub project_id: i64,
    /// The project's name.
    pub project: &'a str,
    /// Parameters of the project.
    pub project_params: &'a BTreeMap<String, String>,
    /// What holds where start and definition say nothing.
    pub project_defaults: &'a ProjectDefaults,
    /// The workflow's row.
    pub workflow_id: i64,
    /// Which version.
    pub version: i64,
    /// What it means.
    pub definition: &'a Definition,
    /// The zone of an instance that neither the start nor the definition gives one.
    pub server_timezone: Tz,
}

/// Who starts an instance, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartOrigin {
    /// What starts it.
    pub trigger: Trigger,
    /// The user; none for a schedule.
    pub requested_by: Option<String>,
    /// When it is created.
    pub at: Timestamp,
}

impl StartedVersion<'_> {
    /// Makes the instance of a start; `choices` is the body of the start without the version.
    ///
    /// # Errors
    /// Lists everything that is wrong with the choices.
    pub fn new_instance(self, choices: &Value, origin: StartOrigin) -> Result<NewInstance, Vec<Diagnostic>> {
        let start = start::parse(
            choices,
            self.definition,
            self.project_defaults,
            self.server_timezone,
        )?;
        start::check_params(&start, self.definition, self.project_params)?;
        Ok(NewInstance {
            project_id: self.project_id,
            workflow_id: self.workflow_id,
            project: self.project.to_owned(),
            workflow: self.definition.name.clone(),
            project_params: self.project_params.clone(),
            version: self.version,
            tasks: u32::try_from(self.definition.tasks.len()).unwrap_or(u32::MAX),
            excluded: count_excluded(self.definition, &start),
            start,
            trigger: origin.trigger,
            requested_by: origin.requested_by,
            owner: None,
            continued_from: None,
            request_key: None,
            at: origin.at,
        })
    }
}
