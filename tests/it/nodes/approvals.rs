//! Tasks that wait for a person on a whole node: who may see them and decide, the stream, explanations; and labels that are
//! edited meanwhile.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::harness::{Node, eventually};

/// Long enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const GATE: &str = "version: 1
name: gate
tasks:
  gate:
    type: approval
    message: 'Publish?'
    approvers: [alice]
    inputs: { percent: { type: integer, required: true } }
    outputs: [percent]
    timeout: 2h
  tell: { type: noop, needs: [gate], when: \"instance.labels.colour == 'blue'\" }
";

/// Makes a member with a permission in the default project; returns a token.
fn add_member(node: &Node, name: &str, permission: Option<&str>) -> String {
    let password = "a long password";
    let user = json!({ "name": name, "password": password });
    assert_eq!(node.post("/users", &user).0, 201);
    if let Some(permission) = permission {
        let path = format!("/api/v1/projects/default/grants/{name}");
        let grant = node
            .request(Method::PUT, &path)
            .json(&json!({ "permission": permission }));
        assert_eq!(node.send(grant).status(), 200);
    }
    let login = json!({ "username": name, "password": password });
    let (status, session) = node.post("/auth/login", &login);
    assert_eq!(status, 200, "{session}");
    session["token"].as_str().expect("a token").to_owned()
}

fn send_as(node: &Node, token: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let url = format!("http://{}/api/v1{path}", node.address());
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let request = client.request(method, url).bearer_auth(token).json(body);
    let answer = request.send().expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().unwrap_or_default())
}

fn listed(node: &Node, token: &str, query: &str) -> usize {
    let (status, list) = send_as(
        node,
        token,
        Method::GET,
        &format!("/approvals{query}"),
        &json!({}),
    );
    assert_eq!(status, 200, "{list}");
    list["items"].as_array().expect("a list").len()
}

/// Follows the topic; the lines come one by one.
fn follow(node: &Node, token: &str) -> impl Iterator<Item = Value> {
    let url = format!("http://{}/api/v1/stream?topics=approvals", node.address());
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .build();
    let answer = client
        .expect("a client")
        .get(url)
        .bearer_auth(token)
        .send()
        .expect("a stream");
    let lines = BufReader::new(answer).lines().map_while(Result::ok);
    lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
}

fn wait_for_gate(node: &Node, id: &str) {
    let mut waits = false;
    eventually(PATIENCE, || {
        waits = node.get(&format!("/instances/{id}/tasks/gate"))["state"] == "running";
        waits
    });
    assert!(waits);
}

#[test]
fn an_approval_is_seen_by_readers_and_decided_by_approvers() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply("gate", GATE.to_owned());
    let alice = add_member(&node, "alice", Some("read"));
    let bob = add_member(&node, "bob", Some("execute"));
    let carl = add_member(&node, "carl", None);
    let (mut of_alice, mut of_carl) = (follow(&node, &alice), follow(&node, &carl));
    let projects = |event: Option<Value>| event.expect("an event")["projects"].clone();
    assert_eq!(
        (projects(of_alice.next()), projects(of_carl.next())),
        (json!([]), json!([]))
    );
    let id = node.start_instance("gate");
    wait_for_gate(&node, &id);
    assert_eq!(projects(of_alice.next()), json!(["default"]));
    for (token, all, mine) in [(&alice, 1, 1), (&bob, 1, 0), (&carl, 0, 0)] {
        assert_eq!(
            (listed(&node, token, ""), listed(&node, token, "?mine=true")),
            (all, mine)
        );
    }
    let explained = node.get(&format!("/instances/{id}/tasks/gate/explain"));
    let cause = &explained["because"][0];
    assert_eq!(
        (&cause["kind"], &cause["link"]),
        (
            &json!("approval"),
            &json!(format!("/api/v1/instances/{id}/tasks/gate"))
        )
    );
    assert!(cause["until"].is_string(), "{cause}");
    let path = format!("/instances/{id}/tasks/gate/approve");
    let body = json!({ "inputs": { "percent": 5 } });
    for token in [&bob, &carl] {
        assert_eq!(send_as(&node, token, Method::POST, &path, &body).0, 403);
    }
    assert_eq!(
        send_as(&node, &bob, Method::POST, &path, &json!({ "x": 1 })).0,
        403
    );
    assert_eq!(send_as(&node, &alice, Method::POST, &path, &json!({})).0, 422);
    assert_eq!(send_as(&node, &alice, Method::POST, &path, &body).0, 200);
    assert_eq!(send_as(&node, &alice, Method::POST, &path, &body).0, 409);
    assert_eq!(projects(of_alice.next()), json!(["default"]));
    let task = node.get(&format!("/instances/{id}/tasks/gate"));
    assert_eq!(
        (&task["state"], &task["outputs"]["percent"]),
        (&json!("succeeded"), &json!("5"))
    );
}

