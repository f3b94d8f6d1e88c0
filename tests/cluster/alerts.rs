//! Deliveries of alerts while their masters die and freeze: another master continues, and receivers can tell repetitions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::Method;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::checker::{Effects, check};
use crate::fixture::{Cluster, PATIENCE};
use crate::scenario::wake_and_restart;
use test_support::alert_receiver::{AlertReceiver, Reaction};
use test_support::waiting::nothing_happens_for;

/// Time without a database, and time for which a repetition would have come.
const OUTAGE: Duration = Duration::from_secs(4);

/// A pause that is too short for a node to be declared dead.
const SHORT_PAUSE: Duration = Duration::from_millis(300);

fn put(cluster: &Cluster, path: &str, body: &Value) {
    let request = cluster
        .any()
        .request(Method::PUT, &format!("/api/v1{path}"))
        .json(body);
    let status = cluster.any().send(request).status();
    assert!(status.is_success(), "PUT {path}: {status}");
}

/// Makes each failed instance of the cluster an alert of a receiver.
fn watch_failures(cluster: &Cluster, receiver: &AlertReceiver) {
    put(
        cluster,
        "/channels/oncall",
        &json!({ "type": "webhook", "url": receiver.url() }),
    );
    let rules = json!({ "rules": [{ "on": ["failed"], "channels": ["oncall"] }] });
    put(cluster, "/projects/default/notify", &rules);
    cluster.any().apply(
        "broken",
        "version: 1\nname: broken\ntasks:\n  t: { type: shell, run: exit 3 }\n".to_owned(),
    );
}

/// Starts an instance that fails.
fn fail_instance(cluster: &Cluster, node: &str) {
    let id = cluster.start_instance(node, "broken");
    cluster.history.expect_end(&id, "failed");
}

/// Returns the name of the master that has a delivery.
fn delivering_master(cluster: &Cluster) -> Option<String> {
    let sql = "SELECT m.name FROM alert_delivery d JOIN member m ON m.incarnation = d.owner WHERE d.state = 'waiting'";
    cluster.with_store(async |store| {
        let rows = store.reader().query_all_raw(store.statement(sql, [])).await;
        let rows = rows.expect("an answer");
        rows.first().map(|row| row.try_get_by_index(0).expect("a name"))
    })
}

fn all_are_delivered(cluster: &Cluster, count: usize) -> bool {
    let alerts = cluster.any().items("/alerts");
    let is_delivered = |alert: &Value| alert["deliveries"][0]["state"] == "delivered";
    alerts.len() == count && alerts.iter().all(is_delivered)
}

/// Checks that each alert arrived, and how often at most.
fn check_messages(receiver: &AlertReceiver, alerts: usize, most: usize) {
    let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for message in receiver.received() {
        let alert = message.body["alerts"][0]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        messages.entry(alert).or_default().push(message.delivery);
    }
    assert_eq!(messages.len(), alerts, "{messages:?}");
    for (alert, deliveries) in &messages {
        let distinct: BTreeSet<&String> = deliveries.iter().collect();
        assert_eq!(
            distinct.len(),
            1,
            "repetitions of {alert} have one id: {deliveries:?}"
        );
        assert!(deliveries.len() <= most, "{alert}: {deliveries:?}");
    }
}

#[test]
fn a_master_that_dies_while_it_delivers_is_followed_by_another() {
    let Some(mut cluster) = Cluster::start(3, 1) else {
        return;
    };
    let receiver = AlertReceiver::start();
    watch_failures(&cluster, &receiver);
    for round in 1..=2 {
        receiver.react_with(&[Reaction::Silence]);
        let before = receiver.received().len();
        fail_instance(&cluster, "m1");
        cluster.wait(PATIENCE, "the message arrives", |_| {
            receiver.received().len() > before
        });
        let name = delivering_master(&cluster).expect("a master waits for the answer");
        if round == 1 {
            cluster.node(&name).kill();
            cluster.wait(PATIENCE, "another master delivers", |cluster| {
                all_are_delivered(cluster, round)
            });
            cluster.node(&name).start();
        } else {
            let frozen = cluster.take_node(&name);
            frozen.freeze();
            cluster.wait(PATIENCE, "another master delivers", |cluster| {
                all_are_delivered(cluster, round)
            });
            wake_and_restart(&mut cluster, frozen);
        }
    }
    check_messages(&receiver, 2, 2);
    check(&cluster, Effects::default());
}

#[test]
fn an_answer_that_comes_while_the_database_is_away_is_stored_and_the_message_is_not_repeated() {
    let Some(cluster) = Cluster::start(2, 1) else {
        return;
    };
    let receiver = AlertReceiver::start();
    watch_failures(&cluster, &receiver);
    receiver.react_with(&[Reaction::Hold]);
    fail_instance(&cluster, "m1");
    cluster.wait(PATIENCE, "the message arrives", |_| {
        !receiver.received().is_empty()
    });
    cluster.postgres.stop();
    receiver.release();
    // The sender has the answer and nowhere to store it.
    nothing_happens_for(OUTAGE);
    cluster.postgres.start();
    cluster.wait(PATIENCE, "the answer is stored", |cluster| {
        cluster.nodes().any(|node| node.answers()) && all_are_delivered(cluster, 1)
    });
    check_messages(&receiver, 1, 1);
    check(&cluster, Effects::default());
}

#[test]
fn a_sender_that_pauses_for_a_moment_keeps_its_delivery() {
    let Some(mut cluster) = Cluster::start(3, 1) else {
        return;
    };
    let receiver = AlertReceiver::start();
    watch_failures(&cluster, &receiver);
    receiver.react_with(&[Reaction::Hold]);
    fail_instance(&cluster, "m1");
    cluster.wait(PATIENCE, "the message arrives", |_| {
        !receiver.received().is_empty()
    });
    let name = delivering_master(&cluster).expect("a master waits for the answer");
    let paused = cluster.take_node(&name);
    paused.freeze();
    receiver.release();
    nothing_happens_for(SHORT_PAUSE);
    paused.thaw();
    cluster.put_back(paused);
    cluster.wait(PATIENCE, "the answer is stored", |cluster| {
        all_are_delivered(cluster, 1)
    });
    nothing_happens_for(OUTAGE);
    check_messages(&receiver, 1, 1);
    check(&cluster, Effects::default());
}

#[test]
fn where_nothing_dies_each_alert_arrives_once() {
    let Some(cluster) = Cluster::start(3, 1) else {
        return;
    };
    let receiver = AlertReceiver::start();
    watch_failures(&cluster, &receiver);
    for round in 0..12 {
        fail_instance(&cluster, ["m1", "m2", "m3"][round % 3]);
    }
    cluster.wait(PATIENCE, "all alerts arrive", |cluster| {
        all_are_delivered(cluster, 12)
    });
    check_messages(&receiver, 12, 1);
    check(&cluster, Effects::default());
}
