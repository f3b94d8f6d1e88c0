//! What is wrong with a schedule, as answers say it.

use catalog::{Catalog, ProjectId};
use engine::spec::{Definition, Diagnostic};

use crate::http::body::escape_pointer;
use crate::http::codes::Code;
use crate::http::problem::{Detail, Problem};

/// Codes that an answer shows itself when one of its errors has them.
const OWN_CODES: [Code; 4] = [
    Code::InvalidCron,
    Code::NeverFires,
    Code::UnknownTimezone,
    Code::UnknownParameter,
];

/// Makes the answer to fields of a schedule that are wrong.
pub(crate) fn invalid_schedule(issues: &[Diagnostic]) -> Problem {
    let code_of = |issue: &Diagnostic| OWN_CODES.into_iter().find(|code| code.as_str() == issue.code);
    let code = issues.iter().find_map(code_of).unwrap_or(Code::InvalidBody);
    let errors: Vec<Detail> = issues.iter().map(Detail::from).collect();
    let first = errors
        .first()
        .map(|error| error.message.clone())
        .unwrap_or_default();
    Problem::new(code, first).with_errors(errors)
}

/// Makes the answer to a schedule whose calendar does not exist.
pub(crate) fn unknown_calendar(name: &str) -> Problem {
    Problem::new(Code::UnknownCalendar, missing_calendar(name)).at("/calendar")
}

fn missing_calendar(name: &str) -> String {
    format!("there is no calendar `{name}` in the project, nor a shared one")
}

/// Checks that the calendars exist that the schedules of a document name.
pub(crate) async fn check_calendars(
    catalog: &Catalog,
    project: ProjectId,
    workflow: &Definition,
    position: impl Fn(&str) -> Option<(u32, u32)>,
) -> Result<(), Problem> {
    let mut errors = Vec::new();
    for (schedule, definition) in &workflow.schedules {
        let Some(name) = &definition.calendar else {
            continue;
        };
        if catalog.calendars().find_effective(project, name).await?.is_some() {
            continue;
        }
        let pointer = format!("/schedules/{}/calendar", escape_pointer(schedule));
        let (line, column) = position(&pointer).unzip();
        errors.push(Detail {
            pointer,
            code: Code::UnknownCalendar.as_str().to_owned(),
            message: missing_calendar(name),
            line,
            column,
        });
    }
    match errors.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(Code::InvalidDocument, first.message.clone()).with_errors(errors)),
    }
}