#[test]
fn members_of_a_group_decide_while_they_are_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply("gate", GATE.replace("[alice]", "['group:ops']"));
    let alice = add_member(&node, "alice", Some("read"));
    let bob = add_member(&node, "bob", Some("execute"));
    let put_group = |members: Value| {
        let group = node.request(Method::PUT, "/api/v1/groups/ops");
        let status = node.send(group.json(&json!({ "members": members }))).status();
        assert!(status.is_success(), "{status}");
    };
    let id = node.start_instance("gate");
    wait_for_gate(&node, &id);
    let path = format!("/instances/{id}/tasks/gate/approve");
    let body = json!({ "inputs": { "percent": 5 } });
    let approve = |token: &str| send_as(&node, token, Method::POST, &path, &body).0;
    assert_eq!((approve(&alice), listed(&node, &alice, "?mine=true")), (403, 0));
    put_group(json!(["alice", "bob"]));
    let mine = |token: &str| listed(&node, token, "?mine=true");
    assert_eq!((mine(&alice), mine(&bob)), (1, 1));
    put_group(json!(["alice"]));
    assert_eq!((approve(&bob), mine(&bob)), (403, 0));
    assert_eq!(approve(&alice), 200);
    let task = node.get(&format!("/instances/{id}/tasks/gate"));
    assert_eq!(task["state"], "succeeded", "{task}");
}

#[test]
fn an_edited_label_is_seen_by_the_next_expression() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply("gate", GATE.to_owned());
    let id = node.start_instance("gate");
    wait_for_gate(&node, &id);
    let edit = node.request(Method::PATCH, &format!("/api/v1/instances/{id}"));
    let edited = node.send(edit.json(&json!({ "labels": { "colour": "blue" } })));
    assert_eq!(edited.status(), 200);
    let body = json!({ "inputs": { "percent": 5 } });
    assert_eq!(
        node.post(&format!("/instances/{id}/tasks/gate/approve"), &body).0,
        200
    );
    node.settle(&id, &["succeeded"], PATIENCE);
    let task = node.get(&format!("/instances/{id}/tasks/tell"));
    assert_eq!(task["state"], "succeeded", "{task}");
}

#[test]
fn a_wait_for_another_workflow_names_the_instance_that_is_awaited() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply("orders", GATE.replace("name: gate", "name: orders"));
    let wait = "version: 1\nname: wait\ntasks:\n  wait:\n    type: dependent\n    \
                all: [{ workflow: orders, cycle: day, date: today }]\n    timeout: 1h\n";
    node.apply("wait", wait.to_owned());
    let awaited = node.start_instance("orders");
    wait_for_gate(&node, &awaited);
    let id = node.start_instance("wait");
    let mut cause = Value::Null;
    eventually(PATIENCE, || {
        cause = node.get(&format!("/instances/{id}/tasks/wait/explain"))["because"][0].clone();
        cause["kind"] == "dependency" && cause["link"].is_string()
    });
    assert_eq!(cause["link"], format!("/api/v1/instances/{awaited}"), "{cause}");
    assert!(
        cause["detail"]
            .as_str()
            .expect("a text")
            .contains(&format!("instance {awaited}")),
        "{cause}"
    );
    assert!(cause["until"].is_string(), "{cause}");
}

#[test]
fn a_queued_child_that_is_stopped_by_hand_kills_its_task() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &[]);
    node.apply(
        "part",
        "version: 1\nname: part\nconcurrency: { limit: 1 }\ntasks:\n  t: { type: shell, run: sleep 300 }\n"
            .to_owned(),
    );
    node.apply(
        "top",
        "version: 1\nname: top\ntasks:\n  one: { type: sub_workflow, workflow: part }\n".to_owned(),
    );
    let holder = node.start_instance("part");
    let id = node.start_instance("top");
    let mut child = Value::Null;
    eventually(PATIENCE, || {
        let children = node.items(&format!("/instances?parent={id}&state=queued"));
        child = children.first().cloned().unwrap_or_default();
        !child.is_null()
    });
    let child = child["id"].as_str().expect("a queued child").to_owned();
    assert_eq!(
        node.post(&format!("/instances/{child}/stop?wait=20s"), &json!({}))
            .0,
        200
    );
    node.settle(&id, &["failed"], PATIENCE);
    let task = node.get(&format!("/instances/{id}/tasks/one"));
    assert_eq!(task["state"], "killed", "{task}");
    assert_eq!(
        node.post(&format!("/instances/{holder}/stop?wait=20s"), &json!({}))
            .0,
        200
    );
}
