//! Commands about workflow instances.

use reqwest::Method;
use serde_json::Value;

use super::args::{InstanceCommand, ListInstancesArgs, LogsArgs, TaskVerbArgs, VerbArgs};
use super::body::Body;
use super::explain;
use super::failure::{Exit, Failure};
use super::follow;
use super::log_choice::{AttemptChoice, LogChoice};
use super::logs::print_logs;
use super::output::{Format, Printer, TableLayout, say};
use super::polling::deadline_after;
use super::rest::{Call, Rest};
use super::suggestion;

/// How instances layout.
pub(super) const INSTANCES: TableLayout = TableLayout {
    name: "id",
    columns: &[
        ("ID", "/id"),
        ("PROJECT", "/project"),
        ("WORKFLOW", "/workflow"),
        ("VERSION", "/version"),
        ("STATE", "/state"),
        ("RUN", "/run"),
        ("TRIGGER", "/trigger/type"),
        ("CREATED", "/created_at"),
        ("ENDED", "/ended_at"),
        ("REASON", "/reason"),
    ],
};

const TASKS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("TASK", "/name"),
        ("TYPE", "/type"),
        ("STATE", "/state"),
        ("ATTEMPTS", "/attempts"),
        ("WORKER", "/worker"),
        ("STARTED", "/started_at"),
        ("ENDED", "/ended_at"),
        ("REASON", "/reason"),
    ],
};

const CHILDREN: TableLayout = TableLayout {
    name: "index",
    columns: &[
        ("INDEX", "/index"),
        ("INSTANCE", "/instance"),
        ("STATE", "/state"),
        ("PARAMS", "/params"),
        ("OUTPUTS", "/outputs"),
    ],
};

const HISTORY: TableLayout = TableLayout {
    name: "at",
    columns: &[
        ("AT", "/at"),
        ("TASK", "/task"),
        ("ATTEMPT", "/attempt"),
        ("FROM", "/from"),
        ("TO", "/to"),
        ("WHY", "/why"),
        ("HOST", "/host"),
        ("EPOCH", "/epoch"),
    ],
};

const OWNERS: TableLayout = TableLayout {
    name: "epoch",
    columns: &[
        ("EPOCH", "/epoch"),
        ("OWNER", "/owner"),
        ("HOST", "/host"),
        ("FROM", "/from_host"),
        ("AT", "/at"),
        ("WHY", "/why"),
    ],
};

/// Runs a command.
pub(super) fn run(command: InstanceCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        InstanceCommand::List(args) => list(*args, rest, printer),
        InstanceCommand::Get(one) => printer.item(&rest.json(Call::get(&["instances", &one.id]))?, INSTANCES),
        InstanceCommand::Tasks(one) => all_of(&one.id, "tasks", rest, printer, TASKS),
        InstanceCommand::Children {
            id,
            task,
            state,
            limit,
        } => children((&id, &task), &state, limit, rest, printer),
        InstanceCommand::History(one) => all_of(&one.id, "history", rest, printer, HISTORY),
        InstanceCommand::Explain(args) => explain::run(&args, rest, printer),
        InstanceCommand::Ownership(one) => ownership(&one.id, rest, printer),
        InstanceCommand::Watch { id, timeout } => follow::watch(&rest.until(deadline_after(timeout)), &id),
        InstanceCommand::Logs(args) => logs(args, rest),
        InstanceCommand::Pause(verb) => control(&verb, &["pause"], Body::default(), rest, printer),
        InstanceCommand::Resume(verb) => control(&verb, &["resume"], Body::default(), rest, printer),
        InstanceCommand::Stop(verb) => control(&verb, &["stop"], Body::default(), rest, printer),
        InstanceCommand::Recover(verb) => control(&verb, &["recover"], Body::default(), rest, printer),
        InstanceCommand::Rerun { verb, params } => {
            let body = Body::default().add_pairs("params", &params);
            control(&verb, &["rerun"], body, rest, printer)
        }
        InstanceCommand::Priority { verb, priority } => {
            let body = Body::default().add_some("priority", Some(priority));
            control(&verb, &["priority"], body, rest, printer)
        }
        InstanceCommand::ForceSuccess(args) => {
            control_task(&args, "force-success", Body::default(), rest, printer)
        }
        InstanceCommand::KillTask(args) => control_task(&args, "kill", Body::default(), rest, printer),
        InstanceCommand::SkipTask(args) => control_task(&args, "skip", Body::default(), rest, printer),
        InstanceCommand::RunTask { task, scope } => {
            let body = Body::default().add_choice("scope", scope);
            control_task(&task, "run", body, rest, printer)
        }
        InstanceCommand::RetryTask {
            task,
            params,
            env,
            timeout,
        } => {
            let body = Body::default()
                .add_pairs("params", &params)
                .add_pairs("env", &env)
                .add_some("timeout", timeout);
            control_task(&task, "retry", body, rest, printer)
        }
        InstanceCommand::Delete(one) => {
            rest.json(Call::new(Method::DELETE, &["instances", &one.id]))?;
            say(&format!("instance {} is deleted", one.id));
            Ok(())
        }
    }
}

