//! A backfill whose masters are killed and frozen, one after the other.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use test_support::waiting::nothing_happens_for;

use crate::checker::{Effects, ask, check};
use crate::fixture::{Cluster, PATIENCE};
use crate::scenario::{SILENT_MOVES_WITHIN, assert_single_attempts, wake_and_restart};

const DATES: usize = 40;
const PARALLELISM: usize = 4;

fn make(cluster: &Cluster, node: &str, body: &Value) -> String {
    let path = "/api/v1/projects/default/workflows/slow/backfills";
    let on = cluster.on(node);
    let made: Value = on
        .send(on.request(Method::POST, path).json(body))
        .json()
        .expect("JSON");
    made["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
}

fn succeeded(cluster: &Cluster, id: &str) -> usize {
    let count = cluster.any().get(&format!("/backfills/{id}"))["dates"]["by_state"]["succeeded"].as_u64();
    usize::try_from(count.unwrap_or(0)).expect("a count")
}

/// The most instances that were open at a time; clocks of masters may differ by 50 ms.
fn most_open(cluster: &Cluster) -> usize {
    let sql = "SELECT (SELECT count(*) FROM instance b WHERE b.created_at <= a.created_at \
               AND b.ended_at > a.created_at + 50)::text FROM instance a";
    let counts = ask(cluster, sql)
        .into_iter()
        .map(|count| count.parse().expect("a count"));
    counts.max().unwrap_or(0)
}

#[test]
fn a_backfill_outlives_its_masters_without_a_lost_or_doubled_date() {
    let Some(mut cluster) = Cluster::start(3, 1) else {
        return;
    };
    let document = format!(
        "version: 1\nname: slow\ntasks:\n  t: {}\n",
        cluster.task("sleep 1")
    );
    cluster.any().apply("slow", document);
    let dates: Value = (0..DATES)
        .map(|n| format!("2026-{:02}-{:02}T00:00:00Z", n / 28 + 1, n % 28 + 1))
        .collect();
    let id = make(
        &cluster,
        "m1",
        &json!({ "dates": dates, "parallelism": PARALLELISM }),
    );
    cluster.wait(PATIENCE, "some dates are done", |cluster| {
        succeeded(cluster, &id) >= 4
    });
    cluster.node("m1").kill();
    nothing_happens_for(Duration::from_secs(4));
    cluster.node("m1").start();
    let zombie = cluster.take_node("m2");
    zombie.freeze();
    cluster.wait(
        SILENT_MOVES_WITHIN,
        "the frozen master is declared dead",
        |cluster| {
            !ask(
                cluster,
                "SELECT host FROM member WHERE state = 'dead' AND name = 'm2'",
            )
            .is_empty()
        },
    );
    wake_and_restart(&mut cluster, zombie);
    cluster.wait(PATIENCE * 2, "every date has succeeded", |cluster| {
        succeeded(cluster, &id) == DATES
    });
    let instances = ask(
        &cluster,
        "SELECT id::text FROM instance ORDER BY scheduled_at, id",
    );
    assert_eq!(instances.len(), DATES, "one instance for each date");
    for instance in &instances {
        cluster.history.expect_end(instance, "succeeded");
    }
    assert_single_attempts(&cluster, &instances);
    let open = most_open(&cluster);
    assert!(open <= PARALLELISM, "{open} instances were open at a time");
    check(&cluster, Effects::declared(2));
}
