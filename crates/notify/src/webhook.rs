//! The request of a `webhook` channel.

use engine::channel::webhook::{WebhookFields, WebhookSignature};
use engine::ids::Timestamp;
use engine::template::render_template;
use ports::AlertMessage;
use reqwest::Method;
use serde_json::{Value, json};

use crate::request::{AnswerRule, ChannelRequest};
use crate::signature::sign_webhook;

/// Makes the request of a message.
pub(crate) fn webhook_request(
    fields: &WebhookFields,
    message: &AlertMessage,
    now: Timestamp,
) -> Result<ChannelRequest, String> {
    let body = match &fields.body {
        Some(template) => render_template(template, template_values(message))
            .map_err(|error| format!("the body cannot be made: {error}"))?,
        None => json!(message).to_string(),
    };
    let mut headers: Vec<(String, String)> = fields
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    if !fields
        .headers
        .keys()
        .any(|name| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
    }
    headers.extend(signature_header(fields, &body, now)?);
    Ok(ChannelRequest {
        method: Method::from_bytes(fields.method.as_bytes()).map_err(|error| error.to_string())?,
        url: fields.url.clone(),
        headers,
        body,
        answer: AnswerRule::Status,
    })
}

fn signature_header(
    fields: &WebhookFields,
    body: &str,
    now: Timestamp,
) -> Result<Option<(String, String)>, String> {
    let secret = fields
        .secret
        .as_deref()
        .ok_or("`secret` is missing, which `sign` needs");
    Ok(match fields.sign {
        WebhookSignature::None => None,
        WebhookSignature::HmacSha256 => {
            Some(("Porpoise-Signature".to_owned(), sign_webhook(secret?, now, body)))
        }
        WebhookSignature::Bearer => Some(("Authorization".to_owned(), format!("Bearer {}", secret?))),
    })
}

/// Returns what templates see: `alerts`, `alert` (the first) and `delivery`.
pub(crate) fn template_values(message: &AlertMessage) -> Value {
    let alerts = json!(message.alerts);
    json!({ "delivery": message.delivery, "alert": alerts[0], "alerts": alerts })
}
