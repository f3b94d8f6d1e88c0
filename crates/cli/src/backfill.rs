//! Commands about backfills.

use reqwest::Method;
use serde_json::{Value, json};

use super::args::{BackfillCommand, NewBackfillArgs};
use super::backfill_progress::wait_for_end;
use super::body::Body;
use super::failure::{Exit, Failure};
use super::output::{Format, Printer, TableLayout, plain, say};
use super::polling::deadline_after;
use super::rest::{Call, Rest};
use super::suggestion;

const BACKFILLS: TableLayout = TableLayout {
    name: "id",
    columns: &[
        ("ID", "/id"),
        ("PROJECT", "/project"),
        ("WORKFLOW", "/workflow"),
        ("VERSION", "/version"),
        ("STATE", "/state"),
        ("DATES", "/dates/total"),
        ("BY STATE", "/dates/by_state"),
        ("CREATED", "/created_at"),
        ("ENDED", "/ended_at"),
        ("REASON", "/reason"),
    ],
};

const DATES: TableLayout = TableLayout {
    name: "scheduled_at",
    columns: &[
        ("DATE", "/scheduled_at"),
        ("PROJECT", "/project"),
        ("WORKFLOW", "/workflow"),
        ("STATE", "/state"),
        ("INSTANCE", "/instance"),
        ("REASON", "/reason"),
    ],
};

/// Runs a command.
pub(super) fn run(command: BackfillCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        BackfillCommand::Create(args) => create(&args, rest, printer),
        BackfillCommand::List {
            project,
            workflow,
            state,
            limit,
        } => {
            let call = Call::get(&["backfills"])
                .maybe("project", project)
                .maybe("workflow", workflow);
            printer.list(rest.list(&of_states(call, &state), bound(limit))?, BACKFILLS)
        }
        BackfillCommand::Get(one) => printer.item(&rest.json(Call::get(&["backfills", &one.id]))?, BACKFILLS),
        BackfillCommand::Dates { id, state, limit } => {
            let call = of_states(Call::get(&["backfills", &id, "dates"]), &state);
            printer.list(rest.list(&call, bound(limit))?, DATES)
        }
        BackfillCommand::Pause(one) => control(&one.id, "pause", &json!({}), rest, printer),
        BackfillCommand::Resume(one) => control(&one.id, "resume", &json!({}), rest, printer),
        BackfillCommand::Parallelism { id, parallelism } => {
            let body = json!({ "parallelism": parallelism });
            control(&id, "parallelism", &body, rest, printer)
        }
        BackfillCommand::Cancel { id, stop_running } => control(
            &id,
            "cancel",
            &json!({ "stop_running": stop_running }),
            rest,
            printer,
        ),
        BackfillCommand::Retry { id, version } => {
            let body = Body::default().add_some("version", version);
            control(&id, "retry", &body.into_value(), rest, printer)
        }
    }
}

fn create(args: &NewBackfillArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let rest = &rest.until(deadline_after(args.timeout));
    let path = [
        "projects",
        &args.place.project,
        "workflows",
        &args.workflow,
        "backfills",
    ];
    let call = Call::new(Method::POST, &path).json(&body(args));
    let call = call.maybe("dry_run", args.dry_run.then_some("true"));
    let made = rest
        .json(call)
        .map_err(|failure| suggestion::for_workflow(failure, rest, &args.place.project, &args.workflow))?;
    if args.dry_run {
        return print_plan(made, printer);
    }
    if !args.wait {
        return printer.item(&made, BACKFILLS);
    }
    let id = plain(made.get("id"));
    say(&format!("backfill {id} is made; waiting for its end"));
    let ended = wait_for_end(rest, &id)?;
    printer.item(&ended, BACKFILLS)?;
    match ended.get("state").and_then(Value::as_str) {
        Some("succeeded") => Ok(()),
        _ => Err(Failure::silent(Exit::Failed)),
    }
}

fn body(args: &NewBackfillArgs) -> Value {
    Body::default()
        .add_some("from", args.from.as_deref())
        .add_some("to", args.to.as_deref())
        .add_list("dates", &args.dates)
        .add_some("schedule", args.schedule.as_deref())
        .add_some("version", args.version)
        .add_some("timezone", args.timezone.as_deref())
        .add_some("parallelism", args.parallelism)
        .add_choice("order", args.order)
        .add_choice("on_failure", args.on_failure)
        .add_choice("existing", args.existing)
        .add_choice("dependents", args.dependents)
        .add_pairs("params", &args.params)
        .add_list("tasks", &args.tasks)
        .add_choice("scope", args.scope)
        .add_some("priority", args.priority.as_deref())
        .add_some("worker_group", args.worker_group.as_deref())
        .add_some("failure_strategy", args.failure_strategy.as_deref())
        .add_some("description", args.description.as_deref())
        .add_some("dry_run", args.dry_instances.then_some(true))
        .into_value()
}

/// Prints the dates that a backfill would have; the answer holds the first of them.
fn print_plan(mut plan: Value, printer: Printer) -> Result<(), Failure> {
    if matches!(printer.format(), Format::Json | Format::Yaml) {
        return printer.item(&plan, BACKFILLS);
    }
    let counts = plain(plan.get("dates"));
    if let Some(Value::Array(items)) = plan.get_mut("items").map(Value::take) {
        printer.list(items, DATES)?;
    }
    say(&format!("nothing is stored; dates: {counts}"));
    Ok(())
}

/// Changes a backfill, and prints it as it is then.
fn control(id: &str, verb: &str, body: &Value, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let changed = rest.json(Call::new(Method::POST, &["backfills", id, verb]).json(body))?;
    printer.item(&changed, BACKFILLS)
}

fn of_states(call: Call, states: &[String]) -> Call {
    call.maybe("state", (!states.is_empty()).then(|| states.join(",")))
}

fn bound(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}
