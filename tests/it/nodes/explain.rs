//! Explanations of what whole nodes make wait.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::{Node, eventually};

fn explain(node: &Node, id: &str, task: &str) -> Value {
    node.get(&format!("/instances/{id}/tasks/{task}/explain"))
}

#[test]
fn what_waits_says_why_and_the_link_leads_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &["--slots", "1"]);
    let tasks = "  a: { type: shell, run: sleep 60 }\n  b: { type: shell, run: 'true', worker_group: gpu }\n  \
                 c: { type: noop, needs: [a] }\n  d: { type: noop, delay: 1h }\n  e: { type: noop }\n";
    node.apply("w", format!("version: 1\nname: w\ntasks:\n{tasks}"));
    let id = node.start_instance("w");
    let state_of = |task: &str| node.get(&format!("/instances/{id}/tasks/{task}"))["state"].clone();
    let is_under_way =
        || state_of("a") == "running" && state_of("e") == "succeeded" && state_of("b") == "waiting";
    eventually(Duration::from_secs(20), is_under_way);
    for task in ["a", "e"] {
        let explained = explain(&node, &id, task);
        assert_eq!(explained["waiting"], json!(false), "{explained}");
        assert_eq!(explained["because"], json!([]), "{explained}");
    }
    for (task, kind, detail) in [
        ("b", "worker_group", "`gpu`"),
        ("c", "predecessor", "task `a` is running"),
        ("d", "delay", "after it became ready"),
    ] {
        let explained = explain(&node, &id, task);
        let cause = &explained["because"][0];
        assert_eq!(cause["kind"], kind, "{explained}");
        assert!(cause["detail"].to_string().contains(detail), "{explained}");
        assert_eq!(cause["until"].is_null(), kind != "delay", "{explained}");
    }
    let link = explain(&node, &id, "c")["because"][0]["link"].clone();
    let path = link.as_str().expect("a link").trim_start_matches("/api/v1");
    assert_eq!(node.get(path)["name"], "a");
    let whole = node.get(&format!("/instances/{id}/explain"));
    assert_eq!(whole["because"], json!([]), "one task is at work: {whole}");
}
