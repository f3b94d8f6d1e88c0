//! Parses an expression, and says what is wrong with one that is not.

use std::str::FromStr;

use chrono::NaiveDate;

use super::day::{DaysOfMonth, DaysOfWeek, SpecialDay, SpecialWeekday};
use super::error::CronError;
use super::field::CronField;
use super::value_set::ValueSet;
use super::{Cron, DayRule};

/// The longest expression, in characters.
const MAX_CHARS: usize = 256;

/// The words that stand for an expression.
const WORDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let cron = parse_cron(text)?;
        match cron.first_date_from(NaiveDate::default()) {
            Some(_) => Ok(cron),
            None => Err(CronError::never_fires(text)),
        }
    }
}

/// Parses an expression; whether any date matches is not checked.
fn parse_cron(text: &str) -> Result<Cron, CronError> {
    if text.chars().count() > MAX_CHARS {
        let shown: String = text.chars().take(20).collect();
        let message = format!("the expression is longer than {MAX_CHARS} characters");
        return Err(CronError::of_expression(&shown, message));
    }
    let text = text.trim();
    let fields: Vec<&str> = resolve_word(text)?.split_whitespace().collect();
    let (second, minute, year) = match fields.len() {
        5 => ("0", 0, "*"),
        6 => (fields[0], 1, "*"),
        7 => (fields[0], 1, fields[6]),
        count => return Err(wrong_count(text, count)),
    };
    let grammar = if minute == 0 {
        Grammar::Unix
    } else {
        Grammar::Quartz
    };
    let [minute, hour, day_of_month, month, day_of_week] = [0, 1, 2, 3, 4].map(|at| fields[minute + at]);
    let day_rule = day_rule(grammar, day_of_month, day_of_week)?;
    Ok(Cron {
        text: text.to_owned(),
        seconds: parse_values(CronField::Second, second)?,
        minutes: parse_values(CronField::Minute, minute)?,
        hours: parse_values(CronField::Hour, hour).map_err(|error| hint_at_seconds(error, grammar, hour))?,
        days_of_month: parse_days_of_month(day_of_month)?,
        months: parse_values(CronField::Month, month)
            .map_err(|error| hint_at_seconds(error, grammar, month))?,
        days_of_week: parse_days_of_week(grammar, day_of_week)?,
        years: parse_values(CronField::Year, year)?,
        day_rule,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Grammar {
    /// Five fields.
    Unix,
    /// Six or seven, as Quartz has them.
    Quartz,
}

fn resolve_word(text: &str) -> Result<&str, CronError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    let word = WORDS.iter().find(|(word, _)| *word == text);
    word.map(|(_, expression)| *expression).ok_or_else(|| {
        let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        let message = format!("{text:?} is not one of {}", words.join(", "));
        CronError::of_expression(text, message)
    })
}

fn wrong_count(text: &str, count: usize) -> CronError {
    let message = format!(
        "{text:?} has {count} fields; write 5 (minute, hour, day of month, month, day of week), 6 (second first) or 7 \
         (year last)"
    );
    CronError::of_expression(text, message)
}

fn day_rule(grammar: Grammar, day_of_month: &str, day_of_week: &str) -> Result<DayRule, CronError> {
    let is_restricted = |text: &str| !matches!(text, "*" | "?");
    let both = is_restricted(day_of_month) && is_restricted(day_of_week);
    match grammar {
        Grammar::Quartz if both => {
            let what = format!(
                "and the day of month {day_of_month:?} are both restricted; in six and seven fields write ? in one of them"
            );
            Err(CronError::of_field(
                CronField::QuartzDayOfWeek,
                day_of_week,
                &what,
            ))
        }
        Grammar::Unix if both && !day_of_month.starts_with('*') && !day_of_week.starts_with('*') => {
            Ok(DayRule::Either)
        }
        _ => Ok(DayRule::Both),
    }
}

/// A `?` in the hour or month shows an author who did not begin with seconds.
fn hint_at_seconds(error: CronError, grammar: Grammar, text: &str) -> CronError {
    if text == "?" && grammar == Grammar::Quartz {
        error.with_hint("with six fields the first one is seconds")
    } else {
        error
    }
}

/// Parses a field that holds values only.
fn parse_values(field: CronField, text: &str) -> Result<ValueSet, CronError> {
    let mut values = ValueSet::empty(field.bounds().0);
    for item in text.split(',') {
        insert_item(field, item, &mut values)?;
    }
    Ok(values)
}

fn parse_days_of_month(text: &str) -> Result<DaysOfMonth, CronError> {
    let field = CronField::DayOfMonth;
    let mut numbers = ValueSet::empty(field.bounds().0);
    let mut special = Vec::new();
    if text == "?" {
        insert_item(field, "*", &mut numbers)?;
        return Ok(DaysOfMonth { numbers, special });
    }
    for item in text.split(',') {
        match special_day(item)? {
            Some(day) => special.push(day),
            None => insert_item(field, item, &mut numbers)?,
        }
    }
    Ok(DaysOfMonth { numbers, special })
}

fn special_day(item: &str) -> Result<Option<SpecialDay>, CronError> {
    let field = CronField::DayOfMonth;
    let upper = item.to_ascii_uppercase();
    if upper == "L" {
        return Ok(Some(SpecialDay::BeforeLast(0)));
    }
    if upper == "LW" {
        return Ok(Some(SpecialDay::LastWorkday));
    }
    if let Some(days) = upper.strip_prefix("L-") {
        let days = field.value_of(days).filter(|days| *days <= 30);
        let days = days.ok_or_else(|| CronError::of_field(field, item, "is not L-1 to L-30"))?;
        return Ok(Some(SpecialDay::BeforeLast(days)));
    }
    if let Some(day) = upper.strip_suffix('W') {
        let day = field.value_of(day);
        let day =
            day.ok_or_else(|| CronError::of_field(field, item, "has no day from 1 to 31 before the W"))?;
        return Ok(Some(SpecialDay::WorkdayNearest(day)));
    }
    Ok(None)
}

fn parse_days_of_week(grammar: Grammar, text: &str) -> Result<DaysOfWeek, CronError> {
    let field = match grammar {
        Grammar::Unix => CronField::UnixDayOfWeek,
        Grammar::Quartz => CronField::QuartzDayOfWeek,
    };
    let mut values = ValueSet::empty(field.bounds().0);
    let mut special = Vec::new();
    for item in text.split(',') {
        match special_weekday(field, item)? {
            Some(day) => special.push(day),
            None if text == "?" => insert_item(field, "*", &mut values)?,
            None if item.eq_ignore_ascii_case("L") => values.insert(field.bounds().1),
            None => {
                insert_item(field, item, &mut values).map_err(|error| hint_at_sunday(error, field, item))?
            }
        }
    }
    let mut numbers = ValueSet::empty(0);
    for value in values.numbers() {
        numbers.insert(days_from_sunday(field, value));
    }
    Ok(DaysOfWeek { numbers, special })
}

fn special_weekday(field: CronField, item: &str) -> Result<Option<SpecialWeekday>, CronError> {
    let weekday = |text: &str| field.value_of(text).map(|day| days_from_sunday(field, day));
    if let Some((day, nth)) = item.split_once('#') {
        let day = weekday(day)
            .ok_or_else(|| CronError::of_field(field, item, "has no day of the week before the #"))?;
        let nth = Some(nth).filter(|nth| matches!(*nth, "1" | "2" | "3" | "4" | "5"));
        let nth = nth.and_then(|nth| nth.parse().ok());
        let nth =
            nth.ok_or_else(|| CronError::of_field(field, item, "has no number from 1 to 5 after the #"))?;
        return Ok(Some(SpecialWeekday::Nth(day, nth)));
    }
    let last = item.strip_suffix(['L', 'l']).filter(|day| !day.is_empty());
    match last {
        Some(day) => {
            let day = weekday(day).ok_or_else(|| {
                CronError::of_field(field, item, "has no single day of the week before the L")
            })?;
            Ok(Some(SpecialWeekday::Last(day)))
        }
        None => Ok(None),
    }
}

/// A 0 shows an author who thinks of five fields.
fn hint_at_sunday(error: CronError, field: CronField, item: &str) -> CronError {
    if field == CronField::QuartzDayOfWeek && item.trim_start_matches('0').is_empty() {
        error.with_hint("with six and seven fields Sunday is 1")
    } else {
        error
    }
}

fn days_from_sunday(field: CronField, value: u32) -> u32 {
    match field {
        CronField::QuartzDayOfWeek => value - 1,
        _ => value % 7,
    }
}

/// Adds what one item of a list names: `*`, `v`, `a-b`, and with a step `*/n`, `a-b/n`, `a/n`.
fn insert_item(field: CronField, item: &str, values: &mut ValueSet) -> Result<(), CronError> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(parse_step(field, item, step)?)),
        None => (item, None),
    };
    let (first, last) = parse_range(field, item, range, step)?;
    let size = field.size();
    let lowest = field.bounds().0;
    let mut value = first;
    while value <= last {
        values.insert(lowest + (value - lowest) % size);
        value += step.unwrap_or(1);
    }
    Ok(())
}

