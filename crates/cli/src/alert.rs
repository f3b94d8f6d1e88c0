//! Commands about alerts and their rules.

use reqwest::Method;
use serde_json::{Value, json};

use super::args::{AlertCommand, ListAlertsArgs, RuleCommand};
use super::document_files::read_value;
use super::failure::Failure;
use super::output::{Printer, TableLayout};
use super::rest::{Call, Rest};
use super::suggestion;

const ALERTS: TableLayout = TableLayout {
    name: "id",
    columns: &[
        ("ID", "/id"),
        ("AT", "/at"),
        ("EVENT", "/event"),
        ("RULE", "/rule"),
        ("DELIVERIES", "/summary"),
        ("TEXT", "/text"),
    ],
};

const RULES: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("NAME", "/name"),
        ("ON", "/on"),
        ("CHANNELS", "/channels"),
        ("GROUP", "/group"),
        ("BY", "/by"),
        ("AFTER", "/after"),
        ("WITHIN", "/within"),
        ("WHEN", "/when"),
    ],
};

/// Runs a command about alerts.
pub(super) fn run(command: AlertCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        AlertCommand::List(args) => list(args, rest, printer),
        AlertCommand::Get { id } => {
            let alert = rest.json(Call::get(&["alerts", &id]))?;
            printer.item(&with_summary(alert), ALERTS)
        }
        AlertCommand::Retry { id } => {
            let call = Call::new(Method::POST, &["alerts", &id, "retry"]).json(&json!({}));
            printer.item(&with_summary(rest.json(call)?), ALERTS)
        }
    }
}

fn list(args: ListAlertsArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let call = Call::get(&["alerts"])
        .maybe("project", args.project)
        .maybe("workflow", args.workflow)
        .maybe("event", args.event)
        .maybe("state", args.state)
        .maybe("from", args.from)
        .maybe("to", args.to);
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let alerts = rest.list(&call, limit)?.into_iter().map(with_summary);
    printer.list(alerts.collect(), ALERTS)
}

/// Adds where an alert went, in words, for tables.
fn with_summary(mut alert: Value) -> Value {
    let deliveries = alert.get("deliveries").and_then(Value::as_array);
    let words: Vec<String> = deliveries
        .into_iter()
        .flatten()
        .map(|delivery| {
            let member = |key: &str| delivery.get(key).and_then(Value::as_str).unwrap_or_default();
            format!("{} {}", member("channel"), member("state"))
        })
        .collect();
    if let Some(members) = alert.as_object_mut() {
        members.insert("summary".to_owned(), Value::from(words.join(", ")));
    }
    alert
}

/// Runs a command about rules.
pub(super) fn rule(command: RuleCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        RuleCommand::Get { project } => {
            let path = rule_path(project.as_deref());
            let found = rest.json(Call::get(&path));
            print_rules(
                &found.map_err(|failure| suggest(failure, rest, project.as_deref()))?,
                printer,
            )
        }
        RuleCommand::Set { file, project } => {
            let body = read_value(&file)?;
            let call = Call::new(Method::PUT, &rule_path(project.as_deref())).json(&body);
            let stored = rest.json(call);
            print_rules(
                &stored.map_err(|failure| suggest(failure, rest, project.as_deref()))?,
                printer,
            )
        }
    }
}

fn rule_path(project: Option<&str>) -> Vec<&str> {
    match project {
        Some(project) => vec!["projects", project, "notify"],
        None => vec!["notify"],
    }
}

fn suggest(failure: Failure, rest: &Rest, project: Option<&str>) -> Failure {
    match project {
        Some(project) => suggestion::for_project(failure, rest, project),
        None => failure,
    }
}

fn print_rules(answer: &Value, printer: Printer) -> Result<(), Failure> {
    let rules = answer.get("rules").and_then(Value::as_array).cloned();
    printer.list(rules.unwrap_or_default(), RULES)
}
