//! Verbs called on another node than the one that owned the instance: the host in the answer is the new owner's,
//! whether the old one lives or not.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, chain};
use crate::master_crash::{SILENT_MOVES_WITHIN, all_end, load};
use test_support::rest::Rest;

/// Brings an instance owned by `m1` to rest, where the verb applies.
fn at_rest(cluster: &Cluster, verb: &str) -> String {
    let workflow = if verb == "resume" { "slow" } else { "flagged" };
    let id = cluster.start_instance("m1", workflow);
    let rest = match verb {
        "resume" => {
            cluster.applied("m1", &id, "pause");
            "paused"
        }
        "recover" => "failed",
        _ => "succeeded",
    };
    let now = cluster.on("m1").settle(&id, &[rest], PATIENCE);
    assert_eq!(now["host"], Value::Null, "who rests has no owner: {now}");
    id
}

/// Calls the verb on a node, and looks at what everybody then says of the owner.
fn wake(cluster: &Cluster, caller: &str, id: &str, verb: &str) {
    let shown = cluster.applied(caller, id, verb);
    let host = cluster.on(caller).host.as_str();
    assert_eq!(
        shown["host"], host,
        "{verb} of {id}: the answer names the new owner"
    );
    let ownership = cluster.ownership(id);
    let log = ownership["log"].as_array().expect("a log");
    let last = log.last().expect("an owner");
    assert_eq!(
        (&last["why"], &last["host"], &last["from_host"]),
        (&json!(verb), &json!(host), &Value::Null),
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
    cluster.applied(first, id, "pause");
    cluster.on(second).settle(id, &["paused"], PATIENCE);
    cluster.applied(second, id, "resume");
    cluster.applied(first, id, "stop");
    cluster.on(second).settle(id, &["stopped"], PATIENCE);
    cluster.history.ends(id, "stopped");
}

#[test]
fn a_verb_on_another_node_makes_that_node_the_owner_whether_the_old_one_lives_or_not() {
    let Some(mut cluster) = Cluster::start(3, 1) else {
        return;
    };
    let flag = cluster.path("flag").display().to_string();
    let slow: Vec<String> = (0..6).map(|_| cluster.task("sleep 0.5")).collect();
    cluster.on("m1").apply("slow", chain("slow", &slow));
    let mut flagged = vec![cluster.task(&format!("test -e {flag}"))];
    flagged.extend((0..6).map(|_| cluster.task("sleep 0.3")));
    cluster.on("m1").apply("flagged", chain("flagged", &flagged));
    let verbs = ["recover", "resume", "rerun"];
    let mut prepared: Vec<(&str, Vec<String>)> = Vec::new();
    for verb in verbs {
        if verb == "rerun" {
            std::fs::write(&flag, "").expect("the flag");
        }
        prepared.push((verb, (0..2).map(|_| at_rest(&cluster, verb)).collect()));
    }
    for (verb, ids) in &prepared {
        wake(&cluster, "m2", &ids[0], verb);
        control(&cluster, &ids[0], &["m3", "m1"]);
    }
    cluster.node("m1").kill();
    for (verb, ids) in &prepared {
        wake(&cluster, "m3", &ids[1], verb);
        control(&cluster, &ids[1], &["m2", "m3"]);
    }
    cluster.wait(PATIENCE, "the killed master is declared dead", |cluster| {
        let nodes = cluster.any().items("/nodes");
        nodes
            .iter()
            .any(|node| node["name"] == "m1" && node["state"] == "dead")
    });
    let effects = Effects {
        declared: 1,
        ..Effects::default()
    };
    check(&cluster, effects);
}

#[test]
fn a_verb_for_a_frozen_owner_is_answered_as_soon_as_the_next_one_has_applied_it() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let ids = load(&cluster, &["m1"], 1);
    let mut frozen = cluster.take("m1");
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
    cluster.applied("m2", &ids[0], "resume");
    frozen.thaw();
    assert_eq!(frozen.exit_code(PATIENCE), Some(75), "{}", frozen.said());
    frozen.start();
    cluster.give_back(frozen);
    all_end(&cluster, &ids);
    let effects = Effects {
        declared: 1,
        ..Effects::default()
    };
    check(&cluster, effects);
}
