//! Tasks that start instances on whole nodes: deaths at every step of a start, of an end and of a verb, and what a large
//! fan-out takes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Node, TOKEN, eventually};

/// Long enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Exit code at a fail point.
const AT_A_POINT: i32 = 99;

/// Steps between the start of an attempt and the end of its last child, and how often each is passed before.
const STARTS: [&str; 7] = [
    "children.before_create@1",
    "children.before_create@3",
    "children.after_create@1",
    "children.after_create@4",
    "db.before_commit@3",
    "db.after_commit@4",
    "db.after_commit@9",
];

/// Steps of a pause.
const PAUSES: [&str; 3] = [
    "children.before_command@1",
    "children.after_command@1",
    "children.after_resume@1",
];

/// Steps of a recover.
const RECOVERS: [&str; 2] = ["children.before_takeover@1", "children.after_takeover@1"];

fn armed(point: &str, folder: &Path) -> Node {
    Node::start_in(&[("PORPOISE_TEST_ABORT", Path::new(point))], folder, &[])
}

/// Each combination has one child, of one run each.
fn assert_one_child_each(node: &Node, id: &str, count: usize, note: &str) {
    let rows = node.items(&format!("/instances/{id}/tasks/each/children"));
    let shown: BTreeSet<&str> = rows.iter().filter_map(|row| row["instance"].as_str()).collect();
    let children = node.items(&format!("/instances?parent={id}"));
    let made: BTreeSet<&str> = children.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(
        (rows.len(), shown.len(), made.len()),
        (count, count, count),
        "{note}: {children:?}"
    );
    assert_eq!(shown, made, "{note}");
    assert!(children.iter().all(|row| row["run"] == 1), "{note}: {children:?}");
}

fn apply_fan_out(node: &Node, child: &str, count: usize) {
    node.apply(
        "part",
        format!("version: 1\nname: part\nparams: {{ k: '' }}\ntasks:\n{child}"),
    );
    let values: Vec<String> = (0..count).map(|number| format!("k{number}")).collect();
    node.apply(
        "top",
        format!(
            "version: 1\nname: top\ntasks:\n  each: {{ type: dynamic, workflow: part, parallelism: 3, over: {{ k: [{}] }} }}\n",
            values.join(", ")
        ),
    );
}

/// Starts the fan-out on a node that may end before it answers; the key finds the instance again.
fn start_once(node: &Node) {
    let path = "/api/v1/projects/default/workflows/top/instances";
    let request = node.request(Method::POST, path).header("Idempotency-Key", "one");
    request.bearer_auth(TOKEN).json(&json!({})).send().ok();
}

fn started(node: &Node) -> String {
    let (status, instance) =
        node.post_with_key("/projects/default/workflows/top/instances", &json!({}), "one");
    assert_eq!(status, 201, "{instance}");
    instance["id"].as_str().expect("an id").to_owned()
}

#[test]
fn a_node_that_ends_at_any_step_loses_and_doubles_no_child() {
    for point in STARTS {
        let folder = tempfile::tempdir().expect("a folder");
        let mut node = armed(point, folder.path());
        apply_fan_out(&node, "  t: { type: noop }\n", 12);
        start_once(&node);
        assert_eq!(node.exit_code(PATIENCE), Some(AT_A_POINT), "{point}");
        let node = Node::start(folder.path(), &[]);
        let id = started(&node);
        node.settle(&id, &["succeeded"], PATIENCE);
        assert_one_child_each(&node, &id, 12, point);
    }
}

