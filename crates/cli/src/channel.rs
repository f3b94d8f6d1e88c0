//! Commands about channels of alerts.

use std::path::Path;

use document::{Format, parse_value};
use reqwest::Method;
use serde_json::{Value, json};

use super::admin::delete;
use super::args::{ChannelCommand, ChannelPlace};
use super::document_files::{read, unreadable};
use super::failure::{Exit, Failure};
use super::output::{Printer, TableLayout};
use super::rest::{Call, Rest};
use super::suggestion;

const CHANNELS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("CHANNEL", "/name"),
        ("TYPE", "/type"),
        ("SHARED", "/shared"),
        ("DESCRIPTION", "/description"),
        ("UPDATED", "/updated_at"),
    ],
};

const TEST: TableLayout = TableLayout {
    name: "ok",
    columns: &[("OK", "/ok"), ("DETAIL", "/detail")],
};

/// Runs a command.
pub(super) fn run(command: ChannelCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        ChannelCommand::List(place) => {
            let listed = rest.list(&Call::get(&place.path()), usize::MAX);
            printer.list(listed.map_err(|failure| place.suggest(failure, rest))?, CHANNELS)
        }
        ChannelCommand::Get { channel, place } => {
            let found = rest.json(Call::get(&place.path_of(&channel)));
            let found = found.map_err(|failure| place.suggest_channel(failure, rest, &channel))?;
            printer.item(&found, CHANNELS)
        }
        ChannelCommand::Set { channel, place, file } => {
            let call = Call::new(Method::PUT, &place.path_of(&channel)).json(&read_fields(&file)?);
            let stored = rest.json(call).map_err(|failure| place.suggest(failure, rest))?;
            printer.item(&stored, CHANNELS)
        }
        ChannelCommand::Delete { channel, place } => {
            delete(rest, &place.path_of(&channel), &format!("channel {channel}"))
                .map_err(|failure| place.suggest_channel(failure, rest, &channel))
        }
        ChannelCommand::Test { channel, place } => test(&channel, &place, rest, printer),
    }
}

fn test(channel: &str, place: &ChannelPlace, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let mut path = place.path_of(channel);
    path.push("test");
    let tested = rest.json(Call::new(Method::POST, &path).json(&json!({})));
    let tested = tested.map_err(|failure| place.suggest_channel(failure, rest, channel))?;
    printer.item(&tested, TEST)?;
    if tested["ok"] == true {
        return Ok(());
    }
    let detail = tested["detail"].as_str().unwrap_or_default();
    Err(Failure::new(
        Exit::Failed,
        format!("the channel {channel} does not work: {detail}"),
    ))
}

/// Reads type and fields; a secret is in a file or comes from stdin, never among the arguments.
fn read_fields(file: &Path) -> Result<Value, Failure> {
    let bytes = read(file).map_err(|error| unreadable(file, &error))?;
    parse_value(&bytes, Format::Yaml).map_err(|mistakes| {
        let lines: Vec<String> = mistakes
            .iter()
            .map(|mistake| {
                let place = mistake.line.map(|line| format!(":{line}")).unwrap_or_default();
                format!(
                    "{}{place}: {} ({})",
                    file.display(),
                    mistake.message,
                    mistake.code
                )
            })
            .collect();
        Failure::new(Exit::Usage, lines.join("\n"))
    })
}

impl ChannelPlace {
    fn path(&self) -> Vec<&str> {
        if self.shared {
            vec!["channels"]
        } else {
            vec!["projects", &self.project, "channels"]
        }
    }

    fn path_of<'a>(&'a self, channel: &'a str) -> Vec<&'a str> {
        let mut path = self.path();
        path.push(channel);
        path
    }

    fn suggest(&self, failure: Failure, rest: &Rest) -> Failure {
        if self.shared {
            return failure;
        }
        suggestion::for_project(failure, rest, &self.project)
    }

    fn suggest_channel(&self, failure: Failure, rest: &Rest, channel: &str) -> Failure {
        suggestion::for_channel(self.suggest(failure, rest), rest, &self.path(), channel)
    }
}
