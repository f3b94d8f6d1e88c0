//! The signals that this process was started with, which its tasks must not inherit.

use std::fs;
use std::sync::Once;

use tokio::signal::unix::{SignalKind, signal};

/// The Rust runtime ignores it and resets it in each child.
const SIGPIPE: i32 = 13;

/// Catches every signal that this process was started to ignore (by `nohup`, or in the background of a shell), and does
/// nothing with it. To this process that is the same, but a child begins with the default action: the kernel resets
/// caught signals in it, and leaves ignored ones ignored. A hook in each child would do so too, and make the standard
/// library fork instead of spawning. The mask of signals is emptied by the standard library.
///
/// Call it inside a runtime.
pub(super) fn catch_ignored_signals() {
    static CAUGHT: Once = Once::new();
    CAUGHT.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        for number in ignored_signals(&status) {
            // The action stays when its listener is dropped.
            if let Err(error) = signal(SignalKind::from_raw(number)) {
                tracing::debug!(%error, number, "tasks ignore this signal, as this process does");
            }
        }
    });
}

/// Lists the ignored signals in the text of `/proc/PID/status`.
fn ignored_signals(status: &str) -> Vec<i32> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let is_ignored = |number: &i32| mask.unwrap_or_default() >> (number - 1) & 1 == 1;
    (1..=64)
        .filter(|number| *number != SIGPIPE)
        .filter(is_ignored)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_the_bits_of_the_mask() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t8000000000001005\nSigCgt:\t0000000000000002\n";
        assert_eq!(ignored_signals(status), [1, 3, 64], "and not SIGPIPE");
        assert_eq!(ignored_signals("Name:\tx\n"), [] as [i32; 0]);
    }
}
