//! Waits for the end of a backfill and shows how far it is.

use std::io::{self, IsTerminal as _};

use serde_json::Value;

use super::failure::Failure;
use super::output::{OutputStream, plain, say};
use super::polling::poll_until_some;
use super::rest::{Call, Rest};

/// The letters of the bar.
const BAR_WIDTH: u64 = 30;

/// Returns to the begin of the line and clears it.
const CLEAR_LINE: &str = "\r\x1b[K";

/// Waits until a backfill has succeeded, failed or is cancelled, also while it is paused; returns it.
pub(super) fn wait_for_end(rest: &Rest, id: &str) -> Result<Value, Failure> {
    let mut progress = ProgressView::new();
    let what = format!("backfill {id} has not ended and continues");
    let ended = poll_until_some(rest, &what, |rest| {
        let backfill = rest
            .json(Call::get(&["backfills", id]))
            .inspect_err(|_| progress.clear_line())?;
        let has_ended = matches!(state_of(&backfill), "succeeded" | "failed" | "cancelled");
        if !has_ended {
            progress.show(id, &backfill);
        }
        Ok(has_ended.then_some(backfill))
    });
    progress.clear_line();
    ended
}

fn state_of(backfill: &Value) -> &str {
    backfill.get("state").and_then(Value::as_str).unwrap_or_default()
}

/// What is shown of a backfill on standard error.
#[derive(Debug)]
struct ProgressView {
    is_terminal: bool,
    /// The line that stands on the terminal.
    line: String,
    is_paused: bool,
}

impl ProgressView {
    fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            line: String::new(),
            is_paused: false,
        }
    }

    /// Says when a pause begins, and shows the bar on a terminal.
    fn show(&mut self, id: &str, backfill: &Value) {
        let is_paused = state_of(backfill) == "paused";
        if is_paused && !self.is_paused {
            self.clear_line();
            say(&format!(
                "backfill {id} is paused; `porpoise backfill resume {id}` continues it"
            ));
        }
        self.is_paused = is_paused;
        let line = progress_line(backfill);
        if self.is_terminal && line != self.line {
            write_message(&format!("{CLEAR_LINE}{line}"));
            self.line = line;
        }
    }

    /// Removes the bar before something else is written.
    fn clear_line(&mut self) {
        if !self.line.is_empty() {
            write_message(CLEAR_LINE);
            self.line.clear();
        }
    }
}

/// Shows `[#####·····] 5/10 dates: failed=1, succeeded=4`.
fn progress_line(backfill: &Value) -> String {
    let count = |pointer: &str| backfill.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let total = count("/dates/total");
    let open = count("/dates/by_state/waiting") + count("/dates/by_state/running");
    let done = total.saturating_sub(open);
    let filled = (done * BAR_WIDTH).checked_div(total).unwrap_or(0);
    let bar: String = (0..BAR_WIDTH)
        .map(|place| if place < filled { '#' } else { '\u{b7}' })
        .collect();
    format!(
        "[{bar}] {done}/{total} dates: {}",
        plain(backfill.pointer("/dates/by_state"))
    )
}

fn write_message(text: &str) {
    // With a closed stderr there is no way to report anything.
    let _ = OutputStream::Messages.write(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_bar_counts_the_dates_that_have_ended() {
        let backfill =
            |by_state: Value, total: u64| json!({ "dates": { "total": total, "by_state": by_state } });
        let line = progress_line(&backfill(
            json!({ "waiting": 4, "running": 1, "succeeded": 5 }),
            10,
        ));
        let bar = format!("[{}{}]", "#".repeat(15), "\u{b7}".repeat(15));
        assert_eq!(
            line,
            format!("{bar} 5/10 dates: waiting=4, running=1, succeeded=5")
        );
        assert!(progress_line(&backfill(json!({}), 0)).contains("0/0"));
        assert!(
            progress_line(&backfill(json!({ "failed": 3 }), 3)).starts_with(&format!("[{}]", "#".repeat(30)))
        );
    }
}
