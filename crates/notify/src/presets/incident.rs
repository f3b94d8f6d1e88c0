//! What the types send that open incidents or hand alerts on.

use engine::channel::incident::{AlertmanagerFields, IncidentFields};
use engine::ids::Timestamp;
use ports::ResolvedChannel;
use ports::{AlertMessage, AlertView};
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::read_fields;
use crate::message_text::cut;
use crate::request::ChannelRequest;

/// The most bytes of each text of the services.
const SUMMARY_BYTES: usize = 1_000;
const MESSAGE_BYTES: usize = 130;
const DESCRIPTION_BYTES: usize = 14_000;

type Requests = Result<Vec<ChannelRequest>, String>;

pub(super) fn pagerduty(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: IncidentFields = read_fields(channel)?;
    let url = format!("{}/v2/enqueue", fields.api_url.trim_end_matches('/'));
    let request = |(key, alert): (String, &AlertView)| {
        let action = if alert.event == "recovered" {
            "resolve"
        } else {
            "trigger"
        };
        let body = json!({
            "routing_key": fields.token,
            "event_action": action,
            "dedup_key": key,
            "payload": {
                "summary": cut(&alert.text, SUMMARY_BYTES),
                "source": source_of(alert),
                "severity": severity_of(alert),
            },
        });
        ChannelRequest::post_json(url.clone(), &body)
    };
    Ok(newest_by_key(message).into_iter().map(request).collect())
}

pub(super) fn opsgenie(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: IncidentFields = read_fields(channel)?;
    let url = format!("{}/v2/alerts", fields.api_url.trim_end_matches('/'));
    let request = |(key, alert): (String, &AlertView)| {
        let error = alert
            .error
            .as_deref()
            .map(|error| format!("\n{error}"))
            .unwrap_or_default();
        let description = format!("{}{error}\n{}", alert.text, alert.url);
        let body = json!({
            "message": cut(&alert.text, MESSAGE_BYTES),
            "alias": key,
            "description": cut(&description, DESCRIPTION_BYTES),
        });
        let request = ChannelRequest::post_json(url.clone(), &body);
        request.with_header("Authorization", format!("GenieKey {}", fields.token))
    };
    Ok(newest_by_key(message).into_iter().map(request).collect())
}

pub(super) fn alertmanager(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: AlertmanagerFields = read_fields(channel)?;
    let url = format!("{}/api/v2/alerts", fields.url.trim_end_matches('/'));
    let alerts: Vec<Value> = message.alerts.iter().map(alertmanager_alert).collect();
    Ok(vec![ChannelRequest::post_json(url, &Value::from(alerts))])
}

fn alertmanager_alert(alert: &AlertView) -> Value {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let labels = [
        ("alertname", format!("porpoise_{}", alert.event)),
        ("event", alert.event.clone()),
        ("severity", severity_of(alert).to_owned()),
        ("project", text(&alert.project)),
        ("workflow", text(&alert.workflow)),
        ("task", text(&alert.task)),
        ("schedule", text(&alert.schedule)),
        ("node", text(&alert.node)),
    ];
    // An empty label is none.
    let labels: Map<String, Value> = labels
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect();
    let mut annotations = json!({ "summary": alert.text });
    if let Some(error) = &alert.error {
        annotations["description"] = json!(cut(error, DESCRIPTION_BYTES));
    }
    json!({ "labels": labels, "annotations": annotations, "generatorURL": alert.url })
}

/// Returns the newest alert of each workflow with the key of its incident, in the order of the message.
fn newest_by_key(message: &AlertMessage) -> Vec<(String, &AlertView)> {
    let mut newest: Vec<(String, &AlertView)> = Vec::new();
    for alert in &message.alerts {
        let key = incident_key(alert);
        match newest.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = alert,
            None => newest.push((key, alert)),
        }
    }
    newest
}

fn incident_key(alert: &AlertView) -> String {
    match (&alert.project, &alert.workflow, &alert.node) {
        (Some(project), Some(workflow), _) => format!("porpoise/{project}/{workflow}"),
        (_, _, Some(node)) => format!("porpoise/node/{node}"),
        (_, _, None) => format!("porpoise/{}", alert.event),
    }
}

/// Returns where an alert comes from: the host of our address.
fn source_of(alert: &AlertView) -> String {
    let url = Url::parse(&alert.url).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.unwrap_or("porpoise").to_owned()
}

fn severity_of(alert: &AlertView) -> &'static str {
    match alert.event.as_str() {
        "failed" | "attention" | "timed_out" | "task_failed" | "node_dead" => "error",
        "succeeded" | "recovered" | "backfill_finished" | "approval_waiting" | "sql_result" | "test" => {
            "info"
        }
        _ => "warning",
    }
}
