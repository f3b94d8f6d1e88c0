//! Finds values of secrets in texts and logs, also where they are encoded.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;

use crate::text_view::TextView;

/// What stands in the place of a value.
pub const MASK: &str = "***";

/// The fewest bytes of a value, and of a line of it that is masked by itself: shorter ones would mask ordinary text.
pub const MIN_VALUE_BYTES: usize = 6;

/// How the worker begins a line of its own behind an output that it cut off.
const WORKER_MARK: &[u8] = b"\n[porpoise: ";

/// The most bytes of a text for one byte of a value: each is percent-encoded.
const MAX_GROWTH: usize = 3;

/// What follows behind the last byte that is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowEnd {
    /// More of the text, which was not read.
    More,
    /// Nothing yet: its author may write more.
    Growing,
    /// Nothing.
    Complete,
}

/// Finds the values that one attempt was given.
pub struct Masker {
    /// The values and their lines, as they are and as texts in JSON.
    texts: Forms,
    /// What stands for them alone in base64 of a longer text.
    base64: Forms,
}

/// The texts that stand for values in one way.
struct Forms {
    all: Vec<Vec<u8>>,
    search: AhoCorasick,
}

impl Masker {
    /// Makes a masker of these values; each line of them is masked, too.
    ///
    /// # Errors
    /// They are too many or too long to be searched for.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, TooManyValues> {
        let mut pieces = BTreeSet::new();
        for value in values {
            let lines = value.lines().chain([value, value.trim_end_matches(['\r', '\n'])]);
            pieces.extend(lines.filter(|piece| piece.len() >= MIN_VALUE_BYTES));
        }
        let texts = pieces.iter().flat_map(|piece| text_forms(piece)).collect();
        let base64 = pieces
            .iter()
            .flat_map(|piece| base64_forms(piece.as_bytes()))
            .collect();
        Ok(Self {
            texts: Forms::new(texts)?,
            base64: Forms::new(base64)?,
        })
    }

    /// Returns whether there is nothing to find.
    pub fn is_empty(&self) -> bool {
        self.texts.all.is_empty()
    }

    /// Returns how many bytes a value may reach beyond a part of a text: as many are searched before and behind it.
    pub fn reach(&self) -> usize {
        MAX_GROWTH * self.texts.longest().max(self.base64.longest())
    }

    /// Returns how much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.texts.memory_bytes() + self.base64.memory_bytes()
    }

    /// Returns a text with every value masked.
    pub fn mask_text(&self, text: &str) -> String {
        let found = self.find(text.as_bytes(), WindowEnd::Complete);
        String::from_utf8_lossy(&mask_ranges(text.as_bytes(), 0..text.len(), &found)).into_owned()
    }

    /// Finds the values in a part of a text, in order and without overlaps. What only begins a value counts where the
    /// text is cut off: at its end, and before a mark of the worker.
    pub fn find(&self, window: &[u8], end: WindowEnd) -> Vec<Range<usize>> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for view in [TextView::plain(window), TextView::percent_decoded(window)]
            .into_iter()
            .flatten()
        {
            self.texts.find_in(&view, &mut found);
            self.base64.find_in(&view.without_line_breaks(), &mut found);
        }
        for cut in cuts(window, end) {
            let begun = self.begun_before(&window[..cut]);
            if begun >= MIN_VALUE_BYTES {
                found.push(cut - begun..cut);
            }
        }
        merge(found)
    }

    /// Counts the bytes at the end of a text that begin a value: what follows may complete it.
    pub fn open_end(&self, window: &[u8]) -> usize {
        if self.is_empty() {
            0
        } else {
            self.begun_before(window)
        }
    }

    fn begun_before(&self, text: &[u8]) -> usize {
        let text = &text[text.len().saturating_sub(self.reach())..];
        let views = [TextView::plain(text), TextView::percent_decoded(text)];
        let begun = |view: TextView<'_>| {
            let folded = view.without_line_breaks();
            let starts = [self.texts.begun_in(&view), self.base64.begun_in(&folded)];
            starts.into_iter().flatten().min()
        };
        let first = views.into_iter().flatten().filter_map(begun).min();
        first.map_or(0, |start| text.len() - start)
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(***)")
    }
}

