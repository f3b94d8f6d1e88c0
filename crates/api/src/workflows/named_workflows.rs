//! The grants that a document needs for the workflows of other projects that it names.

use catalog::{Catalog, Project};
use engine::spec::{Definition, WorkflowReference};
use ports::{NamedWorkflow, NamedWorkflowError, WorkflowName};

use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};

/// Checks that the project may use the workflows of other projects that a document names. Names that mean nothing are
/// not refused: the other workflow may be stored later.
pub(crate) async fn check_grants(
    catalog: &Catalog,
    project: &Project,
    document: &Definition,
    position: impl Fn(&str) -> Option<(u32, u32)>,
) -> Result<(), Problem> {
    let references: Vec<(WorkflowReference<'_>, WorkflowName)> = document
        .workflow_references()
        .into_iter()
        .filter_map(|reference| {
            let name = WorkflowName {
                project: reference.project?.to_owned(),
                workflow: reference.workflow.to_owned(),
            };
            Some((reference, name))
        })
        .collect();
    let names: Vec<WorkflowName> = references.iter().map(|(_, name)| name.clone()).collect();
    let found = catalog
        .grants()
        .find_named_workflows(&project.name, &names)
        .await?;
    let refused = references
        .iter()
        .zip(&found)
        .filter_map(|((reference, _), named)| {
            let message = missing_grant(reference, named, &project.name)?;
            let pointer = format!("{}/project", reference.pointer);
            let (line, column) = position(&pointer).unzip();
            Some(Detail {
                pointer,
                code: Code::NotGranted.as_str().to_owned(),
                message,
                line,
                column,
            })
        });
    let errors: Vec<Detail> = refused.collect();
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(Code::InvalidDocument, first.message.clone()).with_errors(errors)),
    }
}

fn missing_grant(reference: &WorkflowReference<'_>, named: &NamedWorkflow, project: &str) -> Option<String> {
    match named.check_access(project, reference.kind.required_access()) {
        Err(error @ NamedWorkflowError::NotGranted { .. }) => Some(error.to_string()),
        Err(NamedWorkflowError::NoProject { .. } | NamedWorkflowError::NoWorkflow { .. }) | Ok(()) => None,
    }
}
