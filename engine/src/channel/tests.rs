use serde_json::{Value, json};

use super::CHANNELS;
use crate::connector::StoredConnector;

fn faults(body: &Value) -> Vec<(String, &'static str)> {
    let faults = CHANNELS.parse(body).err().unwrap_or_default();
    faults
        .into_iter()
        .map(|fault| (fault.pointer, fault.code))
        .collect()
}

#[track_caller]
fn assert_fault(body: Value, pointer: &str, code: &'static str) {
    assert_eq!(faults(&body), [(pointer.to_owned(), code)], "{body}");
}

#[test]
fn each_type_takes_its_fields() {
    for body in [
        json!({ "type": "email", "connection": "mail", "to": ["a@example.org", "Ann <ann@example.org>"] }),
        json!({ "type": "webhook", "url": "http://127.0.0.1:1/x?a=b", "headers": { "X-A": "1" }, "sign": "none" }),
        json!({ "type": "slack", "url": "https://hooks.example/1", "description": "for us" }),
        json!({ "type": "discord", "url": "https://h/1" }),
        json!({ "type": "teams", "url": "https://h/1" }),
        json!({ "type": "wecom", "url": "https://h/1" }),
        json!({ "type": "dingtalk", "url": "https://h/1", "secret": "s" }),
        json!({ "type": "feishu", "url": "https://h/1" }),
        json!({ "type": "telegram", "token": "1:a", "chat_id": -5 }),
        json!({ "type": "webex", "token": "t", "room_id": "r" }),
        json!({ "type": "pagerduty", "token": "k" }),
        json!({ "type": "opsgenie", "token": "k", "api_url": "https://api.eu.opsgenie.com" }),
        json!({ "type": "alertmanager", "url": "http://alertmanager:9093" }),
        json!({ "type": "group", "members": ["a", "b"] }),
    ] {
        assert_eq!(faults(&body), [], "{body}");
    }
    assert_eq!(CHANNELS.types.len(), 14);
}

#[test]
fn a_wrong_field_is_named_with_what_helps() {
    assert_fault(
        json!({ "type": "slak", "url": "https://h" }),
        "/type",
        "UNKNOWN_TYPE",
    );
    let webhook = |key: &str, value: Value| {
        let mut body = json!({ "type": "webhook", "url": "https://h/1" });
        body[key] = value;
        body
    };
    assert_fault(webhook("url", json!("https://u:p@h/1")), "/url", "BAD_VALUE");
    assert_fault(webhook("url", json!("ftp://h/1")), "/url", "BAD_VALUE");
    assert_fault(webhook("urk", json!(1)), "/urk", "UNKNOWN_KEY");
    assert_fault(webhook("method", json!("GET")), "/method", "BAD_VALUE");
    assert_fault(webhook("body", json!("{{ alert.")), "/body", "INVALID_EXPRESSION");
    assert_fault(
        webhook("body", json!("{{ alert.tsak }}")),
        "/body",
        "INVALID_EXPRESSION",
    );
    let email = |key: &str, value: Value| {
        let mut body = json!({ "type": "email", "connection": "mail", "to": ["a@example.org"] });
        body[key] = value;
        body
    };
    for wrong in ["a", "a@", "@h", "a b@h", "a@h\nb", "<a@h", "A, B <a@h>", "a..b@h"] {
        assert_fault(email("to", json!([wrong])), "/to/0", "BAD_VALUE");
    }
    assert_fault(email("to", json!([])), "/to", "MISSING");
    assert_fault(
        json!({ "type": "group", "members": ["a", "a"] }),
        "/members/1",
        "DUPLICATE",
    );
}

#[test]
fn a_template_names_its_mistake_by_line() {
    let body = json!({ "type": "webhook", "url": "https://h", "body": "one\n{% for a in alerts %}" });
    let faults = CHANNELS.parse(&body).err().unwrap();
    assert!(faults[0].message.contains("line 2"), "{}", faults[0].message);
}

#[test]
fn tokens_and_addresses_of_chats_are_secrets() {
    let body = json!({ "type": "telegram", "token": "1:a", "chat_id": "5" });
    let update = CHANNELS.parse(&body).unwrap().merge(None).unwrap();
    assert_eq!(update.secrets.keys().collect::<Vec<_>>(), ["/token"]);
    let stored = StoredConnector {
        connector_type: update.connector_type,
        fields: update.fields,
        sealed: update
            .secrets
            .into_keys()
            .map(|pointer| (pointer, "sealed".to_owned()))
            .collect(),
    };
    let shown = Value::Object(stored.show(CHANNELS));
    let expected = json!({
        "api_url": "https://api.telegram.org", "token": { "set": true }, "chat_id": "5", "description": "",
    });
    assert_eq!(shown, expected);
    let body = json!({ "type": "slack", "url": "https://h" });
    let update = CHANNELS.parse(&body).unwrap().merge(None).unwrap();
    assert_eq!(update.secrets.keys().collect::<Vec<_>>(), ["/url"]);
    assert!(
        CHANNELS
            .parse(&json!({ "type": "slack" }))
            .unwrap()
            .merge(None)
            .is_err()
    );
}
