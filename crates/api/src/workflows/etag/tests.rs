use proptest::prelude::*;

use super::*;

#[test]
fn another_spelling_of_an_etag_is_refused() {
    for text in [
        "",
        "3",
        "\"3",
        "3\"",
        "\"\"",
        "\"+3\"",
        "\"03\"",
        "\"3.0\"",
        "\" 3\"",
        "W/\"3\"",
        "\"3\", \"4\"",
        "**",
        "\"*\"",
        "\"9223372036854775808\"",
    ] {
        assert_eq!(parse_if_match(text), None, "{text}");
    }
    assert_eq!(parse_if_match("\t* "), Some(IfMatch::Exists));
    assert_eq!(parse_if_match(" \"3\" "), Some(IfMatch::Version(3)));
}

proptest! {
    #[test]
    fn the_etag_of_a_version_matches_that_version_only(version in any::<i64>(), other in any::<i64>()) {
        let parsed = parse_if_match(&format_etag(version));
        prop_assert_eq!(parsed, Some(IfMatch::Version(version)));
        prop_assert_eq!(parsed == Some(IfMatch::Version(other)), version == other);
    }

    #[test]
    fn a_text_is_refused_or_is_what_an_answer_carries(
        text in prop_oneof![any::<String>(), r#"[ \t]*(W/)?"?[-+]?[0-9_.]{0,21}"?,?[ \t]*"#, r#"[*"0-9]{0,4}"#]
    ) {
        let bare = text.trim_matches([' ', '\t']);
        match parse_if_match(&text) {
            Some(IfMatch::Version(version)) => prop_assert_eq!(format_etag(version), bare),
            Some(IfMatch::Exists) => prop_assert_eq!(bare, "*"),
            Some(IfMatch::Absent) => prop_assert!(false, "no header says that"),
            None => prop_assert!(bare != "*"),
        }
    }
}
