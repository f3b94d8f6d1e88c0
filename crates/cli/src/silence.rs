//! Commands about silences of alerts.

use reqwest::Method;

use super::admin::delete;
use super::args::{SetSilenceArgs, SilenceCommand};
use super::body::Body;
use super::failure::Failure;
use super::output::{Printer, TableLayout};
use super::rest::{Call, Rest};
use super::suggestion;

const SILENCES: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("SILENCE", "/name"),
        ("PROJECT", "/project"),
        ("WORKFLOW", "/workflow"),
        ("EVENT", "/event"),
        ("UNTIL", "/until"),
        ("REASON", "/reason"),
    ],
};

/// Runs a command.
pub(super) fn run(command: SilenceCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        SilenceCommand::List => printer.list(rest.list(&Call::get(&["silences"]), usize::MAX)?, SILENCES),
        SilenceCommand::Set(args) => set(&args, rest, printer),
        SilenceCommand::Delete { silence } => {
            delete(rest, &["silences", &silence], &format!("silence {silence}"))
                .map_err(|failure| suggestion::for_silence(failure, rest, &silence))
        }
    }
}

fn set(args: &SetSilenceArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let body = Body::default()
        .add_some("project", args.project.as_deref())
        .add_some("workflow", args.workflow.as_deref())
        .add_some("event", args.event.as_deref())
        .add_some("until", Some(args.until.as_str()))
        .add_some("reason", Some(args.reason.as_str()))
        .into_value();
    let stored = rest.json(Call::new(Method::PUT, &["silences", &args.silence]).json(&body))?;
    printer.item(&stored, SILENCES)
}
