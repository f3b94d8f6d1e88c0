//! Channels: stored with their secrets sealed, tried by real messages.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde_json::{Value, json};

use super::server::{Reply, Served, reply, serve};

pub(super) const CHANNELS: &str = "/api/v1/projects/default/channels";

pub(super) async fn put(served: &Served, name: &str, body: Value) -> Reply {
    served.send("PUT", &format!("{CHANNELS}/{name}"), body).await
}

/// Answers each request with 200 and passes its text on.
pub(super) fn receiver() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = vec![0; 16 * 1024];
            let count = stream.read(&mut bytes).unwrap();
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).unwrap();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    (url, received)
}

#[actix_rt::test]
async fn a_channel_is_stored_and_never_shows_its_secret() {
    let served = serve().await;
    let body = json!({ "type": "telegram", "token": "1:s3cr3t", "chat_id": "-5", "description": "ops" });
    let made = put(&served, "ops", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json()["token"], json!({ "set": true }));
    assert_eq!(made.json()["api_url"], "https://api.telegram.org");
    let kept = json!({ "type": "telegram", "token": { "set": true }, "chat_id": "-6" });
    assert_eq!(put(&served, "ops", kept).await.status, 200);
    let read = served.get(&format!("{CHANNELS}/ops")).await;
    assert_eq!((read.status, &read.json()["chat_id"]), (200, &json!("-6")));
    let listed = served.get(CHANNELS).await;
    assert_eq!(listed.json()["items"][0]["name"], "ops");
    for answer in [&made, &read, &listed] {
        assert!(!answer.text.contains("s3cr3t"), "{answer:?}");
    }
    let moved = json!({ "type": "telegram", "api_url": "http://127.0.0.1:1", "chat_id": "-6" });
    assert_eq!(
        put(&served, "ops", moved).await.problem(422, "SECRET_NEEDED"),
        "/token"
    );
    let gone = served.send("DELETE", &format!("{CHANNELS}/ops"), json!({})).await;
    assert_eq!(gone.status, 204, "{gone:?}");
    served
        .get(&format!("{CHANNELS}/ops"))
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn a_wrong_channel_is_refused_with_its_field_and_the_nearest_name() {
    let served = serve().await;
    let webhook = |url: &str| json!({ "type": "webhook", "url": url });
    for (body, pointer, text) in [
        (
            json!({ "type": "slak", "url": "https://h" }),
            "/type",
            "did you mean `slack`",
        ),
        (
            webhook("http://169.254.169.254/latest"),
            "/url",
            "must not be reached",
        ),
        (
            webhook("http://ann:s3cr3t@127.0.0.1/"),
            "/url",
            "no user and no password",
        ),
        (
            json!({ "type": "slack", "url": "http://[fd00:ec2::254]/" }),
            "/url",
            "must not be reached",
        ),
        (
            json!({ "type": "webhook", "url": "http://h", "sign": "bearer" }),
            "/secret",
            "`secret` is missing",
        ),
    ] {
        let refused = put(&served, "c", body).await;
        assert_eq!(refused.problem(422, "INVALID_BODY"), pointer, "{refused:?}");
        assert!(
            refused.text.contains(text) && !refused.text.contains("s3cr3t"),
            "{text}: {refused:?}"
        );
    }
    let template = json!({ "type": "webhook", "url": "http://h", "body": "a\n{{ alert.txet }}" });
    let refused = put(&served, "c", template).await;
    assert_eq!(refused.problem(422, "INVALID_EXPRESSION"), "/body");
    assert!(refused.text.contains("line 2"), "{refused:?}");
    served.stop().await;
}

#[actix_rt::test]
async fn a_group_has_channels_that_exist_and_no_groups() {
    let served = serve().await;
    let hook = json!({ "type": "webhook", "url": "http://127.0.0.1:1" });
    assert_eq!(put(&served, "oncall", hook.clone()).await.status, 201);
    let shared = served
        .send("PUT", "/api/v1/channels/everyone", hook.clone())
        .await;
    assert_eq!(shared.status, 201, "{shared:?}");
    let group = |members: &[&str]| json!({ "type": "group", "members": members });
    let unknown = put(&served, "all", group(&["onkall"])).await;
    assert_eq!(unknown.problem(422, "UNKNOWN_CHANNEL"), "/members/0");
    assert!(unknown.text.contains("did you mean `oncall`?"), "{unknown:?}");
    assert_eq!(
        put(&served, "all", group(&["oncall", "everyone"])).await.status,
        201
    );
    let nested = put(&served, "outer", group(&["oncall", "all"])).await;
    assert_eq!(nested.problem(422, "INVALID_BODY"), "/members/1");
    assert_eq!(
        put(&served, "oncall", group(&["everyone"]))
            .await
            .problem(422, "INVALID_BODY"),
        "/type"
    );
    for path in [
        format!("{CHANNELS}/oncall"),
        "/api/v1/channels/everyone".to_owned(),
    ] {
        let used = served.send("DELETE", &path, json!({})).await;
        used.problem(409, "IN_USE");
        assert!(used.text.contains("`all`"), "{used:?}");
    }
    served.stop().await;
}

#[actix_rt::test]
async fn a_test_sends_a_real_message_and_says_what_fails() {
    let served = serve().await;
    let (url, received) = receiver();
    let signed = json!({ "type": "webhook", "url": url, "sign": "hmac_sha256", "secret": "a long key" });
    assert_eq!(put(&served, "hook", signed).await.status, 201);
    let tested = served
        .send("POST", &format!("{CHANNELS}/hook/test"), json!({}))
        .await;
    assert_eq!(
        (tested.status, &tested.json()["ok"]),
        (200, &json!(true)),
        "{tested:?}"
    );
    let request = received.recv().unwrap();
    assert!(
        request.to_ascii_lowercase().contains("porpoise-signature: t="),
        "{request}"
    );
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&body["count"], &body["alerts"][0]["event"]),
        (&json!(1), &json!("test"))
    );
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = json!({ "type": "webhook", "url": format!("http://{gone}/") });
    assert_eq!(put(&served, "dead", dead).await.status, 201);
    let tested = served
        .send("POST", &format!("{CHANNELS}/dead/test"), json!({}))
        .await;
    assert_eq!(
        (tested.status, &tested.json()["ok"]),
        (200, &json!(false)),
        "{tested:?}"
    );
    assert!(tested.text.contains("nothing listens there"), "{tested:?}");
    for _ in 0..8 {
        let tested = served
            .send("POST", &format!("{CHANNELS}/dead/test"), json!({}))
            .await;
        assert_eq!(tested.status, 200, "{tested:?}");
    }
    let refused = served
        .send("POST", &format!("{CHANNELS}/dead/test"), json!({}))
        .await;
    refused.problem(429, "TOO_MANY_REQUESTS");
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    served.stop().await;
}

