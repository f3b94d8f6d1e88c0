//! Alerts of a node: from an event to the receiver, also when the node dies in between.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Node, eventually};
use test_support::alert_receiver::{AlertReceiver, Reaction};
use test_support::mail_server::MailServer;
use test_support::rest::Rest;
use test_support::waiting::nothing_happens_for;

/// The exit code of a node at its fail point.
const AT_A_POINT: i32 = 99;

const PATIENCE: Duration = Duration::from_secs(30);

/// Time for which a repetition would have come.
const REPETITION: Duration = Duration::from_secs(3);

fn put(node: &Node, path: &str, body: &Value) {
    let answer = node.send(node.request(Method::PUT, &format!("/api/v1{path}")).json(body));
    let status = answer.status();
    assert!(status.is_success(), "PUT {path}: {status} {:?}", answer.text());
}

/// Makes the shared channel `oncall` to a receiver.
fn put_channel(node: &Node, receiver: &AlertReceiver) {
    let channel = json!({ "type": "webhook", "url": receiver.url() });
    put(node, "/channels/oncall", &channel);
}

fn apply_failing(node: &Node, rules: &str) {
    node.apply(
        "w",
        format!("version: 1\nname: w\nnotify: {rules}\ntasks:\n  t: {{ type: shell, run: exit 3 }}\n"),
    );
}

fn states(node: &Node) -> Vec<String> {
    let alerts = node.items("/alerts");
    let deliveries = alerts
        .iter()
        .flat_map(|alert| alert["deliveries"].as_array().cloned().unwrap_or_default());
    deliveries
        .map(|delivery| delivery["state"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_failure_reaches_the_receiver_within_two_seconds_and_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = AlertReceiver::start();
    let node = Node::start(folder.path(), &[]);
    put_channel(&node, &receiver);
    apply_failing(
        &node,
        "[{ name: broken, on: [failed, task_failed], channels: [oncall] }]",
    );
    let id = node.start_instance("w");
    node.settle(&id, &["failed"], PATIENCE);
    let failed_at = Instant::now();
    eventually(PATIENCE, || receiver.received().len() >= 2);
    let received = receiver.received();
    let last = received
        .iter()
        .map(|message| message.at)
        .max()
        .expect("two messages");
    assert!(
        last - failed_at < Duration::from_secs(2),
        "{:?}",
        last - failed_at
    );
    let of_instance = received
        .iter()
        .find(|message| message.body["alerts"][0]["event"] == "failed")
        .expect("the alert of the instance");
    let alert = &of_instance.body["alerts"][0];
    assert_eq!(of_instance.body["count"], 1);
    assert_eq!(
        of_instance.body["delivery"],
        Value::from(of_instance.delivery.clone())
    );
    for (member, value) in [
        ("project", json!("default")),
        ("workflow", json!("w")),
        ("instance", json!(id)),
        ("run", json!(1)),
        ("state", json!("failed")),
        ("task", Value::Null),
        ("node", Value::Null),
    ] {
        assert_eq!(alert[member], value, "{member}: {alert}");
    }
    assert!(
        alert["url"]
            .as_str()
            .expect("an address")
            .ends_with(&format!("/instances/{id}"))
    );
    nothing_happens_for(REPETITION);
    assert_eq!(receiver.received().len(), 2, "each message comes once");
    let alerts = node.items("/alerts?workflow=w&event=failed");
    assert_eq!(alerts[0]["rule"], "document/broken");
    assert_eq!(alerts[0]["subject"], json!(id));
    assert_eq!(states(&node), ["delivered", "delivered"]);
}

#[test]
fn a_failure_reaches_a_mailbox_within_two_seconds() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = MailServer::start("");
    let node = Node::start(folder.path(), &[]);
    let connection = json!({
        "type": "smtp", "host": "127.0.0.1", "port": server.port(), "security": "none", "from": "porpoise@example.org",
    });
    put(&node, "/connections/mail", &connection);
    let channel = json!({ "type": "email", "connection": "mail", "to": ["ops@example.org"] });
    put(&node, "/channels/oncall", &channel);
    apply_failing(&node, "[{ on: [failed], channels: [oncall] }]");
    let id = node.start_instance("w");
    node.settle(&id, &["failed"], PATIENCE);
    let failed_at = Instant::now();
    eventually(PATIENCE, || !server.received().is_empty());
    let mail = server.received().remove(0);
    assert!(
        mail.at - failed_at < Duration::from_secs(2),
        "{:?}",
        mail.at - failed_at
    );
    for part in [
        "To: ops@example.org",
        "From: porpoise@example.org",
        "Message-ID: <",
        "failed",
    ] {
        assert!(mail.text.contains(part), "no {part:?} in {}", mail.text);
    }
    eventually(PATIENCE, || states(&node) == ["delivered"]);
    assert_eq!(server.received().len(), 1);
}

#[test]
fn a_node_that_dies_round_a_delivery_sends_it_after_its_next_start() {
    // Only the death between the message and the record of its answer makes a repetition.
    let points = [
        ("alerts.before_pass@2", 1),
        ("delivery.after_claim@1", 1),
        ("delivery.before_send@1", 1),
        ("delivery.after_send@1", 2),
        ("delivery.after_record@1", 1),
    ];
    for (point, most) in points {
        let folder = tempfile::tempdir().expect("a folder");
        let receiver = AlertReceiver::start();
        {
            let node = Node::start(folder.path(), &[]);
            put_channel(&node, &receiver);
            apply_failing(&node, "[{ on: [failed], channels: [oncall] }]");
        }
        let environment = [("PORPOISE_TEST_ABORT", Path::new(point))];
        let mut doomed = Node::start_in(&environment, folder.path(), &[]);
        let path = "/api/v1/projects/default/workflows/w/instances";
        // The node may die before it answers.
        Rest::answer(doomed.request(Method::POST, path).json(&json!({}))).ok();
        assert_eq!(doomed.exit_code(PATIENCE), Some(AT_A_POINT), "{point} is reached");
        let node = Node::start(folder.path(), &[]);
        if node.items("/instances").is_empty() {
            node.start_instance("w");
        }
        eventually(PATIENCE, || states(&node) == ["delivered"]);
        let deliveries = receiver.deliveries();
        assert!((1..=most).contains(&deliveries.len()), "{point}: {deliveries:?}");
        let distinct: BTreeSet<&String> = deliveries.iter().collect();
        assert_eq!(distinct.len(), 1, "{point}: repetitions have the same id");
    }
}

#[test]
fn a_refused_delivery_is_final_until_a_user_retries_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = AlertReceiver::start();
    receiver.react_with(&[Reaction::Status(400)]);
    let node = Node::start(folder.path(), &[]);
    put_channel(&node, &receiver);
    apply_failing(&node, "[{ on: [failed], channels: [oncall] }]");
    node.start_instance("w");
    eventually(PATIENCE, || states(&node) == ["failed"]);
    nothing_happens_for(REPETITION);
    assert_eq!(receiver.received().len(), 1);
    let alert = node.items("/alerts?state=failed").remove(0);
    let error = alert["deliveries"][0]["last_error"].as_str().expect("an error");
    assert!(error.contains("400"), "{error}");
    let (status, _) = node.post(
        &format!("/alerts/{}/retry", alert["id"].as_str().unwrap()),
        &json!({}),
    );
    assert_eq!(status, 200);
    eventually(PATIENCE, || states(&node) == ["delivered"]);
}

