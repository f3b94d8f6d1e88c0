//! `porpoise run`: starts an instance.

use clap::ValueEnum;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::args::RunArgs;
use super::failure::{Exit, Failure};
use super::follow;
use super::instance::INSTANCES;
use super::output::{Format, Printer, plain, say, write_out};
use super::rest::{Call, Rest};

/// Starts the instance, prints it, and waits for it when that is asked.
pub(super) fn run(args: &RunArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let path = [
        "projects",
        &args.place.project,
        "workflows",
        &args.workflow,
        "instances",
    ];
    let started = rest.json(Call::new(Method::POST, &path).json(&body(args)))?;
    let id = plain(started.get("id"));
    let waits = args.wait || args.follow;
    let whole = matches!(printer.format(), Format::Json | Format::Yaml);
    if !whole {
        write_out(&format!("{id}\n"))?;
    } else if !waits {
        printer.item(&started, INSTANCES)?;
    }
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

fn body(args: &RunArgs) -> Value {
    let mut body = Map::new();
    if !args.params.is_empty() {
        let params: Map<String, Value> = args
            .params
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        body.insert("params".to_owned(), params.into());
    }
    if !args.tasks.is_empty() {
        body.insert("tasks".to_owned(), json!(args.tasks));
    }
    if args.dry_run {
        body.insert("dry_run".to_owned(), json!(true));
    }
    let scope = args.scope.and_then(|scope| scope.to_possible_value());
    let chosen = [
        ("version", args.version.map(Value::from)),
        ("scope", scope.map(|scope| json!(scope.get_name()))),
        (
            "failure_strategy",
            args.failure_strategy.as_ref().map(|value| json!(value)),
        ),
        ("priority", args.priority.as_ref().map(|value| json!(value))),
        (
            "worker_group",
            args.worker_group.as_ref().map(|value| json!(value)),
        ),
    ];
    for (name, value) in chosen {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    body.into()
}
