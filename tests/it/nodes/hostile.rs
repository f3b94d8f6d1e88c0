//! Tasks that put other things in the place of the worker's files, and what tasks inherit from the node.

use std::time::Duration;

use reqwest::Method;

use super::harness::{Node, eventually};

/// Longest time for which a condition may not hold.
const PATIENCE: Duration = Duration::from_secs(30);

fn holds_soon(what: &str, mut condition: impl FnMut() -> bool) {
    let mut holds = false;
    eventually(PATIENCE, || {
        holds = condition();
        holds
    });
    assert!(holds, "never: {what}");
}

fn shell(name: &str, script: &str) -> String {
    let script = serde_json::to_string(script).expect("text is JSON");
    format!("version: 1\nname: {name}\ntasks:\n  t: {{ type: shell, run: {script} }}\n")
}

/// Runs a script in an instance of its own, to its end; its state and the path of its log.
fn run(node: &Node, name: &str, script: &str) -> (String, String) {
    node.apply(name, shell(name, script));
    let id = node.start_instance(name);
    let rests = || node.get(&format!("/instances/{id}"))["ended_at"].is_string();
    holds_soon("the instance rests", rests);
    let state = node.get(&format!("/instances/{id}"))["state"].clone();
    let log = format!("/api/v1/instances/{id}/tasks/t/attempts/1/log");
    (state.as_str().expect("a state").to_owned(), log)
}

fn read(node: &Node, log: &str) -> (u16, String) {
    let reply = node.send(node.request(Method::GET, log));
    (reply.status().as_u16(), reply.text().expect("text"))
}

#[test]
fn only_the_log_that_the_worker_made_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "the secret of another user").unwrap();
    let secret = secret.display();
    let mut node = Node::start(&folder.path().join("data"), &[]);
    let mut logs = Vec::new();
    for (name, replace) in [
        ("link", format!("ln -s {secret} \"$log\"")),
        ("hard-link", format!("ln {secret} \"$log\"")),
        ("fifo", "mkfifo \"$log\"".to_owned()),
        ("folder", "mkdir \"$log\"; touch \"$log/a\"".to_owned()),
        ("file", "echo forged > \"$log\"".to_owned()),
        ("nothing", ":".to_owned()),
    ] {
        let script = format!("echo before; log=$(readlink /proc/$$/fd/1); rm \"$log\"; {replace}");
        let (state, log) = run(&node, name, &script);
        assert_eq!(state, "succeeded", "{name}");
        logs.push((name, log));
    }
    let expected = (200, "[the task replaced its log]\n".to_owned());
    for (name, log) in &logs {
        assert_eq!(read(&node, log), expected, "{name}");
    }
    node.kill();
    let node = Node::start(&folder.path().join("data"), &[]);
    for (name, log) in &logs {
        assert_eq!(read(&node, log), expected, "{name} after a restart");
    }
}

#[test]
fn a_log_is_not_read_through_a_link_while_its_task_runs() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &[]);
    node.apply(
        "w",
        shell(
            "w",
            "log=$(readlink /proc/$$/fd/1); ln -sf /etc/passwd \"$log\"; sleep 300",
        ),
    );
    let id = node.start_instance("w");
    let log = format!("/api/v1/instances/{id}/tasks/t/attempts/1/log");
    let is_replaced = || read(&node, &log) == (200, "[the task replaced its log]\n".to_owned());
    holds_soon("the log is replaced", is_replaced);
    let (status, _) = node.post(&format!("/instances/{id}/stop?wait=20s"), &serde_json::json!({}));
    assert_eq!(status, 200);
    holds_soon("it is stopped", || {
        node.get(&format!("/instances/{id}"))["state"] == "stopped"
    });
    assert!(is_replaced());
}

#[test]
fn a_restart_removes_the_working_folders_of_lost_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start(folder.path(), &[]);
    node.apply(
        "w",
        shell("w", "mkdir \"$PORPOISE_OUTPUT\" a; touch a/b; sleep 300"),
    );
    let id = node.start_instance("w");
    let work = folder.path().join("work");
    let has_begun = || {
        std::fs::read_dir(&work)
            .is_ok_and(|found| found.flatten().any(|entry| entry.path().join("a/b").exists()))
    };
    holds_soon("the task has begun", has_begun);
    let old: Vec<_> = std::fs::read_dir(&work)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    node.kill();
    let node = Node::start(folder.path(), &[]);
    let stopped = node.post(&format!("/instances/{id}/stop"), &serde_json::json!({}));
    assert_eq!(stopped.0, 200);
    let is_removed = || {
        old.iter()
            .all(|path| path.extension().is_some_and(|end| end == "script") || !path.exists())
    };
    holds_soon("the old files are removed", is_removed);
}

#[test]
fn a_task_begins_with_default_signals_whatever_the_node_was_started_with() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_ignoring("HUP INT QUIT USR1 USR2 PIPE ALRM TSTP", folder.path());
    let (_, log) = run(&node, "w", "grep -E 'Sig(Blk|Ign)' /proc/self/status");
    let (_, said) = read(&node, &log);
    for line in said.lines() {
        let (name, mask) = line.split_once(":\t").expect("a mask");
        let mask = u64::from_str_radix(mask, 16).expect("a number");
        // The C library keeps 32 and 33 for itself: no program can set them.
        assert_eq!(mask & !(0b11 << 31), 0, "{name}: {said}");
    }
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn the_logs_of_a_deleted_instance_are_removed_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start(folder.path(), &[]);
    let mut files = Vec::new();
    for name in ["first", "second"] {
        let (_, log) = run(&node, name, "echo something");
        let id = log.split('/').nth(4).expect("an id").to_owned();
        files.push((
            folder.path().join("logs").join(&id),
            format!("/api/v1/instances/{id}"),
        ));
    }
    let (deleted, path) = &files[0];
    assert!(deleted.exists());
    assert_eq!(node.ask(Method::DELETE, path, "", "").status, 204);
    node.kill();
    let _node = Node::start(folder.path(), &[]);
    holds_soon("the log is removed", || !deleted.exists());
    assert!(files[1].0.exists());
}
