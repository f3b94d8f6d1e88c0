//! The assignments in the output of a task: `${setValue(key=value)}`.

use super::output_collector::{MAX_LINES, OutputCollector, OutputError};
use crate::spec::limits::MAX_VALUE_BYTES;

const MARKERS: [&[u8]; 2] = [b"${setValue(", b"#{setValue("];
const MARKER_LEN: usize = 11;
const END: &[u8] = b")}";

/// Room for the key and its `=` beside the largest value.
const MAX_BYTES: usize = MAX_VALUE_BYTES + 512;

/// Reads the output of a task piece by piece; holds one unfinished assignment at most.
#[derive(Debug, Default)]
pub struct OutputScanner {
    /// What is not decided yet: a part of a marker, or an assignment without its end.
    pending: Vec<u8>,
    /// How much of `pending` holds no end.
    searched: usize,
    collector: OutputCollector,
}

impl OutputScanner {
    /// Makes a scanner at the start of an output.
    pub fn new(collector: OutputCollector) -> Self {
        Self {
            collector,
            ..Self::default()
        }
    }

    /// Reads the next piece.
    pub fn push(&mut self, bytes: &[u8]) {
        // In steps, so that a large piece without an end is not kept as a whole.
        for piece in bytes.chunks(MAX_BYTES) {
            self.pending.extend_from_slice(piece);
            while self.step() {}
        }
    }

    /// Returns how many bytes it holds undecided.
    pub fn held(&self) -> usize {
        self.pending.len()
    }

    /// Returns everything that was set.
    pub fn finish(self) -> OutputCollector {
        self.collector
    }

    /// Decides about the beginning of `pending`; whether there may be more to decide.
    fn step(&mut self) -> bool {
        let Some(start) = find_marker(&self.pending) else {
            let keep = self.pending.len().min(MARKER_LEN - 1);
            self.drop_front(self.pending.len() - keep);
            return false;
        };
        self.drop_front(start);
        let from = self.searched.max(MARKER_LEN);
        let end = find_bytes(&self.pending[from..], END).map(|place| from + place);
        let length = end.unwrap_or(self.pending.len()) - MARKER_LEN;
        let inside = &self.pending[MARKER_LEN..MARKER_LEN + length];
        let lines = inside.iter().filter(|byte| **byte == b'\n').count();
        if length > MAX_BYTES || lines > MAX_LINES {
            let error = if lines > MAX_LINES {
                OutputError::TooManyLines
            } else {
                OutputError::ValueTooLarge
            };
            if let Some((key, _)) = split_assignment(&String::from_utf8_lossy(inside)) {
                self.collector.reject_value(key, error);
            }
            // The marker is ordinary text, and another may stand behind it.
            self.drop_front(MARKER_LEN);
            return true;
        }
        let Some(end) = end else {
            self.searched = self.pending.len().saturating_sub(END.len() - 1);
            return false;
        };
        if let Some((key, value)) = split_assignment(&String::from_utf8_lossy(inside)) {
            self.collector.set_value(key, value);
        }
        self.drop_front(end + END.len());
        true
    }

    fn drop_front(&mut self, count: usize) {
        if count > 0 {
            self.pending.drain(..count);
            self.searched = 0;
        }
    }
}

fn split_assignment(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once('=')?;
    Some((key.trim(), value))
}

fn find_marker(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(MARKER_LEN)
        .position(|window| MARKERS.contains(&window))
}

fn find_bytes(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
