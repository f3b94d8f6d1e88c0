//! Backfills on whole nodes: deaths at every step, verbs by hand, disabled workflows, progress over the stream.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Node, TOKEN, eventually};

/// Long enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Exit code at a fail point.
const AT_A_POINT: i32 = 99;

/// Steps between the decision about a date and the end of its instance, and how often each is passed before the end.
const POINTS: [&str; 6] = [
    "backfill.before_commit@1",
    "backfill.before_commit@4",
    "backfill.after_commit@1",
    "backfill.after_commit@4",
    "db.before_commit@5",
    "db.after_commit@6",
];

fn dates(count: usize) -> Value {
    (1..=count)
        .map(|day| format!("2026-01-{day:02}T00:00:00Z"))
        .collect()
}

fn make(node: &Node, workflow: &str, body: &Value) -> String {
    let (status, made) = node.post(&format!("/projects/default/workflows/{workflow}/backfills"), body);
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

fn by_state(node: &Node, id: &str) -> BTreeMap<String, u64> {
    let counts = node.get(&format!("/backfills/{id}"))["dates"]["by_state"].clone();
    serde_json::from_value(counts).expect("numbers by state")
}

fn wait_for(node: &Node, id: &str, wanted: &[(&str, u64)]) {
    let wanted: BTreeMap<String, u64> = wanted
        .iter()
        .map(|(state, n)| ((*state).to_owned(), *n))
        .collect();
    let mut seen = BTreeMap::new();
    eventually(PATIENCE, || {
        seen = by_state(node, id);
        seen == wanted
    });
    assert_eq!(seen, wanted, "{}", node.get(&format!("/backfills/{id}")));
}

/// Each date has one instance, started in the order of the dates.
fn assert_once_and_in_order(node: &Node, id: &str, count: usize) {
    let instances = node.items(&format!("/instances?backfill={id}"));
    let mut by_date: Vec<(String, u64)> = instances
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().expect("text").to_owned();
            (text("scheduled_at"), text("id").parse().expect("a number"))
        })
        .collect();
    by_date.sort_unstable();
    let ids: Vec<u64> = by_date.iter().map(|(_, id)| *id).collect();
    assert!(ids.is_sorted(), "in the order of the dates: {by_date:?}");
    by_date.dedup_by(|a, b| a.0 == b.0);
    assert_eq!(
        (by_date.len(), ids.len()),
        (count, count),
        "one instance for each date: {by_date:?}"
    );
}

#[test]
fn a_node_that_ends_at_any_step_loses_and_doubles_no_date() {
    for point in POINTS {
        let folder = tempfile::tempdir().expect("a folder");
        let mut node = Node::start_in(&[("PORPOISE_TEST_ABORT", Path::new(point))], folder.path(), &[]);
        node.apply(
            "quick",
            "version: 1\nname: quick\ntasks:\n  t: { type: noop }\n".to_owned(),
        );
        let path = "/api/v1/projects/default/workflows/quick/backfills";
        let body = json!({ "dates": dates(12), "parallelism": 3 });
        // The node may end before it answers; the key finds what it stored.
        let request = node.request(Method::POST, path).header("Idempotency-Key", "one");
        request.bearer_auth(TOKEN).json(&body).send().ok();
        assert_eq!(node.exit_code(PATIENCE), Some(AT_A_POINT), "{point}");
        let node = Node::start(folder.path(), &[]);
        let (status, made) = node.post_with_key("/projects/default/workflows/quick/backfills", &body, "one");
        assert_eq!(status, 201, "{point}: {made}");
        let id = made["id"].as_str().expect("an id");
        wait_for(&node, id, &[("succeeded", 12)]);
        assert_once_and_in_order(&node, id, 12);
    }
}

