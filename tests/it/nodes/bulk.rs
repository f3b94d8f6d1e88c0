//! Operations on many instances by whole nodes.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Node, eventually};

const INSTANCES: usize = 300;

fn start_many(node: &Node) {
    node.apply(
        "w",
        "version: 1\nname: w\ntasks:\n  t: { type: noop, delay: 1h }\n".to_owned(),
    );
    for _ in 0..INSTANCES {
        node.start_instance("w");
    }
}

fn request(node: &Node, body: &Value) -> String {
    let (status, accepted) = node.post("/instances/bulk", body);
    assert_eq!(status, 202, "{accepted}");
    format!("/operations/{}", accepted["id"].as_str().expect("an id"))
}

fn ended(node: &Node, operation: &str) -> Value {
    let has_ended = || node.get(operation)["outcome"] == "applied";
    eventually(Duration::from_secs(30), has_ended);
    let shown = node.get(operation);
    assert_eq!(shown["outcome"], "applied", "{shown}");
    shown
}

#[test]
fn an_operation_continues_after_the_node_was_killed_and_stops_each_instance_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(folder.path(), &[]);
    start_many(&node);
    let operation = request(
        &node,
        &json!({"verb": "stop", "filter": {"workflow": "w"}, "reason": "tidy"}),
    );
    let is_under_way = || node.get(&operation)["applied"].as_u64() > Some(0);
    eventually(Duration::from_secs(10), is_under_way);
    node.kill();
    drop(node);
    let node = Node::start(folder.path(), &[]);
    let shown = ended(&node, &operation);
    assert_eq!(
        (&shown["total"], &shown["applied"], &shown["refused"]),
        (&json!(INSTANCES), &json!(INSTANCES), &json!(0)),
        "{shown}"
    );
    let open = node.get("/instances?state=running&limit=1");
    assert_eq!(open["items"], json!([]));
    let first = node.get("/instances/1/history");
    let stops = first["items"].as_array().expect("a list").iter();
    assert_eq!(
        stops.filter(|entry| entry["to"] == "stopped").count(),
        1,
        "{first}"
    );
}

#[test]
fn a_refused_instance_says_why_and_others_are_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply(
        "w",
        "version: 1\nname: w\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    node.apply(
        "late",
        "version: 1\nname: late\ntasks:\n  t: { type: noop, delay: 1h }\n".to_owned(),
    );
    let (quick, late) = (node.start_instance("w"), node.start_instance("late"));
    let has_ended = || node.get(&format!("/instances/{quick}"))["state"] == "succeeded";
    eventually(Duration::from_secs(10), has_ended);
    let ids = json!({"verb": "delete", "ids": [quick, late, late, "999"]});
    let shown = ended(&node, &request(&node, &ids));
    assert_eq!(
        (&shown["total"], &shown["applied"], &shown["refused"]),
        (&json!(3), &json!(1), &json!(2)),
        "{shown}"
    );
    assert_eq!(shown["items"][0]["instance"], late);
    assert!(
        shown["items"][0]["detail"].to_string().contains("running"),
        "{shown}"
    );
    assert!(
        shown["items"][1]["detail"]
            .to_string()
            .contains("no instance 999"),
        "{shown}"
    );
}