#[actix_rt::test]
async fn a_project_sees_shared_channels_by_name_and_type() {
    let served = serve().await;
    let shared = json!({ "type": "webhook", "url": "http://127.0.0.1:1/private" });
    let made = served.send("PUT", "/api/v1/channels/bi", shared).await;
    assert_eq!(made.status, 201, "{made:?}");
    let token = served.member("ann").await;
    let grant = json!({ "permission": "read" });
    served
        .send("PUT", "/api/v1/projects/default/grants/ann", grant)
        .await;
    let listed = reply(served.ask_as(&token, "GET", CHANNELS)).await;
    let item = &listed.json()["items"][0];
    assert_eq!(
        (&item["name"], &item["type"], &item["shared"]),
        (&json!("bi"), &json!("webhook"), &json!(true))
    );
    assert!(!listed.text.contains("private"), "{listed:?}");
    assert_eq!(
        reply(served.ask_as(&token, "GET", "/api/v1/channels/bi"))
            .await
            .status,
        403
    );
    served
        .get(&format!("{CHANNELS}/bi"))
        .await
        .problem(404, "NOT_FOUND");
    served.stop().await;
}

#[actix_rt::test]
async fn pages_of_channels_neither_skip_nor_repeat() {
    let served = serve().await;
    let hook = json!({ "type": "webhook", "url": "http://127.0.0.1:1" });
    for name in ["b", "a"] {
        assert_eq!(put(&served, name, hook.clone()).await.status, 201);
        let shared = served
            .send("PUT", &format!("/api/v1/channels/{name}"), hook.clone())
            .await;
        assert_eq!(shared.status, 201, "{shared:?}");
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = served.get(&format!("{CHANNELS}?limit=1{cursor}")).await.json();
        let item = &page["items"][0];
        seen.push(format!("{} {}", item["name"].as_str().unwrap(), item["shared"]));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["a false", "b false", "a true", "b true"]);
    let types = served.get("/api/v1/channel-types").await.json();
    assert_eq!(types["items"].as_array().unwrap().len(), 14);
    served.stop().await;
}

