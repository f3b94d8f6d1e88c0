//! Deletes what is old.

use reqwest::Method;
use reqwest::blocking::Response;
use reqwest::header::LOCATION;
use serde_json::Value;

use super::args::CleanArgs;
use super::body::Body;
use super::failure::{Exit, Failure};
use super::output::{Printer, TableLayout, plain, say};
use super::polling::{deadline_after, poll_until_some};
use super::rest::{Call, Rest};

const DELETED: TableLayout = TableLayout {
    name: "instances",
    columns: &[],
};

const OPERATIONS: TableLayout = TableLayout {
    name: "id",
    columns: &[],
};

/// Deletes old instances and waits until they are gone, or counts them.
///
/// # Errors
/// As the server answers; `Failed` when the operation did.
pub fn clean_database(args: &CleanArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let body = Body::default()
        .add_some("older_than", Some(args.older_than.as_str()))
        .add_some("project", args.project.as_deref())
        .add_list("states", &args.states)
        .add_some("dry_run", args.dry_run.then_some(true))
        .into_value();
    let rest = &rest.until(deadline_after(args.timeout));
    let call = Call::new(Method::POST, &["retention"]).json(&body);
    if args.dry_run {
        return printer.item(&rest.json(call)?, DELETED);
    }
    wait_for_operation(rest.answer(call)?, "the deletion", rest, printer)
}

/// Waits for the operation that was accepted, and prints it; `what` names it for people.
///
/// # Errors
/// As the server answers; `Failed` when the operation did.
pub(super) fn wait_for_operation(
    accepted: Response,
    what: &str,
    rest: &Rest,
    printer: Printer,
) -> Result<(), Failure> {
    let place = accepted
        .headers()
        .get(LOCATION)
        .and_then(|place| place.to_str().ok());
    let place =
        place.ok_or_else(|| Failure::new(Exit::Failed, "the server named no operation to wait for"))?;
    let operation = wait_until_decided(rest, what, place)?;
    printer.item(&operation, OPERATIONS)?;
    match operation.get("outcome").and_then(Value::as_str) {
        Some("applied") => Ok(()),
        outcome => {
            let outcome = outcome.unwrap_or_default();
            say(&format!(
                "{what} is {outcome}: {}",
                plain(operation.get("detail"))
            ));
            Err(Failure::silent(Exit::Failed))
        }
    }
}

fn wait_until_decided(rest: &Rest, what: &str, place: &str) -> Result<Value, Failure> {
    let late = format!("{what} has not ended and continues");
    poll_until_some(rest, &late, |rest| {
        let operation = rest.json(Call::outside(place))?;
        let is_pending = operation.get("outcome").and_then(Value::as_str) == Some("pending");
        Ok((!is_pending).then_some(operation))
    })
}