#[test]
fn a_recover_by_hand_counts_and_a_deleted_instance_leaves_its_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    let heal = folder.path().join("heal").display().to_string();
    let document = format!("version: 1\nname: w\ntasks:\n  t: {{ type: shell, run: 'test -e {heal}' }}\n");
    node.apply("w", document);
    let id = make(&node, "w", &json!({ "dates": dates(2) }));
    wait_for(&node, &id, &[("failed", 2)]);
    assert_eq!(node.get(&format!("/backfills/{id}"))["state"], "failed");
    std::fs::write(&heal, "").expect("a file");
    let dates = node.items(&format!("/backfills/{id}/dates"));
    let instance = dates[0]["instance"].as_str().expect("an instance");
    let (status, _) = node.post(&format!("/instances/{instance}/recover"), &json!({}));
    assert_eq!(status, 200);
    wait_for(&node, &id, &[("failed", 1), ("succeeded", 1)]);
    let deleted = node.send(node.request(Method::DELETE, &format!("/api/v1/instances/{instance}")));
    assert_eq!(deleted.status().as_u16(), 204);
    let (status, _) = node.post(&format!("/backfills/{id}/retry"), &json!({}));
    assert_eq!(status, 200);
    wait_for(&node, &id, &[("succeeded", 2)]);
    let row = node.get(&format!("/backfills/{id}"));
    assert_eq!(
        (&row["state"], row["ended_at"].is_string()),
        (&json!("succeeded"), true),
        "{row}"
    );
    assert_eq!(
        node.items(&format!("/backfills/{id}/dates"))[0]["instance"],
        instance,
        "it stays a number"
    );
}

#[test]
fn dates_of_a_disabled_workflow_wait_with_that_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    let gate = folder.path().join("gate").display().to_string();
    let script = format!("while [ ! -e {gate} ]; do sleep 0.1; done");
    node.apply(
        "w",
        format!("version: 1\nname: w\ntasks:\n  t: {{ type: shell, run: '{script}' }}\n"),
    );
    let id = make(&node, "w", &json!({ "dates": dates(3) }));
    wait_for(&node, &id, &[("running", 1), ("waiting", 2)]);
    let set_enabled = |enabled: bool| {
        let request = node.request(Method::PATCH, "/api/v1/projects/default/workflows/w");
        let reply = node.send(request.json(&json!({ "enabled": enabled })));
        assert_eq!(reply.status().as_u16(), 200);
    };
    set_enabled(false);
    std::fs::write(&gate, "").expect("a file");
    let mut waiting = Value::Null;
    eventually(PATIENCE, || {
        waiting = node.items(&format!("/backfills/{id}/dates?state=waiting"))[0].clone();
        waiting["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("disabled"))
    });
    assert_eq!(waiting["reason"], "the workflow `w` is disabled");
    assert_eq!(node.get(&format!("/backfills/{id}"))["reason"], waiting["reason"]);
    let (status, refused) = node.post(
        "/projects/default/workflows/w/backfills",
        &json!({ "dates": dates(1) }),
    );
    assert_eq!((status, &refused["code"]), (409, &json!("WORKFLOW_DISABLED")));
    set_enabled(true);
    wait_for(&node, &id, &[("succeeded", 3)]);
    assert_eq!(node.get(&format!("/backfills/{id}"))["reason"], Value::Null);
}

#[test]
fn many_dates_are_skipped_at_once_and_the_others_fill_every_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply(
        "w",
        "version: 1\nname: w\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    let all = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z", "parallelism": 300 });
    let first = make(&node, "w", &all);
    wait_for(&node, &first, &[("succeeded", 365)]);
    let mut again = all.clone();
    again["existing"] = json!("skip_succeeded");
    again["to"] = json!("2027-01-10T00:00:00Z");
    let second = make(&node, "w", &again);
    wait_for(&node, &second, &[("skipped", 365), ("succeeded", 10)]);
    assert_once_and_in_order(&node, &second, 10);
}

/// Each date of a backfill: its hour, its workflow and its state.
fn date_lines(node: &Node, id: &str) -> Vec<String> {
    let line = |date: Value| {
        let text = |key: &str| date[key].as_str().expect("text").to_owned();
        format!(
            "{} {} {}",
            &text("scheduled_at")[5..13],
            text("workflow"),
            text("state")
        )
    };
    let dates = node.items(&format!("/backfills/{id}/dates"));
    dates.into_iter().map(line).collect()
}

fn depends_on(name: &str, other: &str, item: &str) -> String {
    format!(
        "version: 1\nname: {name}\ntasks:\n  before: {{ type: noop }}\n  wait:\n    type: dependent\n    needs: [before]\n    \
         all: [{{ workflow: {other}, {item} }}]\n  after: {{ type: noop, needs: [wait] }}\n"
    )
}

