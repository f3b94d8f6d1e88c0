use serde_json::{Value, json};

use super::http::{HttpAuth, HttpConnectionFields};
use super::postgresql::DatabaseFields;
use super::smtp::{SmtpFields, SmtpSecurity};
use super::sqlite::SqliteFields;
use super::ssh::SshFields;
use super::{CONNECTIONS, ResolvedConnection};
use crate::connector::StoredConnector;

fn resolve(body: &Value) -> ResolvedConnection {
    let update = CONNECTIONS.parse(body).unwrap().merge(None).ok().unwrap();
    let stored = StoredConnector {
        connector_type: update.connector_type,
        fields: update.fields,
        sealed: update.kept,
    };
    ResolvedConnection {
        name: "c".into(),
        connection_type: update.connector_type.name.into(),
        fields: stored.reveal(CONNECTIONS, update.secrets),
        secrets: Vec::new(),
    }
}

fn fault_of(body: &Value) -> (String, &'static str) {
    let error = match CONNECTIONS.parse(body) {
        Err(error) => error,
        Ok(draft) => draft.merge(None).err().unwrap(),
    };
    (error[0].pointer.clone(), error[0].code)
}

#[test]
fn a_worker_reads_the_fields_of_each_type_with_defaults() {
    let server = json!({ "type": "postgresql", "host": "h", "database": "d", "user": "u", "password": "p" });
    let fields: DatabaseFields = resolve(&server).read_fields().unwrap();
    assert_eq!(
        (fields.port, fields.tls, fields.password.as_deref()),
        (5432, false, Some("p"))
    );
    let server = json!({ "type": "mysql", "host": "::1", "database": "d", "user": "u", "options": { "charset": "latin1" } });
    let fields: DatabaseFields = resolve(&server).read_fields().unwrap();
    assert_eq!(
        (fields.port, fields.options["charset"].as_str()),
        (3306, Some("latin1"))
    );
    let fields: SqliteFields = resolve(&json!({ "type": "sqlite", "path": "x.db" }))
        .read_fields()
        .unwrap();
    assert_eq!(fields.path, "x.db");
    let mail = json!({ "type": "smtp", "host": "h", "from": "a@b.org" });
    let fields: SmtpFields = resolve(&mail).read_fields().unwrap();
    assert_eq!((fields.port, fields.security), (587, SmtpSecurity::Starttls));
    let host = json!({ "type": "ssh", "host": "h", "user": "u", "private_key": "k" });
    let fields: SshFields = resolve(&host).read_fields().unwrap();
    assert_eq!((fields.port, fields.accept_new), (22, false));
}

#[test]
fn a_worker_reads_every_kind_of_authentication() {
    let auths = [
        json!({ "type": "none" }),
        json!({ "type": "basic", "user": "u", "password": "p" }),
        json!({ "type": "bearer", "token": "t" }),
        json!({ "type": "header", "name": "X-Key", "value": "v" }),
        json!({ "type": "oauth2", "token_url": "http://h/t", "client_id": "i", "client_secret": "s" }),
        json!({ "type": "aws_sigv4", "access_key": "a", "secret_key": "s", "region": "r", "service": "e" }),
        json!({ "type": "azure", "tenant": "t", "client_id": "i", "client_secret": "s", "scope": "x" }),
        json!({ "type": "aliyun", "access_key": "a", "secret_key": "s" }),
    ];
    for auth in auths {
        let body = json!({ "type": "http", "url": "http://h", "auth": auth });
        let resolved = resolve(&body);
        let fields = resolved.read_fields::<HttpConnectionFields>();
        assert!(fields.is_ok(), "{body}");
        if let Ok(HttpConnectionFields {
            auth: HttpAuth::Azure { authority, .. },
            ..
        }) = fields
        {
            assert_eq!(authority, "https://login.microsoftonline.com");
        }
        assert!(
            !format!("{resolved:?}").contains("fields"),
            "secrets are not printed"
        );
    }
}

#[test]
fn what_would_read_files_or_weaken_a_check_is_refused() {
    let server = json!({ "type": "postgresql", "host": "h", "database": "d", "user": "u" });
    let with = |key: &str, value: Value| {
        let mut body = server.clone();
        body[key] = value;
        fault_of(&body)
    };
    assert_eq!(
        with("options", json!({ "passfile": "/x" })),
        ("/options/passfile".into(), "UNKNOWN_KEY")
    );
    assert_eq!(with("verify", json!(false)), ("/verify".into(), "UNKNOWN_KEY"));
    assert_eq!(with("host", json!("h/d")), ("/host".into(), "BAD_VALUE"));
    assert_eq!(with("host", json!("u@h")), ("/host".into(), "BAD_VALUE"));
    assert_eq!(with("ca", json!("none")), ("/ca".into(), "BAD_VALUE"));
    let url = |url: &str| fault_of(&json!({ "type": "http", "url": url }));
    for wrong in [
        "http://u:p@h/",
        "http://u@h/",
        "http://h/?k=v",
        "http://h/#x",
        "file:///etc/passwd",
        "h",
    ] {
        assert_eq!(url(wrong), ("/url".into(), "BAD_VALUE"), "{wrong}");
    }
}
