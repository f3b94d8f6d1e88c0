//! Places on whole nodes: deaths round an admission, schedules and backfills of a workflow with places.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Node, TOKEN, eventually};

/// Long enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Exit code at a fail point.
const AT_A_POINT: i32 = 99;

/// Steps between the end of a holder and the start of the next instance.
const POINTS: [&str; 4] = [
    "db.after_commit@4",
    "admission.before_commit@1",
    "admission.after_commit@1",
    "admission.after_commit@2",
];

fn states(node: &Node, workflow: &str) -> Vec<String> {
    let instances = node.items(&format!("/instances?workflow={workflow}"));
    let state = |row: &Value| row["state"].as_str().expect("a state").to_owned();
    instances.iter().rev().map(state).collect()
}

fn wait_for_states(node: &Node, workflow: &str, wanted: &[&str]) {
    let mut seen = Vec::new();
    eventually(PATIENCE, || {
        seen = states(node, workflow);
        seen == wanted
    });
    assert_eq!(seen, wanted, "{workflow}");
}

fn gated(folder: &Path, rule: &str) -> String {
    let gate = folder.join("gate").display().to_string();
    let script = format!("while [ ! -e {gate} ]; do sleep 0.1; done");
    format!("version: 1\nname: w\nconcurrency: {rule}\ntasks:\n  t: {{ type: shell, run: '{script}' }}\n")
}

#[test]
fn a_node_that_ends_round_an_admission_admits_each_instance_once() {
    for point in POINTS {
        let folder = tempfile::tempdir().expect("a folder");
        let mut node = Node::start_in(&[("PORPOISE_TEST_ABORT", Path::new(point))], folder.path(), &[]);
        let document = "version: 1\nname: w\nconcurrency: { limit: 1 }\ntasks:\n  t: { type: shell, run: 'sleep 0.2' }\n";
        node.apply("w", document.to_owned());
        let path = "/api/v1/projects/default/workflows/w/instances";
        for key in ["one", "two", "three", "four"] {
            let request = node.request(Method::POST, path).header("Idempotency-Key", key);
            request.bearer_auth(TOKEN).json(&json!({})).send().ok();
        }
        assert_eq!(node.exit_code(PATIENCE), Some(AT_A_POINT), "{point}");
        let node = Node::start(folder.path(), &[]);
        for key in ["one", "two", "three", "four"] {
            let (status, started) =
                node.post_with_key("/projects/default/workflows/w/instances", &json!({}), key);
            assert_eq!(status, 201, "{point}: {started}");
        }
        wait_for_states(&node, "w", &["succeeded"; 4]);
        for instance in node.items("/instances?workflow=w") {
            let id = instance["id"].as_str().expect("an id");
            let log = node.get(&format!("/instances/{id}/ownership"))["log"].clone();
            let starts = log.as_array().expect("a list").iter();
            let starts = starts.filter(|entry| entry["why"] == "start").count();
            assert_eq!(starts, 1, "{point}: {log}");
        }
    }
}

#[test]
fn fires_of_a_schedule_are_queued_and_admitted_in_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply("w", gated(folder.path(), "{ limit: 1 }"));
    let fields = json!({ "every": "1s", "start": "2026-01-01T00:00:00Z" });
    let path = "/api/v1/projects/default/workflows/w/schedules/s";
    let put = node.send(node.request(Method::PUT, path).json(&fields));
    assert_eq!(put.status().as_u16(), 201);
    eventually(PATIENCE, || states(&node, "w").len() >= 3);
    node.post("/projects/default/workflows/w/schedules/s/pause", &json!({}));
    let seen = states(&node, "w");
    assert_eq!(seen[0], "running", "{seen:?}");
    assert!(seen[1..].iter().all(|state| state == "queued"), "{seen:?}");
    let fires = node.items("/projects/default/workflows/w/schedules/s/fires");
    assert!(fires.iter().all(|fire| fire["outcome"] == "started"), "{fires:?}");
    std::fs::write(folder.path().join("gate"), "").expect("a file");
    eventually(PATIENCE, || {
        states(&node, "w").iter().all(|state| state == "succeeded")
    });
}

#[test]
fn dates_of_a_backfill_wait_for_a_place_without_an_instance() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply("w", gated(folder.path(), "{ limit: 1, strategy: discard }"));
    node.start_instance("w");
    let body = json!({ "dates": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"], "parallelism": 2 });
    let (status, made) = node.post("/projects/default/workflows/w/backfills", &body);
    assert_eq!(status, 201, "{made}");
    let path = format!("/backfills/{}", made["id"].as_str().expect("an id"));
    let mut row = Value::Null;
    eventually(PATIENCE, || {
        row = node.get(&path);
        row["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("waits for a place"))
    });
    assert_eq!(row["dates"]["by_state"], json!({ "waiting": 2 }), "{row}");
    assert_eq!(states(&node, "w").len(), 1, "no date has an instance");
    std::fs::write(folder.path().join("gate"), "").expect("a file");
    eventually(PATIENCE, || node.get(&path)["state"] == "succeeded");
    wait_for_states(&node, "w", &["succeeded"; 3]);
}