#[test]
fn dependents_run_after_the_dates_of_their_interval() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    let seen = folder.path().join("seen").display().to_string();
    let script = format!("test -e {seen} || {{ touch {seen}; exit 1; }}");
    node.apply(
        "base",
        format!("version: 1\nname: base\ntasks:\n  t: {{ type: shell, run: \"{script}\" }}\n"),
    );
    node.apply("daily", depends_on("daily", "base", "cycle: day, date: today"));
    node.apply("each", depends_on("each", "base", "cycle: none, within: 30d"));
    let times = ["01T00", "01T06", "02T00", "02T06"].map(|time| format!("2026-01-{time}:00:00Z"));
    let body = json!({ "dates": times, "dependents": "direct" });
    let path = "/projects/default/workflows/base/backfills";
    let (status, plan) = node.post(&format!("{path}?dry_run=true"), &body);
    assert_eq!((status, &plan["dates"]["total"]), (200, &json!(10)), "{plan}");
    let id = make(&node, "base", &body);
    // The first date fails, and takes the runs after it along until a retry.
    wait_for(&node, &id, &[("failed", 1), ("not_run", 2), ("succeeded", 7)]);
    let (status, _) = node.post(&format!("/backfills/{id}/retry"), &json!({}));
    assert_eq!(status, 200);
    wait_for(&node, &id, &[("succeeded", 10)]);
    assert_eq!(
        date_lines(&node, &id),
        [
            "01-01T00 base succeeded",
            "01-01T00 each succeeded",
            "01-01T06 base succeeded",
            "01-01T06 daily succeeded",
            "01-01T06 each succeeded",
            "01-02T00 base succeeded",
            "01-02T00 each succeeded",
            "01-02T06 base succeeded",
            "01-02T06 daily succeeded",
            "01-02T06 each succeeded",
        ]
    );
    let daily = node.items(&format!("/instances?backfill={id}&workflow=daily"));
    let tasks = node.items(&format!(
        "/instances/{}/tasks",
        daily[0]["id"].as_str().expect("an id")
    ));
    let states: Vec<_> = tasks.iter().map(|task| (&task["name"], &task["state"])).collect();
    assert_eq!(states.len(), 3);
    for (name, state) in states {
        let wanted = if name == "before" { "not_run" } else { "succeeded" };
        assert_eq!(state, wanted, "{name}: from the dependent task downstream");
    }
}

#[test]
fn a_document_that_depends_on_itself_runs_ascending_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply("own", depends_on("own", "own", "cycle: day, date: last1Days"));
    let path = "/projects/default/workflows/own/backfills";
    let (status, refused) = node.post(path, &json!({ "dates": dates(2), "order": "descending" }));
    assert_eq!(
        (status, &refused["errors"][0]["pointer"]),
        (422, &json!("/order")),
        "{refused}"
    );
    let (status, _) = node.post(path, &json!({ "dates": dates(2), "dependents": "direct" }));
    assert_eq!(status, 201);
}

#[test]
fn the_progress_of_a_backfill_is_streamed() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply(
        "w",
        "version: 1\nname: w\ntasks:\n  t: { type: shell, run: 'sleep 0.3' }\n".to_owned(),
    );
    let id = make(&node, "w", &json!({ "dates": dates(3) }));
    let request = node.request(Method::GET, &format!("/api/v1/stream?topics=backfill:{id}"));
    let reader = std::io::BufReader::new(node.send(request));
    let events = std::io::BufRead::lines(reader).map_while(Result::ok);
    let mut states: Vec<Value> = Vec::new();
    for line in events {
        let Some(data) = line.strip_prefix("data: ") else {
            continue;
        };
        let event: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(event["topic"], format!("backfill:{id}"));
        states.push(event["backfill"]["dates"]["by_state"].clone());
        if event["backfill"]["state"] == "succeeded" {
            break;
        }
    }
    assert_eq!(states.last(), Some(&json!({ "succeeded": 3 })), "{states:?}");
    assert!(states.len() > 3, "each change is an event: {states:?}");
}
