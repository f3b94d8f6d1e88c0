use super::*;

fn parse(events: &str) -> Result<Vec<String>, String> {
    let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n");
    parse_icalendar(&text, 100)
        .map(|dates| dates.iter().map(ToString::to_string).collect())
        .map_err(|error| error.to_string())
}

#[test]
fn all_day_events_are_dates_and_others_are_passed_over() {
    let days = parse(
        "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261001\r\nDTEND;VALUE=DATE:20261003\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\ndtstart;TZID=X;value=da\r\n te:20261225\r\nEND:VEVENT\r\n\
         BEGIN:VEVENT\r\nDTSTART:20261110T090000Z\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\n",
    );
    assert_eq!(
        days,
        Ok(vec![
            "2026-10-01".into(),
            "2026-10-02".into(),
            "2026-12-25".into()
        ])
    );
}

#[test]
fn mistakes_name_their_line() {
    let cases = [
        (
            "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n",
            "line 5: RRULE",
        ),
        ("BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:2026\r\n", "line 4: \"2026\""),
        (
            "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260102\r\nDTEND;VALUE=DATE:20260101\r\nEND:VEVENT\r\n",
            "line 6: the event ends",
        ),
        (
            "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20270101\r\nEND:VEVENT\r\n",
            "more than 100 days",
        ),
    ];
    for (events, expected) in cases {
        let error = parse(events).expect_err(events);
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(parse_icalendar("", 100), Err(IcalendarError::NoCalendar));
}
