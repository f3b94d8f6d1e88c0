//! What the types send that write to people.

use engine::channel::chat::{IncomingWebhookFields, TelegramFields, WebexFields};
use engine::ids::Timestamp;
use ports::AlertMessage;
use ports::ResolvedChannel;
use reqwest::Url;
use serde_json::json;

use super::read_fields;
use crate::message_text::{markdown, one_line, plain_text};
use crate::request::ChannelRequest;
use crate::signature::{sign_dingtalk, sign_feishu};

/// The most bytes of a text of each service; where it counts letters, those fit.
const SLACK_BYTES: usize = 30_000;
const DISCORD_BYTES: usize = 1_900;
const TEAMS_BYTES: usize = 20_000;
const WECOM_BYTES: usize = 4_000;
const DINGTALK_BYTES: usize = 18_000;
const FEISHU_BYTES: usize = 18_000;
const TELEGRAM_BYTES: usize = 4_000;
const WEBEX_BYTES: usize = 7_000;

/// The most bytes of a title.
const TITLE_BYTES: usize = 200;

type Requests = Result<Vec<ChannelRequest>, String>;

pub(super) fn slack(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: IncomingWebhookFields = read_fields(channel)?;
    let text = plain_text(message, SLACK_BYTES);
    // Its own characters: what stands between < and > is a command or a link.
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    Ok(vec![ChannelRequest::post_json(
        fields.url,
        &json!({ "text": text }),
    )])
}

pub(super) fn discord(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: IncomingWebhookFields = read_fields(channel)?;
    // A text of a task must not call all members.
    let text = plain_text(message, DISCORD_BYTES).replace("@everyone", "@\u{200b}everyone");
    let text = text.replace("@here", "@\u{200b}here");
    Ok(vec![ChannelRequest::post_json(
        fields.url,
        &json!({ "content": text }),
    )])
}

pub(super) fn teams(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: IncomingWebhookFields = read_fields(channel)?;
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            { "type": "TextBlock", "text": one_line(message, TITLE_BYTES), "weight": "Bolder", "wrap": true },
            { "type": "TextBlock", "text": markdown(message, TEAMS_BYTES), "wrap": true },
        ],
    });
    let attachment = json!({
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": card,
    });
    let body = json!({ "type": "message", "attachments": [attachment] });
    Ok(vec![ChannelRequest::post_json(fields.url, &body)])
}

pub(super) fn wecom(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: IncomingWebhookFields = read_fields(channel)?;
    let body = json!({ "msgtype": "markdown", "markdown": { "content": markdown(message, WECOM_BYTES) } });
    Ok(vec![ChannelRequest::post_json(fields.url, &body)])
}

pub(super) fn dingtalk(channel: &ResolvedChannel, message: &AlertMessage, now: Timestamp) -> Requests {
    let fields: IncomingWebhookFields = read_fields(channel)?;
    let mut url = fields.url;
    if let Some(key) = &fields.secret {
        let mut signed = Url::parse(&url).map_err(|_| "the url of the channel is none".to_owned())?;
        signed
            .query_pairs_mut()
            .append_pair("timestamp", &now.0.to_string())
            .append_pair("sign", &sign_dingtalk(key, now));
        url = signed.into();
    }
    let text = markdown(message, DINGTALK_BYTES);
    let body = json!({
        "msgtype": "markdown",
        "markdown": { "title": one_line(message, TITLE_BYTES), "text": text },
    });
    Ok(vec![ChannelRequest::post_json(url, &body)])
}

pub(super) fn feishu(channel: &ResolvedChannel, message: &AlertMessage, now: Timestamp) -> Requests {
    let fields: IncomingWebhookFields = read_fields(channel)?;
    let mut body = json!({ "msg_type": "text", "content": { "text": plain_text(message, FEISHU_BYTES) } });
    if let Some(key) = &fields.secret {
        let seconds = now.0.div_euclid(1000);
        body["timestamp"] = json!(seconds.to_string());
        body["sign"] = json!(sign_feishu(key, seconds));
    }
    Ok(vec![ChannelRequest::post_json(fields.url, &body)])
}

pub(super) fn telegram(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: TelegramFields = read_fields(channel)?;
    let url = format!(
        "{}/bot{}/sendMessage",
        fields.api_url.trim_end_matches('/'),
        fields.token
    );
    let body = json!({ "chat_id": fields.chat_id, "text": plain_text(message, TELEGRAM_BYTES) });
    Ok(vec![ChannelRequest::post_json(url, &body)])
}

pub(super) fn webex(channel: &ResolvedChannel, message: &AlertMessage, _: Timestamp) -> Requests {
    let fields: WebexFields = read_fields(channel)?;
    let url = format!("{}/v1/messages", fields.api_url.trim_end_matches('/'));
    let body = json!({ "roomId": fields.room_id, "markdown": markdown(message, WEBEX_BYTES) });
    let request = ChannelRequest::post_json(url, &body);
    Ok(vec![request.with_header(
        "Authorization",
        format!("Bearer {}", fields.token),
    )])
}
