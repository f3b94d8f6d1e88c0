//! The HTML part of an e-mail.

use ports::{AlertMessage, AlertView, FailedTaskView};

/// The most alerts that are spelled out.
const MAX_SHOWN_ALERTS: usize = 100;

/// The look of a cell; programs that show mail ignore style sheets.
const CELL: &str = "style=\"border:1px solid #ccc;padding:4px 8px;text-align:left;vertical-align:top\"";

/// Makes the HTML part of a message.
pub(super) fn html_text(message: &AlertMessage) -> String {
    let alerts: String = message
        .alerts
        .iter()
        .take(MAX_SHOWN_ALERTS)
        .map(html_of_alert)
        .collect();
    let left = message.alerts.len().saturating_sub(MAX_SHOWN_ALERTS);
    let more = if left > 0 {
        format!("<p>… and {left} more</p>\n")
    } else {
        String::new()
    };
    format!(
        "<!DOCTYPE html>\n<html><body style=\"font-family:sans-serif;font-size:14px\">\n{alerts}{more}</body></html>\n"
    )
}

fn html_of_alert(alert: &AlertView) -> String {
    let url = escape(&alert.url);
    let text = escape(&alert.text);
    let table = table_of_tasks(&alert.failed_tasks);
    format!("<p><strong>{text}</strong><br><a href=\"{url}\">{url}</a></p>\n{table}")
}

fn table_of_tasks(tasks: &[FailedTaskView]) -> String {
    if tasks.is_empty() {
        return String::new();
    }
    let head: String = ["Task", "Attempt", "State", "Error"]
        .iter()
        .map(|title| format!("<th {CELL}>{title}</th>"))
        .collect();
    let rows: String = tasks.iter().map(row_of_task).collect();
    format!("<table style=\"border-collapse:collapse\">\n<tr>{head}</tr>\n{rows}</table>\n")
}

fn row_of_task(task: &FailedTaskView) -> String {
    let attempt = task
        .attempt
        .map(|attempt| attempt.to_string())
        .unwrap_or_default();
    let error = task.error.clone().unwrap_or_default();
    let cells: String = [task.task.clone(), attempt, task.state.clone(), error]
        .iter()
        .map(|text| format!("<td {CELL}>{}</td>", escape(text)))
        .collect();
    format!("<tr>{cells}</tr>\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