#[test]
fn a_pause_and_a_resume_reach_the_children_over_a_death() {
    for point in PAUSES {
        let folder = tempfile::tempdir().expect("a folder");
        let gate = folder.path().join("gate").display().to_string();
        let mut node = armed(point, folder.path());
        let task = format!(
            "  t: {{ type: shell, run: 'while [ ! -e {gate} ]; do sleep 0.05; done' }}\n  u: {{ type: noop, needs: [t] }}\n"
        );
        apply_fan_out(&node, &task, 4);
        start_once(&node);
        let id = started(&node);
        let mut running = 0;
        eventually(PATIENCE, || {
            running = node.items(&format!("/instances?parent={id}&state=running")).len();
            running == 3
        });
        assert_eq!(running, 3, "{point}");
        // The node may end before it answers.
        let pause = |node: &Node, verb: &str| {
            let path = format!("/api/v1/instances/{id}/{verb}");
            node.request(Method::POST, &path)
                .bearer_auth(TOKEN)
                .json(&json!({}))
                .send()
                .ok();
        };
        pause(&node, "pause");
        if point.contains("resume") {
            std::fs::write(&gate, "").expect("a file");
            node.settle(&id, &["paused"], PATIENCE);
            pause(&node, "resume");
        }
        assert_eq!(node.exit_code(PATIENCE), Some(AT_A_POINT), "{point}");
        let node = Node::start(folder.path(), &[]);
        std::fs::write(&gate, "").expect("a file");
        if !point.contains("resume") {
            node.settle(&id, &["paused"], PATIENCE);
            let paused = node.items(&format!("/instances?parent={id}&state=paused")).len();
            assert_eq!(paused, 3, "{point}");
            pause(&node, "resume");
        }
        node.settle(&id, &["succeeded"], PATIENCE);
        assert_one_child_each(&node, &id, 4, point);
    }
}

#[test]
fn a_recover_takes_children_over_once_whatever_dies() {
    for point in RECOVERS {
        let folder = tempfile::tempdir().expect("a folder");
        let heal = folder.path().join("heal").display().to_string();
        let mut node = armed(point, folder.path());
        apply_fan_out(
            &node,
            &format!("  t: {{ type: shell, run: 'test -e {heal} -o $k = k1' }}\n"),
            3,
        );
        start_once(&node);
        let id = started(&node);
        node.settle(&id, &["failed"], PATIENCE);
        std::fs::write(&heal, "").expect("a file");
        let path = format!("/api/v1/instances/{id}/recover");
        node.request(Method::POST, &path)
            .bearer_auth(TOKEN)
            .json(&json!({}))
            .send()
            .ok();
        assert_eq!(node.exit_code(PATIENCE), Some(AT_A_POINT), "{point}");
        let node = Node::start(folder.path(), &[]);
        node.settle(&id, &["succeeded"], PATIENCE);
        let mut seen: Vec<(Value, Value, Value)> = node
            .items(&format!("/instances?parent={id}"))
            .iter()
            .map(|row| {
                (
                    row["params"]["k"].clone(),
                    row["run"].clone(),
                    row["parent"]["attempt"].clone(),
                )
            })
            .collect();
        seen.sort_by_key(|(k, _, _)| k.to_string());
        let row = |k: &str, run: u32| (json!(k), json!(run), json!(2));
        assert_eq!(seen, [row("k0", 2), row("k1", 1), row("k2", 2)], "{point}");
    }
}

#[test]
fn a_thousand_children_are_started_and_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply(
        "part",
        "version: 1\nname: part\nparams: { k: '' }\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    let values: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    node.apply(
        "top",
        format!(
            "version: 1\nname: top\nparams: {{ keys: '{}' }}\ntasks:\n  each: {{ type: dynamic, workflow: part, \
             parallelism: 100, over: {{ k: '${{keys}}' }} }}\n",
            values.join(",")
        ),
    );
    let began = Instant::now();
    let id = node.start_instance("top");
    node.settle(&id, &["succeeded"], PATIENCE);
    let took = began.elapsed();
    let children = node.items(&format!("/instances?parent={id}&state=succeeded"));
    assert_eq!(children.len(), 1_000);
    println!("1,000 children took {took:?}");
    let deleted = node.send(node.request(Method::DELETE, &format!("/api/v1/instances/{id}")));
    assert_eq!(deleted.status().as_u16(), 204);
    assert_eq!(node.items("/instances").len(), 0);
}
