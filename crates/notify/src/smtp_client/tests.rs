use std::time::Instant;

use egress::EgressPolicy;
use engine::connection::smtp::SmtpSecurity;

use super::*;
use test_support::smtp::{SmtpBehaviour, SmtpServer};

const CERTIFICATE: &str = include_str!("tests/localhost.crt");
const KEY: &str = include_str!("tests/localhost.key");

/// A server whose connections are encrypted.
fn encrypted(behaviour: SmtpBehaviour) -> SmtpBehaviour {
    SmtpBehaviour {
        identity: Some((CERTIFICATE.to_owned(), KEY.to_owned())),
        ..behaviour
    }
}

fn fields(server: &SmtpServer, security: SmtpSecurity) -> SmtpFields {
    SmtpFields {
        host: "localhost".to_owned(),
        port: server.port(),
        security,
        ca: Some(CERTIFICATE.to_owned()),
        user: None,
        password: None,
        from: "porpoise@example.org".to_owned(),
    }
}

fn mail(recipients: &[&str]) -> Mail {
    Mail {
        from: "porpoise@example.org".parse().unwrap(),
        recipients: recipients.iter().map(|text| text.parse().unwrap()).collect(),
        content: b"Subject: x\r\n\r\n.hello\r\n".to_vec(),
    }
}

async fn send(fields: &SmtpFields, recipients: &[&str]) -> Result<RefusedRecipients, MailFailure> {
    send_mail(fields, EgressPolicy::DenyMetadata, &mail(recipients)).await
}

#[track_caller]
fn assert_transient(outcome: Result<RefusedRecipients, MailFailure>, expected: &str) {
    match outcome {
        Err(MailFailure::Transient(error)) if error.contains(expected) => {}
        other => panic!("{other:?} is no failure with `{expected}`"),
    }
}

#[track_caller]
fn assert_permanent(outcome: Result<RefusedRecipients, MailFailure>, expected: &str) {
    match outcome {
        Err(MailFailure::Permanent(error)) if error.contains(expected) => {}
        other => panic!("{other:?} is no refusal with `{expected}`"),
    }
}

#[tokio::test]
async fn a_mail_arrives_in_the_clear_after_starttls_and_over_tls() {
    for (security, behaviour) in [
        (SmtpSecurity::None, SmtpBehaviour::default()),
        (
            SmtpSecurity::Starttls,
            encrypted(SmtpBehaviour {
                starttls: true,
                ..SmtpBehaviour::default()
            }),
        ),
        (
            SmtpSecurity::Tls,
            encrypted(SmtpBehaviour {
                tls: true,
                ..SmtpBehaviour::default()
            }),
        ),
    ] {
        let server = SmtpServer::start(behaviour);
        let refused = send(&fields(&server, security), &["a@example.org", "b@example.org"]).await;
        assert_eq!(refused, Ok(Vec::new()), "{security:?}");
        let received = server.received();
        for line in [
            "MAIL FROM:<porpoise@example.org>",
            "RCPT TO:<a@example.org>",
            "RCPT TO:<b@example.org>",
        ] {
            assert!(
                received.contains(line),
                "{security:?}: {line} is missing in {received}"
            );
        }
        // A dot at the beginning of a line is doubled on the way.
        assert!(received.contains("\n..hello\n"), "{received}");
    }
}

#[tokio::test]
async fn a_user_logs_in_and_a_wrong_password_is_final() {
    let server = SmtpServer::start(SmtpBehaviour {
        password: Some("right"),
        ..SmtpBehaviour::default()
    });
    let mut with_login = fields(&server, SmtpSecurity::None);
    with_login.user = Some("ann".to_owned());
    with_login.password = Some("right".to_owned());
    assert_eq!(send(&with_login, &["a@example.org"]).await, Ok(Vec::new()));
    with_login.password = Some("s3cr3t-wrong".to_owned());
    let outcome = send(&with_login, &["a@example.org"]).await;
    assert!(!format!("{outcome:?}").contains("s3cr3t"), "{outcome:?}");
    assert_permanent(outcome, "the login failed: 535");
}

#[tokio::test]
async fn a_refused_recipient_keeps_no_other_from_the_mail() {
    let server = SmtpServer::start(SmtpBehaviour::default());
    let refused = send(
        &fields(&server, SmtpSecurity::None),
        &["no-550@example.org", "a@example.org", "later-450@example.org"],
    )
    .await
    .unwrap();
    let refused: Vec<(String, bool)> = refused
        .into_iter()
        .map(|(mailbox, why)| {
            (
                mailbox.email.to_string(),
                matches!(why, MailFailure::Permanent(_)),
            )
        })
        .collect();
    let expected = [
        ("no-550@example.org".to_owned(), true),
        ("later-450@example.org".to_owned(), false),
    ];
    assert_eq!(refused, expected);
    assert!(server.received().contains("..hello"), "the other one got it");
}

#[tokio::test]
async fn nothing_is_sent_when_every_recipient_is_refused() {
    let server = SmtpServer::start(SmtpBehaviour::default());
    let refused = send(&fields(&server, SmtpSecurity::None), &["no-550@example.org"]).await;
    assert_eq!(refused.unwrap().len(), 1);
    assert!(!server.received().contains("DATA"), "{}", server.received());
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing_in_the_clear() {
    let server = SmtpServer::start(SmtpBehaviour::default());
    let outcome = send(&fields(&server, SmtpSecurity::Starttls), &["a@example.org"]).await;
    assert_permanent(outcome, "offers no STARTTLS");
    assert!(!server.received().contains("MAIL"), "{}", server.received());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = SmtpServer::start(encrypted(SmtpBehaviour {
        tls: true,
        ..SmtpBehaviour::default()
    }));
    let mut unknown = fields(&server, SmtpSecurity::Tls);
    unknown.ca = None;
    assert_transient(send(&unknown, &["a@example.org"]).await, "certificate");
}

#[tokio::test]
async fn a_server_that_is_not_there_hangs_or_is_forbidden_is_reported() {
    let hanging = SmtpServer::start(SmtpBehaviour {
        hangs: true,
        ..SmtpBehaviour::default()
    });
    let mut gone = fields(&hanging, SmtpSecurity::None);
    let begun = Instant::now();
    assert_transient(
        send(&gone, &["a@example.org"]).await,
        "did not answer within 10 s",
    );
    assert!(begun.elapsed().as_secs() < 12, "{:?}", begun.elapsed());
    gone.port = std::net::TcpListener::bind("localhost:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    assert_transient(send(&gone, &["a@example.org"]).await, "nothing listens at port");
    gone.host = "169.254.169.254".to_owned();
    assert_transient(send(&gone, &["a@example.org"]).await, "must not be reached");
}
