//! Commands about one task, and a node that ends in the middle of them.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Node, Rest, eventually};

const REST: Duration = Duration::from_secs(30);

/// `a` fails until the flag is there, `b` and `c` follow it; each attempt leaves a line in the ledger.
fn tasks_of(folder: &Path) -> String {
    let (flag, ledger) = (folder.join("flag"), folder.join("ledger"));
    let task = |name: &str, then: &str, needs: &str| {
        let script = format!("echo {name} >> {}{then}", ledger.display());
        format!("  {name}: {{ type: shell, run: '{script}'{needs} }}\n")
    };
    [
        task("a", &format!("; test -e {}", flag.display()), ""),
        task("b", "", ", needs: [a]"),
        task("c", "", ", needs: [b]"),
    ]
    .concat()
}

fn workflow(tasks: &str) -> String {
    format!("version: 1\nname: w\ntasks:\n{tasks}")
}

/// Sends a command with a key; none when the node ended before it answered.
fn send(node: &Node, path: &str, body: &Value) -> Option<u16> {
    let request = node.request(Method::POST, &format!("/api/v1{path}?wait=10s"));
    let answer = Rest::answer(request.json(body).header("Idempotency-Key", "once"));
    answer.ok().map(|answer| answer.status)
}

fn attempts(node: &Node, id: &str) -> Vec<(String, u64)> {
    let tasks = node.items(&format!("/instances/{id}/tasks"));
    let shown = tasks.iter().map(|task| {
        (
            task["state"].as_str().unwrap_or_default().to_owned(),
            task["attempts"].as_u64().unwrap_or_default(),
        )
    });
    shown.collect()
}

/// Starts a node that ends at a fail point while it works on a command, and another one that completes it.
fn command_over_a_crash(point: &str, verb: &str, body: &Value, expected: &[(&str, u64)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut node = Node::start(&data, &[]);
    node.apply("w", workflow(&tasks_of(folder.path())));
    let id = node.start_instance("w");
    node.settle(&id, &["failed"], REST);
    std::fs::write(folder.path().join("flag"), "").expect("a flag");
    node.kill();
    let mut node = Node::start_in(&[("PORPOISE_TEST_ABORT", Path::new(point))], &data, &[]);
    let path = format!("/instances/{id}/tasks/{verb}");
    send(&node, &path, body);
    assert_eq!(node.exit_code(REST), Some(99), "{verb} reaches {point}");
    let node = Node::start(&data, &[]);
    assert_eq!(
        send(&node, &path, body),
        Some(200),
        "{verb} over {point} is applied once"
    );
    let ended = node.settle(&id, &["failed", "succeeded"], REST);
    let seen = attempts(&node, &id);
    let expected: Vec<(String, u64)> = expected
        .iter()
        .map(|(state, number)| ((*state).to_owned(), *number))
        .collect();
    assert_eq!(seen, expected, "{verb} over {point}");
    assert_eq!(ended["run"], 2, "{verb} over {point}");
    let ledger = std::fs::read_to_string(folder.path().join("ledger")).expect("a ledger");
    let counted: u64 = expected.iter().map(|(_, number)| number).sum();
    assert_eq!(ledger.lines().count() as u64, counted, "{ledger}");
}

#[test]
fn a_retry_is_complete_wherever_the_node_ends_in_it() {
    let all = [("succeeded", 2), ("succeeded", 1), ("succeeded", 1)];
    for point in ["db.before_commit@1", "db.after_commit@1", "db.after_commit@2"] {
        command_over_a_crash(point, "a/retry", &json!({}), &all);
    }
}

#[test]
fn a_run_of_one_task_is_complete_wherever_the_node_ends_in_it() {
    let one = [("failed", 1), ("succeeded", 1), ("not_run", 0)];
    let body = json!({"scope": "only"});
    for point in ["db.before_commit@1", "db.after_commit@1", "db.before_commit@2"] {
        command_over_a_crash(point, "b/run", &body, &one);
    }
}

#[test]
fn a_skipped_task_stays_skipped_when_the_node_ends_before_its_kill_is_confirmed() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut node = Node::start(&data, &[]);
    let tasks = "  t: { type: shell, run: 'trap \"\" TERM; sleep 300' }\n  u: { type: noop, needs: [t] }\n";
    node.apply("w", workflow(tasks));
    let id = node.start_instance("w");
    eventually(REST, || attempts(&node, &id)[0].0 == "running");
    let path = format!("/instances/{id}/tasks/t/skip");
    assert_eq!(send(&node, &path, &json!({})), Some(200));
    let task = node.get(&format!("/instances/{id}/tasks/t"));
    assert_eq!(task["state"], "running", "its process is still there: {task}");
    assert!(
        task["reason"]
            .as_str()
            .unwrap_or_default()
            .contains("waits for its worker")
    );
    node.kill();
    let node = Node::start(&data, &[]);
    node.settle(&id, &["succeeded"], REST);
    assert_eq!(
        attempts(&node, &id),
        [("forced_success".to_owned(), 1), ("succeeded".to_owned(), 1)]
    );
    let task = node.get(&format!("/instances/{id}/tasks/t"));
    assert!(
        task["reason"]
            .as_str()
            .unwrap_or_default()
            .starts_with("skipped by ")
    );
}

#[test]
fn what_a_retry_changes_is_sent_with_the_next_attempts_and_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut node = Node::start(&data, &[]);
    let tasks = "  t: { type: shell, run: 'test \"$MODE\" = good', params: { MODE: bad } }\n";
    node.apply("w", workflow(tasks));
    let id = node.start_instance("w");
    node.settle(&id, &["failed"], REST);
    node.kill();
    let mut node = Node::start(&data, &[]);
    let path = format!("/instances/{id}/tasks/t/retry");
    assert_eq!(
        send(&node, &path, &json!({"params": {"MODE": "good"}})),
        Some(200)
    );
    node.settle(&id, &["succeeded"], REST);
    node.kill();
    let node = Node::start(&data, &[]);
    let (status, body) = node.post(&format!("/instances/{id}/rerun?wait=10s"), &json!({}));
    assert_eq!(status, 200, "{body}");
    node.settle(&id, &["succeeded"], REST);
    let task = node.get(&format!("/instances/{id}/tasks/t"));
    assert_eq!(task["overrides"], json!({"params": {"MODE": "good"}}));
    assert_eq!(task["attempts"], 3);
}
