//! Commands about schedules, backfills, calendars and old instances.

use std::io::Write as _;

use serde_json::{Value, json};

use super::scripted::{Answer, Request, Server};
use super::{Ran, User};

/// Runs a command against a server that answers everything alike; returns the only request.
fn request_of(arguments: &[&str], status: u16, answer: Value) -> (Request, Ran) {
    let server = Server::new(move |_| Answer::json(status, &answer));
    let ran = User::new().run(&server, arguments);
    let mut requests = server.requests();
    assert_eq!(requests.len(), 1, "{arguments:?}: {requests:?}");
    (requests.remove(0), ran)
}

fn body(request: &Request) -> Value {
    serde_json::from_str(&request.body).unwrap_or_else(|error| panic!("{error}: {request:?}"))
}

#[test]
fn a_schedule_is_set_with_what_is_given() {
    let schedule = json!({ "name": "s", "cron": "@daily" });
    let arguments = [
        "schedule",
        "set",
        "w",
        "s",
        "--project",
        "retail",
        "--cron",
        "0 30 2 * * ?",
        "--timezone",
        "Asia/Shanghai",
        "--missed",
        "all",
        "--missed-limit",
        "7",
        "-p",
        "region=eu",
        "--disabled",
        "-o",
        "json",
    ];
    let (request, ran) = request_of(&arguments, 201, schedule.clone());
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("PUT", "/api/v1/projects/retail/workflows/w/schedules/s")
    );
    let expected = json!({
        "cron": "0 30 2 * * ?", "timezone": "Asia/Shanghai", "missed": "all", "missed_limit": 7,
        "params": { "region": "eu" }, "enabled": false,
    });
    assert_eq!(body(&request), expected);
    assert_eq!((ran.code, ran.json()), (Some(0), schedule));
}

