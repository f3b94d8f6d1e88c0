//! Schedules of a node that dies round the commit of a fire, and of one that was away.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Node, eventually};
use test_support::restartable_postgres::RestartablePostgres;

/// The exit code of a node at its fail point.
const AT_A_POINT: i32 = 99;

/// The places round the commit of a fire, each at the second fire.
const POINTS: [&str; 2] = ["schedule.before_commit@2", "schedule.after_commit@2"];

const PATIENCE: Duration = Duration::from_secs(30);

const SCHEDULE: &str = "/projects/default/workflows/w/schedules/s";

fn put_schedule(node: &Node, name: &str, fields: &Value) {
    let path = format!("/api/v1/projects/default/workflows/w/schedules/{name}");
    let request = node.request(reqwest::Method::PUT, &path).json(fields);
    assert_eq!(node.send(request).status().as_u16(), 201, "{fields}");
}

/// The number of instances by fire time of a schedule.
fn started(node: &Node, schedule: &str) -> BTreeMap<i64, u32> {
    let mut found = BTreeMap::new();
    for instance in node.items(&format!("/instances?schedule={schedule}")) {
        assert_eq!(
            instance["trigger"]["fire_at"], instance["scheduled_at"],
            "{instance}"
        );
        *found.entry(milliseconds(&instance["scheduled_at"])).or_default() += 1;
    }
    found
}

fn milliseconds(time: &Value) -> i64 {
    let text = time.as_str().expect("a time");
    chrono::DateTime::parse_from_rfc3339(text)
        .expect("RFC 3339")
        .timestamp_millis()
}

/// Fails unless every second from the first fire to the last one has exactly one instance.
fn assert_each_second_once(found: &BTreeMap<i64, u32>, what: &str) {
    let (first, last) = (found.keys().next().unwrap(), found.keys().last().unwrap());
    let expected: Vec<i64> = (*first..=*last).step_by(1_000).collect();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), expected, "{what}");
    assert!(found.values().all(|count| *count == 1), "{what}: {found:?}");
}

#[test]
fn a_node_that_dies_round_the_commit_of_a_fire_fires_it_once() {
    for point in POINTS {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = [("PORPOISE_TEST_ABORT", Path::new(point))];
        let mut doomed = Node::start_in(&environment, folder.path(), &[]);
        doomed.apply(
            "w",
            "version: 1\nname: w\ntasks:\n  t: { type: noop }\n".to_owned(),
        );
        put_schedule(&doomed, "s", &json!({"cron": "* * * * * ?", "missed": "skip"}));
        assert_eq!(doomed.exit_code(PATIENCE), Some(AT_A_POINT), "{point} is reached");
        let node = Node::start(folder.path(), &[]);
        let mut found = BTreeMap::new();
        eventually(PATIENCE, || {
            found = started(&node, "s");
            found.len() >= 5
        });
        let (status, _) = node.post(&format!("{SCHEDULE}/pause"), &json!({}));
        assert_eq!(status, 200);
        assert_each_second_once(&started(&node, "s"), point);
        let fires = node.items(&format!("{SCHEDULE}/fires"));
        assert!(
            fires.iter().all(|fire| fire["outcome"] != "refused"),
            "{point}: {fires:?}"
        );
    }
}

#[test]
fn fires_of_a_time_without_a_database_start_once_when_it_is_back() {
    let Some(server) = RestartablePostgres::at("127.0.0.1") else {
        eprintln!("skipped: PostgreSQL is not installed");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &["--database-url", &server.url()]);
    node.apply(
        "w",
        "version: 1\nname: w\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    put_schedule(&node, "s", &json!({"cron": "* * * * * ?", "missed": "skip"}));
    eventually(PATIENCE, || started(&node, "s").len() >= 2);
    server.stop();
    std::thread::sleep(Duration::from_secs(5));
    server.start();
    eventually(PATIENCE, || {
        node.ask(reqwest::Method::GET, "/readyz", "", "").status == 200
    });
    let before = started(&node, "s").len();
    // Those of the five seconds are late, not missed.
    eventually(PATIENCE, || started(&node, "s").len() >= before + 7);
    let (status, _) = node.post(&format!("{SCHEDULE}/pause"), &json!({}));
    assert_eq!(status, 200);
    assert_each_second_once(&started(&node, "s"), "the database was away");
}

#[test]
fn what_a_node_missed_follows_the_policy() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = [("PORPOISE__SCHEDULER__MISSED_AFTER", Path::new("1s"))];
    let mut node = Node::start_in(&environment, folder.path(), &[]);
    node.apply(
        "w",
        "version: 1\nname: w\ntasks:\n  t: { type: noop }\n".to_owned(),
    );
    let policies = [
        ("skip", json!({"missed": "skip"})),
        ("latest", json!({"missed": "latest"})),
        ("all", json!({"missed": "all"})),
        ("two", json!({"missed": "all", "missed_limit": 2})),
    ];
    for (name, policy) in &policies {
        let mut fields = policy.clone();
        fields["cron"] = json!("* * * * * ?");
        put_schedule(&node, name, &fields);
    }
    eventually(PATIENCE, || {
        policies.iter().all(|(name, _)| started(&node, name).len() >= 2)
    });
    node.kill();
    let killed = Instant::now();
    std::thread::sleep(Duration::from_secs(6));
    let node = Node::start_in(&environment, folder.path(), &[]);
    let most = killed.elapsed().as_secs() + 2;
    for (name, _) in policies {
        let before = started(&node, name).len();
        eventually(PATIENCE, || started(&node, name).len() >= before + 2);
        let fires = node.items(&format!("/projects/default/workflows/w/schedules/{name}/fires"));
        let skipped: Vec<&Value> = fires.iter().filter(|fire| fire["outcome"] == "skipped").collect();
        let count = skipped
            .iter()
            .map(|fire| fire["count"].as_u64().unwrap())
            .sum::<u64>();
        match name {
            "all" => assert!(skipped.is_empty(), "{name}: {fires:?}"),
            _ => {
                assert_eq!(
                    skipped.len(),
                    1,
                    "{name}: those in a row are one entry: {fires:?}"
                );
                assert!((1..=most).contains(&count), "{name}: {fires:?}");
            }
        }
        // Every second is known: started, or in the one entry of skipped ones.
        let mut known: Vec<i64> = started(&node, name).into_keys().collect();
        for fire in &skipped {
            let (first, last) = (
                milliseconds(&fire["first_fire_at"]),
                milliseconds(&fire["fire_at"]),
            );
            let run: Vec<i64> = (first..=last).step_by(1_000).collect();
            assert_eq!(run.len() as u64, fire["count"].as_u64().unwrap(), "{fire}");
            known.extend(run);
        }
        known.sort_unstable();
        let expected: Vec<i64> = (known[0]..=known[known.len() - 1]).step_by(1_000).collect();
        assert_eq!(known, expected, "{name}");
    }
}
