//! Decoding of log bytes as text without splitting characters.

use ports::LogPart;

/// A part of a log as text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogText {
    pub(crate) text: String,
    pub(crate) next_offset: u64,
    /// The size of the whole log in bytes.
    pub(crate) size: u64,
    /// The attempt has ended and nothing follows.
    pub(crate) end: bool,
}

/// The attempt that writes a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogWriter {
    /// It may write more.
    Running,
    /// It has written everything.
    Ended,
}

/// Decodes a part. A character that is cut off at its end is left for the next part, unless this part has nothing
/// else or is the last one.
pub(crate) fn decode_log_part(part: &LogPart, offset: u64, writer: LogWriter) -> LogText {
    let is_last = part.next_offset >= part.size && writer == LogWriter::Ended;
    let cut_off = incomplete_tail(&part.bytes);
    let whole = part.bytes.len() - cut_off;
    if cut_off == 0 || whole == 0 || is_last {
        return LogText {
            text: String::from_utf8_lossy(&part.bytes).into_owned(),
            next_offset: part.next_offset.max(offset),
            size: part.size,
            end: is_last,
        };
    }
    LogText {
        text: String::from_utf8_lossy(&part.bytes[..whole]).into_owned(),
        next_offset: part.next_offset - cut_off as u64,
        size: part.size,
        end: false,
    }
}

/// Counts the bytes at the beginning that continue a character, which an arbitrary offset may cut.
pub(crate) fn cut_off_start(bytes: &[u8]) -> usize {
    let continues = |byte: &&u8| matches!(byte, 0x80..=0xBF);
    let cut_off = bytes.iter().take_while(continues).count();
    // A character has at most three such bytes; more of them are no text at all.
    if cut_off <= 3 { cut_off } else { 0 }
}

/// Counts the bytes at the end that begin a character without completing it.
fn incomplete_tail(bytes: &[u8]) -> usize {
    let from = bytes.len().saturating_sub(3);
    for (place, byte) in bytes.iter().enumerate().skip(from).rev() {
        let length = match byte {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        let present = bytes.len() - place;
        return if present < length { present } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests;
