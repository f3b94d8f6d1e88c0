//! A text with an encoding taken off, and where each byte of it comes from.

use std::borrow::Cow;
use std::ops::Range;

/// A text as it is searched, with the places of its bytes in the text that was read.
#[derive(Debug, Clone)]
pub(crate) struct TextView<'a> {
    bytes: Cow<'a, [u8]>,
    /// Each removal: the place in `bytes` behind it, and how many bytes were removed up to there.
    removals: Vec<(usize, usize)>,
    /// Where the line breaks were that are left out, in the same form; they lie between bytes and belong to none.
    breaks: Vec<(usize, usize)>,
}

impl<'a> TextView<'a> {
    /// Returns the text as it is.
    pub(crate) fn plain(text: &'a [u8]) -> Option<Self> {
        Some(Self {
            bytes: Cow::Borrowed(text),
            removals: Vec::new(),
            breaks: Vec::new(),
        })
    }

    /// Returns the text with `%41` as `A`; none when nothing is encoded so.
    pub(crate) fn percent_decoded(text: &'a [u8]) -> Option<Self> {
        memchr::memchr(b'%', text)?;
        let mut bytes = Vec::with_capacity(text.len());
        let (mut removals, mut at) = (Vec::new(), 0);
        while let Some(byte) = text.get(at) {
            let decoded = Some(byte)
                .filter(|byte| **byte == b'%')
                .and(decode_hex(text, at + 1));
            bytes.push(decoded.unwrap_or(*byte));
            at += 1;
            if decoded.is_some() {
                at += 2;
                removals.push((bytes.len(), at - bytes.len()));
            }
        }
        Some(Self {
            bytes: Cow::Owned(bytes),
            removals,
            breaks: Vec::new(),
        })
    }

    /// Returns the same without line breaks: programs write long base64 in several lines.
    pub(crate) fn without_line_breaks(&self) -> Self {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut breaks = Vec::new();
        for (at, byte) in self.bytes.iter().enumerate() {
            if matches!(byte, b'\r' | b'\n') {
                breaks.push((bytes.len(), at + 1 - bytes.len()));
            } else {
                bytes.push(*byte);
            }
        }
        Self {
            bytes: Cow::Owned(bytes),
            removals: self.removals.clone(),
            breaks,
        }
    }

    /// Returns the bytes that are searched.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes of the text that was read for a range that is not empty.
    pub(crate) fn range(&self, found: Range<usize>) -> Range<usize> {
        let start = found.start + removed_before(&self.breaks, found.start);
        let last = found.end - 1;
        let end = last + removed_before(&self.breaks, last) + 1;
        start + removed_before(&self.removals, start)..end + removed_before(&self.removals, end)
    }
}

/// Returns how many bytes were removed up to a place.
fn removed_before(removals: &[(usize, usize)], at: usize) -> usize {
    let known = removals.partition_point(|(place, _)| *place <= at);
    known.checked_sub(1).map_or(0, |last| removals[last].1)
}

fn decode_hex(text: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(at)? * 16 + digit(at + 1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_its_place_in_what_was_read() {
        let text = b"a%41b%2\n%5A%";
        let view = TextView::percent_decoded(text).expect("something is encoded");
        assert_eq!(view.bytes(), b"aAb%2\nZ%");
        assert_eq!(view.range(1..2), 1..4);
        assert_eq!(view.range(0..3), 0..5);
        assert_eq!(view.range(6..7), 8..11);
        let folded = view.without_line_breaks();
        assert_eq!(folded.bytes(), b"aAb%2Z%");
        assert_eq!(folded.range(4..5), 6..7, "the line break belongs to no byte");
        assert_eq!(folded.range(4..6), 6..11);
        assert_eq!(folded.range(6..7), 11..12);
    }

    #[test]
    fn a_text_without_encoding_has_no_second_view() {
        assert!(TextView::percent_decoded(b"plain").is_none());
    }
}
