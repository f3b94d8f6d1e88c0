use serde_json::json;

use super::*;

fn definition() -> Definition {
    crate::spec::parse(&json!({
        "version": 1, "name": "w", "priority": "high",
        "params": { "day": "monday", "top_n": { "type": "integer", "value": 10 }, "must": { "type": "string" },
                    "total": { "direction": "out" } },
        "tasks": { "a": { "type": "noop" }, "b": { "type": "noop", "needs": ["a"] } },
    }))
    .unwrap()
}

/// A project that leaves everything open.
fn open() -> ProjectDefaults {
    ProjectDefaults::default()
}

fn codes(body: Value) -> Vec<(String, &'static str)> {
    parse(&body, &definition(), &open(), Tz::UTC)
        .unwrap_err()
        .into_iter()
        .map(|issue| (issue.pointer, issue.code))
        .collect()
}

#[test]
fn an_ordinary_start_takes_the_definitions_choices() {
    let start = parse(
        &json!({ "params": { "must": 7 } }),
        &definition(),
        &open(),
        Tz::UTC,
    )
    .unwrap();
    assert_eq!(start.params["must"], "7");
    assert_eq!((start.scope, start.priority), (Scope::All, Priority::High));
    let start = parse(
        &json!({ "params": { "must": "x" }, "tasks": ["a"], "version": 3 }),
        &definition(),
        &open(),
        Tz::UTC,
    )
    .unwrap();
    assert_eq!(
        (start.scope, start.tasks),
        (Scope::Downstream, vec!["a".to_owned()])
    );
}

#[test]
fn every_error_is_told_with_its_place() {
    let body = json!({
        "params": { "dya": "x", "top_n": "many", "total": 1, "PATH": "/tmp" },
        "tasks": ["nope"], "scope": "all", "scheduled_at": "now", "prio": 1, "version": "x",
    });
    let expected = [
        ("/prio", "UNKNOWN_KEY"),
        ("/version", "BAD_TYPE"),
        ("/tasks/0", "UNKNOWN_TASK"),
        ("/scope", "BAD_VALUE"),
        ("/params/dya", "UNKNOWN_PARAMETER"),
        ("/params/top_n", "BAD_TYPE"),
        ("/params/total", "UNKNOWN_PARAMETER"),
        ("/params/PATH", "FORBIDDEN_NAME"),
        ("/params/must", "MISSING"),
        ("/scheduled_at", "BAD_VALUE"),
    ];
    assert_eq!(codes(body), expected.map(|(at, code)| (at.to_owned(), code)));
}

#[test]
fn an_unknown_parameter_names_the_nearest() {
    let issues = parse(
        &json!({ "params": { "dya": "x", "must": "y" } }),
        &definition(),
        &open(),
        Tz::UTC,
    )
    .unwrap_err();
    assert!(issues[0].message.contains("did you mean `day`"), "{issues:?}");
}

#[test]
fn a_scope_needs_tasks_and_tasks_refuse_all() {
    let must = json!({ "must": "x" });
    for scope in ["only", "upstream", "downstream"] {
        assert_eq!(
            codes(json!({ "scope": scope, "params": must })),
            [("/scope".to_owned(), "BAD_VALUE")]
        );
        parse(
            &json!({ "scope": scope, "tasks": ["b"], "params": must }),
            &definition(),
            &open(),
            Tz::UTC,
        )
        .unwrap();
    }
    assert_eq!(
        codes(json!({ "tasks": [], "params": must })),
        [("/tasks".to_owned(), "MISSING")]
    );
}

#[test]
fn values_may_be_any_json_of_the_declared_type() {
    let start = parse(
        &json!({ "params": { "must": true, "top_n": "12", "day": "$[yyyyMMdd]" }, "scheduled_at": "2026-01-31T08:00:00+08:00" }),
        &definition(),
        &open(),
        Tz::UTC,
    )
    .unwrap();
    assert_eq!(start.params["must"], "true");
    assert_eq!(start.params["top_n"], "12");
    assert_eq!(start.scheduled_at, Some(Timestamp(1_769_817_600_000)));
    let large = "x".repeat(70_000);
    assert_eq!(
        codes(json!({ "params": { "must": large } })),
        [("/params/must".to_owned(), "TOO_LARGE")]
    );
}

