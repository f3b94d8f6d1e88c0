//! Durations as people write them: `500ms`, `90s`, `1h30m`, `2d`.

use std::fmt;

/// The longest duration: ten years, in milliseconds.
pub const MAX_MS: i64 = 3_650 * 86_400_000;

/// Units from large to small, in milliseconds.
const UNITS: &[(&str, i64)] = &[
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a duration as milliseconds; `None` when it is not one, or longer than [`MAX_MS`].
///
/// Whole numbers with a unit, larger units first, each unit once.
pub fn parse(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut units = UNITS;
    let mut total: i64 = 0;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, next) = tail.split_at(letters);
        let place = units.iter().position(|(name, _)| *name == unit)?;
        let ms = number.parse::<i64>().ok()?.checked_mul(units[place].1)?;
        total = total.checked_add(ms).filter(|total| *total <= MAX_MS)?;
        if next.is_empty() {
            return Some(total);
        }
        units = &units[place + 1..];
        rest = next;
    }
}

/// A duration in milliseconds, displayed so that [`parse`] reads it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanDuration(pub i64);

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0;
        if left <= 0 {
            return f.write_str("0s");
        }
        for (unit, size) in UNITS {
            if left >= *size {
                write!(f, "{}{unit}", left / size)?;
                left %= size;
            }
        }
        Ok(())
    }
}
