//! Durations and byte sizes in the syntax of users: `90s`, `1h30m`, `64MiB`.

use std::time::Duration;

use engine::spec::duration;

const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Parses `500ms`, `90s`, `10m`, `1h30m` or `2d`, in the same syntax as documents.
///
/// # Errors
/// A sentence that repeats the text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    duration::parse(text)
        .and_then(|ms| u64::try_from(ms).ok())
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is not a duration such as 500ms, 90s, 10m, 1h30m or 2d"))
}

/// Parses `64MiB`, `512KiB`, `1GiB` or `4096B`.
///
/// # Errors
/// A sentence that repeats the text.
pub fn parse_byte_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size such as 512KiB, 64MiB or 1GiB");
    let (name, unit) = SIZES
        .iter()
        .find(|(name, _)| text.ends_with(name))
        .ok_or_else(wrong)?;
    let number: u64 = text[..text.len() - name.len()]
        .trim()
        .parse()
        .map_err(|_| wrong())?;
    number.checked_mul(*unit).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_as_users_write_them() {
        for (text, millis) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in [
            "",
            "5",
            "s",
            "1x",
            "-1s",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_as_users_write_them() {
        for (text, bytes) in [("64MiB", 64 << 20), ("1GiB", 1 << 30), ("3KiB", 3072), ("7B", 7)] {
            assert_eq!(parse_byte_size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "64", "MiB", "64MB", "99999999999GiB"] {
            assert!(parse_byte_size(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error_that_repeats_it(text in ".{0,20}") {
            for error in [parse_duration(&text).err(), parse_byte_size(&text).err()].into_iter().flatten() {
                prop_assert!(error.contains(&text));
            }
        }

        #[test]
        fn a_written_duration_is_read_back(ms in 0..=duration::MAX_MS) {
            let read = parse_duration(&duration::HumanDuration(ms).to_string()).map(|read| read.as_millis());
            prop_assert_eq!(read, Ok(u128::try_from(ms).unwrap_or_default()));
        }

        #[test]
        fn a_written_size_is_read_back(count in 0_u64..1 << 30, unit in prop::sample::select(SIZES.to_vec())) {
            prop_assert_eq!(parse_byte_size(&format!("{count}{}", unit.0)), Ok(count * unit.1));
        }
    }
}
