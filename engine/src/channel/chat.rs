//! The types of channels that write to people: each posts a text.

use serde::Deserialize;

use super::channel_fields::{SECRET_URL, SIGNING_SECRET, api_url, required_line, token};
use crate::connector::ConnectorType;

/// Slack, and what takes its messages (Mattermost, Rocket.Chat).
pub const SLACK: ConnectorType = ConnectorType {
    name: "slack",
    title: "Slack",
    doc: "Writes to a channel of Slack, or of a service that takes the same messages.",
    fields: &[SECRET_URL],
};

/// Discord.
pub const DISCORD: ConnectorType = ConnectorType {
    name: "discord",
    title: "Discord",
    doc: "Writes to a channel of Discord.",
    fields: &[SECRET_URL],
};

/// Microsoft Teams.
pub const TEAMS: ConnectorType = ConnectorType {
    name: "teams",
    title: "Microsoft Teams",
    doc: "Writes an Adaptive Card to a channel of Microsoft Teams.",
    fields: &[SECRET_URL],
};

/// WeCom.
pub const WECOM: ConnectorType = ConnectorType {
    name: "wecom",
    title: "WeCom",
    doc: "Writes to a group of WeCom (WeChat Work).",
    fields: &[SECRET_URL],
};

/// DingTalk.
pub const DINGTALK: ConnectorType = ConnectorType {
    name: "dingtalk",
    title: "DingTalk",
    doc: "Writes to a group of DingTalk.",
    fields: &[SECRET_URL, SIGNING_SECRET],
};

/// Feishu and Lark.
pub const FEISHU: ConnectorType = ConnectorType {
    name: "feishu",
    title: "Feishu",
    doc: "Writes to a group of Feishu or Lark.",
    fields: &[SECRET_URL, SIGNING_SECRET],
};

/// Telegram.
pub const TELEGRAM: ConnectorType = ConnectorType {
    name: "telegram",
    title: "Telegram",
    doc: "Writes to a chat of Telegram by a bot.",
    fields: &[
        api_url("https://api.telegram.org"),
        token("it is the token of the bot", "The token of the bot."),
        required_line(
            "chat_id",
            "it is the id of the chat, for example \"-1001234\"",
            "The chat.",
        ),
    ],
};

/// Webex.
pub const WEBEX: ConnectorType = ConnectorType {
    name: "webex",
    title: "Webex",
    doc: "Writes to a room of Webex by a bot.",
    fields: &[
        api_url("https://webexapis.com"),
        token("it is the token of the bot", "The token of the bot."),
        required_line("room_id", "it is the id of the room", "The room."),
    ],
};

/// The fields of a channel that is reached by the address of an incoming webhook.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct IncomingWebhookFields {
    /// The address.
    pub url: String,
    /// The key of signatures.
    pub secret: Option<String>,
}

/// The fields of a `telegram` channel.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct TelegramFields {
    /// The address of the service.
    pub api_url: String,
    /// The token of the bot.
    pub token: String,
    /// The chat.
    pub chat_id: String,
}

/// The fields of a `webex` channel.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct WebexFields {
    /// The address of the service.
    pub api_url: String,
    /// The token of the bot.
    pub token: String,
    /// The room.
    pub room_id: String,
}
