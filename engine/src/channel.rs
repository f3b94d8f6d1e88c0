//! The types of channels, each defined by the table of its fields.
//!
//! A type is one entry of [`CHANNELS`]; the parser, the JSON Schema and what a GET shows follow it. What it sends is in
//! the crate `notify`.

pub mod chat;
pub mod email;
pub mod group;
pub mod incident;
pub mod webhook;

mod channel_fields;

#[cfg(test)]
mod tests;

pub use crate::task_type::channel_values::check_channel_url;

use crate::connector::ConnectorFamily;

/// Every type of channels, in the order in which they are listed for users.
pub const CHANNELS: &ConnectorFamily = &ConnectorFamily {
    noun: "channel",
    types: &[
        &email::EMAIL,
        &webhook::WEBHOOK,
        &chat::SLACK,
        &chat::DISCORD,
        &chat::TEAMS,
        &chat::WECOM,
        &chat::DINGTALK,
        &chat::FEISHU,
        &chat::TELEGRAM,
        &chat::WEBEX,
        &incident::PAGERDUTY,
        &incident::OPSGENIE,
        &incident::ALERTMANAGER,
        &group::GROUP,
    ],
    common: channel_fields::COMMON,
};
