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
    use WorkflowCommand as Given;
    match command {
        Given::Lint { files, misplaced } => {
            document_files::check_place("lint", &misplaced)?;
            documents::lint(&files)
        }
        Given::Apply {
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
        Given::List(place) => list(&place, &connect()?, printer),
        Given::Export { workflows, place } => export(&workflows, &place, &connect()?),
        Given::Get {
            workflow,
            version,
            place,
        } => WorkflowPlace { workflow, place }.print(version, &connect()?, printer),
        Given::Versions { workflow, place } => {
            WorkflowPlace { workflow, place }.list_versions(&connect()?, printer)
        }
        Given::Enable { workflow, place } => {
            WorkflowPlace { workflow, place }.edit(&json!({ "enabled": true }), &connect()?, printer)
        }
        Given::Disable { workflow, place } => {
            WorkflowPlace { workflow, place }.edit(&json!({ "enabled": false }), &connect()?, printer)
        }
        Given::Restore {
            workflow,
            version,
            place,
        } => {
            let path = ["versions", &version.to_string(), "restore"];
            WorkflowPlace { workflow, place }.make_version(&path, &json!({}), &connect()?, printer)
        }
        Given::Copy {
            workflow,
            to_project,
            name,
            place,
        } => {
            let body = json!({ "project": to_project, "name": name });
            WorkflowPlace { workflow, place }.make_version(&["copy"], &body, &connect()?, printer)
        }
        Given::Delete {
            workflow,
            force,
            place,
        } => WorkflowPlace { workflow, place }.delete(force.then_some("true"), &connect()?),
    }
}

fn list(place: &InProject, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let listed = rest.list(&Call::get(&["projects", &place.project, "workflows"]), usize::MAX);
    let listed = listed.map_err(|failure| suggestion::for_project(failure, rest, &place.project))?;
    printer.list(listed, WORKFLOWS)
}

/// The workflow that a command is about.
struct WorkflowPlace {
    workflow: String,
    place: InProject,
}

impl WorkflowPlace {
    /// Returns the path of the workflow, or of something of it.
    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let workflow = ["projects", &self.place.project, "workflows", &self.workflow];
        [&workflow, rest].concat()
    }

    /// Adds the names that may have been meant to a failure.
    fn explain(&self, failure: Failure, rest: &Rest) -> Failure {
        suggestion::for_workflow(failure, rest, &self.place.project, &self.workflow)
    }

    fn print(&self, version: Option<u32>, rest: &Rest, printer: Printer) -> Result<(), Failure> {
        let call = Call::get(&self.path(&[])).maybe("version", version.map(|n| n.to_string()));
        get(call, rest, printer).map_err(|failure| self.explain(failure, rest))
    }

    fn list_versions(&self, rest: &Rest, printer: Printer) -> Result<(), Failure> {
        let listed = rest.list(&Call::get(&self.path(&["versions"])), usize::MAX);
        printer.list(listed.map_err(|failure| self.explain(failure, rest))?, VERSIONS)
    }

    /// Changes the workflow and prints it.
    fn edit(&self, edit: &Value, rest: &Rest, printer: Printer) -> Result<(), Failure> {
        let edited = rest.json(Call::new(Method::PATCH, &self.path(&[])).json(edit));
        printer.item(&edited.map_err(|failure| self.explain(failure, rest))?, WORKFLOWS)
    }

    /// Makes a version of a stored one, and prints it.
    fn make_version(
        &self,
        path: &[&str],
        body: &Value,
        rest: &Rest,
        printer: Printer,
    ) -> Result<(), Failure> {
        let made = rest.json(Call::new(Method::POST, &self.path(path)).json(body));
        printer.list_of_one(
            made.map_err(|failure| self.explain(failure, rest))?,
            documents::APPLIED,
        )
    }

    fn delete(&self, force: Option<&str>, rest: &Rest) -> Result<(), Failure> {
        let call = Call::new(Method::DELETE, &self.path(&[])).maybe("force", force);
        rest.json(call).map_err(|failure| self.explain(failure, rest))?;
        say(&format!("workflow {} is deleted", self.workflow));
        Ok(())
    }
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
