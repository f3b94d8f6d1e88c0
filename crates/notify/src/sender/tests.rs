use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use engine::ids::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::samples::{message, sample_alert};

/// Channels by name: the type and the fields of each.
#[derive(Default)]
struct FixedChannels(HashMap<&'static str, (&'static str, Value)>);

#[async_trait]
impl ChannelSource for FixedChannels {
    async fn resolve_channel(&self, channel: &ChannelName) -> Result<ResolvedChannel, ChannelGap> {
        let found = self.0.get(channel.name.as_str());
        let Some((channel_type, fields)) = found.cloned() else {
            return Err(ChannelGap::Missing(format!(
                "there is no channel `{}`",
                channel.name
            )));
        };
        let members = fields["members"].as_array().into_iter().flatten();
        let members = members.map(|name| named(name.as_str().unwrap())).collect();
        let secrets = fields["secret"].as_str().map(str::to_owned).into_iter().collect();
        let Value::Object(fields) = fields else {
            panic!("fields are an object")
        };
        Ok(ResolvedChannel {
            channel_type: channel_type.to_owned(),
            fields,
            secrets,
            connection: None,
            members,
        })
    }
}

fn named(name: &str) -> ChannelName {
    ChannelName {
        project: Some(1),
        name: name.to_owned(),
    }
}

fn webhook(url: &str, secret: &str) -> (&'static str, Value) {
    (
        "webhook",
        json!({ "method": "POST", "url": url, "sign": "bearer", "secret": secret }),
    )
}

fn sender(channels: FixedChannels) -> ChannelSender {
    let clock = Clock::starting_at(Timestamp(0));
    ChannelSender::new(Arc::new(channels), EgressPolicy::DenyMetadata, clock).unwrap()
}

/// Answers each request with the next status; what is left of the request is its count.
fn receiver(statuses: &'static [u16]) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(Mutex::new(0));
    let counted = count.clone();
    thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 8192]).unwrap() > 0, "a request");
            *counted.lock() += 1;
            let body = "your token top-secret-token is wrong";
            let answer = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, count)
}

#[tokio::test]
async fn an_error_never_shows_the_secret_that_a_receiver_repeats() {
    let (url, _) = receiver(&[403]);
    let channels = FixedChannels(HashMap::from([("hook", webhook(&url, "top-secret-token"))]));
    let outcome = sender(channels)
        .deliver(&named("hook"), &message(vec![sample_alert()]))
        .await;
    let SendOutcome::Refused { error } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(error.contains("your token *** is wrong"), "{error}");
}

#[tokio::test]
async fn a_group_tries_again_only_the_members_that_failed() {
    let (good, good_count) = receiver(&[200, 200]);
    let (late, late_count) = receiver(&[503, 200]);
    let members = ["good", "late", "gone"];
    let channels = FixedChannels(HashMap::from([
        ("good", webhook(&good, "s")),
        ("late", webhook(&late, "s")),
        ("all", ("group", json!({ "members": members }))),
    ]));
    let sender = sender(channels);
    let message = message(vec![sample_alert()]);
    let first = sender.deliver(&named("all"), &message).await;
    let SendOutcome::Failed { error, .. } = &first else {
        panic!("{first:?}")
    };
    assert!(error.starts_with("`late`: ") && error.contains("503"), "{error}");
    let second = sender.deliver(&named("all"), &message).await;
    let SendOutcome::Refused { error } = &second else {
        panic!("{second:?}")
    };
    assert_eq!(error, "`gone`: there is no channel `gone`");
    assert_eq!((*good_count.lock(), *late_count.lock()), (1, 2));
}

#[tokio::test]
async fn a_group_in_a_group_and_a_missing_channel_are_refused() {
    let channels = FixedChannels(HashMap::from([
        ("outer", ("group", json!({ "members": ["inner"] }))),
        ("inner", ("group", json!({ "members": ["outer"] }))),
        ("new", ("pigeon", json!({}))),
    ]));
    let sender = sender(channels);
    for (name, expected) in [
        ("outer", "`inner`: it is a group itself"),
        ("absent", "there is no channel `absent`"),
        ("new", "knows no channels of type `pigeon`"),
    ] {
        let outcome = sender.deliver(&named(name), &message(vec![sample_alert()])).await;
        let SendOutcome::Refused { error } = &outcome else {
            panic!("{outcome:?}")
        };
        assert!(error.contains(expected), "{error}");
    }
}
