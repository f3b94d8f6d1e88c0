//! Commands about workflow definitions.

use super::admin::delete;
use super::args::{InProject, WorkflowCommand};
use super::documents;
use super::failure::{Exit, Failure};
use super::output::{Format, Printer, TableLayout, write_bytes};
use super::rest::{Call, Rest};

/// How workflows layout.
pub(super) const WORKFLOWS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("WORKFLOW", "/name"),
        ("VERSION", "/version"),
        ("TASKS", "/tasks"),
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
    let of = |place: &InProject| {
        [
            "projects".to_owned(),
            place.project.clone(),
            "workflows".to_owned(),
        ]
    };
    match command {
        WorkflowCommand::Lint { files } => documents::lint(&files),
        WorkflowCommand::Apply {
            files,
            project,
            dry_run,
        } => {
            let purpose = if dry_run {
                documents::Purpose::Check
            } else {
                documents::Purpose::Store
            };
            documents::apply(&files, project.as_deref(), purpose, &connect()?, printer)
        }
        WorkflowCommand::List(place) => {
            let path = of(&place);
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            printer.list(connect()?.list(&Call::get(&path), usize::MAX)?, WORKFLOWS)
        }
        WorkflowCommand::Get {
            workflow,
            version,
            place,
        } => {
            let path = ["projects", &place.project, "workflows", &workflow];
            let call = Call::get(&path).maybe("version", version.map(|n| n.to_string()));
            get(call, &connect()?, printer)
        }
        WorkflowCommand::Versions { workflow, place } => {
            let path = ["projects", &place.project, "workflows", &workflow, "versions"];
            printer.list(connect()?.list(&Call::get(&path), usize::MAX)?, VERSIONS)
        }
        WorkflowCommand::Delete { workflow, place } => {
            let path = ["projects", &place.project, "workflows", &workflow];
            delete(&connect()?, &path, &format!("workflow {workflow}"))
        }
    }
}

/// Prints a definition; as YAML it is the text that was stored.
fn get(call: Call, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    if printer.format() != Format::Yaml {
        return printer.item(&rest.json(call)?, WORKFLOWS);
    }
    let answer = rest.answer(call.accept("application/yaml"))?;
    let bytes = answer
        .bytes()
        .map_err(|error| Failure::new(Exit::Unreachable, error.to_string()))?;
    write_bytes(&bytes)
}
