use super::*;

#[test]
fn durations_of_every_unit_are_read_and_others_are_refused() {
    assert_eq!(read_wait("0").unwrap(), Duration::ZERO);
    assert_eq!(read_wait("0s").unwrap(), Duration::ZERO);
    assert_eq!(read_wait("500ms").unwrap(), Duration::from_millis(500));
    assert_eq!(read_wait("30s").unwrap(), Duration::from_secs(30));
    assert_eq!(read_wait("2m").unwrap(), Duration::from_secs(120));
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
        assert_eq!(
            read_wait(wrong).unwrap_err().code(),
            Code::InvalidQuery,
            "{wrong}"
        );
    }
}
