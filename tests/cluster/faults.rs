//! Nodes that die at a named step, and nodes that lack a protection, which the checker must notice.

use std::time::Duration;

use crate::checker::{Effects, ask, check, findings};
use crate::fixture::{Cluster, PATIENCE, counter_of};
use crate::scenario::{
    assert_single_attempts, finish, owner_hosts, start_load, wait_for_ends, wait_until_left,
};
use test_support::waiting::{eventually, nothing_happens_for};

/// The exit code of a node at its fail point.
const AT_A_POINT: i32 = 99;

/// Steps of a take-over at which the survivor dies.
const OF_A_SURVIVOR: [&str; 6] = [
    "declare.before",
    "declare.after",
    "claim.before_spawn",
    "takeover.before_query",
    "takeover.after_load",
    "takeover.before_acknowledgement",
];

/// Steps of ordinary work at which an owner dies, each at a time when it has done some of it.
const OF_AN_OWNER: [&str; 4] = [
    "db.before_commit@9",
    "db.after_commit@9",
    "dispatch.before_send@2",
    "dispatch.after_send@2",
];

#[test]
fn a_survivor_that_dies_at_any_step_of_its_takeover_is_followed_by_the_next() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    for (turn, point) in OF_A_SURVIVOR.iter().enumerate() {
        // m1 is away while the others die, so that only the survivor can take over.
        let (victim, survivor) = (format!("v{turn}"), format!("s{turn}"));
        cluster.add(&victim, "master,api", &[]).start();
        let doomed = cluster.add(&survivor, "master,api", &[]);
        doomed.environment = vec![("PORPOISE_TEST_ABORT", format!("{point}@1"))];
        doomed.start();
        let ids = start_load(&cluster, &[&victim], 3);
        cluster.node("m1").kill();
        cluster.node(&victim).kill();
        let code = cluster.node(&survivor).exit_code(PATIENCE);
        assert_eq!(code, Some(AT_A_POINT), "{point} should be reached");
        cluster.node("m1").start();
        wait_for_ends(&cluster, &ids);
        assert_single_attempts(&cluster, &ids);
    }
    check(&cluster, Effects::declared(OF_A_SURVIVOR.len()));
}

/// More than one claim takes.
const MORE_THAN_A_BATCH: usize = 520;

#[test]
fn a_survivor_that_dies_between_two_claims_leaves_the_rest_to_the_next() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    cluster.add("victim", "master,api", &[]).start();
    let doomed = cluster.add("survivor", "master,api", &[]);
    doomed.environment = vec![("PORPOISE_TEST_ABORT", "claim.between_batches@1".to_owned())];
    doomed.start();
    let document = "version: 1\nname: later\ntasks:\n  t: { type: noop, delay: 1h }\n";
    cluster.any().apply("later", document.to_owned());
    let ids: Vec<String> = (0..MORE_THAN_A_BATCH)
        .map(|_| cluster.start_instance("victim", "later"))
        .collect();
    cluster.node("m1").kill();
    cluster.node("victim").kill();
    let code = cluster.node("survivor").exit_code(PATIENCE);
    assert_eq!(
        code,
        Some(AT_A_POINT),
        "the claim should take more than one batch"
    );
    cluster.node("m1").start();
    for id in &ids {
        cluster.command("m1", id, "stop");
        cluster.history.expect_end(id, "stopped");
    }
    wait_for_ends(&cluster, &ids);
    check(&cluster, Effects::declared(2));
}

#[test]
fn an_owner_that_dies_between_commit_and_message_loses_nothing() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let task = [cluster.task("sleep 0.3"), cluster.task("sleep 0.3")];
    cluster
        .any()
        .apply("short", crate::fixture::chain("short", &task));
    for (turn, point) in OF_AN_OWNER.iter().enumerate() {
        let name = format!("o{turn}");
        let owner = cluster.add(&name, "master,api", &[]);
        owner.environment = vec![("PORPOISE_TEST_ABORT", (*point).to_owned())];
        owner.start();
        for _ in 0..8 {
            // It may end at any moment: then no client knows whether the start was stored.
            cluster.try_start(&name, "short");
        }
        let code = cluster.node(&name).exit_code(PATIENCE);
        assert_eq!(code, Some(AT_A_POINT), "{point} should be reached");
    }
    let instances = cluster.any().items("/instances");
    let ids: Vec<String> = instances
        .iter()
        .map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect();
    assert!(ids.len() >= OF_AN_OWNER.len(), "{ids:?}");
    finish(&cluster, &ids, Effects::declared(OF_AN_OWNER.len()));
}

