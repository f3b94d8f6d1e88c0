//! Time zones by their IANA names.

use std::str::FromStr as _;

pub use chrono_tz::Tz;

use crate::spec::names;

/// The most characters of a wrong name that a message repeats.
const MAX_SHOWN: usize = 60;

/// A name that no zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{name}`; {hint}")]
pub struct UnknownTimezone {
    /// What was read, cut to a readable length.
    name: String,
    /// What to write instead.
    hint: String,
}

/// Finds a zone by its exact IANA name.
///
/// # Errors
/// No zone has this name; the message names the nearest one.
pub fn parse_timezone(name: &str) -> Result<Tz, UnknownTimezone> {
    Tz::from_str(name).map_err(|_| UnknownTimezone {
        name: name.chars().take(MAX_SHOWN).collect(),
        hint: match nearest_timezone(name) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write an IANA name like `Asia/Shanghai` or `UTC`".to_owned(),
        },
    })
}

/// Finds the zone that was probably meant: the one of that city, else the one that is spelt most alike.
fn nearest_timezone(name: &str) -> Option<&'static str> {
    let all = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let city = name.replace(' ', "_");
    let is_city = |zone: &&str| {
        let last = zone.rsplit('/').next();
        last.is_some_and(|last| last.eq_ignore_ascii_case(&city))
    };
    let same_letters = all().find(|zone| zone.eq_ignore_ascii_case(name));
    same_letters
        .or_else(|| all().find(is_city))
        .or_else(|| names::nearest(name, all()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_by_its_exact_name_only() {
        assert_eq!(parse_timezone("Asia/Shanghai"), Ok(Tz::Asia__Shanghai));
        assert_eq!(parse_timezone("UTC"), Ok(Tz::UTC));
        let wrong = [
            ("Asia/Shangha", "did you mean `Asia/Shanghai`?"),
            ("asia/shanghai", "did you mean `Asia/Shanghai`?"),
            ("new york", "did you mean `America/New_York`?"),
            ("Mars/Base", "write an IANA name"),
            ("", "write an IANA name"),
        ];
        for (name, hint) in wrong {
            let message = parse_timezone(name).unwrap_err().to_string();
            assert!(message.contains(hint), "{name}: {message}");
        }
    }
}
