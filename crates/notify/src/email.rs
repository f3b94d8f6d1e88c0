//! E-mails: a text and an HTML part, with a table of the tasks that failed.

mod html;

use engine::channel::email::{DEFAULT_SUBJECT, EmailFields};
use engine::template::render_template;
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use ports::{AlertMessage, AlertView, FailedTaskView};
use reqwest::Url;

use self::html::html_text;
use crate::message_text::cut;
use crate::webhook::template_values;

/// The most bytes of a subject.
const MAX_SUBJECT_BYTES: usize = 500;

/// The most bytes of the text part; a server takes some MiB.
const MAX_TEXT_BYTES: usize = 256 * 1024;

/// The host in message ids when our own address is unknown.
const FALLBACK_HOST: &str = "porpoise.localhost";

/// An e-mail as a mail server takes it.
#[derive(Clone)]
pub(crate) struct Mail {
    /// The sender.
    pub(crate) from: Mailbox,
    /// Everyone who gets it.
    pub(crate) recipients: Vec<Mailbox>,
    /// Headers and body.
    pub(crate) content: Vec<u8>,
}

/// Makes the e-mail of a message; the error says what is wrong with the channel.
pub(crate) fn make_mail(fields: &EmailFields, from: &str, message: &AlertMessage) -> Result<Mail, String> {
    let from = parse_mailbox(from)?;
    let to = parse_mailboxes(&fields.to)?;
    let cc = parse_mailboxes(&fields.cc)?;
    let mut builder = Message::builder()
        .from(from.clone())
        .subject(subject(fields, message))
        .message_id(Some(message_id(message)));
    for mailbox in &to {
        builder = builder.to(mailbox.clone());
    }
    for mailbox in &cc {
        builder = builder.cc(mailbox.clone());
    }
    let parts = MultiPart::alternative_plain_html(text_part(message), html_text(message));
    let mut mail = builder
        .multipart(parts)
        .map_err(|error| format!("the e-mail cannot be made: {error}"))?;
    for (name, value) in [
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("Porpoise-Delivery", message.delivery.to_string()),
    ] {
        let name = HeaderName::new_from_ascii_str(name);
        mail.headers_mut().insert_raw(HeaderValue::new(name, value));
    }
    Ok(Mail {
        from,
        recipients: to.into_iter().chain(cc).collect(),
        content: mail.formatted(),
    })
}

fn parse_mailboxes(texts: &[String]) -> Result<Vec<Mailbox>, String> {
    texts.iter().map(|text| parse_mailbox(text)).collect()
}

fn parse_mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse().map_err(|_| format!("`{text}` is no mail address"))
}

/// Makes the subject; a template that fails with these alerts costs the subject, not the message.
fn subject(fields: &EmailFields, message: &AlertMessage) -> String {
    let values = template_values(message);
    let rendered = render_template(&fields.subject, values.clone())
        .or_else(|_| render_template(DEFAULT_SUBJECT, values))
        .unwrap_or_default();
    let line = rendered.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line, MAX_SUBJECT_BYTES)
}

/// Makes the id of a message of its delivery: it is the same at each try.
fn message_id(message: &AlertMessage) -> String {
    let url = message
        .alerts
        .first()
        .and_then(|alert| Url::parse(&alert.url).ok());
    let host = url
        .as_ref()
        .and_then(Url::host_str)
        .map(|host| host.trim_matches(['[', ']']));
    let host = host.filter(|host| host.parse::<std::net::Ipv6Addr>().is_err());
    format!(
        "<delivery-{}@{}>",
        message.delivery,
        host.unwrap_or(FALLBACK_HOST)
    )
}

fn text_part(message: &AlertMessage) -> String {
    let alerts: Vec<String> = message.alerts.iter().map(text_of_alert).collect();
    cut(&alerts.join("\n\n"), MAX_TEXT_BYTES)
}

fn text_of_alert(alert: &AlertView) -> String {
    let tasks: String = alert.failed_tasks.iter().map(text_of_task).collect();
    let tasks = if tasks.is_empty() {
        tasks
    } else {
        format!("\nFailed tasks:{tasks}")
    };
    format!("{}{tasks}\n{}", alert.text, alert.url)
}

fn text_of_task(task: &FailedTaskView) -> String {
    let attempt = task
        .attempt
        .map(|attempt| format!(", attempt {attempt}"))
        .unwrap_or_default();
    let error = task
        .error
        .as_deref()
        .map(|error| format!(": {error}"))
        .unwrap_or_default();
    format!("\n  - {} ({}{attempt}){error}", task.task, task.state)
}

#[cfg(test)]
mod tests;