#[test]
fn a_receiver_that_is_broken_gets_the_message_ten_seconds_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = AlertReceiver::start();
    receiver.react_with(&[Reaction::Status(503)]);
    let node = Node::start(folder.path(), &[]);
    put_channel(&node, &receiver);
    apply_failing(&node, "[{ on: [failed], channels: [oncall] }]");
    node.start_instance("w");
    eventually(PATIENCE, || states(&node) == ["delivered"]);
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    let wait = received[1].at - received[0].at;
    assert!((10.0..12.5).contains(&wait.as_secs_f64()), "{wait:?}");
}

#[test]
fn what_does_not_happen_in_time_is_an_alert_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = AlertReceiver::start();
    let node = Node::start(folder.path(), &[]);
    put_channel(&node, &receiver);
    node.apply(
        "w",
        "version: 1\nname: w\nconcurrency: { limit: 1 }\nnotify:\n\
         - { on: [late], after: 2s, channels: [oncall] }\n\
         - { on: [not_started], within: 2s, channels: [oncall] }\n\
         tasks:\n  t: { type: shell, run: sleep 60 }\n"
            .to_owned(),
    );
    // It holds the only place, so that the fire of the schedule waits.
    node.start_instance("w");
    let start = chrono::Utc::now() + chrono::TimeDelta::seconds(2);
    put(
        &node,
        "/projects/default/workflows/w/schedules/s",
        &json!({ "every": "1h", "start": start.to_rfc3339() }),
    );
    eventually(PATIENCE, || node.items("/alerts").len() >= 2);
    let events: BTreeSet<String> = node
        .items("/alerts")
        .iter()
        .map(|alert| alert["event"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        events,
        BTreeSet::from(["late".to_owned(), "not_started".to_owned()])
    );
    eventually(PATIENCE, || receiver.received().len() == 2);
    nothing_happens_for(REPETITION);
    assert_eq!(receiver.received().len(), 2, "each comes once");
}
