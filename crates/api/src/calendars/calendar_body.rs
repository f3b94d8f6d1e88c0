//! The body of a calendar: JSON, or iCalendar text.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use catalog::NewCalendar;
use chrono::NaiveDate;
use engine::schedule::Calendar;
use engine::states::CalendarDays;
use engine::timezone::parse_timezone;

use crate::calendars::icalendar::parse_icalendar;
use crate::calendars::views::{CalendarQuery, PutCalendar};
use crate::http::body::{DocumentBody, media_type, parse_body};
use crate::http::codes::Code;
use crate::http::problem::Problem;

/// The most dates of each kind.
pub(crate) const MAX_DATES: usize = 10_000;

/// Parses the calendar that a request describes.
pub(crate) fn parse_calendar(
    request: &HttpRequest,
    query: &CalendarQuery,
    body: &DocumentBody,
) -> Result<NewCalendar, Problem> {
    match media_type(request).as_str() {
        "text/calendar" => parse_text(query, body),
        "application/json" | "" => {
            if query.days.is_some() {
                let detail = "`days` goes with iCalendar text only; JSON has a member of that name.";
                return Err(Problem::new(Code::InvalidQuery, detail).at("/days"));
            }
            let bytes: &[u8] = if body.0.is_empty() { b"{}" } else { &body.0 };
            parse_members(parse_body(bytes)?)
        }
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "A calendar is `application/json` or `text/calendar`.",
        )),
    }
}

fn parse_text(query: &CalendarQuery, body: &DocumentBody) -> Result<NewCalendar, Problem> {
    let text = std::str::from_utf8(&body.0)
        .map_err(|_| Problem::new(Code::MalformedBody, "The calendar is not UTF-8."))?;
    let exclude = parse_icalendar(text, MAX_DATES)
        .map_err(|error| Problem::new(Code::InvalidBody, error.to_string()).at("/"))?;
    Ok(NewCalendar {
        calendar: Calendar {
            zone: None,
            days: parse_days(query.days.as_deref())
                .map_err(|detail| Problem::new(Code::InvalidQuery, detail).at("/days"))?,
            exclude,
            include: BTreeSet::new(),
        },
        description: String::new(),
    })
}

fn parse_members(body: PutCalendar) -> Result<NewCalendar, Problem> {
    let zone = body.timezone.as_deref().map(parse_timezone).transpose();
    Ok(NewCalendar {
        calendar: Calendar {
            zone: zone
                .map_err(|error| Problem::new(Code::UnknownTimezone, error.to_string()).at("/timezone"))?,
            days: parse_days(body.days.as_deref())
                .map_err(|detail| Problem::new(Code::InvalidBody, detail).at("/days"))?,
            exclude: parse_dates("exclude", &body.exclude)?,
            include: parse_dates("include", &body.include)?,
        },
        description: body.description,
    })
}

fn parse_days(days: Option<&str>) -> Result<CalendarDays, String> {
    let parsed = days.map_or(Ok(CalendarDays::All), str::parse);
    parsed.map_err(|error| format!("`days`: {error}."))
}

fn parse_dates(member: &str, dates: &[String]) -> Result<BTreeSet<NaiveDate>, Problem> {
    if dates.len() > MAX_DATES {
        let detail = format!(
            "`{member}` has {} dates; at most {MAX_DATES} are allowed.",
            dates.len()
        );
        return Err(Problem::new(Code::InvalidBody, detail).at(format!("/{member}")));
    }
    dates
        .iter()
        .enumerate()
        .map(|(place, date)| {
            NaiveDate::parse_from_str(date, "%Y-%m-%d").map_err(|_| {
                let detail = format!("`{date}` is not a date like `2026-10-01`.");
                Problem::new(Code::InvalidBody, detail).at(format!("/{member}/{place}"))
            })
        })
        .collect()
}
