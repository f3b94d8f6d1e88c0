//! The clock of the machine is set while a node on SQLite runs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::harness::{Node, eventually};

/// Time within which a node follows the clock.
const FOLLOWS: Duration = Duration::from_secs(5);

const DOCUMENT: &str = "version: 1\nname: w\ntasks:\n  long: { type: noop, delay: 12s }\n  \
    short: { type: noop, delay: 9s }\n";

/// A library that shows its process another wall clock, where it is installed.
fn libfaketime() -> Option<PathBuf> {
    let folders = [
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    let paths = folders.map(|folder| Path::new(folder).join("faketime/libfaketimeMT.so.1"));
    paths.into_iter().find(|path| path.exists())
}

fn time_of(instance: &Value, member: &str) -> DateTime<Utc> {
    let text = instance[member].as_str().expect("a time");
    text.parse().expect("RFC 3339")
}

/// Waits until dates differ from the test's clock by so much, and returns how long that took.
fn follow(node: &Node, by: chrono::Duration) -> Duration {
    let began = Instant::now();
    eventually(Duration::from_secs(20), || {
        let id = node.start_instance("now");
        let created = time_of(&node.get(&format!("/instances/{id}")), "created_at");
        (created - Utc::now() - by).abs() < chrono::Duration::seconds(2)
    });
    began.elapsed()
}

/// Starts a node whose clock is shifted by what the file says.
fn start_with_offset(library: &Path, offset: &Path, data: &Path) -> Node {
    let environment = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", offset),
        ("FAKETIME_NO_CACHE", Path::new("1")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", Path::new("1")),
    ];
    Node::start_in(&environment, data, &[])
}

#[test]
fn a_step_of_the_clock_fires_no_schedule_twice() {
    let Some(library) = libfaketime() else {
        eprintln!("skipped: libfaketime is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    std::fs::write(&offset, "+0\n").unwrap();
    let node = start_with_offset(&library, &offset, &folder.path().join("data"));
    node.apply(
        "now",
        "version: 1\nname: now\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    let path = "/api/v1/projects/default/workflows/now/schedules/s";
    let fields = serde_json::json!({"cron": "* * * * * ?", "missed": "skip"});
    let request = node.request(reqwest::Method::PUT, path).json(&fields);
    assert_eq!(node.send(request).status().as_u16(), 201);
    let fired = || -> Vec<DateTime<Utc>> {
        let all = node.items("/instances?schedule=s");
        all.iter()
            .map(|instance| time_of(instance, "scheduled_at"))
            .collect()
    };
    eventually(Duration::from_secs(20), || fired().len() >= 3);
    for (content, by) in [
        ("+3600\n", chrono::Duration::hours(1)),
        ("+0\n", chrono::Duration::zero()),
    ] {
        std::fs::write(&offset, content).unwrap();
        let took = follow(&node, by);
        assert!(took < FOLLOWS, "dates follow after {took:?}");
        std::thread::sleep(Duration::from_secs(4));
        let mut times = fired();
        let count = times.len();
        times.sort_unstable();
        times.dedup();
        assert_eq!(times.len(), count, "by {by}: a fire has two instances");
        let newest = times[times.len() - 1];
        if by.is_zero() {
            assert!(
                newest > Utc::now() + chrono::Duration::minutes(50),
                "nothing fires again"
            );
        } else {
            assert!(
                (newest - Utc::now() - by).abs() < chrono::Duration::seconds(3),
                "{newest}"
            );
            let skipped = node.items("/projects/default/workflows/now/schedules/s/fires");
            let skipped: Vec<&Value> = skipped
                .iter()
                .filter(|fire| fire["outcome"] == "skipped")
                .collect();
            assert_eq!(
                skipped.len(),
                1,
                "what the step passed over is missed: {skipped:?}"
            );
        }
    }
}

#[test]
fn dates_follow_the_clock_of_the_machine_and_waits_keep_their_length() {
    let Some(library) = libfaketime() else {
        eprintln!("skipped: libfaketime is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    std::fs::write(&offset, "+0\n").unwrap();
    let node = start_with_offset(&library, &offset, &folder.path().join("data"));
    node.apply("w", DOCUMENT.to_owned());
    node.apply(
        "now",
        "version: 1\nname: now\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    for (content, by) in [
        ("+3600\n", chrono::Duration::hours(1)),
        ("+0\n", chrono::Duration::zero()),
    ] {
        let (began, id) = (Instant::now(), node.start_instance("w"));
        std::fs::write(&offset, content).unwrap();
        let took = follow(&node, by);
        assert!(took < FOLLOWS, "dates follow after {took:?}");
        let ended = node.settle(&id, &["succeeded"], Duration::from_secs(60));
        let waited = began.elapsed();
        assert!(
            (Duration::from_secs(12)..Duration::from_secs(16)).contains(&waited),
            "by {by}: {waited:?}"
        );
        let late = time_of(&ended, "ended_at") - Utc::now() - by;
        assert!(late.abs() < chrono::Duration::seconds(2), "{ended}");
        let degraded = node.get("/cluster")["degraded"].clone();
        assert_eq!(degraded, Value::Array(Vec::new()), "the machine is not blamed");
    }
}
