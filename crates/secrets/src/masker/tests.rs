use base64::engine::general_purpose::{STANDARD as PADDED, URL_SAFE as PADDED_URL};
use proptest::prelude::*;

use super::*;

const VALUE: &str = "Zq7 0f9a?>/+&%=ü";

fn masker(values: &[&str]) -> Masker {
    Masker::new(values.iter().copied()).expect("few values")
}

/// Every way in which a program may print a value.
fn printed_forms(value: &str) -> Vec<String> {
    let mut forms = vec![
        value.to_owned(),
        serde_json::to_string(value).expect("a text"),
        value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        value.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        value.replace(' ', "+"),
    ];
    for before in ["", "x", "xy", "xyz"] {
        let text = format!("{before}{value}tail");
        forms.extend([PADDED.encode(&text), PADDED_URL.encode(&text)]);
    }
    forms
}

/// Whether 8 bytes of one of the forms of the value are to be seen.
fn shows(text: &str, value: &str) -> bool {
    let mut alone: Vec<Vec<u8>> = base64_forms(value.as_bytes());
    alone.push(value.as_bytes().to_vec());
    alone.push(
        value
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
            .into_bytes(),
    );
    let is_seen = |form: &Vec<u8>| {
        form.windows(8)
            .any(|piece| memchr::memmem::find(text.as_bytes(), piece).is_some())
    };
    alone.iter().any(is_seen)
}

#[test]
fn a_value_is_masked_in_every_form() {
    let masker = masker(&[VALUE]);
    for form in printed_forms(VALUE) {
        let text = masker.mask_text(&format!("begin {form} end"));
        assert!(text.starts_with("begin ") && text.ends_with(" end"), "{text}");
        assert!(text.contains(MASK) && !shows(&text, VALUE), "{form}: {text}");
    }
}

#[test]
fn lines_are_masked_by_themselves_and_short_ones_are_not() {
    let masker = masker(&["first line\nab\r\nsecond line\n"]);
    assert_eq!(
        masker.mask_text("a second line, ab, a first line"),
        "a ***, ab, a ***"
    );
    assert_eq!(masker.mask_text("first line\nab\r\nsecond line\n"), "***");
}

#[test]
fn base64_is_found_over_the_ends_of_lines() {
    let masker = masker(&["a value that is longer than a line of base64 has room for, as keys are"]);
    let encoded = PADDED.encode("x: a value that is longer than a line of base64 has room for, as keys are.");
    let wrapped = encoded
        .as_bytes()
        .chunks(60)
        .map(|line| String::from_utf8_lossy(line))
        .collect::<Vec<_>>();
    let text = masker.mask_text(&wrapped.join("\r\n"));
    assert!(text.len() < 20, "{text}");
}

#[test]
fn what_begins_a_value_counts_where_the_text_is_cut_off() {
    let masker = masker(&["a long value"]);
    assert_eq!(masker.mask_text("see a long va"), "see ***");
    assert_eq!(
        masker.mask_text("see a lo"),
        "see a lo",
        "too short to tell anything"
    );
    assert_eq!(
        masker.mask_text("see a long v\n[porpoise: the rest was cut off]\n"),
        "see ***\n[porpoise: the rest was cut off]\n"
    );
    assert_eq!(masker.open_end(b"see a lo"), 4);
    assert_eq!(masker.open_end(b"see a long value"), 0);
    assert_eq!(masker.open_end(b"see %61%20lo"), 8);
    assert!(masker.find(b"see a long va", WindowEnd::Growing).is_empty());
}

#[test]
fn a_part_shows_a_mask_for_what_reaches_into_it() {
    let text = b"before a long value after";
    let found = masker(&["a long value"]).find(text, WindowEnd::Complete);
    assert_eq!(mask_ranges(text, 0..12, &found), b"before ***");
    assert_eq!(mask_ranges(text, 12..14, &found), b"***");
    assert_eq!(mask_ranges(text, 14..25, &found), b"*** after");
}

#[test]
fn without_values_nothing_is_masked() {
    let masker = masker(&["short"]);
    assert!(masker.is_empty());
    assert_eq!(masker.mask_text("a short text"), "a short text");
}

proptest! {
    #[test]
    fn no_part_of_any_size_shows_a_value(
        value in "[ -~]{8,40}", before in "[ -~]{0,9}", size in 1_usize..30, form in 0_usize..13,
    ) {
        let masker = masker(&[&value]);
        let text = format!("{before}{}{before}", printed_forms(&value)[form]);
        let bytes = text.as_bytes();
        let mut shown = String::new();
        for start in (0..bytes.len()).step_by(size) {
            let part = start..(start + size).min(bytes.len());
            let window = part.start.saturating_sub(masker.reach())..(part.end + masker.reach()).min(bytes.len());
            let found = masker.find(&bytes[window.clone()], WindowEnd::More);
            let within = part.start - window.start..part.end - window.start;
            shown.push_str(&String::from_utf8_lossy(&mask_ranges(&bytes[window], within, &found)));
        }
        prop_assert!(shown.contains(MASK), "{}", shown);
        prop_assert!(!shown.contains(&value), "{}", shown);
    }

    #[test]
    fn a_text_that_grows_shows_no_beginning(value in "[a-z]{8,20}", cut in 1_usize..8) {
        let masker = masker(&[&value]);
        let text = format!("0123 {}", &value[..cut]);
        let visible = text.len() - masker.open_end(text.as_bytes());
        prop_assert!(visible <= 5);
    }
}
