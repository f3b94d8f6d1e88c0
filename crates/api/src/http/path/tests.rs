use super::*;

#[test]
fn ids_are_read_in_one_spelling_only() {
    assert_eq!(parse_id("42"), Some(42));
    for wrong in ["", "042", "+42", " 42", "42x", "99999999999999999999"] {
        assert_eq!(parse_id(wrong), None, "{wrong}");
    }
}
