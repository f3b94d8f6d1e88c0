//! What each type of channels sends: one table of functions that make requests.

mod chat;
mod incident;

use engine::ids::Timestamp;
use ports::AlertMessage;
use ports::ResolvedChannel;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::request::ChannelRequest;
use crate::webhook::webhook_request;

/// Makes the requests of a message; the error says what is wrong with the channel.
type MakeRequests = fn(&ResolvedChannel, &AlertMessage, Timestamp) -> Result<Vec<ChannelRequest>, String>;

/// The types that send by HTTP.
const PRESETS: &[(&str, MakeRequests)] = &[
    ("webhook", webhook),
    ("slack", chat::slack),
    ("discord", chat::discord),
    ("teams", chat::teams),
    ("wecom", chat::wecom),
    ("dingtalk", chat::dingtalk),
    ("feishu", chat::feishu),
    ("telegram", chat::telegram),
    ("webex", chat::webex),
    ("pagerduty", incident::pagerduty),
    ("opsgenie", incident::opsgenie),
    ("alertmanager", incident::alertmanager),
];

/// Makes the requests of a message to a channel; none when its type does not send by HTTP.
pub(crate) fn make_requests(
    channel: &ResolvedChannel,
    message: &AlertMessage,
    now: Timestamp,
) -> Option<Result<Vec<ChannelRequest>, String>> {
    let preset = PRESETS.iter().find(|(name, _)| *name == channel.channel_type);
    preset.map(|(_, make)| make(channel, message, now))
}

fn webhook(
    channel: &ResolvedChannel,
    message: &AlertMessage,
    now: Timestamp,
) -> Result<Vec<ChannelRequest>, String> {
    Ok(vec![webhook_request(&read_fields(channel)?, message, now)?])
}

/// Reads the fields of a channel as the struct of its type.
pub(crate) fn read_fields<T: DeserializeOwned>(channel: &ResolvedChannel) -> Result<T, String> {
    // The error of the parser may repeat a value.
    serde_json::from_value(Value::Object(channel.fields.clone())).map_err(|_| {
        format!(
            "a field of the {} channel is missing: store it again",
            channel.channel_type
        )
    })
}

#[cfg(test)]
mod tests;
