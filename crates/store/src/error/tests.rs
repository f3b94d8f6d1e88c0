use super::is_transient;

#[test]
fn constraints_are_refusals_and_everything_about_the_connection_is_transient() {
    for code in ["23505", "23514", "22P05", "42601", "19", "2067", "1555"] {
        assert!(!is_transient(Some(code)), "{code}");
    }
    for code in [
        "57P01", "08006", "40P01", "55P03", "57014", "53100", "5", "261", "13",
    ] {
        assert!(is_transient(Some(code)), "{code}");
    }
    assert!(is_transient(None));
}
