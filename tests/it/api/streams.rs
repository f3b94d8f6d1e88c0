use std::time::Duration;

use futures_util::StreamExt;
use reqwest::RequestBuilder;

use super::server::{reply, serve};

/// Reads frames until one holds `wanted`, or fails after ten seconds; returns everything read.
async fn read_until(asked: RequestBuilder, wanted: &str) -> String {
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut frames = answer.bytes_stream();
    let mut text = String::new();
    let read = async {
        while !text.contains(wanted) {
            let bytes = frames.next().await.expect("the stream continues").unwrap();
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.ok();
    assert!(text.contains(wanted), "{wanted} is not in {text}");
    text
}

#[actix_rt::test]
async fn the_list_of_nodes_comes_at_once_and_without_an_id() {
    let served = serve().await;
    let text = read_until(served.ask("GET", "/api/v1/stream?topics=nodes"), "event: nodes").await;
    assert!(
        text.contains("\"topic\":\"nodes\"") && !text.contains("id: "),
        "{text}"
    );
    served.stop().await;
}

#[actix_rt::test]
async fn a_resumed_stream_sends_stored_transitions_with_their_ids() {
    let served = serve().await;
    let id = served.start("w").await;
    let resumed = |last: &str| {
        let path = format!("/api/v1/stream?topics=instances,instance:{id}");
        served.ask("GET", &path).header("last-event-id", last)
    };
    let text = read_until(resumed("0"), "\"to\":\"running\"").await;
    assert!(
        text.contains("event: transition") && text.contains(&format!("\"instance\":\"{id}\"")),
        "{text}"
    );
    let seen = text
        .lines()
        .find_map(|line| line.strip_prefix("id: "))
        .expect("a step has an id");
    let again = read_until(resumed(seen), &format!("id: {seen}\n")).await;
    assert!(
        again.contains(&format!("\"topic\":\"instance:{id}\"")),
        "within two seconds it comes again: {again}"
    );
    served.stop().await;
}

#[actix_rt::test]
async fn a_stream_sends_an_instance_that_starts_later() {
    let served = serve().await;
    let listen = read_until(
        served.ask("GET", "/api/v1/stream?topics=instances"),
        "\"workflow\":\"later\"",
    );
    let (text, id) = futures_util::future::join(listen, served.start("later")).await;
    assert!(text.contains(&format!("\"instance\":\"{id}\"")), "{text}");
    served.stop().await;
}

#[actix_rt::test]
async fn topics_are_checked_before_the_stream_begins() {
    let served = serve().await;
    let id = served.start("w").await;
    served
        .get("/api/v1/stream?topics=nonsense")
        .await
        .problem(400, "INVALID_QUERY");
    served.get("/api/v1/stream").await.problem(400, "INVALID_QUERY");
    served
        .get("/api/v1/stream?topics=instance:999999")
        .await
        .problem(404, "NOT_FOUND");
    let token = served.member("ann").await;
    let path = format!("/api/v1/stream?topics=instance:{id}");
    reply(served.ask_as(&token, "GET", &path))
        .await
        .problem(403, "FORBIDDEN");
    let resumed = served.ask("GET", &path).header("last-event-id", "x");
    reply(resumed).await.problem(400, "INVALID_HEADER");
    served.stop().await;
}

#[actix_rt::test]
async fn a_stream_ends_when_the_server_stops() {
    let served = serve().await;
    let answer = served
        .ask("GET", "/api/v1/stream?topics=instances")
        .send()
        .await
        .unwrap();
    let mut frames = answer.bytes_stream();
    served.stop().await;
    let ended = async { while frames.next().await.is_some_and(|frame| frame.is_ok()) {} };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .expect("the stream ends");
}

#[actix_rt::test]
async fn a_stream_says_in_which_projects_a_list_changed() {
    let served = serve().await;
    served.start("first").await;
    let project = served
        .send("POST", "/api/v1/projects", serde_json::json!({"name": "other"}))
        .await;
    assert_eq!(project.status, 201, "{project:?}");
    let token = served.member("ann").await;
    let foreign = served.ask_as(&token, "GET", "/api/v1/stream?topics=workflows,schedules");
    let nothing = read_until(foreign, "event: workflows").await;
    assert!(nothing.contains("\"projects\":[]"), "{nothing}");
    let listen = read_until(
        served.ask("GET", "/api/v1/stream?topics=workflows,approvals"),
        "{\"topic\":\"workflows\",\"projects\":[\"other\"]}",
    );
    let change = async {
        served.start_in("other", "second").await;
    };
    let (text, ()) = futures_util::future::join(listen, change).await;
    assert!(text.contains("event: approvals"), "{text}");
    served.stop().await;
}

#[actix_rt::test]
async fn a_workflow_that_is_disabled_is_a_change_of_the_list() {
    let served = serve().await;
    served.start("w").await;
    let listen = async {
        let asked = served.ask("GET", "/api/v1/stream?topics=workflows").send();
        let mut frames = asked.await.unwrap().bytes_stream();
        let mut text = String::new();
        while text.matches("event: workflows").count() < 2 {
            let bytes = frames.next().await.expect("the stream continues").unwrap();
            text.push_str(&String::from_utf8_lossy(&bytes));
            if text.matches("event: workflows").count() == 1 {
                let off = serde_json::json!({"enabled": false});
                let patched = served
                    .send("PATCH", "/api/v1/projects/default/workflows/w", off)
                    .await;
                assert_eq!(patched.status, 200, "{patched:?}");
            }
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(10), listen).await;
    assert!(seen.is_ok(), "no second event");
    served.stop().await;
}

#[actix_rt::test]
async fn a_new_alert_and_the_end_of_its_delivery_are_changes_of_the_list() {
    let served = serve().await;
    let asked = served.ask("GET", "/api/v1/stream?topics=alerts").send();
    let mut frames = asked.await.unwrap().bytes_stream();
    let changes = [
        "INSERT INTO alert (id, event, subject, run, rule, project_id, at, facts, text) \
         VALUES (1, 'failed', '1', 1, 'project/0', 1, 1000, '{}', 'one')",
        "INSERT INTO alert_delivery (id, channel, state, created_at) VALUES (1, 'a', 'waiting', 0)",
        "INSERT INTO alert_delivery_item (alert, delivery) VALUES (1, 1)",
        "UPDATE alert_delivery SET attempts = 1",
        "UPDATE alert_delivery SET state = 'delivered'",
    ];
    // A delivery without its alert is none of a project.
    let announced = [1, 1, 2, 3, 4];
    let mut text = String::new();
    let listen = async {
        for (change, events) in changes.iter().zip(announced) {
            served.sql(change).await;
            while text.matches("\"projects\":[\"default\"]").count() < events {
                let bytes = frames.next().await.expect("the stream continues").unwrap();
                text.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(15), listen).await;
    assert!(seen.is_ok(), "{text}");
    served.stop().await;
}
