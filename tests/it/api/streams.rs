use std::time::Duration;

use futures_util::StreamExt;

use super::server::{Served, reply, serve};

/// Reads frames until one holds `wanted`, or fails after ten seconds; returns everything read.
async fn read_until(served: &Served, path: &str, wanted: &str) -> String {
    let answer = served.ask("GET", path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut frames = answer.bytes_stream();
    let mut text = String::new();
    let read = async {
        while !text.contains(wanted) {
            let bytes = frames.next().await.expect("the stream goes on").unwrap();
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
    let text = read_until(&served, "/api/v1/stream?topics=nodes", "\n\n").await;
    let text = if text.contains("event: nodes") {
        text
    } else {
        text + &read_until(&served, "/api/v1/stream?topics=nodes", "event: nodes").await
    };
    assert!(
        text.contains("\"topic\":\"nodes\"") && !text.contains("id: "),
        "{text}"
    );
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
