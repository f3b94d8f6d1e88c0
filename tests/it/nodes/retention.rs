//! Deletions of ended instances by whole nodes.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Node, eventually};

const ENDED: usize = 60;

fn start(data: &Path, batch: &str) -> Node {
    Node::start_in(&[("PORPOISE__RETENTION__BATCH", Path::new(batch))], data, &[])
}

fn store_and_start(node: &Node, count: usize) {
    let tasks = "  a: { type: noop }\n  b: { type: noop, needs: [a] }\n  c: { type: noop, needs: [b] }\n";
    node.apply("w", format!("version: 1\nname: w\ntasks:\n{tasks}"));
    for _ in 0..count {
        node.start_instance("w");
    }
    let has_ended = || node.get("/instances?state=running&limit=1")["items"] == json!([]);
    eventually(Duration::from_secs(30), has_ended);
    assert!(has_ended(), "they should end");
}

fn operation(node: &Node, path: &str) -> Value {
    node.get(path.trim_start_matches("/api/v1"))
}

fn instances(node: &Node) -> usize {
    let listed = node.get("/instances?limit=200");
    listed["items"].as_array().expect("a list").len()
}

#[test]
fn a_deletion_continues_after_the_node_was_killed_and_deletes_what_was_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    // Slow enough to be killed in the middle.
    let mut node = start(folder.path(), "100");
    store_and_start(&node, ENDED);
    std::thread::sleep(Duration::from_millis(1100));
    let young = node.start_instance("w");
    let request = json!({"older_than": "1s"});
    let (_, counted) = node.post("/retention", &json!({"older_than": "1s", "dry_run": true}));
    assert_eq!(counted["instances"], ENDED, "{counted}");
    let (status, accepted) = node.post("/retention", &request);
    assert_eq!(status, 202, "{accepted}");
    let path = format!("/operations/{}", accepted["id"].as_str().expect("an id"));
    let is_under_way = || {
        let left = instances(&node);
        left < ENDED && left > 1
    };
    eventually(Duration::from_secs(20), is_under_way);
    assert!(is_under_way(), "some should be deleted");
    node.kill();
    drop(node);
    let node = start(folder.path(), "2000");
    let has_ended = || operation(&node, &path)["outcome"] == "applied";
    eventually(Duration::from_secs(30), has_ended);
    assert!(has_ended(), "{}", operation(&node, &path));
    let detail = format!(
        "deleted {} instances, {} rows",
        counted["instances"], counted["rows"]
    );
    assert_eq!(operation(&node, &path)["detail"], detail);
    assert_eq!(instances(&node), 1);
    assert_eq!(node.get(&format!("/instances/{young}"))["state"], "succeeded");
}

#[test]
fn a_dry_run_adds_the_sizes_of_logs() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = start(folder.path(), "2000");
    let tasks = "  say: { type: shell, run: echo four }\n  silent: { type: noop, needs: [say] }\n";
    node.apply("w", format!("version: 1\nname: w\ntasks:\n{tasks}"));
    let ids = [node.start_instance("w"), node.start_instance("w")];
    for id in &ids {
        node.settle(id, &["succeeded"], Duration::from_secs(30));
    }
    let attempt = &node.get(&format!("/instances/{}/tasks/say", ids[0]))["attempt_list"][0];
    assert_eq!(attempt["log_bytes"], 5, "{attempt}");
    let dry_run = json!({"older_than": "1ms", "dry_run": true});
    let counts_all = || node.post("/retention", &dry_run).1["instances"] == ids.len();
    eventually(Duration::from_secs(5), counts_all);
    let (status, counted) = node.post("/retention", &dry_run);
    assert_eq!(status, 200, "{counted}");
    assert_eq!(
        (
            &counted["instances"],
            &counted["log_bytes"],
            &counted["unknown_logs"]
        ),
        (&json!(2), &json!(10), &json!(0)),
        "{counted}"
    );
}

#[test]
fn what_ended_before_the_limit_of_its_project_is_deleted_every_hour() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = start(folder.path(), "2000");
    store_and_start(&node, 3);
    let swept = "porpoise_retention_last_sweep_timestamp_seconds";
    let has_swept = || {
        let metrics = node.send(node.request(Method::GET, "/metrics"));
        metrics.text().expect("text").contains(swept)
    };
    eventually(Duration::from_secs(20), has_swept);
    assert!(has_swept(), "a new node sweeps at once");
    assert_eq!(instances(&node), 3, "nothing is old enough");
}
