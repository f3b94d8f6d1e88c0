//! Tasks that wait for instances of other workflows, on a whole node: what wakes them, and what does not.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Node, eventually};

/// Long enough for anything here on a busy machine, and far shorter than the hour between two looks.
const PATIENCE: Duration = Duration::from_secs(30);

/// A workflow with one task for each other one that it waits for.
fn waiting_for(workflows: &[&str], interval: &str) -> String {
    let tasks: String = workflows
        .iter()
        .map(|workflow| {
            format!(
                "  wait-{workflow}: {{ type: dependent, check_interval: {interval}, \
                 all: [{{ workflow: {workflow}, cycle: day, date: today }}] }}\n"
            )
        })
        .collect();
    format!("version: 1\nname: waiting\ntasks:\n{tasks}")
}

fn state_of(node: &Node, id: &str, task: &str) -> Value {
    node.get(&format!("/instances/{id}/tasks/{task}"))["state"].clone()
}

fn await_task(node: &Node, id: &str, task: &str, state: &str) {
    let is_there = || state_of(node, id, task) == state;
    eventually(PATIENCE, is_there);
    assert!(
        is_there(),
        "{task} should be {state}: {}",
        node.get(&format!("/instances/{id}/tasks/{task}"))
    );
}

fn woken(node: &Node) -> u64 {
    let metrics = node.send(node.request(Method::GET, "/metrics"));
    let metrics = metrics.text().expect("text");
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("porpoise_dependents_woken_total "));
    line.map_or(0, |count| count.parse().expect("a count"))
}

#[test]
fn an_end_wakes_the_task_that_waits_for_it_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    for name in ["orders", "stock"] {
        node.apply(
            name,
            format!("version: 1\nname: {name}\ntasks:\n  a: {{ type: noop }}\n"),
        );
    }
    node.apply("waiting", waiting_for(&["orders", "stock"], "1h"));
    let id = node.start_instance("waiting");
    for task in ["wait-orders", "wait-stock"] {
        await_task(&node, &id, task, "running");
    }
    node.start_instance("orders");
    await_task(&node, &id, "wait-orders", "succeeded");
    assert_eq!(state_of(&node, &id, "wait-stock"), "running");
    assert_eq!(woken(&node), 1);
    node.start_instance("stock");
    node.settle(&id, &["succeeded"], PATIENCE);
    assert_eq!(woken(&node), 2);
}

#[test]
fn a_task_of_an_instance_that_runs_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply(
        "stock",
        "version: 1\nname: stock\ntasks:\n  load: { type: noop }\n  gate: { type: approval, message: go }\n"
            .to_owned(),
    );
    node.apply(
        "waiting",
        "version: 1\nname: waiting\ntasks:\n  wait:\n    type: dependent\n    check_interval: 1s\n    \
         all: [{ workflow: stock, task: load, cycle: day, date: today }]\n"
            .to_owned(),
    );
    let id = node.start_instance("waiting");
    await_task(&node, &id, "wait", "running");
    let stock = node.start_instance("stock");
    node.settle(&id, &["succeeded"], PATIENCE);
    assert_eq!(node.get(&format!("/instances/{stock}"))["state"], "running");
}

#[test]
fn a_grant_that_is_taken_back_fails_the_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    assert_eq!(node.post("/projects", &json!({ "name": "retail" })).0, 201);
    let put = |path: &str, body: Value| {
        let request = node.request(Method::PUT, &format!("/api/v1/projects/{path}"));
        let status = node.send(request.json(&body)).status().as_u16();
        assert!(status < 300, "{path}: {status}");
    };
    let orders = json!({ "version": 1, "name": "orders", "tasks": { "a": { "type": "noop" } } });
    put("retail/workflows/orders", orders);
    put("retail/grants/project:default", json!({ "permission": "read" }));
    let item = json!({ "project": "retail", "workflow": "orders", "cycle": "day", "date": "today" });
    let wait = json!({ "type": "dependent", "check_interval": "1h", "all": [item] });
    put(
        "default/workflows/waiting",
        json!({ "version": 1, "name": "waiting", "tasks": { "wait": wait } }),
    );
    let id = node.start_instance("waiting");
    await_task(&node, &id, "wait", "running");
    // The second look of an attempt comes a second after the first.
    std::thread::sleep(Duration::from_secs(2));
    let grant = node.request(Method::DELETE, "/api/v1/projects/retail/grants/project:default");
    assert_eq!(node.send(grant).status(), 204);
    await_task(&node, &id, "wait", "failed");
    let attempt = &node.get(&format!("/instances/{id}/tasks/wait"))["attempt_list"][0];
    assert!(
        attempt["error"]
            .as_str()
            .is_some_and(|why| why.contains("retail")),
        "{attempt}"
    );
}
