//! Commands about calendars.

use std::path::Path;

use clap::ValueEnum as _;
use reqwest::Method;

use super::admin::delete;
use super::args::{CalendarCommand, CalendarPlace, SetCalendarArgs};
use super::body::Body;
use super::document_files::{read, unreadable};
use super::failure::Failure;
use super::output::{Printer, TableLayout};
use super::rest::{Call, Rest};
use super::suggestion;

const CALENDARS: TableLayout = TableLayout {
    name: "name",
    columns: &[
        ("CALENDAR", "/name"),
        ("PROJECT", "/project"),
        ("DAYS", "/days"),
        ("TIMEZONE", "/timezone"),
        ("DESCRIPTION", "/description"),
    ],
};

/// Runs a command.
pub(super) fn run(command: CalendarCommand, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    match command {
        CalendarCommand::List(place) => {
            let listed = rest.list(&Call::get(&place.path()), usize::MAX);
            printer.list(listed.map_err(|failure| place.suggest(failure, rest))?, CALENDARS)
        }
        CalendarCommand::Get { calendar, place } => {
            let found = rest.json(Call::get(&place.path_of(&calendar)));
            let found = found.map_err(|failure| place.suggest_calendar(failure, rest, &calendar))?;
            printer.item(&found, CALENDARS)
        }
        CalendarCommand::Set(args) => set(&args, rest, printer),
        CalendarCommand::Delete { calendar, place } => {
            delete(rest, &place.path_of(&calendar), &format!("calendar {calendar}"))
                .map_err(|failure| place.suggest_calendar(failure, rest, &calendar))
        }
    }
}

fn set(args: &SetCalendarArgs, rest: &Rest, printer: Printer) -> Result<(), Failure> {
    let call = Call::new(Method::PUT, &args.place.path_of(&args.calendar));
    let call = match &args.file {
        Some(file) => from_icalendar(call, args, file)?,
        None => call.json(
            &Body::default()
                .add_some("timezone", args.timezone.as_deref())
                .add_choice("days", args.days)
                .add_list("exclude", &args.exclude)
                .add_list("include", &args.include)
                .add_some("description", args.description.as_deref())
                .into_value(),
        ),
    };
    let stored = rest
        .json(call)
        .map_err(|failure| args.place.suggest(failure, rest))?;
    printer.item(&stored, CALENDARS)
}

fn from_icalendar(call: Call, args: &SetCalendarArgs, file: &Path) -> Result<Call, Failure> {
    let days = args.days.and_then(|days| days.to_possible_value());
    let call = call.maybe("days", days.map(|days| days.get_name().to_owned()));
    let text = read(file).map_err(|error| unreadable(file, &error))?;
    Ok(call.text("text/calendar", text))
}

impl CalendarPlace {
    fn path(&self) -> Vec<&str> {
        if self.shared {
            vec!["calendars"]
        } else {
            vec!["projects", &self.project, "calendars"]
        }
    }

    fn path_of<'a>(&'a self, calendar: &'a str) -> Vec<&'a str> {
        let mut path = self.path();
        path.push(calendar);
        path
    }

    fn suggest(&self, failure: Failure, rest: &Rest) -> Failure {
        if self.shared {
            return failure;
        }
        suggestion::for_project(failure, rest, &self.project)
    }

    fn suggest_calendar(&self, failure: Failure, rest: &Rest, calendar: &str) -> Failure {
        suggestion::for_calendar(self.suggest(failure, rest), rest, &self.path(), calendar)
    }
}
