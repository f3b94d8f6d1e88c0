use super::*;
use crate::samples::{message, sample_alert};

fn fields(subject: &str) -> EmailFields {
    EmailFields {
        connection: "mail".to_owned(),
        to: vec!["ops@example.org".to_owned(), "Ann <ann@example.org>".to_owned()],
        cc: vec!["boss@example.org".to_owned()],
        subject: subject.to_owned(),
    }
}

fn content(subject: &str, alerts: Vec<AlertView>) -> String {
    let mail = make_mail(
        &fields(subject),
        "Porpoise <porpoise@example.org>",
        &message(alerts),
    )
    .unwrap();
    // Long lines are broken by `=` in quoted-printable.
    String::from_utf8(mail.content).unwrap().replace("=\r\n", "")
}

#[test]
fn a_mail_has_the_headers_of_its_delivery() {
    let text = content(DEFAULT_SUBJECT, vec![sample_alert()]);
    for line in [
        "From: Porpoise <porpoise@example.org>",
        "To: ops@example.org, Ann <ann@example.org>",
        "Cc: boss@example.org",
        "Subject: [porpoise] sales/nightly failed: a task failed",
        "Message-ID: <delivery-9@porpoise.example>",
        "Auto-Submitted: auto-generated",
        "Porpoise-Delivery: 9",
        "Content-Type: multipart/alternative;",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    let mail = make_mail(
        &fields("x"),
        "porpoise@example.org",
        &message(vec![sample_alert()]),
    )
    .unwrap();
    assert_eq!(mail.recipients.len(), 3);
}

#[test]
fn both_parts_list_the_tasks_that_failed() {
    let text = content(DEFAULT_SUBJECT, vec![sample_alert()]);
    assert!(
        text.contains("- load (failed, attempt 2): exit code 1 <&>"),
        "{text}"
    );
    assert!(text.contains(">exit code 1 &lt;&amp;&gt;</td>"), "{text}");
    assert!(
        text.contains("http://porpoise.example:8080/instances/41"),
        "{text}"
    );
}

#[test]
fn a_subject_is_one_line_and_never_costs_the_message() {
    let several = content(DEFAULT_SUBJECT, vec![sample_alert(), sample_alert()]);
    assert!(several.contains("(and 1 more)"), "{several}");
    let injected = content("a\r\nBcc: eve@example.org", vec![sample_alert()]);
    assert!(injected.contains("Subject: a Bcc: eve@example.org"), "{injected}");
    let broken = content("{{ alert.task.name }}", vec![sample_alert()]);
    assert!(broken.contains("Subject: [porpoise] sales/nightly"), "{broken}");
}

#[test]
fn a_wrong_sender_is_named() {
    let error = make_mail(&fields("x"), "someone", &message(vec![sample_alert()])).err();
    assert_eq!(error.as_deref(), Some("`someone` is no mail address"));
}
