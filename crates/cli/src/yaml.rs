//! Writes a JSON value as YAML.

use serde_json::Value;

/// Returns the value as a block-style YAML document that every YAML 1.1 and 1.2 reader reads back the same.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => block(value, 0, &mut out),
        scalar => {
            out.push_str(&inline(scalar));
            out.push('\n');
        }
    }
    out
}

fn block(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                indent(depth, out);
                out.push_str(&scalar_text(key));
                out.push(':');
                after(inner, depth + 1, out);
            }
        }
        Value::Array(items) => {
            for inner in items {
                indent(depth, out);
                out.push('-');
                after(inner, depth + 1, out);
            }
        }
        scalar => out.push_str(&inline(scalar)),
    }
}

/// Writes what follows a key or a dash: on the same line when it fits there.
fn after(value: &Value, depth: usize, out: &mut String) {
    let nested = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        block(value, depth, out);
    } else {
        out.push(' ');
        out.push_str(&inline(value));
        out.push('\n');
    }
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", depth));
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// Leaves a text bare when no reader could take it for anything else, and quotes it as JSON otherwise.
fn scalar_text(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/');
    let ends = !text.ends_with(' ');
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./ ".contains(c));
    if begins && ends && plain && !is_word_of_yaml(text) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}

/// Whether a bare word means something else than itself in some version of YAML.
fn is_word_of_yaml(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn nested_values_become_blocks() {
        let value = json!({"items": [{"id": "7", "ok": true, "none": null, "empty": [], "map": {"a b": "c: d"}}, 2.5]});
        let expected = "items:\n  -\n    id: \"7\"\n    ok: true\n    none: null\n    empty: []\n    map:\n      a b: \"c: d\"\n  - 2.5\n";
        assert_eq!(super::text(&value), expected);
    }

    #[test]
    fn words_that_mean_something_are_quoted() {
        for word in [
            "yes", "NO", "null", "", "1e3", "- a", "a\nb", "0x10", "~", "*a", "12:30", " a", "a ",
        ] {
            assert!(super::scalar_text(word).starts_with('"'), "{word}");
        }
        for word in ["daily-sales", "succeeded", "a/b.c", "two words"] {
            assert_eq!(super::scalar_text(word), word);
        }
    }
}
