//! Commands about workflow definitions.

use reqwest::Method;
use serde_json::{Value, json};

use super::admin::delete;
use super::args::{InProject, WorkflowCommand};
use super::failure::{Exit, Failure};
use super::output::{Format, Printer, TableLayout, write_bytes, write_out};
use super::rest::{Call, Rest};
use super::suggestion;
use super::yaml::to_yaml;
use super::{document_files, documents};

/// How workflows layout.
pub(super) const WORKFLOWS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("WORKFLOW", "/name"),
        ("VERSION", "/version"),
        ("TASKS", "/tasks"),
        ("ENABLED", "/enabled"),
        ("UPDATED", "/updated_at"),
        ("DESCRIPTION", "/description"),
    ],
};

const VERSIONS: TableLayout = TableLayout {
    name: "version",
    columns: &[
        ("VERSION", "/version"),
        ("CREATED", "/created_at"),
        ("BY", "/created_by"),
    ],
};

/// Runs a command; `lint` needs no server.
pub(super) fn run(
    command: WorkflowCommand,
    connect: impl FnOnce() -> Result<Rest, Failure>,
    printer: Printer,
) -> Result<(), Failure> {
    match command {
        WorkflowCommand::Lint { files, misplaced } => {
            document_files::check_place("lint", &misplaced)?;
            documents::lint(&files)
        }
        WorkflowCommand::Apply {
            files,
            project,
            dry_run,
            misplaced,
        } => {
            document_files::check_place("apply", &misplaced)?;
            let purpose = if dry_run {
                documents::Purpose::Check
            } else {
                documents::Purpose::Store
            };
            documents::apply(&files, project.as_deref(), purpose, &connect()?, printer)
        }
        WorkflowCommand::List(place) => {
            let path = ["projects", &place.project, "workflows"];
            let rest = connect()?;
            let listed = rest.list(&Call::get(&path), usize::MAX);
            let listed = listed.map_err(|failure| suggestion::for_project(failure, &rest, &place.project))?;
            printer.list(listed, WORKFLOWS)
        }
        WorkflowCommand::Get {
            workflow,
            version,
            place,
        } => {
            let path = ["projects", &place.project, "workflows", &workflow];
            let call = Call::get(&path).maybe("version", version.map(|n| n.to_string()));
            let rest = connect()?;
            get(call, &rest, printer)
                .map_err(|failure| suggestion::for_workflow(failure, &rest, &place.project, &workflow))
        }
        WorkflowCommand::Versions { workflow, place } => {
            let path = ["projects", &place.project, "workflows", &workflow, "versions"];
            let rest = connect()?;
            let listed = rest
                .list(&Call::get(&path), usize::MAX)
                .map_err(|failure| suggestion::for_workflow(failure, &rest, &place.project, &workflow))?;
            printer.list(listed, VERSIONS)
        }
        WorkflowCommand::Enable { workflow, place } => edit(
            &json!({ "enabled": true }),
            &workflow,
            &place,
            &connect()?,
            printer,
        ),
        WorkflowCommand::Disable { workflow, place } => edit(
            &json!({ "enabled": false }),
            &workflow,
            &place,
            &connect()?,
            printer,
        ),
        WorkflowCommand::Delete { workflow, place } => {
            let path = ["projects", &place.project, "workflows", &workflow];
            let rest = connect()?;
            delete(&rest, &path, &format!("workflow {workflow}"))
                .map_err(|failure| suggestion::for_workflow(failure, &rest, &place.project, &workflow))
        }
    }
}

/// Changes a workflow and prints it.
fn edit(
    edit: &Value,
    workflow: &str,
    place: &InProject,
    rest: &Rest,
    printer: Printer,
) -> Result<(), Failure> {
    let path = ["projects", &place.project, "workflows", workflow];
    let edited = rest
        .json(Call::new(Method::PATCH, &path).json(edit))
        .map_err(|failure| suggestion::for_workflow(failure, rest, &place.project, workflow))?;
    printer.item(&edited, WORKFLOWS)
}

/// Prints a definition; as YAML it is the text that was stored, unless that is JSON.
fn get(call: Call, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    if printer.format() != Format::Yaml {
        return printer.item(&rest.json(call)?, WORKFLOWS);
    }
    let answer = rest.answer(call.accept("application/yaml"))?;
    let bytes = answer
        .bytes()
        .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(document) => write_out(&to_yaml(&document)?),
        Err(_) => write_bytes(&bytes),
    }
}
