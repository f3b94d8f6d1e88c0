use ports::AlertView;
use serde_json::json;

use super::*;
use crate::samples::{AT, message, sample_alert};

/// The text of the sample alert with its address, in Markdown.
const MARKDOWN: &str = "sales/nightly failed: a task failed\n\n\
    [http://porpoise.example:8080/instances/41](http://porpoise.example:8080/instances/41)";

/// The same as text.
const TEXT: &str = "sales/nightly failed: a task failed\nhttp://porpoise.example:8080/instances/41";

fn channel(channel_type: &str, fields: Value) -> ResolvedChannel {
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    ResolvedChannel {
        channel_type: channel_type.to_owned(),
        fields,
        secrets: Vec::new(),
        connection: None,
        members: Vec::new(),
    }
}

fn requests(channel_type: &str, fields: Value, alerts: Vec<AlertView>) -> Vec<ChannelRequest> {
    let made = make_requests(&channel(channel_type, fields), &message(alerts), AT);
    made.expect("a type that sends by HTTP").unwrap()
}

#[track_caller]
fn assert_request(channel_type: &str, fields: Value, url: &str, extra: &[(&str, &str)], body: Value) {
    let made = requests(channel_type, fields, vec![sample_alert()]);
    let [request] = made.as_slice() else {
        panic!("{channel_type} makes one request")
    };
    assert_eq!(request.method, "POST", "{channel_type}");
    assert_eq!(request.url, url, "{channel_type}");
    let json = [("Content-Type", "application/json")];
    let expected: Vec<(String, String)> = json
        .iter()
        .chain(extra)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    assert_eq!(request.headers, expected, "{channel_type}");
    let sent: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(sent, body, "{channel_type}");
}

#[test]
fn chats_get_the_requests_that_they_document() {
    let hook = "https://hooks.example/T1";
    let url = || json!({ "url": hook });
    assert_request("slack", url(), hook, &[], json!({ "text": TEXT }));
    assert_request("discord", url(), hook, &[], json!({ "content": TEXT }));
    let content = json!({ "msgtype": "markdown", "markdown": { "content": MARKDOWN } });
    assert_request("wecom", url(), hook, &[], content);
    let text = json!({ "msg_type": "text", "content": { "text": TEXT } });
    assert_request("feishu", url(), hook, &[], text);
    let titled = json!({ "title": "sales/nightly failed: a task failed", "text": MARKDOWN });
    assert_request(
        "dingtalk",
        url(),
        hook,
        &[],
        json!({ "msgtype": "markdown", "markdown": titled }),
    );
    assert_request(
        "telegram",
        json!({ "api_url": "https://api.telegram.org", "token": "1:a", "chat_id": "-5" }),
        "https://api.telegram.org/bot1:a/sendMessage",
        &[],
        json!({ "chat_id": "-5", "text": TEXT }),
    );
    assert_request(
        "webex",
        json!({ "api_url": "https://webexapis.com/", "token": "t", "room_id": "r" }),
        "https://webexapis.com/v1/messages",
        &[("Authorization", "Bearer t")],
        json!({ "roomId": "r", "markdown": MARKDOWN }),
    );
}

#[test]
fn teams_gets_an_adaptive_card() {
    let made = requests("teams", json!({ "url": "https://h/1" }), vec![sample_alert()]);
    let body: Value = serde_json::from_str(&made[0].body).unwrap();
    assert_eq!(body["type"], "message");
    let attachment = &body["attachments"][0];
    assert_eq!(
        attachment["contentType"],
        "application/vnd.microsoft.card.adaptive"
    );
    assert_eq!(attachment["content"]["type"], "AdaptiveCard");
    assert_eq!(attachment["content"]["body"][1]["text"], MARKDOWN);
}

#[test]
fn signed_chats_carry_time_and_signature() {
    let fields = json!({ "url": "https://h/send?access_token=a", "secret": "this is secret" });
    let made = requests("dingtalk", fields.clone(), vec![sample_alert()]);
    assert_eq!(
        made[0].url,
        "https://h/send?access_token=a&timestamp=1769846400000&sign=KiKGJg4Lcb9yrl0kgNNrBTFEMxBGaJNSydfzQ3eSwLU%3D"
    );
    let made = requests("feishu", fields, vec![sample_alert()]);
    let body: Value = serde_json::from_str(&made[0].body).unwrap();
    assert_eq!(body["timestamp"], "1769846400");
    assert_eq!(body["sign"], "mwLXaSWeIriCn2y1GVak/vR2pwJkNbnPSferznFlgys=");
}

#[test]
fn incidents_have_one_key_for_each_workflow() {
    let recovered = AlertView {
        event: "recovered".to_owned(),
        text: "sales/nightly recovered".to_owned(),
        ..sample_alert()
    };
    let other = AlertView {
        workflow: Some("weekly".to_owned()),
        ..sample_alert()
    };
    let fields = json!({ "api_url": "https://events.pagerduty.com", "token": "k" });
    let made = requests("pagerduty", fields, vec![sample_alert(), other, recovered]);
    let bodies: Vec<Value> = made
        .iter()
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect();
    let payload = |summary: &str, severity: &str| json!({ "summary": summary, "source": "porpoise.example", "severity": severity });
    let expected = [
        json!({
            "routing_key": "k", "event_action": "resolve", "dedup_key": "porpoise/sales/nightly",
            "payload": payload("sales/nightly recovered", "info"),
        }),
        json!({
            "routing_key": "k", "event_action": "trigger", "dedup_key": "porpoise/sales/weekly",
            "payload": payload("sales/nightly failed: a task failed", "error"),
        }),
    ];
    assert_eq!(bodies, expected);
    assert_eq!(made[0].url, "https://events.pagerduty.com/v2/enqueue");
}

