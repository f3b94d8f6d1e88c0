//! Commits whose answer is lost, because the session ends in the middle.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::super::harness::{Node, eventually};
use super::PATIENCE;
use crate::postgres;

const CHAIN: &str = "version: 1
name: chain
params: { ledger: '' }
tasks:
  a: { type: shell, run: 'echo $PORPOISE_INSTANCE_ID/a >> $ledger' }
  b: { type: noop, needs: [a] }
  c: { type: shell, run: 'echo $PORPOISE_INSTANCE_ID/c >> $ledger', needs: [b] }
  d: { type: noop, needs: [c] }
";

const INSTANCES: usize = 60;

/// Terminates the sessions of an application name every 100 ms, until it is dropped.
struct SessionTerminator {
    psql: Child,
    ended: Arc<AtomicUsize>,
}

impl SessionTerminator {
    fn start(url: &str, name: &str) -> Self {
        let mut psql = postgres::psql(url)
            .args(["-q", "-A", "-t"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql");
        let input = psql.stdin.as_mut().expect("standard input is piped");
        writeln!(
            input,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = '{name}' AND datname = current_database() \\watch 0.1"
        )
        .expect("psql reads");
        let output = BufReader::new(psql.stdout.take().expect("standard output is piped"));
        let ended = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ended);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                counted.fetch_add(usize::from(line == "t"), Ordering::Relaxed);
            }
        });
        Self { psql, ended }
    }

    /// The number of sessions that it has ended.
    fn ended(&self) -> usize {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Drop for SessionTerminator {
    fn drop(&mut self) {
        self.psql.kill().ok();
        self.psql.wait().ok();
    }
}

/// Starts an instance exactly once, with a request key: answers may be lost.
fn start(node: &Node, ledger: &str, key: usize) -> String {
    let path = "/projects/default/workflows/chain/instances";
    let body = json!({"params": {"ledger": ledger}});
    let mut answer = (0, serde_json::Value::Null);
    eventually(PATIENCE, || {
        answer = node.post_with_key(path, &body, &format!("key-{key}"));
        answer.0 == 201
    });
    assert_eq!(answer.0, 201, "{}", answer.1);
    answer.1["id"].as_str().expect("an id").to_owned()
}

#[test]
fn sessions_that_end_during_commits_lose_and_repeat_nothing() {
    let Some(url) = postgres::database() else { return };
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &["--database-url", &url]);
    node.apply("chain", CHAIN.to_owned());
    let ledger = data.path().join("ledger");
    let terminator = SessionTerminator::start(&url, &format!("master:{}", node.incarnation));
    let ids: BTreeSet<String> = (0..INSTANCES)
        .map(|key| start(&node, &ledger.display().to_string(), key))
        .collect();
    eventually(PATIENCE, || terminator.ended() >= 10);
    let ended = terminator.ended();
    drop(terminator);
    assert!(ended >= 10, "only {ended} sessions of the node were ended");
    for id in &ids {
        node.settle(id, &["succeeded"], PATIENCE);
        let history = node.items(&format!("/instances/{id}/history"));
        for task in ["a", "b", "c", "d"] {
            let ends = |entry: &&serde_json::Value| entry["task"] == task && entry["to"] == "succeeded";
            assert_eq!(history.iter().filter(ends).count(), 1, "{task}: {history:?}");
        }
    }
    assert_eq!(ids.len(), INSTANCES, "every start has its own instance");
    assert_eq!(
        node.items("/instances").len(),
        INSTANCES,
        "a repeated start makes none"
    );
    let ran = std::fs::read_to_string(&ledger).expect("a ledger");
    let once: BTreeSet<&str> = ran.lines().collect();
    assert_eq!(
        (ran.lines().count(), once.len()),
        (2 * INSTANCES, 2 * INSTANCES),
        "{ran}"
    );
}

#[test]
fn a_standalone_node_that_lost_its_database_to_another_process_ends() {
    let Some(url) = postgres::database() else { return };
    let data = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(data.path(), &["--database-url", &url]);
    let mut other = postgres::psql(&url)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("psql");
    // It waits for the lock when the node's session ends, so that it is surely the next to have it.
    let input = other.stdin.as_mut().expect("standard input is piped");
    let key = 0x706f_7270_616c_6f6e_i64;
    writeln!(
        input,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'porpoise-alone' AND datname = current_database();\n\
         SELECT pg_advisory_lock({key});"
    )
    .expect("psql reads");
    assert_eq!(node.exit_code(PATIENCE), Some(75));
    drop(other.stdin.take());
    other.wait().expect("psql ends");
}