/// The examples of docs/channels.md, each as it would be copied into a file.
fn documented_channels() -> Vec<Value> {
    let page = include_str!("../../../docs/channels.md");
    let blocks = page.split("```yaml\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .map(|text| document::parse_value(text.as_bytes(), document::Format::Yaml).unwrap())
        .collect()
}

/// The files of examples/channels.
fn example_channels() -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/channels");
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .map(|text| document::parse_value(&text, document::Format::Yaml).unwrap())
        .collect()
}

#[test]
fn every_type_has_an_example_that_is_valid() {
    let mut types = std::collections::BTreeSet::new();
    let examples = example_channels();
    assert!(examples.len() >= 3, "{examples:?}");
    for body in documented_channels().into_iter().chain(examples) {
        let draft = engine::channel::CHANNELS.parse(&body);
        let draft = draft.unwrap_or_else(|faults| panic!("{body}: {faults:?}"));
        types.insert(draft.connector_type().name);
        assert!(draft.merge(None).is_ok(), "{body}");
    }
    let known = engine::channel::CHANNELS.types.iter().map(|known| known.name);
    assert_eq!(types, known.collect());
}

/// Takes one mail in the clear and passes what the client sent on.
fn mail_server() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut answer = &b"220 hello\r\n"[..];
        let (mut text, mut is_content) = (String::new(), false);
        loop {
            (&stream).write_all(answer).unwrap();
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 || line == "QUIT\r\n" {
                break;
            }
            text.push_str(&line);
            is_content = (is_content && line != ".\r\n") || line == "DATA\r\n";
            answer = match line.as_str() {
                "DATA\r\n" => b"354 go on\r\n",
                _ if is_content => b"",
                _ => b"250 ok\r\n",
            };
        }
        sender.send(text).unwrap();
    });
    (port, received)
}

#[actix_rt::test]
async fn an_email_channel_sends_by_an_smtp_connection_of_its_project() {
    let served = serve().await;
    let mail = json!({ "type": "email", "connection": "mail", "to": ["ops@example.org"] });
    let unknown = put(&served, "ops", mail.clone()).await;
    assert_eq!(unknown.problem(422, "UNKNOWN_CONNECTION"), "/connection");
    let connections = "/api/v1/projects/default/connections";
    let (port, received) = mail_server();
    let smtp = json!({
        "type": "smtp", "host": "127.0.0.1", "port": port, "security": "none", "from": "porpoise@example.org",
    });
    let made = served.send("PUT", &format!("{connections}/mail"), smtp).await;
    assert_eq!(made.status, 201, "{made:?}");
    let http = json!({ "type": "http", "url": "http://127.0.0.1:1" });
    served.send("PUT", &format!("{connections}/site"), http).await;
    let wrong = json!({ "type": "email", "connection": "site", "to": ["ops@example.org"] });
    assert_eq!(
        put(&served, "ops", wrong).await.problem(422, "INVALID_BODY"),
        "/connection"
    );
    assert_eq!(put(&served, "ops", mail).await.status, 201);
    let used = served
        .send("DELETE", &format!("{connections}/mail"), json!({}))
        .await;
    used.problem(409, "IN_USE");
    assert!(used.text.contains("the channel `ops`"), "{used:?}");
    let tested = served
        .send("POST", &format!("{CHANNELS}/ops/test"), json!({}))
        .await;
    assert_eq!(tested.json()["ok"], json!(true), "{tested:?}");
    let sent = received.recv().unwrap();
    for line in [
        "RCPT TO:<ops@example.org>",
        "Subject: [porpoise] This is a test message",
        "Message-ID: <delivery-",
    ] {
        assert!(sent.contains(line), "{line} is missing in {sent}");
    }
    served.stop().await;
}
