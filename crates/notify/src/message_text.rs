//! The words of a message: one line, a text, Markdown, each within the bounds of a service.

use ports::{AlertMessage, AlertView};

/// The most alerts that a text spells out.
const MAX_SHOWN_ALERTS: usize = 20;

/// Returns a message in one line: the sentence of its first alert, with the number of the others.
pub(crate) fn one_line(message: &AlertMessage, max_bytes: usize) -> String {
    let first = message.alerts.first().map_or("", |alert| alert.text.as_str());
    let first = first.replace(['\r', '\n'], " ");
    match message.alerts.len() {
        0 | 1 => cut(&first, max_bytes),
        count => cut(&format!("{count} alerts: {first}"), max_bytes),
    }
}

/// Returns a message as text: each alert with its address.
pub(crate) fn plain_text(message: &AlertMessage, max_bytes: usize) -> String {
    join_alerts(message, max_bytes, |alert| {
        format!("{}\n{}", alert.text, alert.url)
    })
}

/// Returns a message as Markdown: each alert with a link.
pub(crate) fn markdown(message: &AlertMessage, max_bytes: usize) -> String {
    join_alerts(message, max_bytes, |alert| {
        format!("{}\n\n[{}]({})", alert.text, alert.url, alert.url)
    })
}

fn join_alerts(message: &AlertMessage, max_bytes: usize, show: fn(&AlertView) -> String) -> String {
    let mut parts: Vec<String> = message.alerts.iter().take(MAX_SHOWN_ALERTS).map(show).collect();
    let left = message.alerts.len().saturating_sub(MAX_SHOWN_ALERTS);
    if left > 0 {
        parts.push(format!("… and {left} more"));
    }
    cut(&parts.join("\n\n"), max_bytes)
}

/// Returns as much of a text as fits.
pub(crate) fn cut(text: &str, max_bytes: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(max_bytes.saturating_sub(MARK.len()));
    format!("{}{MARK}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{message, sample_alert};

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!(cut("größe", 6), "gr…");
        assert_eq!(cut("größe", 7), "größe");
        assert_eq!(cut("abc", 0), "…");
    }

    #[test]
    fn many_alerts_are_counted() {
        let many = message(vec![sample_alert(); 25]);
        assert!(one_line(&many, 100).starts_with("25 alerts: "));
        assert!(plain_text(&many, 100_000).ends_with("… and 5 more"));
        assert_eq!(one_line(&message(vec![sample_alert()]), 100), sample_alert().text);
    }
}
