//! A registry that stops, returns, forgets, or is changed by hand: no node is declared dead.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, address, ports};
use crate::scenario::{
    LONG, MOVES_WITHIN, dead_members, finish, health_issues, start_load, wait_for_ends, wait_until_left,
};
use test_support::consul::Consul;
use test_support::waiting::nothing_happens_for;

/// Within this time a node that the registry does not know is registered again. It tries at once; but an agent that
/// took the registration before its servers had a leader passes it on only at its next poll.
const REGISTERED_WITHIN: Duration = Duration::from_secs(60);

/// An agent checks only once a minute whether its servers know what it knows; a node that is not shown does not wait
/// for that.
const REGISTERED_AGAIN_WITHIN: Duration = Duration::from_secs(25);

/// Waits until the registry knows every node, and they use it.
pub(crate) fn all_registered(cluster: &Cluster) {
    let began = Instant::now();
    cluster.wait(REGISTERED_WITHIN, "every node is registered", |cluster| {
        let registered = cluster.consul.incarnations();
        cluster.nodes().all(|node| registered.contains(&node.incarnation))
    });
    eprintln!("all were registered again after {:?}", began.elapsed());
    cluster.wait(PATIENCE, "every node uses the registry", |cluster| {
        let mut masters = cluster.nodes().filter(|node| node.answers());
        masters.all(|node| !health_issues(cluster, &node.name).contains("REGISTRY"))
    });
}

/// Kills the registry for a while, and waits until the nodes report it.
fn stop_registry(cluster: &mut Cluster, forgets: bool) {
    cluster.consul.kill();
    if forgets {
        cluster.consul.forget();
    }
    let until = Instant::now() + Duration::from_secs(6);
    for node in ["m1", "m2"] {
        cluster.wait(Duration::from_secs(5), "membership is frozen", |cluster| {
            health_issues(cluster, node).contains("membership frozen")
        });
        // After the first error each one is a refused connection, and is reported again.
        cluster.wait(PATIENCE, "the cause is readable", |cluster| {
            let issues = health_issues(cluster, node);
            assert!(!issues.to_lowercase().contains("connection refused"), "{issues}");
            issues.contains("nothing listens there")
        });
    }
    nothing_happens_for(until.saturating_duration_since(Instant::now()));
    cluster.consul.start();
}

#[test]
fn a_registry_that_stops_or_forgets_kills_no_node() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let mut ids = Vec::new();
    for forgets in [false, true] {
        ids.extend(start_load(&cluster, &["m1", "m2"], 2));
        stop_registry(&mut cluster, forgets);
        all_registered(&cluster);
    }
    let incarnation = cluster.on("m2").incarnation.clone();
    cluster.consul.deregister(&incarnation);
    assert!(
        !cluster.consul.incarnations().contains(&incarnation),
        "it was removed"
    );
    cluster.wait(
        REGISTERED_AGAIN_WITHIN,
        "the removed node registers again",
        |cluster| cluster.consul.incarnations().contains(&incarnation),
    );
    all_registered(&cluster);
    nothing_happens_for(LONG);
    assert_eq!(dead_members(&cluster), Vec::<Value>::new());

    let more = start_load(&cluster, &["m2"], 2);
    let gone = cluster.on("m2").host.clone();
    cluster.node("m2").kill();
    wait_until_left(&cluster, &more, &[&gone], MOVES_WITHIN);
    let everything = [ids, more].concat();
    finish(&cluster, &everything, Effects::declared(1));
    assert_eq!(dead_members(&cluster).len(), 1, "only the killed one");
}

#[test]
fn a_node_whose_token_is_wrong_says_what_to_do_and_not_the_token() {
    let guarded =
        |folder: &std::path::Path| Consul::start_guarded(&folder.join("consul"), &address(), ports(4));
    let Some(mut cluster) = Cluster::start_on(guarded) else {
        return;
    };
    let token = "4d1c0f8e-0000-4000-8000-00000000000f";
    cluster.write_secret("token", token);
    let file = cluster.path("token").display().to_string();
    let node = cluster.add("m1", "master,worker,api", &[]);
    node.environment.push(("PORPOISE__CONSUL__TOKEN_FILE", file));
    node.start();
    let words = "Consul does not know the token of consul.token";
    cluster.wait(PATIENCE, "it says what is wrong", |cluster| {
        health_issues(cluster, "m1").contains(words)
    });
    let said = cluster.on("m1").output();
    assert!(said.contains(words), "{said}");
    assert!(!said.contains(token), "{said}");
    let ids = start_load(&cluster, &["m1"], 1);
    wait_for_ends(&cluster, &ids);
    check(&cluster, Effects::default());
}
