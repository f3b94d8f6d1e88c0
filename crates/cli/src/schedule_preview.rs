//! Fire times, also of an expression that no server knows.

use std::time::{SystemTime, UNIX_EPOCH};

use engine::ids::Timestamp;
use engine::schedule::{Preview, parse_preview};
use engine::spec::Diagnostic;
use engine::timezone::{Tz, format_local, format_utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::args::PreviewArgs;
use super::failure::{Exit, Failure};
use super::output::{Format, Printer, TableLayout, say};
use super::rest::{Call, Rest};

const FIRE_TIMES: TableLayout = TableLayout {
    name: "fire_at",
    columns: &[("FIRE", "/fire_at"), ("LOCAL", "/local")],
};

/// Prints the fire times of a schedule that is not stored. Only the server knows calendars; without one the times are
/// computed here.
pub(super) fn print_preview(
    args: &PreviewArgs,
    connect: impl FnOnce() -> Result<Rest, Failure>,
    printer: Printer,
) -> Result<(), Failure> {
    let body = args
        .timing
        .body(args.cron.as_deref())
        .add_some("project", args.project.as_deref())
        .add_some("count", Some(args.count.count))
        .add_some("after", args.count.after.as_deref())
        .into_value();
    let answer = if args.timing.calendar.is_some() {
        connect()?.json(Call::new(Method::POST, &["schedules", "preview"]).json(&body))?
    } else {
        let preview = parse_preview(&body, Tz::UTC).map_err(|issues| refuse(&issues))?;
        compute(&preview)
    };
    print_fire_times(answer, printer)
}

/// Prints an answer with fire times; what it says in words goes before a table.
pub(super) fn print_fire_times(mut answer: Value, printer: Printer) -> Result<(), Failure> {
    if matches!(printer.format(), Format::Json | Format::Yaml) {
        return printer.item(&answer, FIRE_TIMES);
    }
    if let Some(description) = answer.get("description").and_then(Value::as_str) {
        say(description);
    }
    match answer.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => printer.list(items, FIRE_TIMES),
        _ => Ok(()),
    }
}

fn compute(preview: &Preview) -> Value {
    let zone = preview.definition.timezone.unwrap_or(Tz::UTC);
    let times = preview.definition.fire_times(zone, None);
    let first = times.next_after(preview.after.unwrap_or_else(now));
    let fires = std::iter::successors(first, |fire| times.next_after(*fire));
    let items: Vec<Value> = fires
        .take(preview.count as usize)
        .map(|fire| json!({ "fire_at": format_utc(fire), "local": format_local(fire, zone) }))
        .collect();
    json!({ "description": preview.definition.describe(), "items": items })
}

fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// Says what is wrong with an expression, one mistake a line.
fn refuse(issues: &[Diagnostic]) -> Failure {
    let lines: Vec<String> = issues
        .iter()
        .map(|issue| {
            format!(
                "{}: {} ({})",
                issue.pointer.trim_start_matches('/'),
                issue.message,
                issue.code
            )
        })
        .collect();
    Failure::new(Exit::Usage, lines.join("\n"))
}
