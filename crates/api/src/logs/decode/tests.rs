use super::*;

fn part(bytes: &[u8], offset: u64, size: u64) -> LogPart {
    LogPart {
        bytes: bytes.to_vec(),
        next_offset: offset + bytes.len() as u64,
        size,
    }
}

#[test]
fn a_part_of_whole_characters_is_decoded_exactly() {
    let read = decode_log_part(&part(b"day=", 0, 20), 0, LogWriter::Ended);
    assert_eq!(
        (read.text.as_str(), read.next_offset, read.end),
        ("day=", 4, false)
    );
}

#[test]
fn a_cut_off_character_waits_for_the_next_part() {
    let euro = "a€".as_bytes();
    let read = decode_log_part(&part(&euro[..3], 10, 14), 10, LogWriter::Ended);
    assert_eq!((read.text.as_str(), read.next_offset, read.end), ("a", 11, false));
    let rest = decode_log_part(&part(&euro[1..], 11, 14), 11, LogWriter::Ended);
    assert_eq!((rest.text.as_str(), rest.next_offset, rest.end), ("€", 14, true));
}

#[test]
fn a_part_smaller_than_its_character_still_advances() {
    let read = decode_log_part(&part(&"€".as_bytes()[..1], 0, 3), 0, LogWriter::Ended);
    assert_eq!((read.text.as_str(), read.next_offset), ("\u{fffd}", 1));
}

#[test]
fn a_cut_off_character_at_the_very_end_is_replaced() {
    let read = decode_log_part(&part(b"a\xE2\x82", 0, 3), 0, LogWriter::Ended);
    assert_eq!(
        (read.text.as_str(), read.next_offset, read.end),
        ("a\u{fffd}", 3, true)
    );
    let open = decode_log_part(&part(b"a\xE2\x82", 0, 3), 0, LogWriter::Running);
    assert_eq!((open.text.as_str(), open.next_offset, open.end), ("a", 1, false));
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_and_counted_raw() {
    let read = decode_log_part(&part(b"\xFF\xFEx", 0, 3), 0, LogWriter::Ended);
    assert_eq!(
        (read.text.as_str(), read.next_offset, read.end),
        ("\u{fffd}\u{fffd}x", 3, true)
    );
    assert_eq!(incomplete_tail(b"\x80\x80\x80\x80"), 0);
    assert_eq!(incomplete_tail("ü".as_bytes()), 0);
}

#[test]
fn a_log_without_output_ends_at_once() {
    let read = decode_log_part(&part(b"", 0, 0), 0, LogWriter::Ended);
    assert_eq!((read.text.as_str(), read.next_offset, read.end), ("", 0, true));
}
