//! Commands about what waits for a person.

use super::args::{ApprovalCommand, TaskVerbArgs};
use super::body::Body;
use super::failure::Failure;
use super::instance::control;
use super::output::{Printer, TableLayout};
use super::rest::{Call, Rest};
use super::suggestion;

const APPROVALS: TableLayout = TableLayout {
    name: "instance",
    columns: &[
        ("INSTANCE", "/instance"),
        ("PROJECT", "/project"),
        ("WORKFLOW", "/workflow"),
        ("TASK", "/task"),
        ("SINCE", "/since"),
        ("EXPIRES", "/expires_at"),
        ("APPROVERS", "/approvers"),
        ("MESSAGE", "/message"),
    ],
};

/// Runs a command.
pub(super) fn run(command: ApprovalCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        ApprovalCommand::List { mine, project, limit } => {
            let mut call = Call::get(&["approvals"]).maybe("project", project);
            if mine {
                call = call.query("mine", "true");
            }
            let limit = if limit == 0 { usize::MAX } else { limit };
            printer.list(rest.list(&call, limit)?, APPROVALS)
        }
        ApprovalCommand::Approve {
            decision,
            comment,
            inputs,
        } => {
            let body = Body::default()
                .add_pairs("inputs", &inputs)
                .add_some("comment", comment);
            decide(&decision, "approve", body, rest, printer)
        }
        ApprovalCommand::Reject { decision, comment } => {
            let body = Body::default().add_some("comment", comment);
            decide(&decision, "reject", body, rest, printer)
        }
    }
}

fn decide(args: &TaskVerbArgs, verb: &str, body: Body, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    control(&args.verb, &["tasks", &args.task, verb], body, rest, printer)
        .map_err(|failure| suggestion::for_task(failure, rest, &args.verb.id, &args.task))
}
