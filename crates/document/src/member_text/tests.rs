use super::*;

fn renamed(source: &str) -> String {
    set_text_member(source, Format::Yaml, "name", "new")
}

#[test]
fn comments_and_layout_of_yaml_stay() {
    let rest = "# kept\ntasks:\n  w: { type: noop }\n";
    for (old, new) in [
        ("version: 1\nname: w\n", "version: 1\nname: \"new\"\n"),
        (
            "name:   w   # why\nversion: 1\n",
            "name:   \"new\"   # why\nversion: 1\n",
        ),
        ("name: 'w'\n", "name: \"new\"\n"),
        ("\"name\": \"w\"\n", "\"name\": \"new\"\n"),
        ("\u{feff}name: w\r\n", "\u{feff}name: \"new\"\r\n"),
        ("x-ü: { name: w }\nname: w\n", "x-ü: { name: w }\nname: \"new\"\n"),
    ] {
        assert_eq!(renamed(&format!("{old}{rest}")), format!("{new}{rest}"));
    }
    assert_eq!(
        renamed("{ name: w, version: 1 }"),
        "{ name: \"new\", version: 1 }"
    );
}

#[test]
fn a_notation_of_yaml_that_is_hard_to_edit_keeps_its_value() {
    for source in [
        "name: &n w\ndescription: *n\n",
        "name: !!str w\n",
        "name: \"\\x77\"\n",
        "name: >-\n  w\n",
        "x-a: &a { name: w }\n<<: *a\nversion: 1\n",
    ] {
        let mut value = parse_value(source.as_bytes(), Format::Yaml).unwrap();
        value["name"] = Value::from("new");
        let text = renamed(source);
        assert_eq!(
            parse_value(text.as_bytes(), Format::Yaml).unwrap(),
            value,
            "{text}"
        );
    }
}

#[test]
fn json_keeps_the_texts_of_its_numbers() {
    let text = set_text_member(
        r#"{"name":"w","x":3.10,"y":1e3}"#,
        Format::Json,
        "name",
        "n \"1\"",
    );
    assert_eq!(
        text,
        "{\n  \"name\": \"n \\\"1\\\"\",\n  \"x\": 3.10,\n  \"y\": 1e3\n}\n"
    );
}

#[test]
fn without_the_member_nothing_changes() {
    for source in ["version: 1\n", "name: [w]\n", "name: [w\n", ""] {
        assert_eq!(renamed(source), source);
    }
    assert_eq!(renamed("name: new # same\n"), "name: new # same\n");
}
