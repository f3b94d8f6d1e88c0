use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ConnectorFamily, ConnectorType, StoredConnector, fill_secrets, secret_names};
use crate::task_type::{Field, FieldKind, FieldVariant, Presence, ValueKind};

const TOKEN: Field = Field {
    key: "token",
    kind: FieldKind::Value(ValueKind::Secret),
    presence: Presence::Required("it is sent"),
    doc: "The token.",
};

const fn line(key: &'static str) -> Field {
    Field {
        key,
        kind: FieldKind::Value(ValueKind::Line),
        presence: Presence::Optional,
        doc: "A text.",
    }
}

const SERVICE: ConnectorType = ConnectorType {
    name: "service",
    title: "Service",
    doc: "A service.",
    fields: &[
        line("url"),
        Field {
            key: "password",
            kind: FieldKind::Value(ValueKind::Secret),
            presence: Presence::Optional,
            doc: "The password.",
        },
        Field {
            key: "auth",
            kind: FieldKind::Variants(&[
                FieldVariant {
                    name: "none",
                    fields: &[],
                    doc: "None.",
                },
                FieldVariant {
                    name: "bearer",
                    fields: &[TOKEN],
                    doc: "A token.",
                },
                FieldVariant {
                    name: "other",
                    fields: &[TOKEN],
                    doc: "Another token.",
                },
            ]),
            presence: Presence::Optional,
            doc: "Who asks.",
        },
        Field {
            key: "fast",
            kind: FieldKind::Value(ValueKind::Boolean),
            presence: Presence::DefaultBoolean(true),
            doc: "Whether it is fast.",
        },
    ],
};

const HOOK: ConnectorType = ConnectorType {
    name: "hook",
    title: "Hook",
    doc: "A hook with a secret address.",
    fields: &[
        Field {
            key: "url",
            kind: FieldKind::Value(ValueKind::Secret),
            presence: Presence::Required("it is called"),
            doc: "The address.",
        },
        Field {
            key: "secret",
            kind: FieldKind::Value(ValueKind::Secret),
            presence: Presence::Optional,
            doc: "What signs.",
        },
    ],
};

const FAMILY: &ConnectorFamily = &ConnectorFamily {
    noun: "sample",
    types: &[&SERVICE, &HOOK],
    common: &[line("description")],
};

/// Stores a body; sealing is a prefix.
fn store(
    body: &Value,
    stored: Option<&StoredConnector>,
) -> Result<StoredConnector, Vec<(String, &'static str)>> {
    let faults = |diagnostics: Vec<crate::spec::Diagnostic>| {
        let faults = diagnostics.into_iter().map(|fault| (fault.pointer, fault.code));
        faults.collect::<Vec<_>>()
    };
    let draft = FAMILY.parse(body).map_err(faults)?;
    let update = draft.merge(stored).map_err(faults)?;
    let sealed = update.secrets.into_iter();
    let mut sealed: BTreeMap<String, String> = sealed
        .map(|(pointer, text)| (pointer, format!("sealed {text}")))
        .collect();
    sealed.extend(update.kept);
    Ok(StoredConnector {
        connector_type: update.connector_type,
        fields: update.fields,
        sealed,
    })
}

fn faults(body: &Value, stored: Option<&StoredConnector>) -> Vec<(String, &'static str)> {
    store(body, stored).map(|_| ()).unwrap_err()
}

#[test]
fn what_is_wrong_with_a_body_is_named_by_its_pointer() {
    let at = |body: Value| faults(&body, None);
    assert_eq!(at(json!({})), [("/type".to_owned(), "MISSING")]);
    assert_eq!(
        at(json!({ "type": "servise" })),
        [("/type".to_owned(), "UNKNOWN_TYPE")]
    );
    assert_eq!(
        at(json!({ "type": "service", "pasword": "x" })),
        [("/pasword".to_owned(), "UNKNOWN_KEY")]
    );
    assert_eq!(
        at(json!({ "type": "service", "auth": { "type": "bearer", "user": "u" } })),
        [("/auth/user".to_owned(), "UNKNOWN_KEY")]
    );
    assert_eq!(
        at(json!({ "type": "service", "auth": { "type": "bearer" } })),
        [("/auth/token".to_owned(), "MISSING")]
    );
    assert_eq!(
        at(json!({ "type": "service", "auth": { "type": "bear" } })),
        [("/auth/type".to_owned(), "BAD_VALUE")]
    );
    let error = FAMILY.parse(&json!({ "type": "servise" })).err().unwrap();
    assert!(error[0].message.contains("did you mean `service`?"), "{error:?}");
}

