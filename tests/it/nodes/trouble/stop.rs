//! SIGTERM while tasks run.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use reqwest::Method;

use super::super::harness::{Node, eventually};
use super::{PATIENCE, shell};

fn running(node: &Node, workflow: &str) -> String {
    let id = node.start_instance(workflow);
    let path = format!("/instances/{id}/tasks/t");
    eventually(PATIENCE, || node.get(&path)["state"] == "running");
    id
}

/// Ends only in its second attempt.
const STUBBORN: &str = "trap '' TERM; [ $PORPOISE_ATTEMPT = 1 ] && sleep 60; true";

fn with_stubborn(data: &Path, more: &[&str]) -> (Node, String) {
    let node = Node::start(data, more);
    node.apply("stubborn", shell("stubborn", STUBBORN));
    let id = running(&node, "stubborn");
    (node, id)
}

#[test]
fn a_drain_lets_tasks_end_and_what_it_killed_runs_again_after_the_next_start() {
    let data = tempfile::tempdir().expect("a folder");
    let (mut node, stubborn) = with_stubborn(data.path(), &["--drain-timeout", "8s"]);
    node.apply("short", shell("short", "sleep 1"));
    let short = running(&node, "short");
    let signalled = Instant::now();
    node.signal(Signal::SIGTERM);
    let mut answer = node.ask(Method::GET, "/readyz", "", "");
    eventually(Duration::from_millis(500), || {
        answer = node.ask(Method::GET, "/readyz", "", "");
        answer.status == 503
    });
    assert_eq!((answer.status, &answer.body["code"]), (503, &"NOT_READY".into()));
    assert_eq!(node.exit_code(PATIENCE), Some(0));
    assert!(
        signalled.elapsed() < Duration::from_secs(9),
        "it took {:?}",
        signalled.elapsed()
    );
    let node = Node::start(data.path(), &[]);
    node.settle(&short, &["succeeded"], PATIENCE);
    node.settle(&stubborn, &["succeeded"], PATIENCE);
    assert_eq!(node.get(&format!("/instances/{short}/tasks/t"))["attempts"], 1);
    let task = node.get(&format!("/instances/{stubborn}/tasks/t"));
    assert_eq!(task["attempt_list"][0]["state"], "lost", "{task}");
    assert_eq!(task["attempt_list"][1]["state"], "succeeded", "{task}");
}

#[test]
fn a_second_signal_ends_at_once() {
    let data = tempfile::tempdir().expect("a folder");
    let (mut node, id) = with_stubborn(data.path(), &[]);
    node.signal(Signal::SIGTERM);
    eventually(PATIENCE, || {
        let nodes = node.get("/nodes");
        nodes["items"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["state"] == "draining"))
    });
    let signalled = Instant::now();
    node.signal(Signal::SIGTERM);
    assert!(node.exit_code(PATIENCE).is_some());
    assert!(
        signalled.elapsed() < Duration::from_secs(3),
        "it took {:?}",
        signalled.elapsed()
    );
    let node = Node::start(data.path(), &[]);
    node.settle(&id, &["succeeded"], PATIENCE);
}
