//! Numbers that keep the text in which they are written.

use serde_json::{Number, Value};

/// The key of the map as which `serde_json` hands a number to a visitor.
pub(crate) const NUMBER_KEY: &str = "$serde_json::private::Number";

/// Returns the number with exactly this text; `None` when JSON has no such number.
pub(crate) fn parse_number(text: &str) -> Option<Value> {
    serde_json::from_str::<Number>(text).ok()?;
    // Any other way to make a number writes its exponent in another way.
    Some(Value::Number(Number::from_string_unchecked(text.to_owned())))
}

/// The numbers of a JSON text, as they are written.
pub(crate) struct NumberTexts<'t> {
    rest: &'t str,
}

impl<'t> NumberTexts<'t> {
    /// Starts at the beginning of a text.
    pub(crate) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// Returns the text of the next number if it is `parsed`, which differs by its exponent only; else `parsed`.
    pub(crate) fn next_text<'p>(&mut self, parsed: &'p str) -> &'p str
    where
        't: 'p,
    {
        let before = self.rest;
        match self.next() {
            Some(written) if unify_exponent(written) == unify_exponent(parsed) => written,
            // The text has a map that looks like a number, and the next number is still to come.
            _ => {
                self.rest = before;
                parsed
            }
        }
    }
}

impl<'t> Iterator for NumberTexts<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let bytes = self.rest.as_bytes();
        let mut is_in_string = false;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' if is_in_string => at += 1,
                b'"' => is_in_string = !is_in_string,
                b'-' | b'0'..=b'9' if !is_in_string => {
                    let rest = &self.rest[at..];
                    let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)));
                    let (number, after) = rest.split_at(end.unwrap_or(rest.len()));
                    self.rest = after;
                    return Some(number);
                }
                _ => {}
            }
            at += 1;
        }
        None
    }
}

fn unify_exponent(number: &str) -> String {
    number.to_ascii_lowercase().replace('+', "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_found_outside_of_strings() {
        let text = r#"{"a1\"2": [-0, 3.10,1E+5 ,true], "b": "7\\", "c": 12345678901234567890123}"#;
        let found: Vec<&str> = NumberTexts::new(text).collect();
        assert_eq!(found, ["-0", "3.10", "1E+5", "12345678901234567890123"]);
    }

    #[test]
    fn what_json_has_no_number_for_is_none() {
        for text in ["007", "+7", ".5", "5.", "0x1F", "1_000", "-", "", "1e", "NaN"] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_keeps_its_text(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][-+]?[0-9]{1,4})?") {
            prop_assert_eq!(parse_number(&text).map(|number| number.to_string()), Some(text));
        }
    }
}