#[test]
fn a_schedule_needs_cron_or_an_interval_with_its_start() {
    let user = User::new();
    for arguments in [
        ["schedule", "set", "w", "s"].as_slice(),
        &["schedule", "set", "w", "s", "--every", "90m"],
        &[
            "schedule",
            "set",
            "w",
            "s",
            "--every",
            "90m",
            "--start",
            "2026-01-01",
            "--cron",
            "@daily",
        ],
        &["schedule", "preview"],
        &["backfill", "create", "w"],
        &["backfill", "create", "w", "--from", "2026-01-01"],
        &[
            "backfill",
            "create",
            "w",
            "--from",
            "2026-01-01",
            "--to",
            "2026-01-02",
            "--date",
            "2026-01-03",
        ],
    ] {
        let ran = user.run_alone(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(!ran.err.contains("unrecognized"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_preview_is_computed_here_and_names_the_mistake() {
    let user = User::new();
    let ran = user.run_alone(&[
        "schedule",
        "preview",
        "0 30 2 * * ?",
        "--timezone",
        "America/New_York",
        "--after",
        "2026-03-07",
        "-n",
        "2",
        "-o",
        "json",
    ]);
    // The clock skips 02:30 on the 8th.
    let expected = json!({
        "description": "at 02:30 every day",
        "items": [
            { "fire_at": "2026-03-07T07:30:00.000Z", "local": "2026-03-07T02:30:00-05:00" },
            { "fire_at": "2026-03-08T07:00:00.000Z", "local": "2026-03-08T03:00:00-04:00" },
        ],
    });
    assert_eq!((ran.code, ran.json()), (Some(0), expected));
    for (arguments, words) in [
        (["61 * * * *"].as_slice(), "INVALID_CRON"),
        (&["0 0 30 2 *"], "NEVER_FIRES"),
        (
            &["@daily", "--timezone", "Asia/Shangha"],
            "did you mean `Asia/Shanghai`",
        ),
        (&["@daily", "-n", "1001"], "count: "),
        (
            &["@daily", "--start", "2026-02-01", "--end", "2026-01-01"],
            "end: ",
        ),
    ] {
        let ran = user.run_alone(&[["schedule", "preview"].as_slice(), arguments].concat());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(words), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_preview_with_a_calendar_asks_the_server() {
    let answer = json!({ "description": "d", "items": [{ "fire_at": "f", "local": "l" }] });
    let arguments = [
        "schedule",
        "preview",
        "@daily",
        "--calendar",
        "office",
        "--project",
        "p",
        "-o",
        "name",
    ];
    let (request, ran) = request_of(&arguments, 200, answer);
    assert_eq!(request.target, "/api/v1/schedules/preview");
    assert_eq!(
        body(&request),
        json!({ "cron": "@daily", "calendar": "office", "project": "p", "count": 10 })
    );
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "f\n"));
}

#[test]
fn a_schedule_of_a_document_is_a_conflict() {
    let server = Server::new(|_| Answer::problem(409, "MANAGED_BY_DOCUMENT", "it stands in the document"));
    let user = User::new();
    for arguments in [
        ["schedule", "set", "w", "s", "--cron", "@daily"].as_slice(),
        &["schedule", "delete", "w", "s"],
    ] {
        let ran = user.run(&server, arguments);
        assert_eq!(ran.code, Some(4), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains("MANAGED_BY_DOCUMENT"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_missing_schedule_names_the_nearest() {
    let server = Server::new(|request| match request.target.split('?').next() {
        Some(path) if path.ends_with("/schedules") => Answer::json(
            200,
            &json!({ "items": [{ "name": "nightly" }], "next_cursor": null }),
        ),
        _ => Answer::problem(404, "NOT_FOUND", "There is no such schedule."),
    });
    let ran = User::new().run(&server, &["schedule", "get", "w", "nigthly"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("did you mean `nightly`"), "{ran:?}");
}

fn backfill(state: &str, waiting: u32) -> Value {
    json!({
        "id": "7", "workflow": "w", "state": state,
        "dates": { "total": 3, "by_state": { "waiting": waiting, "succeeded": 3 - waiting } },
    })
}

#[test]
fn a_backfill_is_waited_for_also_while_it_is_paused() {
    for (end, code) in [("succeeded", 0), ("failed", 1), ("cancelled", 1)] {
        let server = Server::new(move |request| match (request.method.as_str(), request.count) {
            ("POST", _) => Answer::json(201, &backfill("running", 3)),
            (_, 2) => Answer::json(200, &backfill("running", 2)),
            (_, 3 | 4) => Answer::json(200, &backfill("paused", 2)),
            _ => Answer::json(200, &backfill(end, 0)),
        });
        let arguments = [
            "backfill",
            "create",
            "w",
            "--from",
            "2026-01-01",
            "--to",
            "2026-01-03",
            "--parallelism",
            "2",
            "--on-failure",
            "stop",
            "--existing",
            "skip-succeeded",
            "--wait",
            "-o",
            "json",
        ];
        let ran = User::new().run(&server, &arguments);
        let expected = json!({
            "from": "2026-01-01", "to": "2026-01-03", "parallelism": 2, "on_failure": "stop",
            "existing": "skip_succeeded",
        });
        assert_eq!(body(&server.requests()[0]), expected);
        assert_eq!((ran.code, ran.json()), (Some(code), backfill(end, 0)), "{ran:?}");
        assert_eq!(ran.err.matches("backfill 7 is paused").count(), 1, "{ran:?}");
        assert!(!ran.err.contains('\r'), "a bar is for terminals: {ran:?}");
    }
}

#[test]
fn a_dry_run_of_a_backfill_prints_its_dates() {
    let plan = json!({
        "dates": { "total": 2, "by_state": { "waiting": 2 } },
        "items": [{ "scheduled_at": "a", "state": "waiting" }, { "scheduled_at": "b", "state": "waiting" }],
    });
    let arguments = [
        "backfill",
        "create",
        "w",
        "--date",
        "2026-01-01",
        "--date",
        "2026-01-02",
        "--dry-run",
        "-o",
        "name",
    ];
    let (request, ran) = request_of(&arguments, 200, plan);
    assert_eq!(
        request.target,
        "/api/v1/projects/default/workflows/w/backfills?dry_run=true"
    );
    assert_eq!(body(&request), json!({ "dates": ["2026-01-01", "2026-01-02"] }));
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "a\nb\n"));
    assert!(ran.err.contains("nothing is stored"), "{ran:?}");
}

#[test]
fn a_calendar_is_set_from_flags_or_from_an_icalendar_file() {
    let calendar = json!({ "name": "office" });
    let arguments = [
        "calendar",
        "set",
        "office",
        "--days",
        "weekdays",
        "--exclude",
        "2026-10-01",
        "--exclude",
        "2026-10-02",
    ];
    let (request, _) = request_of(&arguments, 200, calendar.clone());
    assert_eq!(request.target, "/api/v1/projects/default/calendars/office");
    assert_eq!(
        body(&request),
        json!({ "days": "weekdays", "exclude": ["2026-10-01", "2026-10-02"] })
    );
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"BEGIN:VCALENDAR\r\n").unwrap();
    let path = file.path().to_str().unwrap();
    let arguments = [
        "calendar", "set", "office", "--shared", "--days", "weekdays", "-f", path,
    ];
    let (request, ran) = request_of(&arguments, 200, calendar);
    assert_eq!(request.target, "/api/v1/calendars/office?days=weekdays");
    assert_eq!(request.header("content-type"), Some("text/calendar"));
    assert_eq!(
        (request.body.as_str(), ran.code),
        ("BEGIN:VCALENDAR\r\n", Some(0))
    );
}

#[test]
fn a_deletion_of_old_instances_is_waited_for() {
    for (outcome, code) in [("applied", 0), ("refused", 1)] {
        let operation =
            move |outcome: &str| json!({ "id": "9", "outcome": outcome, "detail": "3 instances" });
        let server = Server::new(move |request| match (request.method.as_str(), request.count) {
            ("POST", _) => {
                let accepted = Answer::json(202, &operation("pending"));
                accepted.with_header("Location", "/api/v1/operations/9")
            }
            (_, 2 | 3) => Answer::json(200, &operation("pending")),
            _ => Answer::json(200, &operation(outcome)),
        });
        let arguments = [
            "db",
            "clean",
            "--older-than",
            "30d",
            "--state",
            "failed",
            "-o",
            "json",
        ];
        let ran = User::new().run(&server, &arguments);
        let requests = server.requests();
        assert_eq!(
            body(&requests[0]),
            json!({ "older_than": "30d", "states": ["failed"] })
        );
        assert_eq!(requests[1].target, "/api/v1/operations/9");
        assert_eq!(
            (ran.code, ran.json()),
            (Some(code), operation(outcome)),
            "{ran:?}"
        );
    }
    let counts = json!({ "instances": 3, "rows": 20, "log_bytes": null, "unknown_logs": 3 });
    let (request, ran) = request_of(
        &["db", "clean", "--older-than", "1d", "--dry-run", "-o", "json"],
        200,
        counts.clone(),
    );
    assert_eq!(body(&request), json!({ "older_than": "1d", "dry_run": true }));
    assert_eq!((ran.code, ran.json()), (Some(0), counts));
}
