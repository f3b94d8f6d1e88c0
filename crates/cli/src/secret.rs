//! Commands about secrets. A value comes from stdin or a file: arguments of a program are seen by every user of its
//! machine.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::time::Duration;

use primitives::secret::Secret;
use reqwest::Method;
use serde_json::json;

use super::admin::delete;
use super::args::{OneSecret, SecretCommand};
use super::failure::{Exit, Failure};
use super::output::{Printer, TableLayout};
use super::password::hidden_line;
use super::polling::deadline_after;
use super::rest::{Call, Rest};
use super::retention::wait_for_operation;
use super::suggestion;

const SECRETS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("SECRET", "/name"),
        ("UPDATED", "/updated_at"),
        ("BY", "/updated_by"),
        ("CREATED", "/created_at"),
    ],
};

/// Runs a command.
pub(super) fn run(command: SecretCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        SecretCommand::List { project } => {
            let listed = rest.list(&Call::get(&["projects", &project, "secrets"]), usize::MAX);
            let listed = listed.map_err(|failure| suggestion::for_project(failure, rest, &project));
            printer.list(listed?, SECRETS)
        }
        SecretCommand::Get(one) => {
            let found = rest.json(Call::get(&one.path()));
            printer.item(&found.map_err(|failure| one.suggest(failure, rest))?, SECRETS)
        }
        SecretCommand::Set { one, from_file } => {
            let value = match &from_file {
                Some(path) => read_file(path)?,
                None => read_stdin()?,
            };
            let call = Call::new(Method::PUT, &one.path()).json(&json!({ "value": value.reveal() }));
            let stored = rest.json(call);
            printer.item(
                &stored.map_err(|failure| suggestion::for_project(failure, rest, &one.project))?,
                SECRETS,
            )
        }
        SecretCommand::Delete(one) => delete(rest, &one.path(), &format!("secret {}", one.secret))
            .map_err(|failure| one.suggest(failure, rest)),
        SecretCommand::Rotate { timeout } => rotate(timeout, rest, printer),
    }
}

fn rotate(timeout: Option<Duration>, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let rest = &rest.until(deadline_after(timeout));
    let call = Call::new(Method::POST, &["secrets", "rotate"]).json(&json!({}));
    wait_for_operation(rest.answer(call)?, "the rotation", rest, printer)
}

/// Reads the bytes of a file as they are.
fn read_file(path: &Path) -> Result<Secret, Failure> {
    let text = fs::read_to_string(path);
    let wrong =
        |error: io::Error| Failure::new(Exit::Usage, format!("cannot read {}: {error}", path.display()));
    text.map(Secret::new).map_err(wrong)
}

/// Reads a value from a pipe to its end, or a line from a terminal, which does not show it; without the line break that
/// ends it.
fn read_stdin() -> Result<Secret, Failure> {
    let stdin = io::stdin();
    let text = if stdin.is_terminal() {
        hidden_line("value:", &stdin)
    } else {
        let mut text = String::new();
        stdin.lock().read_to_string(&mut text).map(|_| text)
    };
    let text = text.map_err(|error| Failure::new(Exit::Usage, format!("cannot read the value: {error}")))?;
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(value.strip_suffix('\r').unwrap_or(value)))
}

impl OneSecret {
    fn path(&self) -> [&str; 4] {
        ["projects", &self.project, "secrets", &self.secret]
    }

    fn suggest(&self, failure: Failure, rest: &Rest) -> Failure {
        let failure = suggestion::for_project(failure, rest, &self.project);
        suggestion::for_secret(failure, rest, &self.project, &self.secret)
    }
}
