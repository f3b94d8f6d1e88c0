//! The values of metrics after known work.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::harness::{Node, eventually};

const DOCUMENTS: [(&str, &str); 4] = [
    (
        "good",
        "  a: { type: shell, run: 'true' }\n  b: { type: noop, needs: [a] }\n  \
         c: { type: shell, run: 'true', needs: [b] }\n",
    ),
    (
        "flaky",
        "  t: { type: shell, run: 'test \"$PORPOISE_ATTEMPT\" -ge 3', retry: { max: 2, delay: 10ms } }\n",
    ),
    (
        "bad",
        "  t: { type: shell, run: 'exit 1' }\n  u: { type: noop, needs: [t] }\n",
    ),
    ("held", "  t: { type: shell, run: 'sleep 60' }\n"),
];

/// Every series of `/metrics` with its value.
fn samples(node: &Node) -> BTreeMap<String, f64> {
    let text = node
        .send(node.request(Method::GET, "/metrics"))
        .text()
        .expect("text");
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a series and its value");
            (series.to_owned(), value.parse().expect("a number"))
        })
        .collect()
}

/// The sum of the series of a family, none of which may exist.
fn total(samples: &BTreeMap<String, f64>, family: &str) -> f64 {
    let series = samples.iter().filter(|(series, _)| {
        let rest = series.strip_prefix(family);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
    });
    series.map(|(_, value)| value).sum()
}

/// Stores the documents and runs them: three times the first, once each of the others.
fn run_known_work(node: &Node) {
    for (name, tasks) in DOCUMENTS {
        node.apply(name, format!("version: 1\nname: {name}\ntasks:\n{tasks}"));
    }
    let within = Duration::from_secs(30);
    let held = node.start_instance("held");
    for (name, state) in [
        ("good", "succeeded"),
        ("good", "succeeded"),
        ("good", "succeeded"),
        ("flaky", "succeeded"),
        ("bad", "failed"),
    ] {
        let id = node.start_instance(name);
        node.settle(&id, &[state], within);
    }
    let runs = || node.get(&format!("/instances/{held}/tasks/t"))["state"] == "running";
    eventually(within, runs);
    let (status, stopped) = node.post(&format!("/instances/{held}/stop?wait=30s"), &json!({}));
    assert_eq!(status, 200, "{stopped}");
    node.settle(&held, &["stopped"], within);
}

#[test]
fn known_work_gives_known_counters() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start(folder.path(), &["--slots", "4"]);
    let began = Instant::now();
    run_known_work(&node);
    // A result is counted when it is stored, which a reader may see first.
    let counted = || total(&samples(&node), "porpoise_instances_total") == 6.0;
    eventually(Duration::from_secs(5), counted);
    let seen = samples(&node);
    for (series, value) in known_values() {
        assert_eq!(seen.get(&series), Some(&value), "{series} in {seen:#?}");
    }
    for family in [
        "porpoise_dispatch_errors_total",
        "porpoise_worker_lost_total",
        "porpoise_declarations_total",
        "porpoise_failovers_total",
        "porpoise_fenced_writes_total",
        "porpoise_actor_restarts_total",
        "porpoise_rebalanced_instances_total",
        "porpoise_db_errors_total",
    ] {
        assert_eq!(total(&seen, family), 0.0, "{family} in {seen:#?}");
    }
    assert_database_time(&seen, began.elapsed());
    let lasted = seen["porpoise_instance_duration_seconds_sum{state=\"succeeded\"}"];
    assert!(
        (0.02..began.elapsed().as_secs_f64() * 4.0).contains(&lasted),
        "{lasted}"
    );
}

/// The series that `run_known_work` moves, with their values after it.
fn known_values() -> Vec<(String, f64)> {
    let start = "route=\"/api/v1/projects/{project}/workflows/{workflow}/instances\",method=\"POST\"";
    vec![
        ("porpoise_up".to_owned(), 1.0),
        ("porpoise_instances_total{state=\"succeeded\"}".to_owned(), 4.0),
        ("porpoise_instances_total{state=\"failed\"}".to_owned(), 1.0),
        ("porpoise_instances_total{state=\"stopped\"}".to_owned(), 1.0),
        ("porpoise_instances_active".to_owned(), 0.0),
        (
            "porpoise_instance_duration_seconds_count{state=\"succeeded\"}".to_owned(),
            4.0,
        ),
        (
            "porpoise_instance_duration_seconds_count{state=\"stopped\"}".to_owned(),
            1.0,
        ),
        (
            "porpoise_tasks_total{type=\"shell\",state=\"succeeded\"}".to_owned(),
            7.0,
        ),
        (
            "porpoise_tasks_total{type=\"shell\",state=\"failed\"}".to_owned(),
            1.0,
        ),
        (
            "porpoise_tasks_total{type=\"shell\",state=\"killed\"}".to_owned(),
            1.0,
        ),
        (
            "porpoise_tasks_total{type=\"noop\",state=\"succeeded\"}".to_owned(),
            3.0,
        ),
        ("porpoise_task_retries_total".to_owned(), 2.0),
        ("porpoise_dispatch_total".to_owned(), 11.0),
        ("porpoise_worker_slots{state=\"total\"}".to_owned(), 4.0),
        ("porpoise_worker_slots{state=\"used\"}".to_owned(), 0.0),
        (
            format!("porpoise_http_requests_total{{{start},status=\"201\"}}"),
            6.0,
        ),
        (
            format!("porpoise_http_request_duration_seconds_count{{{start}}}"),
            6.0,
        ),
    ]
}

/// Each stored change is a round of a commit, each commit was timed, and no call took longer than the test.
fn assert_database_time(seen: &BTreeMap<String, f64>, elapsed: Duration) {
    let commits = seen["porpoise_db_commits_total{result=\"stored\"}"];
    assert_eq!(total(seen, "porpoise_db_commits_total"), commits, "{seen:#?}");
    let rounds = seen["porpoise_db_commit_rounds_total"];
    // Six creations, and for each attempt at least its dispatch and its end.
    assert!(rounds >= commits && rounds >= 6.0 + 2.0 * 11.0, "{rounds} rounds");
    let timed = seen["porpoise_db_query_duration_seconds_count{op=\"commit\"}"];
    assert!(timed >= commits, "{timed} timed commits of {commits}");
    let spent = seen["porpoise_db_query_duration_seconds_sum{op=\"commit\"}"];
    assert!(spent > 0.0 && spent < timed * elapsed.as_secs_f64(), "{spent} s");
    let largest = "porpoise_db_query_duration_seconds_bucket{op=\"commit\",le=\"+Inf\"}";
    assert_eq!(seen[largest], timed, "{seen:#?}");
}
