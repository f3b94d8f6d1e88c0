//! The body of a request: its defaults, and what is wrong with others.

use serde_json::{Value, json};

use crate::backfill::*;
use crate::ids::Timestamp;
use crate::timezone::Tz;

fn mistakes(body: &Value) -> Vec<String> {
    let issues = parse_request(body, Tz::UTC).unwrap_err();
    issues
        .iter()
        .map(|issue| format!("{} {}", issue.pointer, issue.code))
        .collect()
}

#[test]
fn a_request_has_defaults_and_local_times_in_its_zone() {
    let body = json!({ "from": "2026-01-01", "to": "2026-01-02", "params": { "a": 1 }, "timezone": null });
    let request = parse_request(&body, Tz::Asia__Shanghai).unwrap();
    assert_eq!(
        request,
        BackfillRequest {
            selection: DateSelection::Range(DateRange {
                from: Timestamp(1_767_196_800_000),
                to: Timestamp(1_767_369_599_999),
            }),
            schedule: None,
            timezone: Tz::Asia__Shanghai,
            parallelism: 1,
            order: DateOrder::Ascending,
            on_failure: OnFailure::Continue,
            existing: ExistingPolicy::Run,
            dependents: DependentsMode::None,
            notify: Vec::new(),
            description: String::new(),
            start: json!({ "params": { "a": 1 } }),
        }
    );
    let body = json!({ "dates": ["2026-01-01", "2026-01-01T00:00:00Z"], "timezone": "UTC" });
    let request = parse_request(&body, Tz::Asia__Shanghai).unwrap();
    assert_eq!(
        request.selection,
        DateSelection::List(vec![Timestamp(1_767_225_600_000); 2])
    );
}

#[test]
fn each_mistake_names_its_place() {
    let whole = || json!({ "from": "2026-01-01", "to": "2026-01-02" });
    let with = |key: &str, value: Value| {
        let mut body = whole();
        body[key] = value;
        body
    };
    let cases = [
        (json!([]), vec![" BAD_TYPE"]),
        (json!({}), vec!["/from MISSING"]),
        (json!({ "from": "2026-01-01" }), vec!["/to MISSING"]),
        (json!({ "to": "2026-01-01" }), vec!["/from MISSING"]),
        (
            json!({ "from": "2026-01-02", "to": "2026-01-01" }),
            vec!["/to BAD_VALUE"],
        ),
        (json!({ "dates": "2026-01-01" }), vec!["/dates BAD_TYPE"]),
        (
            json!({ "dates": ["soon", 5] }),
            vec!["/dates/0 BAD_VALUE", "/dates/1 BAD_TYPE"],
        ),
        (with("dates", json!(["2026-01-01"])), vec!["/dates BAD_VALUE"]),
        (with("parallelism", json!(0)), vec!["/parallelism OUT_OF_RANGE"]),
        (
            with("parallelism", json!(1001)),
            vec!["/parallelism OUT_OF_RANGE"],
        ),
        (with("parallelism", json!("2")), vec!["/parallelism BAD_TYPE"]),
        (with("paralelism", json!(2)), vec!["/paralelism UNKNOWN_KEY"]),
        (with("order", json!("random")), vec!["/order BAD_VALUE"]),
        (with("existing", json!("skip")), vec!["/existing BAD_VALUE"]),
        (with("on_failure", json!("end")), vec!["/on_failure BAD_VALUE"]),
        (with("dependents", json!("all")), vec!["/dependents BAD_VALUE"]),
        (
            with("timezone", json!("Mars")),
            vec!["/timezone UNKNOWN_TIMEZONE"],
        ),
        (with("version", json!("new")), vec!["/version BAD_TYPE"]),
        (
            with("scheduled_at", json!("2026-01-01")),
            vec!["/scheduled_at UNKNOWN_KEY"],
        ),
    ];
    for (body, wanted) in cases {
        assert_eq!(mistakes(&body), wanted, "{body}");
    }
}

#[test]
fn the_parallelism_is_one_to_a_thousand() {
    assert_eq!(parse_parallelism(&json!({ "parallelism": 1000 })), Ok(1000));
    for body in [
        json!({}),
        json!({ "parallelism": 1001 }),
        json!({ "parallelism": 1, "x": 1 }),
    ] {
        assert!(parse_parallelism(&body).is_err(), "{body}");
    }
}
