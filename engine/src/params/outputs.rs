//! The outputs that a task sets: `${setValue(key=value)}` in its output, `key=value` lines in its output file.

use std::collections::BTreeMap;

use crate::spec::limits::MAX_VALUE_BYTES;

const MARKERS: [&[u8]; 2] = [b"${setValue(", b"#{setValue("];
const MARKER_LEN: usize = 11;
const END: &[u8] = b")}";

/// Room for the key and its `=` beside the largest value.
const MAX_BYTES: usize = MAX_VALUE_BYTES + 512;

/// The most lines of one assignment.
const MAX_LINES: usize = 1_024;

/// The most names that one attempt sets, and the most bytes of all values.
const MAX_NAMES: usize = 1_000;
const MAX_TOTAL: usize = super::scopes::MAX_TOTAL_BYTES;

/// Reads the output of a task piece by piece; holds one unfinished assignment at most.
#[derive(Debug, Default)]
pub struct OutputScanner {
    /// What is not decided yet: a part of a marker, or an assignment without its end.
    pending: Vec<u8>,
    /// How much of `pending` holds no end.
    searched: usize,
    found: Assignments,
}

impl OutputScanner {
    /// Makes a scanner at the start of an output.
    pub fn new() -> Self {
        Self::default()
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

    /// Returns everything that was set; later assignments of a name win.
    pub fn finish(self) -> BTreeMap<String, String> {
        self.found.values
    }

    /// Decides about the beginning of `pending`; whether there may be more to decide.
    fn step(&mut self) -> bool {
        let Some(start) = marker(&self.pending) else {
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
            // Too large: the marker is ordinary text, and another may stand behind it.
            self.drop_front(MARKER_LEN);
            return true;
        }
        let Some(end) = end else {
            self.searched = self.pending.len().saturating_sub(END.len() - 1);
            return false;
        };
        let assignment = String::from_utf8_lossy(inside).into_owned();
        self.found.add(&assignment);
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

/// Reads the file of `key=value` lines that a task wrote; later lines win, others are left out.
pub fn read_output_file(text: &str) -> BTreeMap<String, String> {
    let mut found = Assignments::default();
    for line in text.lines() {
        found.add(line);
    }
    found.values
}

#[derive(Debug, Default)]
struct Assignments {
    values: BTreeMap<String, String>,
    bytes: usize,
}

impl Assignments {
    /// Adds `key=value`; what is no assignment, or goes beyond the bounds, is left out.
    fn add(&mut self, text: &str) {
        let Some((key, value)) = text.split_once('=') else {
            return;
        };
        let key = key.trim();
        if crate::spec::names::check_param(key).is_err() || value.len() > MAX_VALUE_BYTES {
            return;
        }
        let before = self.values.get(key).map_or(0, String::len);
        let bytes = self.bytes - before + value.len();
        let known = self.values.contains_key(key);
        if bytes > MAX_TOTAL || (!known && self.values.len() == MAX_NAMES) {
            return;
        }
        self.bytes = bytes;
        // A zero byte could not be handed on in an environment.
        self.values
            .insert(key.to_owned(), value.replace('\0', "\u{fffd}"));
    }
}

fn marker(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(MARKER_LEN)
        .position(|window| MARKERS.contains(&window))
}

fn find_bytes(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
