//! Date patterns as Java writes them: letters stand for fields, everything else for itself.

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;

use crate::date_names::{MONTHS, WEEKDAYS};

/// Formats an instant; `None` when the pattern has no field, or a letter that stands for none.
///
/// Text between single quotes stands for itself, two of them for one.
pub(super) fn format(pattern: &str, at: DateTime<Tz>) -> Option<String> {
    let mut text = String::new();
    let mut fields = 0;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = quoted(&rest[1..], &mut text)?;
            continue;
        }
        let length = rest.len() - rest.trim_start_matches(first).len();
        let (run, after) = rest.split_at(length);
        if first.is_ascii_alphabetic() {
            text.push_str(&field(first, run.len(), at)?);
            fields += 1;
        } else {
            text.push_str(run);
        }
        rest = after;
    }
    (fields > 0).then_some(text)
}

/// Copies what is quoted, and returns what follows the closing quote.
fn quoted<'a>(rest: &'a str, text: &mut String) -> Option<&'a str> {
    if let Some(after) = rest.strip_prefix('\'') {
        text.push('\'');
        return Some(after);
    }
    let mut rest = rest;
    loop {
        let (inside, after) = rest.split_once('\'')?;
        text.push_str(inside);
        match after.strip_prefix('\'') {
            Some(more) => {
                text.push('\'');
                rest = more;
            }
            None => return Some(after),
        }
    }
}

fn field(letter: char, width: usize, at: DateTime<Tz>) -> Option<String> {
    let hour = at.hour();
    let number = match letter {
        'y' | 'u' => return year(at.year(), width),
        'Y' => return year(at.iso_week().year(), width),
        'M' | 'L' if width > 2 => return name(MONTHS[at.month0() as usize], width),
        'E' => return name(WEEKDAYS[at.weekday().num_days_from_sunday() as usize], width),
        'S' => return fraction(at.nanosecond() % 1_000_000_000, width),
        'a' => return (width == 1).then(|| if hour < 12 { "AM" } else { "PM" }.to_owned()),
        'X' => return offset(at, width),
        'M' | 'L' => at.month(),
        'd' => at.day(),
        'D' => return (width <= 3).then(|| format!("{:0width$}", at.ordinal())),
        'H' => hour,
        'k' => (hour + 23) % 24 + 1,
        'K' => hour % 12,
        'h' => (hour + 11) % 12 + 1,
        'm' => at.minute(),
        's' => at.second(),
        'w' => at.iso_week().week(),
        'Q' => at.month0() / 3 + 1,
        _ => return None,
    };
    (width <= 2).then(|| format!("{number:0width$}"))
}

fn year(year: i32, width: usize) -> Option<String> {
    match width {
        2 => Some(format!("{:02}", year.rem_euclid(100))),
        1..=9 => Some(format!("{year:0width$}")),
        _ => None,
    }
}

fn name(full: &str, width: usize) -> Option<String> {
    match width {
        1..=3 => full.get(..3).map(str::to_owned),
        4 => Some(full.to_owned()),
        _ => None,
    }
}

fn fraction(nanosecond: u32, width: usize) -> Option<String> {
    format!("{nanosecond:09}").get(..width).map(str::to_owned)
}

/// `X` is `Z` or `+08`, `XX` is `+0800`, `XXX` is `+08:00`.
fn offset(at: DateTime<Tz>, width: usize) -> Option<String> {
    let iso = at.format("%:z").to_string();
    let (hours, minutes) = iso.split_once(':')?;
    match width {
        1..=3 if iso == "+00:00" => Some("Z".to_owned()),
        1 if minutes == "00" => Some(hours.to_owned()),
        1 | 2 => Some(format!("{hours}{minutes}")),
        3 => Some(iso),
        _ => None,
    }
}