#[test]
fn opsgenie_and_alertmanager_get_the_requests_that_they_document() {
    assert_request(
        "opsgenie",
        json!({ "api_url": "https://api.opsgenie.com", "token": "k" }),
        "https://api.opsgenie.com/v2/alerts",
        &[("Authorization", "GenieKey k")],
        json!({
            "message": "sales/nightly failed: a task failed",
            "alias": "porpoise/sales/nightly",
            "description": "sales/nightly failed: a task failed\nexit code 1 <&>\n\
                http://porpoise.example:8080/instances/41",
        }),
    );
    assert_request(
        "alertmanager",
        json!({ "url": "http://alertmanager:9093" }),
        "http://alertmanager:9093/api/v2/alerts",
        &[],
        json!([{
            "labels": {
                "alertname": "porpoise_failed", "event": "failed", "severity": "error",
                "project": "sales", "workflow": "nightly",
            },
            "annotations": {
                "summary": "sales/nightly failed: a task failed", "description": "exit code 1 <&>",
            },
            "generatorURL": "http://porpoise.example:8080/instances/41",
        }]),
    );
}

#[test]
fn a_webhook_sends_every_field_and_null_for_what_does_not_apply() {
    let fields = json!({ "method": "PUT", "url": "http://h/x?y=1", "sign": "none" });
    let made = requests("webhook", fields, vec![sample_alert()]);
    assert_eq!(
        (made[0].method.as_str(), made[0].url.as_str()),
        ("PUT", "http://h/x?y=1")
    );
    let body: Value = serde_json::from_str(&made[0].body).unwrap();
    assert_eq!((&body["delivery"], &body["count"]), (&json!("9"), &json!(1)));
    let alert = body["alerts"][0].as_object().unwrap();
    let keys: Vec<&str> = alert.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "id",
            "event",
            "at",
            "project",
            "workflow",
            "instance",
            "run",
            "scheduled_at",
            "task",
            "attempt",
            "node",
            "schedule",
            "backfill",
            "state",
            "reason",
            "error",
            "text",
            "url"
        ]
    );
    assert_eq!(alert["task"], Value::Null);
    assert_eq!(alert["at"], "2026-01-31T08:00:00.000Z");
}

#[test]
fn a_webhook_has_the_body_headers_and_signature_of_its_fields() {
    let fields = json!({
        "method": "POST", "url": "http://h", "sign": "hmac_sha256", "secret": "whsec",
        "headers": { "content-type": "text/plain", "X-Team": "bi" },
        "body": "{{ alert.event }} {{ alerts|length }} {{ delivery }}",
    });
    let made = requests("webhook", fields, vec![sample_alert(), sample_alert()]);
    assert_eq!(made[0].body, "failed 2 9");
    let header = |name: &str| made[0].headers.iter().find(|(known, _)| known == name).cloned();
    assert!(header("Content-Type").is_none(), "the given one replaces it");
    assert!(header("X-Team").is_some());
    let (_, signature) = header("Porpoise-Signature").unwrap();
    assert_eq!(
        signature,
        crate::signature::sign_webhook("whsec", AT, "failed 2 9")
    );
    let bearer = json!({ "method": "POST", "url": "http://h", "sign": "bearer", "secret": "tok" });
    let made = requests("webhook", bearer, vec![sample_alert()]);
    assert!(
        made[0]
            .headers
            .contains(&("Authorization".to_owned(), "Bearer tok".to_owned()))
    );
}

#[test]
fn what_is_missing_is_named_and_no_value_repeated() {
    let unsigned = channel(
        "webhook",
        json!({ "method": "POST", "url": "http://h", "sign": "bearer" }),
    );
    let error = make_requests(&unsigned, &message(vec![sample_alert()]), AT)
        .unwrap()
        .err()
        .unwrap();
    assert!(error.contains("`secret` is missing"), "{error}");
    let incomplete = channel("telegram", json!({ "token": "s3cr3t" }));
    let error = make_requests(&incomplete, &message(vec![sample_alert()]), AT)
        .unwrap()
        .err()
        .unwrap();
    assert!(error.contains("telegram") && !error.contains("s3cr3t"), "{error}");
}

#[test]
fn texts_of_tasks_command_no_chat() {
    let loud = AlertView {
        text: "<!channel> @everyone failed".to_owned(),
        ..sample_alert()
    };
    let url = json!({ "url": "https://h" });
    let slack = requests("slack", url.clone(), vec![loud.clone()]);
    assert!(slack[0].body.contains("&lt;!channel&gt;"), "{}", slack[0].body);
    let discord = requests("discord", url, vec![loud]);
    assert!(!discord[0].body.contains("@everyone"), "{}", discord[0].body);
}

#[test]
fn every_type_but_email_and_group_has_a_preset() {
    let types = engine::channel::CHANNELS.types.iter().map(|known| known.name);
    let without: Vec<&str> = types
        .filter(|name| PRESETS.iter().all(|(known, _)| known != name))
        .collect();
    assert_eq!(without, ["email", "group"]);
}