#[test]
fn a_circle_with_a_parameter_of_the_start_is_refused() {
    let start = parse(
        &json!({ "params": { "must": "${day}", "day": "${must}" } }),
        &definition(),
        &open(),
        Tz::UTC,
    )
    .unwrap();
    let issues = check_params(&start, &definition(), &BTreeMap::new()).unwrap_err();
    assert_eq!(
        (issues[0].pointer.as_str(), issues[0].code),
        ("/params/day", "CYCLE")
    );
    assert!(issues[0].message.contains("day -> must -> day"), "{issues:?}");
    let start = parse(
        &json!({ "params": { "must": "${before}" } }),
        &definition(),
        &open(),
        Tz::UTC,
    )
    .unwrap();
    let project = BTreeMap::from([("before".to_owned(), "${must}".to_owned())]);
    let issues = check_params(&start, &definition(), &project).unwrap_err();
    assert_eq!(issues[0].pointer, "/params/must");
    let start = parse(
        &json!({ "params": { "must": "${p}" } }),
        &definition(),
        &open(),
        Tz::UTC,
    )
    .unwrap();
    let project = BTreeMap::from([("p".to_owned(), "${must}".to_owned())]);
    assert_eq!(
        check_params(&start, &definition(), &project).unwrap_err()[0].code,
        "CYCLE"
    );
    let large = BTreeMap::from([
        ("p".to_owned(), "x".repeat(64_000)),
        ("q".to_owned(), "${p}${p}".to_owned()),
    ]);
    assert_eq!(
        check_params(&start, &definition(), &large).unwrap_err()[0].pointer,
        "/params"
    );
    assert_eq!(check_params(&start, &definition(), &BTreeMap::new()), Ok(()));
}

#[test]
fn the_priority_is_the_starts_then_the_documents_then_the_projects() {
    let silent = crate::spec::parse(&json!({
        "version": 1, "name": "w", "tasks": { "a": { "type": "noop" } },
    }));
    let silent = silent.unwrap();
    let spoken = Definition {
        priority: Some(Priority::Medium),
        ..silent.clone()
    };
    let defaults = ProjectDefaults {
        priority: Some(Priority::Low),
        ..open()
    };
    let priority = |body: Value, definition: &Definition, defaults: &ProjectDefaults| {
        parse(&body, definition, defaults, Tz::UTC).unwrap().priority
    };
    let body = json!({ "priority": "high" });
    assert_eq!(priority(body, &spoken, &defaults), Priority::High);
    assert_eq!(priority(json!({}), &spoken, &defaults), Priority::Medium);
    assert_eq!(priority(json!({}), &silent, &defaults), Priority::Low);
    assert_eq!(priority(json!({}), &silent, &open()), Priority::Medium);
    let kept = parse(&json!({}), &silent, &defaults, Tz::UTC).unwrap();
    assert_eq!(kept.defaults, defaults, "the instance keeps them");
}

#[test]
fn the_zone_is_that_of_the_start_else_of_the_definition_else_of_the_server() {
    let must = json!({ "must": "x" });
    let body = json!({ "params": must });
    let with_zone = json!({ "params": must, "timezone": "America/New_York" });
    let zoned = Definition {
        timezone: Some(Tz::Asia__Shanghai),
        ..definition()
    };
    let zone = |body: &Value, definition: &Definition| {
        parse(body, definition, &open(), Tz::Pacific__Auckland)
            .unwrap()
            .timezone
    };
    assert_eq!(zone(&body, &definition()), Tz::Pacific__Auckland);
    assert_eq!(zone(&body, &zoned), Tz::Asia__Shanghai);
    assert_eq!(zone(&with_zone, &zoned), Tz::America__New_York);
    let wrong = json!({ "params": must, "timezone": "Asia/Shangha" });
    assert_eq!(codes(wrong), [("/timezone".to_owned(), "UNKNOWN_TIMEZONE")]);
}

#[test]
fn labels_of_a_start_overlay_those_of_the_definition() {
    let labelled = Definition {
        labels: BTreeMap::from([("team", "bi"), ("tier", "1")].map(|(k, v)| (k.to_owned(), v.to_owned()))),
        ..definition()
    };
    let body = json!({ "params": { "must": "x" }, "labels": { "tier": 2, "run": "manual" } });
    let start = parse(&body, &labelled, &open(), Tz::UTC).unwrap();
    let labels: Vec<_> = start
        .labels
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(labels, [("run", "manual"), ("team", "bi"), ("tier", "2")]);
    let wrong = json!({ "params": { "must": "x" }, "labels": { "": "x", "list": [1] } });
    let expected = [("/labels/", "BAD_NAME"), ("/labels/list", "BAD_TYPE")];
    assert_eq!(codes(wrong), expected.map(|(at, code)| (at.to_owned(), code)));
}

#[test]
fn time_parameters_are_relative_to_the_scheduled_instant_in_the_zone() {
    let body = |more: Value| {
        let mut body = json!({ "params": { "must": "x" }, "timezone": "Asia/Shanghai" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        parse(&body, &definition(), &open(), Tz::UTC).unwrap()
    };
    let created_at = Timestamp(0);
    let local = |start: &Start| start.time_base(created_at).format("yyyyMMddHH").unwrap();
    assert_eq!(local(&body(json!({}))), "1970010108");
    let scheduled = body(json!({ "scheduled_at": "2026-03-01T18:30:00Z" }));
    assert_eq!(local(&scheduled), "2026030202");
}