/// The values of an attempt are too many or too long to be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the values of the attempt's secrets are too many to be masked")]
pub struct TooManyValues;

impl Forms {
    fn new(all: BTreeSet<Vec<u8>>) -> Result<Self, TooManyValues> {
        // A DFA of a long value takes hundreds of times its size, and long to build where the value repeats itself.
        let search = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::Standard)
            .build(&all);
        Ok(Self {
            search: search.map_err(|_| TooManyValues)?,
            all: all.into_iter().collect(),
        })
    }

    fn longest(&self) -> usize {
        self.all.iter().map(Vec::len).max().unwrap_or_default()
    }

    fn memory_bytes(&self) -> usize {
        let all: usize = self.all.iter().map(Vec::len).sum();
        self.search.memory_usage() + all
    }

    fn find_in(&self, view: &TextView<'_>, found: &mut Vec<Range<usize>>) {
        let places = self.search.find_overlapping_iter(view.bytes());
        found.extend(places.map(|place| view.range(place.range())));
    }

    /// Returns where a text begins that the end of the view cuts off, the first of several.
    fn begun_in(&self, view: &TextView<'_>) -> Option<usize> {
        let text = view.bytes();
        let last = *text.last()?;
        let begun = |form: &Vec<u8>| {
            let longest = form.len().saturating_sub(1).min(text.len());
            (1..=longest)
                .rev()
                .find(|length| form[length - 1] == last && text.ends_with(&form[..*length]))
        };
        let length = self.all.iter().filter_map(begun).max()?;
        let start = text.len() - length;
        Some(view.range(start..start + 1).start)
    }
}

/// Returns a text with values masked, or a sentence in its place when they are too many for that.
pub fn mask_values<'a>(text: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    match Masker::new(values) {
        Ok(masker) => masker.mask_text(text),
        Err(error) => error.to_string(),
    }
}

/// Returns a part of a text with these ranges masked; a range that reaches beyond the part is masked in it, too.
pub fn mask_ranges(text: &[u8], part: Range<usize>, ranges: &[Range<usize>]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(part.len());
    let mut at = part.start;
    for range in ranges
        .iter()
        .filter(|range| range.end > part.start && range.start < part.end)
    {
        masked.extend_from_slice(&text[at..range.start.max(at)]);
        masked.extend_from_slice(MASK.as_bytes());
        at = range.end.min(part.end);
    }
    masked.extend_from_slice(&text[at..part.end]);
    masked
}

/// Returns where a text is cut off.
fn cuts(window: &[u8], end: WindowEnd) -> Vec<usize> {
    let marks = memchr::memmem::find_iter(window, WORKER_MARK);
    marks
        .chain((end == WindowEnd::Complete).then_some(window.len()))
        .collect()
}

fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Returns a value as it is, as a text in JSON, and as a form field writes its spaces.
fn text_forms(piece: &str) -> Vec<Vec<u8>> {
    let quoted = serde_json::Value::from(piece).to_string();
    vec![
        piece.as_bytes().to_vec(),
        quoted.as_bytes()[1..quoted.len() - 1].to_vec(),
        piece.replace(' ', "+").into_bytes(),
    ]
}

/// Returns the characters that stand for a value alone in base64 of a longer text: at each of its three alignments, in
/// both alphabets.
fn base64_forms(piece: &[u8]) -> Vec<Vec<u8>> {
    let engines = [&STANDARD, &URL_SAFE].map(|alphabet| GeneralPurpose::new(alphabet, NO_PAD));
    let aligned = |before: usize| {
        let padded = [&[0; 2][..before], piece].concat();
        let from = (before * 8).div_ceil(6);
        let to = padded.len() * 8 / 6;
        engines
            .each_ref()
            .map(|engine| engine.encode(&padded).as_bytes()[from..to].to_vec())
    };
    (0..3).flat_map(aligned).collect()
}

#[cfg(test)]
mod tests;
