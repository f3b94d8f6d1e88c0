use super::*;

fn part(source: &str) -> String {
    to_stream_part(source, Format::Yaml)
}

#[test]
fn the_text_of_yaml_follows_one_marker() {
    for (source, wanted) in [
        ("a: 1\n", "---\na: 1\n"),
        ("a: 1", "---\na: 1\n"),
        ("---\na: 1\n", "---\na: 1\n"),
        ("# x\n---\n# y\na: 1\n", "---\n# x\n# y\na: 1\n"),
        ("\u{feff}a: 1\r\n", "---\na: 1\r\n"),
        ("a: 1\n...\n", "---\na: 1\n...\n"),
        ("a: |+\n  x\n\n", "---\na: |+\n  x\n\n"),
    ] {
        assert_eq!(part(source), wanted);
        assert_eq!(part(wanted), wanted, "a part stays as it is");
    }
}

#[test]
fn other_notations_keep_their_value() {
    for source in ["--- { a: 1 }\n", "%YAML 1.2\n---\na: 1\n", "--- # x\na: 1\n"] {
        let text = part(source);
        assert!(text.starts_with("---\n"), "{text}");
        assert_eq!(
            parse_value(text.as_bytes(), Format::Yaml),
            parse_value(source.as_bytes(), Format::Yaml),
            "{text}"
        );
    }
}

#[test]
fn json_becomes_yaml() {
    let source = "{\n\t\"a\": [\"\\ud83d\\ude00\", \"---\\n\", 3],\n\"b\": \"x\\ny\"}";
    let text = to_stream_part(source, Format::Json);
    assert_eq!(
        parse_value(text.as_bytes(), Format::Yaml),
        parse_value(source.as_bytes(), Format::Json),
        "{text}"
    );
    assert_eq!(
        text.lines().filter(|line| line.starts_with("---")).count(),
        1,
        "{text}"
    );
}
