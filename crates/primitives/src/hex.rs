//! Bytes as text: two lower-case digits each.

use std::fmt::Write as _;

/// Writes bytes in hex.
pub fn write(bytes: &[u8]) -> String {
    let text = String::with_capacity(bytes.len() * 2);
    bytes.iter().fold(text, |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Reads what `write` wrote; none for anything else.
pub fn read(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_come_back_and_other_text_does_not() {
        assert_eq!(super::write(&[0, 0x9f, 0xff]), "009fff");
        assert_eq!(super::read("009fff"), Some(vec![0, 0x9f, 0xff]));
        for wrong in ["0", "0g", "é1", " 1"] {
            assert_eq!(super::read(wrong), None, "{wrong}");
        }
    }
}
