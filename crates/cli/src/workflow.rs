//! Commands about workflow definitions.

use document::to_yaml;
use reqwest::Method;
use serde_json::{Value, json};

use super::args::{InProject, WorkflowCommand};
use super::failure::{Exit, Failure};
use super::output::{Format, Printer, TableLayout, say, write_bytes, write_out};
use super::rest::{Call, Rest};
use super::suggestion;
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
        WorkflowCommand::Restore {
            workflow,
            version,
            place,
        } => {
            let version = version.to_string();
            let path = [
                "projects",
                &place.project,
                "workflows",
                &workflow,
                "versions",
                &version,
                "restore",
            ];
            post(&path, &json!({}), &place, (&connect()?, printer))
        }
        WorkflowCommand::Copy {
            workflow,
            to_project,
            name,
            place,
        } => {
            let path = ["projects", &place.project, "workflows", &workflow, "copy"];
            let body = json!({ "project": to_project, "name": name });
            post(&path, &body, &place, (&connect()?, printer))
        }
        WorkflowCommand::Export { workflows, place } => export(&workflows, &place, &connect()?),
        WorkflowCommand::Delete {
            workflow,
            force,
            place,
        } => {
            let path = ["projects", &place.project, "workflows", &workflow];
            let rest = connect()?;
            let call = Call::new(Method::DELETE, &path).maybe("force", force.then_some("true"));
            rest.json(call)
                .map_err(|failure| suggestion::for_workflow(failure, &rest, &place.project, &workflow))?;
            say(&format!("workflow {workflow} is deleted"));
            Ok(())
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

/// Makes a version of a stored one, and prints it.
fn post(
    path: &[&str],
    body: &Value,
    place: &InProject,
    (rest, printer): (&Rest, Printer),
) -> Result<(), Failure> {
    let workflow = path.get(3).copied().unwrap_or_default();
    let made = rest
        .json(Call::new(Method::POST, path).json(body))
        .map_err(|failure| suggestion::for_workflow(failure, rest, &place.project, workflow))?;
    printer.list_of_one(made, documents::APPLIED)
}

/// Prints documents as they are stored.
fn export(workflows: &[String], place: &InProject, rest: &Rest) -> Result<(), Failure> {
    let call = Call::get(&["projects", &place.project, "export"]).accept("application/yaml");
    let call = workflows
        .iter()
        .fold(call, |call, workflow| call.query("workflow", workflow.as_str()));
    let named = workflows.first().map_or("", String::as_str);
    let answer = rest
        .answer(call)
        .map_err(|failure| suggestion::for_workflow(failure, rest, &place.project, named))?;
    let bytes = answer
        .bytes()
        .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
    write_bytes(&bytes)
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
