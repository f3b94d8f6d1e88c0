//! A part of a log, with the values of secrets that stand in it.

use std::ops::Range;

use ports::LogPart;
use secrets::{Masker, WindowEnd, mask_ranges};

use crate::logs::decode::LogWriter;

/// The bytes that are read for a part, with enough before and behind it that each value is seen as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadWindow {
    /// The first byte of the part.
    offset: u64,
    /// The most bytes of the part.
    limit: u64,
    reach: u64,
}

impl ReadWindow {
    /// Returns what is read for a part whose values reach so far.
    pub(crate) fn new((offset, limit): (u64, u64), masker: &Masker) -> Self {
        let reach = u64::try_from(masker.reach()).unwrap_or(u64::MAX);
        Self { offset, limit, reach }
    }

    /// Returns offset and size of what is read.
    pub(crate) fn range(self) -> (u64, u64) {
        let start = self.offset.saturating_sub(self.reach);
        let before = self.offset - start;
        (
            start,
            before.saturating_add(self.limit).saturating_add(self.reach),
        )
    }
}

/// A part of a log whose values are known. It holds bytes of the file, and shows none of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MaskedPart {
    /// The bytes of the file.
    bytes: Vec<u8>,
    /// Where they begin in the file.
    pub(crate) offset: u64,
    /// Where the next part begins.
    pub(crate) next_offset: u64,
    /// The size of the file.
    pub(crate) size: u64,
    /// The values, as places in the file.
    pub(crate) hidden: Vec<Range<u64>>,
}

impl MaskedPart {
    /// Finds the values in what was read. Of a log that grows, the end that may begin a value is left for the next part.
    pub(crate) fn new(read: LogPart, window: ReadWindow, masker: &Masker, writer: LogWriter) -> Self {
        let (start, _) = window.range();
        let read_to = read.next_offset.max(start);
        let is_at_end = read_to >= read.size;
        let end = match (is_at_end, writer) {
            (false, _) => WindowEnd::More,
            (true, LogWriter::Running) => WindowEnd::Growing,
            (true, LogWriter::Ended) => WindowEnd::Complete,
        };
        let held = match end {
            WindowEnd::Growing => masker.open_end(&read.bytes) as u64,
            WindowEnd::More | WindowEnd::Complete => 0,
        };
        let place = |at: usize| start + at as u64;
        let hidden = masker.find(&read.bytes, end).into_iter();
        let wanted = window.offset.saturating_add(window.limit);
        let next_offset = wanted.min(read_to.saturating_sub(held)).max(window.offset);
        let index = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
        let part = index(window.offset).min(read.bytes.len())..index(next_offset).min(read.bytes.len());
        Self {
            bytes: read.bytes[part].to_vec(),
            offset: window.offset,
            next_offset,
            size: read.size,
            hidden: hidden.map(|range| place(range.start)..place(range.end)).collect(),
        }
    }

    /// Returns the bytes as a reader may see them; offsets stay those of the file.
    pub(crate) fn shown(&self) -> LogPart {
        LogPart {
            bytes: mask_bytes(&self.bytes, self.offset, &self.hidden),
            next_offset: self.next_offset,
            size: self.size,
        }
    }

    /// Removes bytes at the beginning.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.bytes.drain(..bytes);
        self.offset += bytes as u64;
    }

    /// Returns the bytes of the file, for a search that masks what it finds.
    pub(crate) fn file_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Masks bytes of the file that begin at an offset.
pub(crate) fn mask_bytes(bytes: &[u8], offset: u64, hidden: &[Range<u64>]) -> Vec<u8> {
    let end = offset.saturating_add(bytes.len() as u64);
    let place = |at: u64| usize::try_from(at.clamp(offset, end) - offset).unwrap_or(usize::MAX);
    let inside = hidden
        .iter()
        .filter(|range| range.start < end && range.end > offset);
    let ranges: Vec<Range<usize>> = inside.map(|range| place(range.start)..place(range.end)).collect();
    mask_ranges(bytes, 0..bytes.len(), &ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = b"begin a long value end";

    fn part(offset: u64, limit: u64, log: &[u8], writer: LogWriter) -> MaskedPart {
        let masker = Masker::new(["a long value"]).expect("one value");
        let window = ReadWindow::new((offset, limit), &masker);
        let (start, size) = window.range();
        let from = (start as usize).min(log.len());
        let to = log.len().min(from + size as usize);
        let read = LogPart {
            bytes: log[from..to].to_vec(),
            next_offset: to as u64,
            size: log.len() as u64,
        };
        MaskedPart::new(read, window, &masker, writer)
    }

    #[test]
    fn every_part_is_masked_and_counts_bytes_of_the_file() {
        for limit in 1..=LOG.len() as u64 {
            let (mut offset, mut text) = (0, String::new());
            while offset < LOG.len() as u64 {
                let shown = part(offset, limit, LOG, LogWriter::Ended).shown();
                assert_eq!(shown.next_offset, (offset + limit).min(LOG.len() as u64));
                text.push_str(&String::from_utf8_lossy(&shown.bytes));
                offset = shown.next_offset;
            }
            assert!(
                text.starts_with("begin ***") && text.ends_with("*** end"),
                "{limit}: {text}"
            );
            assert!(!text.contains("ong") && !text.contains("val"), "{limit}: {text}");
        }
    }

    #[test]
    fn what_may_begin_a_value_waits_for_what_follows() {
        let growing = &LOG[..11];
        let shown = part(0, 100, growing, LogWriter::Running).shown();
        assert_eq!((&shown.bytes[..], shown.next_offset), (&b"begin "[..], 6));
        let shown = part(6, 100, growing, LogWriter::Running).shown();
        assert_eq!((shown.bytes.len(), shown.next_offset), (0, 6));
        let shown = part(6, 100, &LOG[..14], LogWriter::Ended).shown();
        assert_eq!((&shown.bytes[..], shown.next_offset), (&b"***"[..], 14));
        let shown = part(6, 100, LOG, LogWriter::Running).shown();
        assert_eq!((&shown.bytes[..], shown.next_offset), (&b"*** end"[..], 22));
    }

    #[test]
    fn a_part_behind_the_end_is_empty() {
        let shown = part(100, 5, LOG, LogWriter::Ended).shown();
        assert_eq!((shown.bytes.len(), shown.next_offset, shown.size), (0, 100, 22));
    }
}
