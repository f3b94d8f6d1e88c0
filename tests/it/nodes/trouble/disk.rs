//! A disk that is full for a while.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;

use super::super::harness::{Node, eventually};
use super::{PATIENCE, shell};

/// A small file system of its own; only root can make one.
struct Small(PathBuf);

impl Small {
    fn mounted(at: &Path, size: &str) -> Option<Self> {
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=700"),
                "porpoise-test",
            ])
            .arg(at)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(at.to_owned()))
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Takes so much space.
    fn take(&self, bytes: usize) {
        std::fs::write(self.0.join("filler"), vec![b'x'; bytes]).expect("there is room");
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("the filler is ours");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).output().ok();
    }
}

#[test]
fn a_full_disk_refuses_starts_and_what_was_answered_before_and_after_is_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Small::mounted(folder.path(), "12m") else {
        eprintln!("skipped: no right to mount a small file system");
        return;
    };
    let go = tempfile::tempdir().expect("a folder");
    let flag = go.path().join("go");
    let mut node = Node::start(folder.path(), &[]);
    node.apply("quick", shell("quick", "true"));
    let hold = format!("while [ ! -e {} ]; do sleep 0.1; done", flag.display());
    node.apply("held", shell("held", &hold));
    let held = node.start_instance("held");
    let path = format!("/instances/{held}/tasks/t");
    eventually(PATIENCE, || node.get(&path)["state"] == "running");
    disk.fill();
    let start = "/projects/default/workflows/quick/instances";
    let mut refused = 0;
    for _ in 0..20 {
        let (status, body) = node.post(start, &serde_json::json!({}));
        match status {
            201 => {}
            503 => {
                assert_eq!(body["code"], "STORE_UNAVAILABLE", "{body}");
                let detail = body["detail"].as_str().unwrap_or_default();
                assert!(detail.contains("is full"), "{body}");
                refused += 1;
            }
            other => panic!("{other}: {body}"),
        }
    }
    assert!(refused > 0, "the disk was full");
    // The end of a task comes while it cannot be stored.
    File::create(&flag).expect("a flag");
    disk.free();
    node.settle(&held, &["succeeded"], PATIENCE);
    let id = node.start_instance("quick");
    node.settle(&id, &["succeeded"], PATIENCE);
    assert_eq!(node.get(&path)["attempts"], 1, "nothing ran twice");
    node.kill();
    let again = Node::start(folder.path(), &[]);
    assert_eq!(
        again.get(&format!("/instances/{id}"))["state"],
        "succeeded",
        "what was answered is stored"
    );
}

#[test]
fn a_nearly_full_disk_keeps_new_work_waiting_and_a_full_one_makes_the_node_unready() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Small::mounted(folder.path(), "64m") else {
        eprintln!("skipped: no right to mount a small file system");
        return;
    };
    let node = Node::start(folder.path(), &[]);
    node.apply("quick", shell("quick", "true"));
    disk.take(58 << 20);
    let id = node.start_instance("quick");
    let path = format!("/instances/{id}/tasks/t");
    let mut task = serde_json::Value::Null;
    eventually(PATIENCE, || {
        task = node.get(&path);
        task["reason"].as_str().is_some_and(|why| why.contains("% full"))
    });
    let why = task["reason"].as_str().unwrap_or_default();
    assert!(
        task["state"] == "waiting" && why.contains("worker standalone says"),
        "{task}"
    );
    assert!(ready(&node, 200), "it serves on");
    disk.fill();
    assert!(ready(&node, 503), "it is full");
    let answer = node.ask(Method::GET, "/readyz", "", "");
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("is full"), "{}", answer.text);
    disk.free();
    assert!(ready(&node, 200), "there is room again");
    node.settle(&id, &["succeeded"], PATIENCE);
}

#[test]
fn a_log_stops_before_it_fills_the_disk_and_its_attempt_fails_with_that_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(_disk) = Small::mounted(folder.path(), "48m") else {
        eprintln!("skipped: no right to mount a small file system");
        return;
    };
    let config = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(config.path(), "[worker]\nmin_free_disk = \"24MiB\"\n").expect("there is room");
    let node = Node::start(folder.path(), &["--config", &config.path().display().to_string()]);
    node.apply(
        "loud",
        shell("loud", "while :; do head -c 100000 /dev/zero; sleep 0.01; done"),
    );
    let id = node.start_instance("loud");
    node.settle(&id, &["failed"], PATIENCE);
    let task = node.get(&format!("/instances/{id}/tasks/t"));
    let error = task["attempt_list"][0]["error"].as_str().unwrap_or_default();
    assert!(error.contains("less than 24 MiB are free"), "{task}");
    let logs = std::fs::read_dir(folder.path().join("logs").join(&id)).expect("its logs");
    let log = logs.flatten().next().expect("its log").path();
    let log = std::fs::read(log).expect("its log");
    let end = String::from_utf8_lossy(&log[log.len() - 100..]);
    assert!(end.ends_with("(worker.min_free_disk)]\n"), "{end}");
    node.apply("quick", shell("quick", "true"));
    let quick = node.start_instance("quick");
    node.settle(&quick, &["succeeded"], PATIENCE);
}

#[test]
fn every_answer_on_a_full_disk_says_that_it_is_full() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(disk) = Small::mounted(folder.path(), "12m") else {
        eprintln!("skipped: no right to mount a small file system");
        return;
    };
    let node = Node::start(folder.path(), &[]);
    node.apply("quick", shell("quick", "true"));
    let id = node.start_instance("quick");
    node.settle(&id, &["succeeded"], PATIENCE);
    disk.fill();
    let project = "/api/v1/projects";
    let workflow = "/api/v1/projects/default/workflows/other";
    let verb = format!("/api/v1/instances/{id}/rerun");
    let instance = format!("/api/v1/instances/{id}");
    let long = format!(": {}", "x".repeat(100_000));
    for (method, path, kind, body) in [
        (
            Method::POST,
            project,
            "application/json",
            "{\"name\": \"p\"}".to_owned(),
        ),
        (Method::PUT, workflow, "application/yaml", shell("other", &long)),
        (Method::POST, verb.as_str(), "application/json", "{}".to_owned()),
        (Method::DELETE, instance.as_str(), "", String::new()),
    ] {
        let mut full = false;
        // What fits into pages that are free is stored.
        for number in 0..200 {
            let body = body
                .replace("\"p\"", &format!("\"p{number}\""))
                .replace("xx", &format!("{number} "));
            let answer = node.ask(method.clone(), path, kind, body);
            let detail = answer.body["detail"].as_str().unwrap_or_default();
            if answer.status == 503 {
                assert!(detail.contains("is full"), "{method} {path}: {}", answer.text);
                full = true;
                break;
            }
            if method == Method::DELETE {
                break;
            }
        }
        assert!(full || method == Method::DELETE, "{method} {path}");
    }
}

fn ready(node: &Node, status: u16) -> bool {
    let mut found = 0;
    eventually(PATIENCE, || {
        found = node.ask(Method::GET, "/readyz", "", "").status;
        found == status
    });
    found == status
}
