//! Durations as people write them: `500ms`, `90s`, `1h30m`, `2d`.

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

/// Writes milliseconds so that [`parse`] reads them back.
pub fn show(ms: i64) -> String {
    let mut left = ms.max(0);
    let mut text = String::new();
    for (unit, size) in UNITS {
        let count = left / size;
        left %= size;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}
