//! `porpoise run`: starts an instance.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use super::args::RunArgs;
use super::body::Body;
use super::document_files;
use super::failure::{Exit, Failure};
use super::follow;
use super::instance::INSTANCES;
use super::output::{Format, Printer, plain, say, write_out};
use super::polling::deadline_after;
use super::rest::{Call, Rest};
use super::suggestion;

/// Starts the instance, prints it, and waits for it when that is asked.
pub(super) fn run(args: &RunArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let path = [
        "projects",
        &args.place.project,
        "workflows",
        &args.workflow,
        "instances",
    ];
    if let Some(failure) = file_instead_of_name(&args.workflow) {
        return Err(failure);
    }
    let rest = &rest.until(deadline_after(args.timeout));
    let started = rest
        .json(Call::new(Method::POST, &path).json(&body(args)))
        .map_err(|failure| suggestion::for_workflow(failure, rest, &args.place.project, &args.workflow))?;
    let id = plain(started.get("id"));
    let waits = args.wait || args.follow;
    let whole = matches!(printer.format(), Format::Json | Format::Yaml);
    let shown = match (whole, waits) {
        (false, _) => write_out(&format!("{id}\n")),
        (true, false) => printer.item(&started, INSTANCES),
        (true, true) => Ok(()),
    };
    shown.map_err(|failure| failure.prefixed(&format!("instance {id} is started, but ")))?;
    if !waits {
        return Ok(());
    }
    let idle = if args.follow {
        follow::show(rest, &id)?
    } else {
        follow::wait_until_idle(rest, &id)?
    };
    if whole {
        printer.item(&idle, INSTANCES)?;
    }
    let state = plain(idle.get("state"));
    if state == "succeeded" {
        return Ok(());
    }
    if !args.follow {
        say(&format!(
            "instance {id} is {state}: {}",
            plain(idle.get("reason"))
        ));
    }
    Err(Failure::silent(Exit::Failed))
}

/// Says what to do with the file of a document that was given in place of the name of a workflow.
fn file_instead_of_name(name: &str) -> Option<Failure> {
    let file = Path::new(name);
    if !document_files::has_extension_of_document(file) {
        return None;
    }
    let stored = document_files::name_in_file(file);
    let then = stored.map_or_else(String::new, |name| format!(", then `porpoise run {name}`"));
    let message = format!("`{name}` looks like a file; `run` takes the name of a stored workflow");
    Some(Failure::new(Exit::Usage, message).with_hint(&format!("`porpoise workflow apply -f {name}`{then}")))
}

fn body(args: &RunArgs) -> Value {
    let continue_from = args.continue_from.as_ref().map(|id| json!({ "instance": id }));
    Body::default()
        .add_pairs("params", &args.params)
        .add_list("tasks", &args.tasks)
        .add_some("dry_run", args.dry_run.then_some(true))
        .add_some("version", args.version)
        .add_choice("scope", args.scope)
        .add_some("failure_strategy", args.failure_strategy.as_deref())
        .add_some("priority", args.priority.as_deref())
        .add_some("worker_group", args.worker_group.as_deref())
        .add_some("scheduled_at", args.scheduled_at.as_deref())
        .add_some("timezone", args.timezone.as_deref())
        .add_some("start_within", args.start_within.as_deref())
        .add_pairs("labels", &args.labels)
        .add_some("continue_from", continue_from)
        .into_value()
}
