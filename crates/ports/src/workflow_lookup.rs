//! Workflows as the tasks of other workflows name them.

use async_trait::async_trait;
use engine::spec::ProjectAccess;

use crate::error::StoreError;

/// A workflow as a task names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkflowName {
    /// The project's name.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
}

/// What a name means now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedWorkflow {
    /// The name.
    pub name: WorkflowName,
    /// What the naming project may do with workflows of that project; none when there is no such project.
    pub access: Option<ProjectAccess>,
    /// The workflow; none when there is none.
    pub target: Option<WorkflowTarget>,
}

/// A workflow that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkflowTarget {
    /// The project's row.
    pub project_id: i64,
    /// The workflow's row.
    pub workflow_id: i64,
    /// The current version.
    pub version: i64,
    /// False: it starts nothing new.
    pub enabled: bool,
}

/// Why a task may not use the workflow that it names. A later attempt finds the same until a person changes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamedWorkflowError {
    /// There is no such project.
    #[error("there is no project `{project}`")]
    NoProject {
        /// Its name.
        project: String,
    },
    /// The project grants the other one less.
    #[error(
        "project `{project}` grants project `{naming}` no `{needed}`; an owner of `{project}` can grant it: \
         PUT /api/v1/projects/{project}/grants/project:{naming}"
    )]
    NotGranted {
        /// The project of the workflow.
        project: String,
        /// The project of the task.
        naming: String,
        /// What the task needs.
        needed: ProjectAccess,
    },
    /// There is no such workflow.
    #[error("there is no workflow `{workflow}` in project `{project}`")]
    NoWorkflow {
        /// Its project.
        project: String,
        /// Its name.
        workflow: String,
    },
}

impl NamedWorkflow {
    /// Returns the workflow, if the documents of project `naming` may use it so.
    ///
    /// # Errors
    /// What is missing.
    pub fn require(&self, naming: &str, needed: ProjectAccess) -> Result<WorkflowTarget, NamedWorkflowError> {
        self.check_access(naming, needed)?;
        self.target.ok_or_else(|| NamedWorkflowError::NoWorkflow {
            project: self.name.project.clone(),
            workflow: self.name.workflow.clone(),
        })
    }

    /// Checks that the documents of project `naming` may use workflows of this project so.
    ///
    /// # Errors
    /// What is missing.
    pub fn check_access(&self, naming: &str, needed: ProjectAccess) -> Result<(), NamedWorkflowError> {
        let project = self.name.project.clone();
        match self.access {
            None => Err(NamedWorkflowError::NoProject { project }),
            Some(access) if access < needed => Err(NamedWorkflowError::NotGranted {
                project,
                naming: naming.to_owned(),
                needed,
            }),
            Some(_) => Ok(()),
        }
    }
}

/// Finds the workflows that tasks name.
#[async_trait]
pub trait WorkflowLookup: Send + Sync + 'static {
    /// Finds out what names mean for documents of a project, which may use everything of its own. One answer for each
    /// name, in their order.
    async fn find_named_workflows(
        &self,
        naming_project: &str,
        names: &[WorkflowName],
    ) -> Result<Vec<NamedWorkflow>, StoreError>;
}