fn list(args: ListInstancesArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let mut call = Call::get(&["instances"])
        .maybe("workflow", args.workflow.as_deref())
        .maybe("project", args.project.as_deref());
    let others = [
        ("version", args.version.map(|version| version.to_string())),
        ("host", args.host),
        ("trigger", args.trigger),
        ("schedule", args.schedule),
        ("backfill", args.backfill),
        ("parent", args.parent),
        ("requested_by", args.requested_by),
        ("label", args.label),
        ("scheduled_from", args.scheduled_from),
        ("scheduled_to", args.scheduled_to),
        ("created_from", args.created_from),
        ("created_to", args.created_to),
    ];
    for (name, value) in others {
        call = call.maybe(name, value);
    }
    if !args.state.is_empty() {
        call = call.query("state", args.state.join(","));
    }
    let limit = if args.limit == 0 { usize::MAX } else { args.limit };
    let found = rest.list(&call, limit)?;
    if let (Some(workflow), true) = (args.workflow, found.is_empty()) {
        let project = args.project.unwrap_or_else(|| "default".to_owned());
        say_empty(rest, &project, &workflow);
    }
    printer.list(found, INSTANCES)
}

fn children(
    (id, task): (&str, &str),
    states: &[String],
    limit: usize,
    rest: &Rest,
    printer: Printer,
) -> Result<(), Failure> {
    let mut call = Call::get(&["instances", id, "tasks", task, "children"]);
    if !states.is_empty() {
        call = call.query("state", states.join(","));
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    let found = rest
        .list(&call, limit)
        .map_err(|failure| suggestion::for_task(failure, rest, id, task))?;
    printer.list(found, CHILDREN)
}

/// Says that a workflow has no instances, and which one was probably meant when there is no such workflow.
fn say_empty(rest: &Rest, project: &str, workflow: &str) {
    let nothing = Failure::new(
        Exit::NotFound,
        format!("there are no such instances of workflow `{workflow}`"),
    );
    say(&suggestion::for_workflow(nothing, rest, project, workflow).message);
}

fn logs(args: LogsArgs, rest: &Rest) -> Result<(), Failure> {
    let attempts = match args.attempt {
        Some(number) => AttemptChoice::One(number),
        None if args.all_attempts => AttemptChoice::All,
        None => AttemptChoice::Last,
    };
    let choice = LogChoice::new(args.task, attempts);
    if args.follow {
        follow::print_live_logs(&rest.until(deadline_after(args.timeout)), &args.id, choice)
    } else {
        print_logs(rest, &args.id, &choice)
    }
}

fn all_of(id: &str, part: &str, rest: &Rest, printer: Printer, layout: TableLayout) -> Result<(), Failure> {
    printer.list(
        rest.list(&Call::get(&["instances", id, part]), usize::MAX)?,
        layout,
    )
}

fn ownership(id: &str, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let owner = rest.json(Call::get(&["instances", id, "ownership"]))?;
    if printer.format() != Format::Table {
        return printer.item(&owner, OWNERS);
    }
    let (mut now, log) = (owner.clone(), owner.get("log").and_then(Value::as_array).cloned());
    if let Some(members) = now.as_object_mut() {
        members.remove("log");
    }
    printer.item(&now, OWNERS)?;
    printer.list(log.unwrap_or_default(), OWNERS)
}

/// Asks the owner for something about one task.
fn control_task(
    args: &TaskVerbArgs,
    verb: &str,
    body: Body,
    rest: &Rest,
    printer: Printer,
) -> Result<(), Failure> {
    control(&args.verb, &["tasks", &args.task, verb], body, rest, printer)
        .map_err(|failure| suggestion::for_task(failure, rest, &args.verb.id, &args.task))
}

/// Asks the owner for something, and prints the instance as it is then.
pub(super) fn control(
    verb: &VerbArgs,
    path: &[&str],
    body: Body,
    rest: &Rest,
    printer: Printer,
) -> Result<(), Failure> {
    let segments: Vec<&str> = ["instances", &verb.id]
        .into_iter()
        .chain(path.iter().copied())
        .collect();
    let body = body.add_some("reason", verb.reason.as_deref()).into_value();
    let answer = rest.json(
        Call::new(Method::POST, &segments)
            .query("wait", &verb.wait)
            .json(&body),
    )?;
    if answer.pointer("/operation/outcome").and_then(Value::as_str) == Some("pending") {
        let operation = answer
            .pointer("/operation/id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        say(&format!(
            "accepted as operation {operation}; its owner has not answered yet"
        ));
    }
    match answer.get("instance") {
        Some(instance) => printer.item(instance, INSTANCES),
        None => printer.item(&rest.json(Call::get(&["instances", &verb.id]))?, INSTANCES),
    }
}
