//! A registry that goes away, comes back, forgets, or is changed by hand: nobody dies of it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::blocked_links::{LONG, dead, troubles};
use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE, address, ports};
use crate::master_crash::{MOVES_WITHIN, all_end, left, load, nothing_ran_again};
use test_support::consul::Consul;

/// Within this time a node that the registry does not know is registered again. It tries at once; but an agent that
/// took the registration before its servers had a leader passes it on only at its next look.
const REGISTERED_WITHIN: Duration = Duration::from_secs(60);

/// An agent looks only once a minute whether its servers know what it knows; a node that is not shown does not wait
/// for that.
const TOLD_ANEW_WITHIN: Duration = Duration::from_secs(25);

/// Waits until the registry knows every node, and they use it.
pub(crate) fn all_registered(cluster: &Cluster) {
    let began = Instant::now();
    cluster.wait(REGISTERED_WITHIN, "every node is registered", |cluster| {
        let lives = cluster.consul.lives();
        cluster.nodes().all(|node| lives.contains(&node.incarnation))
    });
    eprintln!("all were registered again after {:?}", began.elapsed());
    cluster.wait(PATIENCE, "every node uses the registry", |cluster| {
        let mut masters = cluster.nodes().filter(|node| node.answers());
        masters.all(|node| !troubles(cluster, &node.name).contains("REGISTRY"))
    });
}

/// Kills the registry for a while, and sees that its nodes say so.
fn away(cluster: &mut Cluster, forgets: bool) {
    cluster.consul.kill();
    if forgets {
        cluster.consul.forget();
    }
    let until = Instant::now() + Duration::from_secs(6);
    for node in ["m1", "m2"] {
        cluster.wait(Duration::from_secs(5), "membership is frozen", |cluster| {
            troubles(cluster, node).contains("membership frozen")
        });
        // After the first error each one is a refused connection, and is told again.
        cluster.wait(PATIENCE, "the cause is told in words of ours", |cluster| {
            let told = troubles(cluster, node);
            assert!(!told.to_lowercase().contains("connection refused"), "{told}");
            told.contains("nothing listens there")
        });
    }
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    cluster.consul.start();
}

#[test]
fn a_registry_that_goes_away_or_forgets_declares_nobody_dead() {
    let Some(mut cluster) = Cluster::start(2, 1) else {
        return;
    };
    let mut ids = Vec::new();
    for forgets in [false, true] {
        ids.extend(load(&cluster, &["m1", "m2"], 2));
        away(&mut cluster, forgets);
        all_registered(&cluster);
    }
    let life = cluster.on("m2").incarnation.clone();
    cluster.consul.deregister(&life);
    assert!(!cluster.consul.lives().contains(&life), "the hand did something");
    cluster.wait(
        TOLD_ANEW_WITHIN,
        "who was taken out is back by itself",
        |cluster| cluster.consul.lives().contains(&life),
    );
    all_registered(&cluster);
    // Longer than any wait for a confirmation, and than the time in which nobody is suspected anyway.
    std::thread::sleep(LONG);
    assert_eq!(dead(&cluster), Vec::<Value>::new());

    let more = load(&cluster, &["m2"], 2);
    let gone = cluster.on("m2").host.clone();
    cluster.node("m2").kill();
    left(&cluster, &more, &[&gone], MOVES_WITHIN);
    let everything = [ids, more].concat();
    all_end(&cluster, &everything);
    nothing_ran_again(&cluster, &everything);
    let effects = Effects {
        declared: 1,
        ..Effects::default()
    };
    check(&cluster, effects);
    assert_eq!(dead(&cluster).len(), 1, "only the killed one");
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
        troubles(cluster, "m1").contains(words)
    });
    let said = cluster.on("m1").said();
    assert!(said.contains(words), "{said}");
    assert!(!said.contains(token), "{said}");
    let ids = load(&cluster, &["m1"], 1);
    all_end(&cluster, &ids);
    check(&cluster, Effects::default());
}