#[test]
fn no_message_repeats_a_secret() {
    for wrong in [
        json!(["canary"]),
        json!({ "set": "canary" }),
        json!({ "canary": 1 }),
    ] {
        let error = FAMILY
            .parse(&json!({ "type": "service", "password": wrong }))
            .err()
            .unwrap();
        assert_eq!(error[0].pointer, "/password");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn a_secret_is_stored_apart_and_shown_as_set() {
    let body = json!({ "type": "service", "password": "p1", "auth": { "type": "bearer", "token": "t1" } });
    let stored = store(&body, None).unwrap();
    assert!(!Value::Object(stored.fields.clone()).to_string().contains("t1"));
    let shown = Value::Object(stored.show(FAMILY));
    let expected = json!({
        "password": { "set": true }, "auth": { "type": "bearer", "token": { "set": true } }, "fast": true,
    });
    assert_eq!(shown, expected);
    let opened = BTreeMap::from([("/auth/token".to_owned(), "t1".to_owned())]);
    let revealed = Value::Object(stored.reveal(FAMILY, opened));
    assert_eq!(revealed["auth"], json!({ "type": "bearer", "token": "t1" }));
}

#[test]
fn a_put_keeps_replaces_and_removes_secrets() {
    let body = |password: Value| {
        let mut body = json!({ "type": "service", "url": "http://a" });
        if password != json!("left out") {
            body["password"] = password;
        }
        body
    };
    let first = store(&body(json!("one")), None).unwrap();
    let sealed = |stored: &StoredConnector| stored.sealed.get("/password").cloned();
    for kept in [json!("left out"), json!({ "set": true })] {
        let next = store(&body(kept), Some(&first)).unwrap();
        assert_eq!(sealed(&next).as_deref(), Some("sealed one"));
    }
    let next = store(&body(json!("two")), Some(&first)).unwrap();
    assert_eq!(sealed(&next).as_deref(), Some("sealed two"));
    assert_eq!(sealed(&store(&body(Value::Null), Some(&first)).unwrap()), None);
    assert_eq!(
        faults(&body(json!({ "set": true })), None),
        [("/password".to_owned(), "SECRET_NEEDED")]
    );
}

#[test]
fn a_stored_secret_never_goes_to_another_place() {
    let body = |url: &str, auth: &str| json!({ "type": "service", "url": url, "auth": { "type": auth, "token": { "set": true } } });
    let first = json!({ "type": "service", "url": "http://a", "auth": { "type": "bearer", "token": "t1" } });
    let first = store(&first, None).unwrap();
    assert!(store(&body("http://a", "bearer"), Some(&first)).is_ok());
    for moved in [body("http://b", "bearer"), body("http://a", "other")] {
        assert_eq!(
            faults(&moved, Some(&first)),
            [("/auth/token".to_owned(), "SECRET_NEEDED")]
        );
    }
    let without = json!({ "type": "service", "url": "http://b", "auth": { "type": "none" } });
    assert!(store(&without, Some(&first)).is_ok(), "nothing is kept");
    let sent = json!({ "type": "service", "url": "http://b", "auth": { "type": "bearer", "token": "t2" } });
    assert!(store(&sent, Some(&first)).is_ok());
}

#[test]
fn a_secret_address_that_is_sent_asks_for_the_other_secrets() {
    let first = json!({ "type": "hook", "url": "http://a", "secret": "s" });
    let first = store(&first, None).unwrap();
    let kept = json!({ "type": "hook", "secret": { "set": true } });
    assert!(store(&kept, Some(&first)).is_ok());
    let moved = json!({ "type": "hook", "url": "http://b" });
    assert_eq!(
        faults(&moved, Some(&first)),
        [("/secret".to_owned(), "SECRET_NEEDED")]
    );
}

#[test]
fn a_reference_alone_is_shown_and_kept() {
    let first = json!({ "type": "hook", "url": "${secret.hook}", "secret": "x${secret.part}y" });
    let first = store(&first, None).unwrap();
    let shown = Value::Object(first.show(FAMILY));
    assert_eq!(
        shown,
        json!({ "url": "${secret.hook}", "secret": { "set": true } })
    );
    assert_eq!(
        first.references(FAMILY),
        [("/url".to_owned(), "${secret.hook}".to_owned())]
    );
    let again = json!({ "type": "hook", "description": "new" });
    let again = store(&again, Some(&first)).unwrap();
    assert_eq!(again.fields["url"], "${secret.hook}");
    assert_eq!(again.sealed, first.sealed);
}

#[test]
fn references_are_found_and_filled() {
    let text = "a${secret.one}b${secret.}${secret.two}$${secret.9}";
    assert_eq!(secret_names(text), ["one", "two"]);
    let find = |name: &str| (name != "gone").then(|| name.to_uppercase());
    assert_eq!(
        fill_secrets(text, &find).unwrap(),
        "aONEb${secret.}TWO$${secret.9}"
    );
    assert_eq!(fill_secrets("${secret.gone}", &find).unwrap_err().0, "gone");
}

#[test]
fn the_schema_marks_secrets_as_write_only() {
    let schema = FAMILY.schema(&SERVICE);
    assert_eq!(schema["properties"]["password"]["writeOnly"], true);
    assert_eq!(schema["properties"]["type"]["const"], "service");
    let bearer = &schema["properties"]["auth"]["oneOf"][1];
    assert_eq!(bearer["properties"]["token"]["writeOnly"], true);
    assert_eq!(bearer["required"], json!(["type"]));
}
