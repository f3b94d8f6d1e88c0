use proptest::prelude::*;

use super::*;

const DEFAULT: Duration = Duration::from_secs(5);

#[test]
fn durations_of_every_unit_are_read_and_others_are_refused() {
    let parse = |text| parse_wait(Some(text), DEFAULT);
    assert_eq!(parse("0").unwrap(), Duration::ZERO);
    assert_eq!(parse("0s").unwrap(), Duration::ZERO);
    assert_eq!(parse("500ms").unwrap(), Duration::from_millis(500));
    assert_eq!(parse("30s").unwrap(), Duration::from_secs(30));
    assert_eq!(parse("2m").unwrap(), Duration::from_secs(120));
    for wrong in [
        "",
        "5",
        "s",
        "-1s",
        "1 s",
        "2h",
        "99999999999999999999s",
        "1d",
        "soon",
    ] {
        assert_eq!(parse(wrong).unwrap_err().code(), Code::InvalidQuery, "{wrong}");
    }
}

#[test]
fn a_request_that_does_not_say_how_long_waits_for_the_default() {
    assert_eq!(parse_wait(None, DEFAULT).unwrap(), DEFAULT);
}

proptest! {
    #[test]
    fn a_wait_is_at_most_an_hour_or_refused(text in "([0-9]{1,22}|ms|s|m|h|d|-|\\.| |é){0,5}") {
        match parse_wait(Some(&text), DEFAULT) {
            Ok(wait) => prop_assert!(wait <= MAX_WAIT),
            Err(problem) => prop_assert_eq!(problem.code(), Code::InvalidQuery),
        }
    }
}
