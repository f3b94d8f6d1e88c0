//! Commands about connections.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use document::{Format, parse_value};

use super::admin::delete;
use super::args::{
    ConnectionCommand, ConnectionPlace, GrantConnectionArgs, SetConnectionArgs, TestConnectionArgs,
};
use super::document_files::{read, unreadable};
use super::failure::{Exit, Failure};
use super::output::{Printer, TableLayout, say};
use super::rest::{Call, Rest};
use super::suggestion;

const CONNECTIONS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("CONNECTION", "/name"),
        ("TYPE", "/type"),
        ("SHARED", "/shared"),
        ("HOST", "/host"),
        ("URL", "/url"),
        ("DESCRIPTION", "/description"),
    ],
};

const TYPES: TableLayout = TableLayout {
    name: "name",
    columns: &[("TYPE", "/name"), ("TITLE", "/title")],
};

const TESTS: TableLayout = TableLayout {
    name: "ok",
    columns: &[
        ("OK", "/ok"),
        ("MILLISECONDS", "/latency_ms"),
        ("DETAIL", "/detail"),
    ],
};

/// What stands for all projects in the path of a grant.
const ALL: &str = "*";

/// Runs a command.
pub(super) fn run(command: ConnectionCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        ConnectionCommand::List(place) => {
            let listed = rest.list(&Call::get(&place.path()), usize::MAX);
            printer.list(
                listed.map_err(|failure| place.suggest(failure, rest))?,
                CONNECTIONS,
            )
        }
        ConnectionCommand::Get(one) => {
            let found = rest.json(Call::get(&one.place.path_of(&one.connection)));
            let found =
                found.map_err(|failure| one.place.suggest_connection(failure, rest, &one.connection))?;
            printer.item(&found, CONNECTIONS)
        }
        ConnectionCommand::Set(args) => set(&args, rest, printer),
        ConnectionCommand::Delete(one) => {
            let what = format!("connection {}", one.connection);
            delete(rest, &one.place.path_of(&one.connection), &what)
                .map_err(|failure| one.place.suggest_connection(failure, rest, &one.connection))
        }
        ConnectionCommand::Test(args) => test(&args, rest, printer),
        ConnectionCommand::Grant(args) => {
            change_grant(Method::PUT, &args, rest)?;
            say(&format!(
                "granted connection {} to {}",
                args.connection,
                args.describe()
            ));
            Ok(())
        }
        ConnectionCommand::Revoke(args) => {
            change_grant(Method::DELETE, &args, rest)?;
            say(&format!(
                "revoked connection {} from {}",
                args.connection,
                args.describe()
            ));
            Ok(())
        }
        ConnectionCommand::Types => {
            printer.list(rest.list(&Call::get(&["connection-types"]), usize::MAX)?, TYPES)
        }
    }
}

fn set(args: &SetConnectionArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let body = read_fields(&args.file)?;
    let place = &args.one.place;
    let call = Call::new(Method::PUT, &place.path_of(&args.one.connection)).json(&body);
    let stored = rest.json(call).map_err(|failure| place.suggest(failure, rest))?;
    printer.item(&stored, CONNECTIONS)
}

fn test(args: &TestConnectionArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let place = &args.place;
    let tested = match (&args.connection, &args.file) {
        (Some(connection), _) => {
            let mut path = place.path_of(connection);
            path.push("test");
            let tested = rest.json(Call::new(Method::POST, &path).json(&json!({})));
            tested.map_err(|failure| place.suggest_connection(failure, rest, connection))?
        }
        (None, Some(file)) => {
            let body = read_fields(file)?;
            let tested = rest.json(Call::new(Method::POST, &place.path_of("test")).json(&body));
            tested.map_err(|failure| place.suggest(failure, rest))?
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "name a connection, or a file with -f")),
    };
    printer.item(&tested, TESTS)?;
    if tested["ok"] == Value::Bool(true) {
        Ok(())
    } else {
        Err(Failure::silent(Exit::Failed))
    }
}

fn change_grant(method: Method, args: &GrantConnectionArgs, rest: &Rest) -> Result<(), Failure> {
    let project = args.to.as_deref().unwrap_or(ALL);
    let path = ["connections", &args.connection, "grants", project];
    let changed = rest.json(Call::new(method, &path));
    let shared = ["connections"];
    changed.map(drop).map_err(|failure| match &args.to {
        Some(project) => suggestion::for_project(failure, rest, project),
        None => suggestion::for_connection(failure, rest, &shared, &args.connection),
    })
}

/// Reads the fields of a connection; they may hold secrets, so that no error repeats a line.
fn read_fields(file: &Path) -> Result<Value, Failure> {
    let bytes = read(file).map_err(|error| unreadable(file, &error))?;
    parse_value(&bytes, Format::Yaml).map_err(|mistakes| {
        let first = mistakes.first().map(|mistake| match mistake.line {
            Some(line) => format!(
                "{}:{line}: it is neither YAML nor JSON ({})",
                file.display(),
                mistake.code
            ),
            None => format!(
                "{}: it is neither YAML nor JSON ({})",
                file.display(),
                mistake.code
            ),
        });
        Failure::new(Exit::Usage, first.unwrap_or_default())
    })
}

impl GrantConnectionArgs {
    fn describe(&self) -> String {
        self.to.as_ref().map_or_else(
            || "all projects".to_owned(),
            |project| format!("project {project}"),
        )
    }
}

impl ConnectionPlace {
    fn path(&self) -> Vec<&str> {
        if self.shared {
            vec!["connections"]
        } else {
            vec!["projects", &self.project, "connections"]
        }
    }

    fn path_of<'a>(&'a self, connection: &'a str) -> Vec<&'a str> {
        let mut path = self.path();
        path.push(connection);
        path
    }

    fn suggest(&self, failure: Failure, rest: &Rest) -> Failure {
        if self.shared {
            return failure;
        }
        suggestion::for_project(failure, rest, &self.project)
    }

    fn suggest_connection(&self, failure: Failure, rest: &Rest, connection: &str) -> Failure {
        suggestion::for_connection(self.suggest(failure, rest), rest, &self.path(), connection)
    }
}