/// Freezes an owner with this mutation past its replacement, with time limits that are over when it wakes up, and
/// lets it continue. Answers how many of its writes were refused, and what the checker finds.
fn zombie(mutation: &str) -> Option<(f64, Vec<String>)> {
    let mut cluster = Cluster::start(1, 1)?;
    let mutant = cluster.add("x", "master,api", &[]);
    mutant.environment = vec![("PORPOISE_TEST_DISABLED_GUARD", mutation.to_owned())];
    mutant.start();
    let document = format!(
        "version: 1\nname: late\ntimeout: 4s\non_timeout: warn\ntasks:\n  t: {}\n",
        cluster.task("sleep 20")
    );
    cluster.any().apply("late", document);
    let ids: Vec<String> = (0..5).map(|_| cluster.start_instance("x", "late")).collect();
    let host = cluster.on("x").host.clone();
    cluster.wait(PATIENCE, "the mutant owns them", |cluster| {
        owner_hosts(cluster, &ids).iter().all(|owner| *owner == host)
    });
    let mut zombie = cluster.take_node("x");
    zombie.freeze();
    wait_until_left(&cluster, &ids, &[&host], PATIENCE);
    cluster.wait(PATIENCE, "the new owner records the time limits", |cluster| {
        ask(cluster, "SELECT id::text FROM instance WHERE NOT timed_out").is_empty()
    });
    zombie.thaw();
    let mut refused = 0.0;
    eventually(Duration::from_secs(3), || {
        refused = counter_of(&zombie, "porpoise_fenced_writes_total");
        refused > 0.0
    });
    assert_eq!(zombie.exit_code(PATIENCE), Some(75));
    cluster.put_back(zombie);
    wait_for_ends(&cluster, &ids);
    let effects = Effects::declared(1);
    Some((refused, findings(&cluster, effects)))
}

#[test]
fn stale_writes_of_a_zombie_are_refused_and_counted() {
    if let Some((refused, found)) = zombie("exit_when_dead") {
        assert!(refused >= 1.0, "the zombie should have tried to write");
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

#[test]
fn the_checker_notices_that_the_fence_is_missing() {
    if let Some((_, found)) = zombie("fencing") {
        assert!(
            found.iter().any(|wrong| wrong.contains("older epoch")),
            "a zombie wrote, and the checker should see it: {found:?}"
        );
    }
}

/// A master that claims at events only never finds orphans whose event was before its time.
#[test]
fn the_checker_notices_that_no_master_scans_for_orphans() {
    let Some(mut cluster) = Cluster::start(1, 1) else {
        return;
    };
    let mutant = ("PORPOISE_TEST_DISABLED_GUARD", "periodic_scan".to_owned());
    let doomed = cluster.add("x", "master,api", &[]);
    doomed.environment = vec![
        mutant.clone(),
        ("PORPOISE_TEST_ABORT", "declare.after@1".to_owned()),
    ];
    doomed.start();
    let ids = start_load(&cluster, &["m1"], 3);
    cluster.node("m1").kill();
    let code = cluster.node("x").exit_code(PATIENCE);
    assert_eq!(code, Some(AT_A_POINT));
    let second = cluster.node("x");
    second.environment = vec![mutant];
    second.start();
    nothing_happens_for(Duration::from_secs(12));
    let found = findings(&cluster, Effects::default());
    assert!(
        found
            .iter()
            .any(|wrong| wrong.contains("is running, not succeeded")),
        "orphans remain, and the checker should see it: {found:?}"
    );
    cluster.node("m1").start();
    wait_for_ends(&cluster, &ids);
    assert_single_attempts(&cluster, &ids);
}
