//! A database that goes away and comes back.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::super::harness::{Node, TOKEN, eventually, refused_start};
use super::{PATIENCE, shell};
use test_support::restartable_postgres::RestartablePostgres;

#[test]
fn a_lost_database_is_reported_and_work_continues_when_it_is_back() {
    let Some(server) = RestartablePostgres::at("127.0.0.1") else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let data = tempfile::tempdir().expect("a folder");
    let url = server.url();
    let node = Node::start(data.path(), &["--database-url", &url]);
    let ledger = data.path().join("ledger");
    let mark = format!("echo $PORPOISE_ATTEMPT_UID >> {}", ledger.display());
    node.apply("held", shell("held", &format!("{mark}; sleep 3")));
    let mut ids: Vec<String> = (0..8).map(|_| node.start_instance("held")).collect();
    server.stop();
    let one = format!("/api/v1/instances/{}", ids[0]);
    let start = "/api/v1/projects/default/workflows/held/instances";
    let pause = format!("{one}/pause");
    let calls = [
        (Method::GET, "/readyz"),
        (Method::GET, &one),
        (Method::POST, start),
        (Method::POST, &pause),
    ];
    let away = Instant::now();
    while away.elapsed() < Duration::from_secs(5) {
        calls
            .iter()
            .for_each(|(method, path)| is_told_to_wait(&node, method, path));
    }
    server.start();
    let mut ready = 0;
    eventually(Duration::from_secs(15), || {
        ready = node.ask(Method::GET, "/readyz", "", "").status;
        ready == 200
    });
    assert_eq!(ready, 200);
    let (status, body) = node.post("/projects/default/workflows/held/instances", &json!({}));
    assert_eq!(status, 201, "{body}");
    ids.push(body["id"].as_str().expect("an id").to_owned());
    for id in &ids {
        node.settle(id, &["succeeded"], PATIENCE);
    }
    let other = tempfile::tempdir().expect("a folder");
    let second = refused_start(other.path(), &["--database-url", &url], TOKEN);
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(
        said.contains("already uses this database"),
        "the lock is held again: {said}"
    );
    assert_eq!(
        node.items("/instances").len(),
        ids.len(),
        "a refused start leaves nothing"
    );
    let ran = std::fs::read_to_string(&ledger).expect("a ledger");
    assert_eq!(ran.lines().count(), ids.len(), "every task ran once: {ran}");
}

fn is_told_to_wait(node: &Node, method: &Method, path: &str) {
    let body = if method == Method::POST { "{}" } else { "" };
    let answer = node.ask(method.clone(), path, "application/json", body);
    assert_eq!(answer.status, 503, "{path}: {}", answer.text);
    assert_eq!(
        answer.body["code"], "STORE_UNAVAILABLE",
        "{path}: {}",
        answer.text
    );
    assert!(answer.retry, "{path} says when to try again");
}
