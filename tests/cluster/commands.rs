//! Commands sent to another node than the owner of the instance: the host in the answer is the new owner's, whether
//! the old one is alive or not.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, chain};
use crate::scenario::{SILENT_MOVES_WITHIN, start_load, wait_for_ends, wake_and_restart};
use test_support::rest::Rest;

/// Starts an instance on `m1` and waits until it is idle, in a state where the command applies.
fn start_idle(cluster: &Cluster, command: &str) -> String {
    let workflow = if command == "resume" { "slow" } else { "flagged" };
    let id = cluster.start_instance("m1", workflow);
    let rest = match command {
        "resume" => {
            cluster.apply_command("m1", &id, "pause");
            "paused"
        }
        "recover" => "failed",
        _ => "succeeded",
    };
    let now = cluster.on("m1").settle(&id, &[rest], PATIENCE);
    assert_eq!(now["host"], Value::Null, "an idle instance has no owner: {now}");
    id
}

/// Sends the command to a node, and compares the owner that all nodes then answer.
fn move_by_command(cluster: &Cluster, caller: &str, id: &str, command: &str) {
    let shown = cluster.apply_command(caller, id, command);
    let host = cluster.on(caller).host.as_str();
    assert_eq!(
        shown["host"], host,
        "{command} of {id}: the answer names the new owner"
    );
    let ownership = cluster.ownership(id);
    let log = ownership["log"].as_array().expect("a log");
    let last = log.last().expect("an owner");
    assert_eq!(
        (&last["why"], &last["host"], &last["from_host"]),
        (&json!(command), &json!(host), &Value::Null),
        "{ownership}"
    );
    for node in cluster.nodes().filter(|node| node.answers()) {
        let path = format!("/instances/{id}");
        let seen = node.get(&path);
        assert!(
            seen["host"] == host || seen["host"] == Value::Null,
            "{}: {seen}",
            node.name
        );
    }
}

/// Every later control call works, on whatever node it is made.
fn control(cluster: &Cluster, id: &str, callers: &[&str]) {
    let [first, second] = callers else {
        panic!("two callers")
    };
    cluster.apply_command(first, id, "pause");
    cluster.on(second).settle(id, &["paused"], PATIENCE);
    cluster.apply_command(second, id, "resume");
    cluster.apply_command(first, id, "stop");
    cluster.on(second).settle(id, &["stopped"], PATIENCE);
    cluster.history.expect_end(id, "stopped");
}

#[test]
fn a_command_makes_the_node_that_takes_it_the_owner() {
    let Some(mut cluster) = Cluster::start(3, 1) else {
        return;
    };
    let flag = cluster.path("flag").display().to_string();
    let slow: Vec<String> = (0..6).map(|_| cluster.task("sleep 0.5")).collect();
    cluster.on("m1").apply("slow", chain("slow", &slow));
    let mut flagged = vec![cluster.task(&format!("test -e {flag}"))];
    flagged.extend((0..6).map(|_| cluster.task("sleep 0.3")));
    cluster.on("m1").apply("flagged", chain("flagged", &flagged));
    let commands = ["recover", "resume", "rerun"];
    let mut prepared: Vec<(&str, Vec<String>)> = Vec::new();
    for command in commands {
        if command == "rerun" {
            std::fs::write(&flag, "").expect("the flag");
        }
        prepared.push((command, (0..2).map(|_| start_idle(&cluster, command)).collect()));
    }
    for (command, ids) in &prepared {
        move_by_command(&cluster, "m2", &ids[0], command);
        control(&cluster, &ids[0], &["m3", "m1"]);
    }
    cluster.node("m1").kill();
    for (command, ids) in &prepared {
        move_by_command(&cluster, "m3", &ids[1], command);
        control(&cluster, &ids[1], &["m2", "m3"]);
    }
    cluster.wait(PATIENCE, "the killed master is declared dead", |cluster| {
        let nodes = cluster.any().items("/nodes");
        nodes
            .iter()
            .any(|node| node["name"] == "m1" && node["state"] == "dead")
    });
    check(&cluster, Effects::declared(1));
}

#[test]
fn a_command_for_a_frozen_owner_is_answered_once_the_next_has_applied_it() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = start_load(&cluster, &["m1"], 1);
    let frozen = cluster.take_node("m1");
    frozen.freeze();
    let path = format!("/api/v1/instances/{}/pause?wait=59s", ids[0]);
    let request = cluster.on("m2").request(Method::POST, &path).json(&json!({}));
    let answer = Rest::answer(request).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["operation"]["outcome"], "applied", "{answer:?}");
    assert!(
        answer.took < SILENT_MOVES_WITHIN + Duration::from_secs(5),
        "it waits for the decision and not for the frozen one: {:?}",
        answer.took
    );
    cluster.on("m2").settle(&ids[0], &["paused"], PATIENCE);
    cluster.apply_command("m2", &ids[0], "resume");
    wake_and_restart(&mut cluster, frozen);
    wait_for_ends(&cluster, &ids);
    check(&cluster, Effects::declared(1));
}

/// Longer than a notification takes, and shorter than the pause between two reconciliations.
const APPLIED_WITHIN: Duration = Duration::from_millis(200);

/// Waits until an operation is decided; returns its outcome.
fn outcome_of(cluster: &Cluster, operation: &Value) -> String {
    let path = format!("/operations/{}", operation.as_str().expect("an operation"));
    let mut outcome = String::new();
    cluster.wait(PATIENCE, "the operation is decided", |cluster| {
        let shown = cluster.on("m2").get(&path);
        shown["outcome"]
            .as_str()
            .expect("an outcome")
            .clone_into(&mut outcome);
        outcome != "pending"
    });
    outcome
}

#[test]
fn a_command_whose_caller_does_not_wait_is_applied_at_once() {
    let Some(cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = start_load(&cluster, &["m1"], 8);
    let mut took = Vec::new();
    for (id, wait) in ids.iter().zip(["0", "1ms"].iter().cycle()) {
        let path = format!("/api/v1/instances/{id}/stop?wait={wait}");
        let request = cluster.on("m2").request(Method::POST, &path).json(&json!({}));
        let sent = Instant::now();
        let answer = Rest::answer(request).expect("an answer");
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
        assert_eq!(outcome_of(&cluster, &answer.body["operation"]["id"]), "applied");
        took.push(sent.elapsed());
        cluster.history.expect_end(id, "stopped");
    }
    took.sort();
    eprintln!("commands without a waiting caller were applied in {took:?}");
    // Half of them, because other programs may use the machine; without a notification each takes seconds.
    assert!(took[took.len() / 2] < APPLIED_WITHIN, "{took:?}");
    for id in &ids {
        cluster.on("m2").settle(id, &["stopped"], PATIENCE);
    }
    check(&cluster, Effects::default());
}
