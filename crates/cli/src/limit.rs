//! Commands about named limits.

use reqwest::Method;
use serde_json::json;

use super::admin::delete;
use super::args::{ForceLimitArgs, LimitCommand, LimitPlace, SetLimitArgs};
use super::body::Body;
use super::failure::Failure;
use super::output::{Printer, TableLayout};
use super::rest::{Call, Rest};
use super::suggestion;

const LIMITS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("LIMIT", "/name"),
        ("SLOTS", "/slots"),
        ("USED", "/used"),
        ("WAITING", "/waiting"),
        ("ENABLED", "/enabled"),
        ("DESCRIPTION", "/description"),
    ],
};

const QUEUE: TableLayout = TableLayout {
    name: "instance",
    columns: &[
        ("POSITION", "/position"),
        ("STATE", "/state"),
        ("INSTANCE", "/instance"),
        ("TASK", "/task"),
        ("ATTEMPT", "/attempt"),
        ("SLOTS", "/slots"),
        ("PRIORITY", "/priority"),
        ("SINCE", "/since"),
    ],
};

/// Runs a command.
pub(super) fn run(command: LimitCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        LimitCommand::List(place) => {
            let listed = rest.list(&Call::get(&place.path()), usize::MAX);
            printer.list(listed.map_err(|failure| place.suggest(failure, rest))?, LIMITS)
        }
        LimitCommand::Get { limit, place } => {
            let found = rest.json(Call::get(&place.path_of(&limit)));
            let found = found.map_err(|failure| place.suggest_limit(failure, rest, &limit))?;
            printer.item(&found, LIMITS)
        }
        LimitCommand::Set(args) => set(&args, rest, printer),
        LimitCommand::Delete { limit, place } => {
            delete(rest, &place.path_of(&limit), &format!("limit {limit}"))
                .map_err(|failure| place.suggest_limit(failure, rest, &limit))
        }
        LimitCommand::Queue { limit, place } => {
            let mut path = place.path_of(&limit);
            path.push("queue");
            let listed = rest.list(&Call::get(&path), usize::MAX);
            printer.list(
                listed.map_err(|failure| place.suggest_limit(failure, rest, &limit))?,
                QUEUE,
            )
        }
        LimitCommand::Force(args) => force(&args, rest, printer),
    }
}

fn set(args: &SetLimitArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let body = Body::default()
        .add_some("slots", Some(args.slots))
        .add_some("enabled", Some(!args.disabled))
        .add_some("description", args.description.as_deref())
        .into_value();
    let call = Call::new(Method::PUT, &args.place.path_of(&args.limit)).json(&body);
    let stored = rest
        .json(call)
        .map_err(|failure| args.place.suggest(failure, rest))?;
    printer.item(&stored, LIMITS)
}

fn force(args: &ForceLimitArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let mut path = args.place.path_of(&args.limit);
    path.extend(["queue", &args.instance, &args.task, "force"]);
    let forced = rest.json(Call::new(Method::POST, &path).json(&json!({})))?;
    printer.item(&forced, QUEUE)
}

impl LimitPlace {
    fn path(&self) -> Vec<&str> {
        if self.shared {
            vec!["limits"]
        } else {
            vec!["projects", &self.project, "limits"]
        }
    }

    fn path_of<'a>(&'a self, limit: &'a str) -> Vec<&'a str> {
        let mut path = self.path();
        path.push(limit);
        path
    }

    fn suggest(&self, failure: Failure, rest: &Rest) -> Failure {
        if self.shared {
            return failure;
        }
        suggestion::for_project(failure, rest, &self.project)
    }

    fn suggest_limit(&self, failure: Failure, rest: &Rest, limit: &str) -> Failure {
        suggestion::for_limit(self.suggest(failure, rest), rest, &self.path(), limit)
    }
}
