//! Commands about groups of users.

use reqwest::Method;
use serde_json::json;

use super::admin::delete;
use super::args::GroupCommand;
use super::failure::Failure;
use super::output::{Printer, TableLayout};
use super::rest::{Call, Rest};
use super::suggestion;

const GROUPS: TableLayout = TableLayout {
    name: "name",
    columns: &[("GROUP", "/name"), ("MEMBERS", "/members")],
};

/// Runs a command.
pub(super) fn run(command: GroupCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        GroupCommand::List => printer.list(rest.list(&Call::get(&["groups"]), usize::MAX)?, GROUPS),
        GroupCommand::Get { group } => {
            let found = rest.json(Call::get(&["groups", &group]));
            let found = found.map_err(|failure| suggestion::for_group(failure, rest, &group))?;
            printer.item(&found, GROUPS)
        }
        GroupCommand::Set { group, members } => {
            let call = Call::new(Method::PUT, &["groups", &group]);
            let stored = rest.json(call.json(&json!({ "members": members })))?;
            printer.item(&stored, GROUPS)
        }
        GroupCommand::Delete { group } => delete(rest, &["groups", &group], &format!("group {group}"))
            .map_err(|failure| suggestion::for_group(failure, rest, &group)),
    }
}
