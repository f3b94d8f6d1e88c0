//! Why an instance or a task waits.

use serde_json::Value;

use super::args::ExplainArgs;
use super::failure::Failure;
use super::output::{Format, Printer, TableLayout, plain, say};
use super::rest::{Call, Rest};
use super::suggestion;

const CAUSES: TableLayout = TableLayout {
    name: "kind",
    columns: &[
        ("BECAUSE", "/kind"),
        ("DETAIL", "/detail"),
        ("SINCE", "/since"),
        ("UNTIL", "/until"),
    ],
};

/// Prints the causes of a wait.
pub(super) fn run(args: &ExplainArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let explained = match &args.task {
        None => rest.json(Call::get(&["instances", &args.id, "explain"]))?,
        Some(task) => rest
            .json(Call::get(&["instances", &args.id, "tasks", task, "explain"]))
            .map_err(|failure| suggestion::for_task(failure, rest, &args.id, task))?,
    };
    if matches!(printer.format(), Format::Json | Format::Yaml) {
        return printer.item(&explained, CAUSES);
    }
    let causes = explained.get("because").and_then(Value::as_array).cloned();
    let causes = causes.unwrap_or_default();
    if causes.is_empty() {
        say(&format!("{}; it does not wait", plain(explained.get("state"))));
    }
    printer.list(causes, CAUSES)
}
