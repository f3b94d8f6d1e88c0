//! An expression in English words.

use super::day::{SpecialDay, SpecialWeekday};
use super::value_set::ValueSet;
use super::{Cron, DayRule};
use crate::date_names::{MONTHS, WEEKDAYS};

const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// The most times of day that are listed one by one.
const MAX_LISTED_TIMES: u32 = 6;

impl Cron {
    /// Says in English when the expression matches, for example `at 02:30 every day`.
    pub fn describe(&self) -> String {
        let mut words = format!("{} {}", self.describe_time(), self.describe_day());
        if self.months.len() < 12 {
            let months = self.months.numbers().map(|month| name_of(&MONTHS, month - 1));
            words += &format!(" in {}", join(months.collect()));
        }
        if self.years.len() < 130 {
            words += &format!(" in {}", ranges(self.years, |year| year.to_string()));
        }
        words
    }

    fn describe_time(&self) -> String {
        let times = self.seconds.len() * self.minutes.len() * self.hours.len();
        if times <= MAX_LISTED_TIMES {
            return format!("at {}", join(self.times_of_day()));
        }
        let hours = match self.hours.len() {
            24 => String::new(),
            1 => format!(" of the hour {}", ranges(self.hours, two_digits)),
            _ => format!(" of the hours {}", ranges(self.hours, two_digits)),
        };
        if self.has_zero_second() {
            return match (interval_of(self.minutes, 60), self.minutes.len()) {
                (Some(1), _) => format!("every minute{hours}"),
                (Some(minutes), _) => format!("every {minutes} minutes{hours}"),
                (None, 1) if self.hours.len() == 24 && self.minutes.contains(0) => "every hour".to_owned(),
                (None, _) => format!(
                    "at minute {}{}",
                    ranges(self.minutes, plain),
                    or_every_hour(&hours)
                ),
            };
        }
        let seconds = match interval_of(self.seconds, 60) {
            Some(1) => "every second".to_owned(),
            Some(seconds) => format!("every {seconds} seconds"),
            None => format!("at second {}", ranges(self.seconds, plain)),
        };
        match self.minutes.len() {
            60 => format!("{seconds} of every minute{hours}"),
            _ => format!(
                "{seconds} of minute {}{}",
                ranges(self.minutes, plain),
                or_every_hour(&hours)
            ),
        }
    }

    fn has_zero_second(&self) -> bool {
        self.seconds.numbers().eq([0])
    }

    fn times_of_day(&self) -> Vec<String> {
        let has_zero_second = self.has_zero_second();
        let mut times = Vec::new();
        for hour in self.hours.numbers() {
            for minute in self.minutes.numbers() {
                times.extend(self.seconds.numbers().map(|second| match has_zero_second {
                    true => format!("{hour:02}:{minute:02}"),
                    false => format!("{hour:02}:{minute:02}:{second:02}"),
                }));
            }
        }
        times
    }

    fn describe_day(&self) -> String {
        let by_month = self.describe_days_of_month();
        let by_week = self.describe_days_of_week();
        match (by_month, by_week, self.day_rule) {
            (None, None, _) => "every day".to_owned(),
            (Some(day), None, _) | (None, Some(day), _) => format!("on {day}"),
            (Some(day), Some(weekday), DayRule::Either) => format!("on {day} or on {weekday}"),
            (Some(day), Some(weekday), DayRule::Both) => format!("on {day} when it is {weekday}"),
        }
    }

    fn describe_days_of_month(&self) -> Option<String> {
        let days = &self.days_of_month;
        if days.numbers.len() == 31 {
            return None;
        }
        let mut parts = Vec::new();
        if days.numbers.len() > 0 {
            parts.push(format!("day {} of the month", ranges(days.numbers, plain)));
        }
        parts.extend(days.special.iter().map(|day| match day {
            SpecialDay::BeforeLast(0) => "the last day of the month".to_owned(),
            SpecialDay::BeforeLast(1) => "the day before the last day of the month".to_owned(),
            SpecialDay::BeforeLast(days) => format!("{days} days before the last day of the month"),
            SpecialDay::LastWorkday => "the last Monday to Friday of the month".to_owned(),
            SpecialDay::WorkdayNearest(day) => {
                format!("the Monday to Friday nearest to day {day} of the month")
            }
        }));
        Some(join(parts))
    }

    fn describe_days_of_week(&self) -> Option<String> {
        let days = &self.days_of_week;
        if days.numbers.len() == 7 {
            return None;
        }
        let mut parts = Vec::new();
        if days.numbers.len() > 0 {
            parts.push(ranges(days.numbers, |day| name_of(&WEEKDAYS, day)));
        }
        parts.extend(days.special.iter().map(|day| match day {
            SpecialWeekday::Last(day) => format!("the last {} of the month", name_of(&WEEKDAYS, *day)),
            SpecialWeekday::Nth(day, nth) => {
                let nth = name_of(&ORDINALS, nth - 1);
                format!("the {nth} {} of the month", name_of(&WEEKDAYS, *day))
            }
        }));
        Some(join(parts))
    }
}

/// The step of a set that holds every n-th value of `size`, where n divides `size`.
fn interval_of(values: ValueSet, size: u32) -> Option<u32> {
    let count = values.len();
    let step = size
        .checked_div(count)
        .filter(|step| step * count == size && count > 1)?;
    values
        .numbers()
        .eq((0..size).step_by(usize::try_from(step).ok()?))
        .then_some(step)
}

fn or_every_hour(hours: &str) -> &str {
    if hours.is_empty() { " of every hour" } else { hours }
}

/// The values as words, three and more in a row as a range.
fn ranges(values: ValueSet, show: impl Fn(u32) -> String) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values.numbers() {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == value => *last = value,
            _ => runs.push((value, value)),
        }
    }
    let shown = runs.into_iter().flat_map(|(first, last)| match last - first {
        0 => vec![show(first)],
        1 => vec![show(first), show(last)],
        _ => vec![format!("{} to {}", show(first), show(last))],
    });
    join(shown.collect())
}

fn join(mut parts: Vec<String>) -> String {
    match parts.pop() {
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} and {last}", parts.join(", ")),
        None => String::new(),
    }
}

fn plain(value: u32) -> String {
    value.to_string()
}

fn two_digits(value: u32) -> String {
    format!("{value:02}")
}

fn name_of(names: &[&str], index: u32) -> String {
    let name = usize::try_from(index).ok().and_then(|index| names.get(index));
    name.copied().unwrap_or_default().to_owned()
}
