//! The all-day events of iCalendar text (RFC 5545).

use std::collections::BTreeSet;

use chrono::NaiveDate;

/// Properties of an event that say that there are more days than its start and end do.
const UNSUPPORTED: [&str; 3] = ["RRULE", "RDATE", "DURATION"];

/// Why a text cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IcalendarError {
    #[error("line {line}: {name} is not read; write every day as an event of its own")]
    Unsupported { line: usize, name: &'static str },
    #[error("line {line}: {text:?} is not a date like 20261001")]
    InvalidDate { line: usize, text: String },
    #[error("line {line}: the event ends before it begins")]
    EndsBeforeStart { line: usize },
    #[error("the events have more than {0} days")]
    TooMany(usize),
    #[error("the text is no iCalendar: BEGIN:VCALENDAR is missing")]
    NoCalendar,
}

/// A logical line: a property with its parameters, and its value.
struct ContentLine {
    /// The number of its first physical line, from 1.
    number: usize,
    text: String,
}

/// An event while its lines are read.
#[derive(Default)]
struct Event {
    start: Option<NaiveDate>,
    end: Option<NaiveDate>,
    unsupported: Option<(usize, &'static str)>,
}

/// Returns the dates of all all-day events; events with times are passed over.
pub(crate) fn parse_icalendar(text: &str, max_dates: usize) -> Result<BTreeSet<NaiveDate>, IcalendarError> {
    let mut dates = BTreeSet::new();
    let mut event: Option<Event> = None;
    let mut has_calendar = false;
    for line in unfold(text) {
        let (property, value) = line.text.split_once(':').unwrap_or((line.text.as_str(), ""));
        let (name, params) = property.split_once(';').unwrap_or((property, ""));
        match (name.to_ascii_uppercase().as_str(), value.trim()) {
            ("BEGIN", "VCALENDAR") => has_calendar = true,
            ("BEGIN", "VEVENT") => event = Some(Event::default()),
            ("END", "VEVENT") => {
                if let Some(event) = event.take() {
                    event.add_dates(line.number, max_dates, &mut dates)?;
                }
            }
            (name, value) => {
                if let Some(event) = &mut event {
                    event.read_property((name, params, value), line.number)?;
                }
            }
        }
    }
    if !has_calendar {
        return Err(IcalendarError::NoCalendar);
    }
    Ok(dates)
}

/// Joins folded lines: one that begins with a blank continues the line before.
fn unfold(text: &str) -> Vec<ContentLine> {
    let mut lines: Vec<ContentLine> = Vec::new();
    for (index, physical) in text.lines().enumerate() {
        match (physical.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(line)) => line.text.push_str(rest),
            _ => lines.push(ContentLine {
                number: index + 1,
                text: physical.to_owned(),
            }),
        }
    }
    lines
}

impl Event {
    fn read_property(
        &mut self,
        (name, params, value): (&str, &str, &str),
        line: usize,
    ) -> Result<(), IcalendarError> {
        let is_date = params
            .split(';')
            .any(|param| param.eq_ignore_ascii_case("VALUE=DATE"));
        match name {
            "DTSTART" if is_date => self.start = Some(parse_date(value, line)?),
            "DTEND" if is_date => self.end = Some(parse_date(value, line)?),
            other => {
                let found = UNSUPPORTED.iter().find(|name| **name == other);
                self.unsupported = self.unsupported.or(found.map(|name| (line, *name)));
            }
        }
        Ok(())
    }

    /// Adds the days from the start up to the end, which is exclusive; without an end a single one.
    fn add_dates(
        self,
        line: usize,
        max_dates: usize,
        dates: &mut BTreeSet<NaiveDate>,
    ) -> Result<(), IcalendarError> {
        let Some(start) = self.start else { return Ok(()) };
        if let Some((line, name)) = self.unsupported {
            return Err(IcalendarError::Unsupported { line, name });
        }
        let last = match self.end {
            Some(end) if end < start => return Err(IcalendarError::EndsBeforeStart { line }),
            Some(end) => end.pred_opt().unwrap_or(start).max(start),
            None => start,
        };
        for date in start.iter_days().take_while(|date| *date <= last) {
            dates.insert(date);
            if dates.len() > max_dates {
                return Err(IcalendarError::TooMany(max_dates));
            }
        }
        Ok(())
    }
}

fn parse_date(text: &str, line: usize) -> Result<NaiveDate, IcalendarError> {
    let is_form = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let date = NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    date.filter(|_| is_form)
        .ok_or_else(|| IcalendarError::InvalidDate {
            line,
            text: text.to_owned(),
        })
}

#[cfg(test)]
mod tests;
