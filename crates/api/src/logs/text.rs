//! Turns bytes of a log into text without tearing characters apart.

use super::TextPart;
use actors::ports::LogPart;

/// Decodes a part. A character that is cut off at its end is left for the next part, unless nothing else is in
/// this one or nothing will follow.
pub(super) fn decode(part: &LogPart, offset: u64, ended: bool) -> TextPart {
    let at_end = part.next_offset >= part.size;
    let torn = torn_tail(&part.bytes);
    let keep = part.bytes.len() - torn;
    if torn == 0 || keep == 0 || (at_end && ended) {
        return TextPart {
            text: String::from_utf8_lossy(&part.bytes).into_owned(),
            next_offset: part.next_offset.max(offset),
            end: at_end && ended,
        };
    }
    TextPart {
        text: String::from_utf8_lossy(&part.bytes[..keep]).into_owned(),
        next_offset: part.next_offset - torn as u64,
        end: false,
    }
}

/// Counts the bytes at the end that begin a character without completing it.
fn torn_tail(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    for (place, byte) in bytes.iter().enumerate().skip(from).rev() {
        let wanted = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        let there = bytes.len() - place;
        return if there < wanted { there } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests;