/// The first and the last value of a range; the last is above the field's when the range goes round the end.
fn parse_range(
    field: CronField,
    item: &str,
    range: &str,
    step: Option<u32>,
) -> Result<(u32, u32), CronError> {
    let (lowest, highest) = field.bounds();
    if range == "*" {
        return Ok((lowest, highest));
    }
    let value = |text: &str| {
        field.value_of(text).ok_or_else(|| {
            let what = match text {
                "" => "lacks a value".to_owned(),
                _ if text == item => "is not allowed".to_owned(),
                _ => format!("has {text:?}, which is not allowed"),
            };
            CronError::of_field(field, item, &what)
        })
    };
    let Some((first, last)) = range.split_once('-') else {
        let first = value(range)?;
        return Ok(match step {
            Some(_) => (in_bounds(field, first), highest),
            None => (first, first),
        });
    };
    let (first, last) = (value(first)?, value(last)?);
    if first <= last {
        return Ok((first, last));
    }
    let first = in_bounds(field, first);
    if first <= last {
        return Ok((first, last));
    }
    if field == CronField::Year {
        return Err(CronError::of_field(field, item, "ends before it begins"));
    }
    Ok((first, last + field.size()))
}

/// Sunday as 0, where 7 is another name for it.
fn in_bounds(field: CronField, value: u32) -> u32 {
    if value > field.bounds().1 {
        field.bounds().0
    } else {
        value
    }
}

fn parse_step(field: CronField, item: &str, step: &str) -> Result<u32, CronError> {
    let most = field.size();
    let digits = !step.is_empty() && step.len() <= 4 && step.bytes().all(|byte| byte.is_ascii_digit());
    let step = Some(step).filter(|_| digits).and_then(|step| step.parse().ok());
    step.filter(|step| (1..=most).contains(step)).ok_or_else(|| {
        CronError::of_field(field, item, &format!("needs a step from 1 to {most} after the /"))
    })
}
