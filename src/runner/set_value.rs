//! Finds `${setValue(key=value)}` and `#{setValue(key=value)}` in output that arrives in pieces.

use std::collections::BTreeMap;

/// What of a longer line comes after this is not looked at, so that an endless line costs nothing.
const LINE_BYTES: usize = 64 << 10;

/// Collects what a task sets; the last value of a name counts.
#[derive(Debug, Default)]
pub(super) struct OutputScanner {
    line: Vec<u8>,
    found: BTreeMap<String, String>,
}

impl OutputScanner {
    /// Takes the next piece.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    /// Takes the last line, also without a line end, and returns everything that was set.
    pub(super) fn finish(mut self) -> BTreeMap<String, String> {
        self.end_line();
        self.found
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        for opening in ["${setValue(", "#{setValue("] {
            for rest in line.split(opening).skip(1) {
                let set = rest
                    .split_once(")}")
                    .and_then(|(inside, _)| inside.split_once('='));
                if let Some((key, value)) = set {
                    self.found.insert(key.trim().to_owned(), value.to_owned());
                }
            }
        }
    }
}
